package sheet

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"saksi/cmd/saksi-review/desk"
	"saksi/web/taxonomy"
)

// width is that of a terminal, and of a page in a typewriter's letters.
const width = 78

// Texts that both renderings have.
const (
	Banner      = "TIDAK BOLEH DITERUSKAN"
	writeSelf   = "tulis ringkasan dengan kata-kata sendiri"
	forReviewer = "Untuk penelaah: bagian ini tidak ikut diteruskan"
	unofficial  = "bukan laporan resmi: informasi awal tanpa pelapor"
	noArticle   = "Tidak ada rujukan untuk jawaban ini."
)

// Text writes the sheet as plain text.
func (s *Sheet) Text(w io.Writer) error {
	p := &printer{}
	p.banner(s)
	p.title(strings.ToUpper(s.Title))
	for _, h := range s.Head {
		p.hang(fmt.Sprintf("%-10s", h.Label), h.Value)
	}
	p.title("PERINGATAN. " + forReviewer)
	for _, warning := range s.Warnings {
		p.hang("! ", warning)
	}
	p.title(strings.ToUpper(s.Title) + ", " + unofficial)
	for _, part := range s.Parts {
		p.part(part)
	}
	p.title("DAFTAR PERIKSA. " + forReviewer)
	p.checks(s)
	p.title("RUJUKAN HUKUM. " + forReviewer)
	p.articles(s)
	p.title("KE MANA. " + forReviewer)
	for _, r := range s.Routes {
		p.route(r)
	}
	p.banner(s)
	_, err := io.WriteString(w, p.String())
	return err
}

// A printer wraps lines.
type printer struct{ strings.Builder }

func (p *printer) line(s string) { p.WriteString(strings.TrimRight(s, " ") + "\n") }

func (p *printer) banner(s *Sheet) {
	if s.Internal {
		p.line(strings.Repeat("*", width))
		p.line("***  " + Banner + ": hanya untuk penelaah")
		p.line(strings.Repeat("*", width))
	}
}

func (p *printer) title(s string) {
	if p.Len() > 0 {
		p.line("")
	}
	p.hang("", s)
	p.line(strings.Repeat("-", width))
}

// hang writes text behind a mark, and what does not fit below it.
func (p *printer) hang(mark, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(mark))
	for _, line := range desk.Wrap(text, width-len(indent)) {
		p.line(mark + line)
		mark = indent
	}
}

// bar writes a reporter's words with a bar before each line, so that none can
// pass for one of the sheet's own.
func (p *printer) bar(indent string, lines []string) {
	for _, line := range lines {
		for _, part := range desk.Wrap(line, width-len(indent)-2) {
			p.line(indent + "| " + part)
		}
	}
}

func (p *printer) part(part Part) {
	p.line("")
	p.hang(part.Number+". ", part.Title)
	for _, l := range part.Lines {
		p.hang("   ", l.Label+":")
		for _, v := range l.Values {
			p.value(v)
		}
		if l.Note != "" {
			p.hang("      ", "("+l.Note+")")
		}
		if l.Blank {
			p.line("      " + strings.Repeat(".", 40))
		}
	}
}

func (p *printer) value(v Value) {
	head := v.head()
	switch {
	case v.Withheld:
		p.hang("      ", strings.TrimLeft(head+" ("+writeSelf+")", " "))
		for range 3 {
			p.line("      " + strings.Repeat(".", width-12))
		}
	case v.Quote:
		if head != "" {
			p.hang("      ", head)
		}
		p.bar("      ", v.Lines)
	default:
		if head != "" {
			head += " "
		}
		for i, line := range v.Lines {
			if i == 0 {
				p.hang("      - ", head+line)
				continue
			}
			p.hang("        ", line)
		}
	}
}

// head is what stands before a value: its question, and its risk.
func (v Value) head() string {
	parts := []string{v.ask(), ""}
	if v.Risk != "" {
		parts[1] = "[risiko " + v.Risk + "]"
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// ask is the question of a value.
func (v Value) ask() string {
	if v.Label == "" || strings.HasSuffix(v.Label, "?") {
		return v.Label
	}
	return v.Label + ":"
}

func (p *printer) checks(s *Sheet) {
	for _, list := range s.Checks {
		p.hang("", list.Title)
		for _, law := range list.Law {
			p.hang("  ", law+"; "+s.Lawyer)
		}
		for _, c := range list.Items {
			p.hang("  ["+mark(c)+"] ", checkWords(c))
		}
		p.line("")
	}
	if s.Clock != "" {
		p.hang("", s.Clock)
	}
}

// mark is for the eye; the status stands behind it in words.
func mark(c taxonomy.Checked) string {
	if c.Status == taxonomy.Present {
		return "x"
	}
	return " "
}

func checkWords(c taxonomy.Checked) string {
	words := c.Label + ": " + c.Status
	if c.Note != "" {
		words += " (" + c.Note + ")"
	}
	return words
}

func (p *printer) articles(s *Sheet) {
	if len(s.Articles) == 0 {
		p.line(noArticle)
	}
	for _, a := range s.Articles {
		p.hang("", a.Certainty()+": "+a.Code+", "+a.Law)
		p.hang("    ", a.Text)
		for _, row := range a.Rows(s.Lawyer) {
			p.hang("    "+row.Label+": ", row.Value)
		}
		p.line("")
	}
	for _, c := range s.Cautions {
		p.hang("! ", c)
	}
}

// Certainty says whether the answers lead to the article, or may.
func (a Article) Certainty() string {
	if len(a.Open) > 0 {
		return "mungkin"
	}
	return "sesuai jawaban"
}

// Rows returns what stands below the text of an article.
func (a Article) Rows(lawyer string) (rows []Pair) {
	for _, row := range []Pair{
		{"sanksi", a.Sanction},
		{"karena", strings.Join(a.Acts, "; ")},
		{"belum terjawab", strings.Join(a.Open, "; ")},
		{"dasar", a.Basis + "; " + lawyer},
	} {
		if row.Value != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

func (p *printer) route(r Route) {
	if len(r.Struck) == 0 {
		p.hang("[ ] ", r.Label)
	} else {
		p.hang("[X] ", "DICORET: "+r.Label)
	}
	for _, reason := range r.Struck {
		p.hang("    ", "karena "+reason)
	}
	if r.Note != "" {
		p.hang("    ", r.Note)
	}
}
