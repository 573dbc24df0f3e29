package reporter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/web"
	"saksi/web/taxonomy"
)

// Errors of requests that no page of ours makes.
var (
	// ErrForm is returned for a body that is no form.
	ErrForm = errors.New("the form is damaged")
	// ErrFormCut is returned for a form that ends early.
	ErrFormCut = errors.New("the form was cut off")
	// ErrFormSize is returned for a form with a text far above the limit: only
	// its beginning is handed back.
	ErrFormSize = errors.New("the form is too large")
	// ErrNumber is returned for an item number out of range.
	ErrNumber = errors.New("no such item number")
)

// Limits of a form without a file.
const (
	// A second step for each place, and readers with their groups.
	maxFormFields = 64 + item.MaxValues + 3*roster.MaxReviewers
	maxShort      = 1 << 10  // bytes of a field that is no text: more than any may have
	maxAnswers    = 16 << 10 // of all answers, with their names
)

// form is a urlencoded body: a text, never a file. Of each field but an answer the
// first value counts. Line breaks are as everywhere but in forms.
type form struct{ values map[string][]string }

// form reads the body of a form without a file, in memory. With an error comes
// what did arrive, so that a page can hand it back. That a request was refused by
// the gate is an error, too: then all of it arrived.
func (h *Handler) form(c echo.Context) (form, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return form{}, fmt.Errorf("reading form: %w", ErrForm)
	}
	d := decoder{body: bufio.NewReader(r.Body), maxText: h.MaxForm, form: form{map[string][]string{}}}
	d.fields()
	if d.err != nil {
		return d.form, fmt.Errorf("reading form: %w", d.err)
	}
	return d.form, refusal(c)
}

// failed returns an error of a form as one whose page keeps the form's code, if it
// has one, so that nobody has to type words again.
func (f form) failed(err error, retry string) error {
	if code, noCode := f.code(); noCode == nil {
		return &Failed{Cause: err, Code: code.Field(), Retry: retry}
	}
	return err
}

// decoder decodes a form while it arrives. It keeps the fields that our pages
// have, up to their limits, and nothing else: a form costs no more memory than
// what is kept of it.
type decoder struct {
	body    *bufio.Reader
	maxText int
	form    form
	answers int   // bytes kept of answers
	full    bool  // the last token was longer than its room
	err     error // the first; reading may go on
}

func (d *decoder) fields() {
	for range maxFormFields {
		if !d.field() {
			return
		}
	}
	d.note(ErrForm)
}

// room returns how many bytes are kept of a field, and whether it is one of ours.
func (d *decoder) room(name string) (room int, known bool) {
	switch name {
	case web.StoryField, "words":
		return d.maxText, true
	case "code", "n", "page", "switch", "confirm", web.ProvinceField, web.RosterField:
		return maxShort, true
	}
	left := maxAnswers - d.answers - len(name)
	return max(0, min(maxShort, left)), isList(name) && left >= 0
}

func isAnswer(name string) bool { return strings.HasPrefix(name, web.AnswerPrefix) }

// isList reports whether all values of a field count.
func isList(name string) bool { return isAnswer(name) || name == web.SkipField }

// field reads a field, and reports whether another one follows.
func (d *decoder) field() bool {
	name, end := d.token(maxShort, true)
	room, known := d.room(string(name))
	var value []byte
	if end == '=' {
		value, end = d.token(room, false)
	}
	if isList(string(name)) && (d.full || !known) {
		d.note(ErrForm) // half an answer may say another thing, and excludes another reader
	}
	if known {
		d.keep(string(name), string(value))
	}
	return end == '&'
}

func (d *decoder) keep(name, value string) {
	switch {
	case isList(name):
		d.answers += len(name) + len(value)
	case d.form.has(name):
		return
	}
	d.form.values[name] = append(d.form.values[name], value)
}

// token decodes up to the end of a name or a value, and returns what it ends
// with, or 0 at the end of the body. It keeps as much as there is room for.
func (d *decoder) token(room int, isName bool) (kept []byte, end byte) {
	d.full = false
	for {
		b, err := d.body.ReadByte()
		switch {
		case err != nil:
			d.noteRead(err)
			return whole(kept, d.full || err != io.EOF), 0
		case b == '&' || b == '=' && isName:
			return whole(kept, d.full), b
		case b == '+':
			b = ' '
		case b == '%':
			if b, err = d.escaped(); err != nil {
				continue
			}
		}
		switch n := len(kept); {
		case b == '\n' && n > 0 && kept[n-1] == '\r' && !d.full:
			kept[n-1] = b
		case n < room:
			kept = append(kept, b)
		default:
			d.full = true
		}
		if d.full && room == d.maxText {
			d.note(ErrFormSize)
		}
	}
}

// escaped decodes the two digits after a percent sign. If they are none it
// stands for itself; if the body ends before them, reading on says why.
func (d *decoder) escaped() (byte, error) {
	digits, err := d.body.Peek(2)
	if err != nil {
		_, _ = d.body.Discard(len(digits))
		d.note(ErrForm)
		return 0, err
	}
	b, err := strconv.ParseUint(string(digits), 16, 8)
	if err != nil {
		d.note(ErrForm)
		return '%', nil
	}
	_, err = d.body.Discard(len(digits))
	return byte(b), err
}

func (d *decoder) note(err error) {
	if d.err == nil {
		d.err = err
	}
}

// noteRead notes an error of the body, whose own text may name addresses.
func (d *decoder) noteRead(err error) {
	switch {
	case err == io.EOF:
	case errors.Is(err, ErrFormSize):
		d.err = ErrFormSize
	default:
		d.err = ErrFormCut
	}
}

// whole takes half a letter off the end of a text that was cut.
func whole(b []byte, cut bool) []byte {
	if !cut {
		return b
	}
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			return b
		}
	}
	return b
}

func (f form) has(name string) bool {
	_, ok := f.values[name]
	return ok
}

func (f form) text(name string) string {
	if values := f.values[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// draft returns what a person typed and chose; at the end of the text what the
// taxonomy does not ask for.
func (f form) draft(t *taxonomy.Taxonomy) web.Draft {
	answers := taxonomy.Answers{}
	for name, values := range f.values {
		if id, ok := strings.CutPrefix(name, web.AnswerPrefix); ok && !strings.HasSuffix(id, web.FinerSuffix) {
			answers[id] = f.finer(name, values)
		}
	}
	d := f.message()
	d.Text, d.Answers = f.text(web.StoryField)+f.unasked(t), t.Tidy(answers)
	return d
}

// message returns what a form without questions brought.
func (f form) message() web.Draft {
	return web.Draft{
		Text: f.text("text"), Roster: f.text(web.RosterField),
		Withheld: f.values[web.SkipField], Province: f.text(web.ProvinceField),
	}
}

// unasked returns the answers to questions that the taxonomy does not have, as
// lines: an operator may change the questions while a form is open.
func (f form) unasked(t *taxonomy.Taxonomy) string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		id, ok := strings.CutPrefix(name, web.AnswerPrefix)
		q := t.Question(strings.TrimSuffix(id, web.FinerSuffix))
		if !ok || q != nil && q.Kind != taxonomy.Story {
			continue
		}
		for _, v := range f.values[name] {
			if v = strings.TrimSpace(v); v != "" {
				lines.WriteString("\n- " + id + ": " + v)
			}
		}
	}
	if lines.Len() > 0 {
		return "\n" + lines.String()
	}
	return ""
}

// finer returns the second step of a place instead of the first, if it lies in
// that: whoever changed his mind about the first did not mean the second any more.
func (f form) finer(name string, values []string) []string {
	finer := f.text(name + web.FinerSuffix)
	if len(values) == 1 && strings.HasPrefix(finer, values[0]+".") {
		return []string{finer}
	}
	return values
}

// typed returns what a person typed, or nil if nothing of it is there.
func (f form) typed(t *taxonomy.Taxonomy) *web.Draft {
	if d := f.draft(t); d.Text != "" || len(d.Answers) > 0 {
		return &d
	}
	return nil
}

// code returns the code of the hidden field.
func (f form) code() (receipt.Code, error) {
	return receipt.ParseField(f.text("code"))
}

// number returns the item number that the form will use. A first testimony has
// a form of its own, so follow-ups begin at 1; a person whose page said 0 had
// nothing with this code, and may still send.
func (f form) number() (int, error) { return parseNumber(f.text("n")) }

// page returns which page of answers is asked for, the first if in doubt.
func (f form) page() int {
	page, err := strconv.Atoi(f.text("page"))
	if err != nil || page < 0 || page > 1<<20 {
		return 0
	}
	return page
}

func parseNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n >= receipt.MaxItems {
		return 0, fmt.Errorf("reading form: %w", ErrNumber)
	}
	return n, nil
}

// marked puts a sign that can be seen in place of each character that is not
// taken: many of them do not show on a screen, and nobody could find them.
func marked(d web.Draft) web.Draft {
	answers := taxonomy.Answers{}
	for question, values := range d.Answers {
		for _, v := range values {
			answers[question] = append(answers[question], mark(v, ""))
		}
	}
	d.Text, d.Answers = mark(d.Text, "\n\r\t\u2028\u2029"), answers
	return d
}

// mark leaves alone what is taken: in a text other signs than in a line.
func mark(s, taken string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) && !strings.ContainsRune(taken, r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
