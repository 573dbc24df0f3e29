package sheet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"saksi/cmd/saksi-review/desk"
	"saksi/web/taxonomy"
)

// fill writes the items of the form.
func (b *builder) fill() {
	for _, p := range b.rules.Sheet.Parts {
		part := Part{Number: p.Number, Title: p.Title}
		for _, l := range p.Lines {
			part.Lines = append(part.Lines, b.line(l))
		}
		b.sheet.Parts = append(b.sheet.Parts, part)
	}
}

func (b *builder) line(l taxonomy.FormLine) Line {
	out := Line{Label: l.Label, Note: l.Note}
	for _, id := range l.From {
		for _, said := range b.said(id) {
			out.Values = append(out.Values, b.values(id, said, len(l.From) > 1)...)
		}
	}
	switch l.Source {
	case taxonomy.FromStory:
		out.Values = append(out.Values, b.words()...)
	case taxonomy.FromAttachments:
		out.Values = append(out.Values, b.attachments()...)
	case taxonomy.FromWeek:
		out.Values = append(out.Values, Value{Lines: []string{b.received()}})
	case taxonomy.FromClock:
		out.Values = append(out.Values, Value{Lines: []string{b.clock()}})
	}
	out.Blank = len(out.Values) == 0 && l.Note == ""
	return out
}

// values puts an answer on the sheet: what is of high risk is words of the
// reporter's own, whether chosen or written.
func (b *builder) values(id string, said taxonomy.Said, several bool) (values []Value) {
	label := ""
	if several {
		label = desk.Clean(said.Label)
	}
	if said.Risk == "high" && !b.quotable() {
		return []Value{{Label: label, Risk: riskWord(said.Risk), Withheld: true}}
	}
	for _, v := range said.Values {
		value := Value{Lines: []string{desk.Clean(v)}, Label: label, Risk: riskWord(said.Risk)}
		switch offered := b.offered(id, v); {
		case !offered && !b.quotable():
			value.Lines, value.Withheld = nil, true
		case !offered, b.form.Question(id).Kind == taxonomy.Line:
			value.Quote = true
		}
		values = append(values, value)
	}
	return values
}

// offered reports whether an answer in words is one that the form has words for,
// or a line of its own. A stranger's program can put any text where a code
// belongs.
func (b *builder) offered(id, words string) bool {
	q := b.form.Question(id)
	return q != nil && (q.Kind == taxonomy.Line || q.Choice(words) != nil || !slices.Contains(b.answers[id], words))
}

func riskWord(level string) string {
	return map[string]string{"medium": "sedang", "high": "tinggi"}[level]
}

// words returns the story and the messages after it.
func (b *builder) words() []Value {
	risk := riskWord(b.form.Story().Risk.Level)
	if !b.quotable() {
		return []Value{{Risk: risk, Withheld: true}}
	}
	values := []Value{{Lines: desk.CleanLines(b.page.Text), Risk: risk, Quote: true}}
	for _, p := range b.messages {
		values = append(values, Value{
			Label: fmt.Sprintf("Pesan susulan, butir %d", p.N), // not when: that is when somebody used Tor
			Lines: desk.CleanLines(p.Text), Risk: risk, Quote: true,
		})
	}
	return values
}

// attachments names the files as extract does, and never as their reporter did.
func (b *builder) attachments() (values []Value) {
	for _, p := range b.Pages {
		for _, a := range p.Attachments {
			name := desk.Clean(path.Join(fmt.Sprintf("%03d", p.N), a.Path))
			lines := []string{fmt.Sprintf("%s, %s byte", name, thousands(a.Size)), "SHA-256 " + desk.Clean(a.Hash)}
			if p.Deleted {
				lines = []string{name + ": dihapus oleh pelapornya, jangan diteruskan"}
			}
			values = append(values, Value{Lines: lines})
		}
	}
	return values
}

// thousands writes 1234567 as 1.234.567.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "." + digits[i:]
	}
	return digits
}

// files counts the attachments that are still there.
func (b *builder) files() (n int) {
	for _, p := range b.Pages {
		if !p.Deleted {
			n += len(p.Attachments)
		}
	}
	return n
}

func (b *builder) check() {
	b.sheet.Clock = b.clock()
	facts := taxonomy.Facts{
		Story: strings.TrimSpace(b.page.Text) != "", Attachments: b.files(), Week: b.week, Today: b.Today,
	}
	for _, l := range b.rules.Checks(b.form, b.answers, facts) {
		list := List{Title: l.Title, Items: l.Items}
		for _, a := range l.Articles {
			list.Law = append(list.Law, a.Law+" ("+basisWord(a.Basis)+")")
		}
		b.sheet.Checks = append(b.sheet.Checks, list)
	}
}

// clock says in words when the days end.
func (b *builder) clock() string {
	window, ok := b.rules.Clock(b.week, b.answers)
	if !ok {
		return ""
	}
	days := fmt.Sprintf("%d hari sejak diketahui: ", b.rules.Days.Days)
	state := window.At(b.Today)
	switch {
	case window.Latest.IsZero():
		return days + string(state) + ", menurut jawaban pelapor."
	case window.Earliest.IsZero():
		return days + string(state) + ". Pelapor tidak menjawab kapan ia mengetahuinya; paling lambat berakhir " +
			taxonomy.DayName(window.Latest) + "."
	default:
		return days + string(state) + ". Berakhir paling cepat " + taxonomy.DayName(window.Earliest) +
			", paling lambat " + taxonomy.DayName(window.Latest) + "; server hanya mencatat minggunya."
	}
}

func basisWord(b taxonomy.Basis) string {
	if b == taxonomy.Quoted {
		return "dikutip dari berita atau laman pemerintah"
	}
	return "menurut ingatan, belum diperiksa"
}

func (b *builder) refer() {
	b.sheet.Lawyer = b.rules.Lawyer
	for _, m := range b.rules.Matches(b.form, b.answers) {
		b.sheet.Articles = append(b.sheet.Articles, Article{
			Code: m.Code, Law: m.Law, Text: m.Text, Sanction: m.Sanction, Basis: basisWord(m.Basis),
			Acts: clean(m.Acts), Open: clean(m.Open),
		})
	}
	b.sheet.Cautions = append(b.rules.Notes(b.form, b.answers), b.rules.Cautions...)
}

// clean is for what may hold words of a taxonomy, which may be an operator's.
func clean(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, desk.Clean(line))
	}
	return out
}

func (b *builder) route() {
	for _, r := range b.rules.Routes(b.form, b.answers) {
		b.sheet.Routes = append(b.sheet.Routes, Route{r.Label, r.Note, clean(r.Struck)})
	}
}
