package taxonomy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

// Rules are what reviewers make of the answers: which law an act may touch, when
// the days of a formal report end, what may be passed on and to whom, and how the
// sheet is laid out. They stand beside the taxonomy, because law and lawyers
// change them without changing the form. Everything in them is in Indonesian, as
// the sheet is.
//
// Rules are never changed after they were parsed.
type Rules struct {
	Format     string      `json:"format"`   // "saksi/v1/rules"
	Taxonomy   string      `json:"taxonomy"` // name of the taxonomy
	Version    string      `json:"version"`  // the day from which they hold
	Lawyer     string      `json:"lawyer"`   // stands at each line of law
	Cautions   []string    `json:"cautions,omitempty"`
	Acts       string      `json:"acts"` // the question each of whose choices has a rule
	References []*Article  `json:"references"`
	Rules      []Rule      `json:"rules"`
	Days       ClockRule   `json:"clock,omitzero"`
	Permit     ConsentRule `json:"consent"`
	People     Alarm       `json:"people,omitzero"` // few know: the reporter is easy to guess
	Danger     Alarm       `json:"danger,omitzero"`
	Hold       Alarm       `json:"hold,omitzero"` // the reporter asks to wait
	Declined   Decline     `json:"decline,omitzero"`
	Sheet      Layout      `json:"sheet"`
	Lists      []Checklist `json:"checks,omitempty"`
	Ways       []Way       `json:"routes"`

	hash   [sha256.Size]byte
	byCode map[string]*Article
}

// An Article is a place in a law.
type Article struct {
	Code     string `json:"code"`
	Law      string `json:"law"`
	Text     string `json:"text"`
	Sanction string `json:"sanction,omitempty"`
	Basis    Basis  `json:"basis"`
	Reserve  string `json:"reserve,omitempty"` // why nothing refers to it
}

// A Basis is where the words of an article come from. Neither is good enough
// without a lawyer.
type Basis string

// The bases.
const (
	Quoted Basis = "quoted" // in news, or on a page of the government
	Memory Basis = "memory" // unchecked
)

// A When maps questions to the choices that it wants. All must fit.
type When map[string][]string

// A Rule leads from answers to articles, to a note, or to both.
type Rule struct {
	When    When     `json:"when"`
	Refer   []string `json:"refer,omitempty"`
	Perhaps string   `json:"perhaps,omitempty"` // what no question asks: the rule holds perhaps, at best
	Note    string   `json:"note,omitempty"`
}

// A ClockRule says how long after it was known a formal report is taken.
type ClockRule struct {
	Question string            `json:"question"`
	Days     int               `json:"days"`
	Ages     map[string][2]int `json:"ages"` // code to days before the answer: at least, at most
	Past     []string          `json:"past,omitempty"`
}

// A ConsentRule says which answers keep a testimony, or its words, inside. No
// answer, or one that the taxonomy does not have, keeps it inside.
type ConsentRule struct {
	Question string   `json:"question"`
	Closed   []string `json:"closed"`
	Unquoted []string `json:"unquoted,omitempty"`
}

// An Alarm is a warning for some answers.
type Alarm struct {
	Question string   `json:"question"`
	Codes    []string `json:"codes"`
	Text     string   `json:"text"`
}

// A Decline names the question whose answers are the codes of ways that the
// reporter does not want.
type Decline struct {
	Question string `json:"question"`
	Reason   string `json:"reason"`
}

// A Layout is the sheet, without what surrounds it.
type Layout struct {
	Title string `json:"title"`
	Parts []Part `json:"parts"`
}

// A Part is one item of the official form.
type Part struct {
	Number string     `json:"number"`
	Title  string     `json:"title"`
	Lines  []FormLine `json:"lines"`
}

// A FormLine is filled from questions or a source. With neither it is the note
// alone, or left blank to be filled in by hand.
type FormLine struct {
	Label  string   `json:"label"`
	From   []string `json:"from,omitempty"`
	Source Source   `json:"source,omitempty"`
	None   []string `json:"none,omitempty"` // in a checklist: choices that say that there is none
	Note   string   `json:"note,omitempty"`
}

// A Source is what no question asks.
type Source string

// The sources.
const (
	FromStory       Source = "story"
	FromAttachments Source = "attachments"
	FromWeek        Source = "week"
	FromClock       Source = "clock"
)

// A Checklist says what a receiver wants to see. Its items are there when all
// questions are answered; with neither question nor source they are not asked
// for, and the note says why.
type Checklist struct {
	Title string     `json:"title"`
	Refer []string   `json:"refer,omitempty"`
	Items []FormLine `json:"items"`
}

// A Way is somebody to whom a testimony may be passed on.
type Way struct {
	Code      string     `json:"code"`
	Label     string     `json:"label"`
	Note      string     `json:"note,omitempty"`
	When      When       `json:"when,omitempty"` // shown only then; always without
	Conflicts []Conflict `json:"conflicts,omitempty"`
}

// A Conflict strikes a way out.
type Conflict struct {
	When   When   `json:"when"`
	Reason string `json:"reason"`
}

const rulesLabel = "saksi/v1/rules"

// ParseRules reads rules for a taxonomy, and holds them against it: whatever they
// name must be there. It returns an error that wraps [ErrInvalid] and names the
// place that is wrong.
func ParseRules(data []byte, t *Taxonomy) (*Rules, error) {
	r := &Rules{hash: sha256.Sum256(data), byCode: map[string]*Article{}}
	if err := decode(data, r); err != nil {
		return nil, invalid("rules", err)
	}
	if err := r.check(t); err != nil {
		return nil, invalid("rules", err)
	}
	return r, nil
}

// Hash names the file by its bytes.
func (r *Rules) Hash() string { return hex.EncodeToString(r.hash[:]) }

// RulesFor returns the newest embedded rules for an embedded taxonomy, of
// whatever version; or nil. A code never changes its meaning, so that old
// answers are read with new rules. A taxonomy that is not embedded has none,
// whatever its name.
func RulesFor(t *Taxonomy) *Rules {
	if t == nil || Find(t.Reference()) == nil {
		return nil
	}
	return builtinRules()[t.Name]
}

// builtinRules parses the embedded rules once; the newest of a name is the last.
var builtinRules = sync.OnceValue(func() map[string]*Rules {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("taxonomy: internal error: " + err.Error())
	}
	all := map[string]*Rules{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), rulesSuffix) {
			continue
		}
		data, err := files.ReadFile(path.Clean(e.Name()))
		if err != nil {
			panic("taxonomy: internal error: " + err.Error())
		}
		r, err := ParseRules(data, newest(data))
		if err != nil {
			panic("taxonomy: internal error: " + e.Name() + ": " + err.Error())
		}
		all[r.Taxonomy] = r
	}
	return all
})

// newest returns the newest embedded taxonomy of the name that rules ask for, or
// nil.
func newest(rules []byte) *Taxonomy {
	r := &Rules{}
	if decode(rules, r) != nil {
		return nil
	}
	all := slices.Clone(builtin())
	slices.Reverse(all)
	if i := slices.IndexFunc(all, func(t *Taxonomy) bool { return t.Name == r.Taxonomy }); i >= 0 {
		return all[i]
	}
	return nil
}

// check holds rules against the taxonomy that they are for.
func (r *Rules) check(t *Taxonomy) error {
	switch {
	case r.Format != rulesLabel:
		return fmt.Errorf("the format is not %q", rulesLabel)
	case t == nil || r.Taxonomy != t.Name:
		return fmt.Errorf("they are for another taxonomy: %.40q", r.Taxonomy)
	case !isDay(r.Version):
		return errors.New("the version is no day such as 2026-11-22")
	}
	c := &rulesCheck{r, t, map[string]bool{}}
	for _, step := range []func() error{
		c.words, c.articles, c.rules, c.lists, c.acts, c.reserves, c.clock, c.answers, c.layout, c.ways, c.decline,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
