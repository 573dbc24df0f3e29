// Package sheet makes the Lembar Informasi Awal out of a testimony: what a
// watchdog's form asks for, without a reporter, and beside it what only the
// reviewer needs: warnings, checklists, articles, and to whom it may go.
//
// # What stays out
//
// A sheet is made to leave the desk, so it holds less than the desk does. A
// testimony whose reporter allowed counting only, or deleted it, becomes no sheet
// but an internal one, which says on top and at its end that it must not be
// passed on. A reporter's own words are on a sheet only when they may be quoted:
// the story, messages, and the lines that tell most about who wrote them. In their
// place are dotted lines for words of the reviewer's own. Names that a reporter
// gave to files are never on it.
//
// Consent is what the testimony says. A message may change it, and only a person
// can read that: the sheet says so.
//
// # Hostile text
//
// Everything that a reporter wrote goes through desk.Clean when the sheet is made,
// so that neither rendering sees a character that a terminal or a browser obeys;
// html/template escapes the rest.
package sheet

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/item"
	"saksi/crypto/week"
	"saksi/web/taxonomy"
)

// Errors that a caller acts on.
var (
	// ErrClosed is returned when the reporter did not allow to pass it on.
	ErrClosed = errors.New("its reporter allows it to be counted, not to be passed on")
	// ErrDeleted is returned when the reporter deleted it.
	ErrDeleted = errors.New("its reporter deleted it, and so took back what was allowed")
	// ErrNoTestimony is returned for a thread of messages and files alone.
	ErrNoTestimony = errors.New("the thread has no testimony")
	// ErrNoForm is returned when nobody here knows the questions.
	ErrNoForm = errors.New("the desk does not know the form that was answered")
	// ErrNoRules is returned when there are no rules for the questions.
	ErrNoRules = errors.New("there are no rules for this taxonomy")
)

// An Input is what a sheet is made of.
type Input struct {
	Thread string      // its short name
	Pages  []desk.Page // all of the thread
	// Form returns the questions of a reference and the rules for them, or nil.
	Form     func(reference string) (*taxonomy.Taxonomy, *taxonomy.Rules)
	Today    time.Time
	Internal bool // for the desk alone: a testimony that must not leave it, too
}

// A Sheet has only text that is fit to be shown. Both renderings show all of it.
type Sheet struct {
	Title    string
	Head     []Pair
	Internal bool // must not leave the desk
	Warnings []string
	Parts    []Part
	Checks   []List
	Clock    string
	Lawyer   string // stands at each article
	Articles []Article
	Cautions []string
	Routes   []Route
}

// A Pair is a line of the head.
type Pair struct{ Label, Value string }

// A Part is one item of the form.
type Part struct {
	Number, Title string
	Lines         []Line
}

// A Line has values, or a note, or is left blank.
type Line struct {
	Label  string
	Values []Value
	Note   string
	Blank  bool // to be filled in by hand
}

// A Value is one answer.
type Value struct {
	Lines    []string
	Label    string // of the question, where a line has several
	Risk     string // "", "sedang" or "tinggi"
	Quote    bool   // the reporter's own words
	Withheld bool   // there are words, and they may not be quoted
}

// A List is a checklist with its articles.
type List struct {
	Title string
	Law   []string
	Items []taxonomy.Checked
}

// An Article is a row of the table.
type Article struct {
	Code, Law, Text, Sanction, Basis string
	Acts, Open                       []string // Open: holds perhaps, until this is known
}

// A Route is somebody to pass it on to; one with reasons is struck out.
type Route struct {
	Label, Note string
	Struck      []string
}

// builder fills a sheet.
type builder struct {
	Input
	sheet     *Sheet
	page      desk.Page // the testimony
	form      *taxonomy.Taxonomy
	rules     *taxonomy.Rules
	answers   taxonomy.Answers
	consent   taxonomy.Consent
	week      week.Week
	messages  []desk.Page // that follow it, not deleted
	testimony int         // how many there are
}

// New makes the sheet of a thread. It returns [ErrNoTestimony], [ErrNoForm] or
// [ErrNoRules], and [ErrClosed] or [ErrDeleted] unless it is internal.
func New(in Input) (*Sheet, error) {
	b := &builder{Input: in, sheet: &Sheet{Internal: in.Internal}}
	if err := b.find(); err != nil {
		return nil, fmt.Errorf("making sheet: %w", err)
	}
	if !in.Internal {
		if b.deleted() {
			return nil, fmt.Errorf("making sheet: %w", ErrDeleted)
		}
		if b.consent == taxonomy.Closed {
			return nil, fmt.Errorf("making sheet: %w", ErrClosed)
		}
	}
	b.head()
	b.warn()
	b.fill()
	b.check()
	b.refer()
	b.route()
	return b.sheet, nil
}

// find looks for the testimony and what it needs to be read. Should a thread have
// several testimonies, the first is the sheet's, and the narrowest consent of
// all counts.
func (b *builder) find() error {
	for _, p := range b.Pages {
		switch {
		case p.Kind == item.Message && !p.Deleted:
			b.messages = append(b.messages, p)
		case p.Kind == item.Testimony:
			if err := b.take(p); err != nil {
				return err
			}
		}
	}
	if b.testimony == 0 {
		return ErrNoTestimony
	}
	return nil
}

func (b *builder) take(p desk.Page) error {
	form, rules := b.Form(p.Taxonomy)
	switch {
	case form == nil:
		return ErrNoForm
	case rules == nil:
		return ErrNoRules
	}
	consent := rules.Consent(form, p.Form.Answers)
	if b.testimony++; b.testimony > 1 {
		b.consent = min(b.consent, consent)
		return nil
	}
	w, err := week.Parse(p.Week)
	if err != nil {
		return err
	}
	b.page, b.form, b.rules, b.answers, b.consent, b.week = p, form, rules, p.Form.Answers, consent, w
	return nil
}

// deleted reports whether any testimony of the thread was deleted.
func (b *builder) deleted() bool {
	for _, p := range b.Pages {
		if p.Kind == item.Testimony && p.Deleted {
			return true
		}
	}
	return false
}

func (b *builder) head() {
	b.sheet.Title = b.rules.Sheet.Title
	b.sheet.Head = []Pair{
		{"Sifat", "bukan laporan resmi: informasi awal tanpa pelapor"},
		{"Utas", b.Thread},
		{"Diterima", "minggu " + b.week.String() + ", " + b.received()},
		{"Formulir", b.form.Title.ID + " (" + b.form.Name + "), berlaku per tanggal " + b.form.Version},
		{"Aturan", "berlaku per tanggal " + b.rules.Version + ", SHA-256 " + b.rules.Hash()[:16]},
		{"Dibuat", taxonomy.DayName(b.Today)},
	}
	for i := range b.sheet.Head {
		b.sheet.Head[i].Value = desk.Clean(b.sheet.Head[i].Value)
	}
}

// received is the week in days: an office that gets the sheet counts no weeks.
func (b *builder) received() string {
	monday := b.week.Monday()
	return taxonomy.DayName(monday) + " sampai " + taxonomy.DayName(monday.AddDate(0, 0, 6))
}

// warn says what the reviewer has to know before anything else.
func (b *builder) warn() {
	add := func(ok bool, text string) {
		if ok {
			b.sheet.Warnings = append(b.sheet.Warnings, desk.Clean(text))
		}
	}
	add(true, b.consentWords())
	add(b.rules.Danger.Rings(b.answers), b.rules.Danger.Text)
	add(b.rules.People.Rings(b.answers), b.rules.People.Text)
	if b.rules.Hold.Rings(b.answers) {
		for _, v := range b.chosen(b.rules.Hold.Question) {
			add(true, b.rules.Hold.Text+" Syaratnya: “"+v+"”.")
		}
	}
	add(b.deleted(), "Kesaksian ini dihapus oleh pelapornya: ia ingin kesaksian ini tidak ada lagi.")
	add(len(b.messages) > 0, fmt.Sprintf(
		"Ada %d pesan susulan. Pesan susulan dapat mengubah izin: baca dulu.", len(b.messages)))
	add(b.testimony > 1, fmt.Sprintf("Utas ini memuat %d kesaksian. Lembar ini dibuat dari yang pertama; "+
		"izin yang paling sempit berlaku.", b.testimony))
}

func (b *builder) consentWords() string {
	words := "tidak ada jawaban"
	if len(b.answers[b.rules.Permit.Question]) > 0 {
		words = "jawaban yang tidak dikenal"
	}
	if chosen := b.chosen(b.rules.Permit.Question); len(chosen) > 0 {
		words = "“" + strings.Join(chosen, "”, “") + "”"
	}
	switch b.consent {
	case taxonomy.Closed:
		return "Izin pelapor: " + words + ". Jangan meneruskan kesaksian ini kepada siapa pun."
	case taxonomy.Unquoted:
		return "Izin pelapor: " + words + ". Kata-kata pelapor tidak dimuat: tulis ringkasan sendiri."
	default:
		return "Izin pelapor: " + words + ". Seluruh ceritanya dimuat: coret apa yang menunjuk pelapor, atau ringkas."
	}
}

// said returns an answer in words, if there is one.
func (b *builder) said(id string) []taxonomy.Said {
	one := taxonomy.Answers{}
	if values := b.answers[id]; len(values) > 0 {
		one[id] = values
	}
	return b.form.Describe(one, "id")
}

// chosen returns, in words, those values of an answer that the form offers: what
// was typed in their place does not stand among our own words.
func (b *builder) chosen(id string) (words []string) {
	for _, said := range b.said(id) {
		for i, v := range said.Values {
			if q := b.form.Question(id); q != nil && q.Offers(b.answers[id][i]) {
				words = append(words, v)
			}
		}
	}
	return words
}

// quotable reports whether the reporter's own words may stand on the sheet. An
// internal sheet of a narrower consent does not show more than one of a wider.
func (b *builder) quotable() bool { return b.consent == taxonomy.Quotable }
