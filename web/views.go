package web

import (
	"slices"
	"time"

	"saksi/web/taxonomy"
)

// This file lists what each page needs. A view holds plain values only: no
// format, no rule and no error type of the server reaches a template. Every
// string in it may be hostile; html/template escapes it.

// Reviewer is one line of the list of those who can read.
type Reviewer struct {
	Label        string // as in the roster, such as "Penelaah 1"
	Organisation string
	Region       string // Kemendagri code, or "-" for national
	Value        string // of the field that excludes them
	Withheld     bool   // the writer excludes them
}

// Readers is who reads what a form sends, and what its writer may choose.
type Readers struct {
	People []Reviewer
	Groups []Group
	Roster string // its hash: a choice holds under this one alone
	// Choice is whether anybody can be excluded: nobody can where all are needed.
	Choice          bool
	Needed, Outside int // how many must join to open it, and of them from elsewhere
	// Place is whether the form asks for the province of the incident, because
	// the quorum depends on it and nothing else in the form says it.
	Place    bool
	Province string
	Again    bool   // the form is a later one: what was chosen before is not known
	Problem  string // a key under "problem."
}

// Group is several reviewers who can be excluded together.
type Group struct {
	Value        string // of the field
	Region       string // of all of them; or
	Organisation string
	Withheld     bool
}

// Withheld returns those who are excluded one by one.
func (r Readers) Withheld() []Reviewer {
	return slices.DeleteFunc(slices.Clone(r.People), func(v Reviewer) bool { return !v.Withheld })
}

// Start is the front page.
type Start struct {
	Reviewers   []Reviewer
	Fingerprint []string // the roots' fingerprint in five groups of four
	Choice      bool     // who writes can exclude some of them
	Closed      bool     // nothing can be taken now
}

// Draft is what a person has typed and must never lose. It is handed back in
// the form whenever something has to be mended.
type Draft struct {
	Text     string
	Answers  taxonomy.Answers
	Roster   string   // hash of the roster that the form showed
	Withheld []string // values of the fields that exclude readers
	Province string   // of the incident, where a form asks for it beside the answers
}

// Write is the page with the first testimony's form.
type Write struct {
	Code     string // the fresh code, as hexadecimal, for the hidden field "code"
	Draft    Draft
	Problems []Problem // in the order of the form
	Length   int       // bytes the text has now, for the problem "too_long"
	MaxText  int       // bytes a text may have
	Today    time.Time // the last months are offered
	Readers  Readers
	Back     bool // the server has read it, and hands it back
}

// A Problem is what is wrong with one field.
type Problem struct {
	Question string // its id
	Key      string // under "problem." in the catalog
}

// Info says what this is, what it is not, and how to stay safe.
type Info struct{}

// Receipt shows the twelve words, once the testimony is kept.
type Receipt struct {
	Words []string
	Code  string // hexadecimal, for the hidden fields of the forms
	Again bool   // true when the testimony had been received before
	// Unsent is what came with a repeated request. The first sending was kept,
	// and this one was not: it may be the same text, or a later version of it.
	Unsent *Draft
	// Advice is what the answers advise; Carried are those answers, handed on when
	// the language is switched.
	Advice  []taxonomy.Text
	Carried taxonomy.Answers
	NextN   int // number that the next item may use
	MaxFile int64
	MaxText int
	// KeptFrom are those whom the testimony that was kept just now does not open for.
	KeptFrom []Reviewer
	Draft    Draft // what the choice of readers was
	Readers  Readers
	// How long things stay on the server, in weeks: after every reviewer has them,
	// and in any case.
	KeepSpread, KeepAtMost int
}

// NoEvidence reports whether the advice is to send no evidence: the part for it is
// folded then. (ui/write.ts of the script knows the same answers.)
func (r Receipt) NoEvidence() bool {
	for _, values := range r.Carried {
		if slices.ContainsFunc(values, func(v string) bool { return slices.Contains(noEvidence(), v) }) {
			return true
		}
	}
	return false
}

func noEvidence() []string { return []string{"sedikit", "hanya_saya"} }

// Open asks for the twelve words.
type Open struct {
	Words   string // what was typed
	Problem string // a key under "problem."
	Word    string // the word that the problem is about
	Number  int    // its place, counted from 1
	Count   int    // how many words were found, when Problem is "word_count"
}

// Suggest asks whether other words were meant.
type Suggest struct {
	Words []SuggestedWord
	Code  string // hexadecimal of the mended code
	Typed string // as it was typed, for whoever meant other words
}

// SuggestedWord is one word of a mended code.
type SuggestedWord struct {
	Word    string
	Changed bool
}

// ItemState is where one of the reporter's own items stands.
type ItemState string

const (
	Waiting ItemState = "waiting" // kept, in no batch yet
	Batched ItemState = "batched" // closed into a batch, which no reviewer has confirmed yet
	Carried ItemState = "carried" // in a batch that at least one reviewer says is on his desk
	Deleted ItemState = "deleted" // deleted by its reporter
	Expired ItemState = "expired" // deleted because its time had come
	Lost    ItemState = "lost"    // by the server's disk
)

// Item is one thing the reporter sent.
type Item struct {
	N     int
	State ItemState
	Week  string // ISO week in which it was received, such as "2026-W47"; or deleted
	Until string // last ISO week that the server keeps it; unless it is gone
}

// Gone reports whether the server has it no more.
func (i Item) Gone() bool { return i.State == Deleted || i.State == Expired || i.State == Lost }

// Reply is one reviewer's answer, already checked.
type Reply struct {
	Label        string // who wrote it, from the roster
	Organisation string
	Status       string // a key under "status." in the catalog
	Forwarded    string // to whom, when Status is "diteruskan"
	Text         string
	Number       uint64 // the reviewer's own count of answers in this thread
	Gap          bool   // an answer before this one is missing
	Repeat       bool   // another answer with the same number exists
	Revoked      bool   // its writer's key has since been revoked
}

// Conversation is what the twelve words open.
type Conversation struct {
	Code      string
	Words     string // of the code: they may be mistyped, where nothing was ever sent
	Closed    bool   // nothing can be taken now
	Items     []Item // the newest of those that were sent
	Hidden    int    // older items that are not listed
	Replies   []Reply
	Unchecked int // answers that no roster reviewer signed; they are not shown
	Page      int // which page of replies, from 0, each reviewer's newest first
	NextN     int // -1 when all numbers are used
	MaxFile   int64
	MaxText   int
	Draft     Draft // a message that could not be taken
	Readers   Readers
	Problem   string // a key under "problem."
	Length    int
	Kept      bool // the message or the file of this request was kept
	Again     bool // it had been kept before
	Number    int  // which item Kept and Again speak of
	// Of a file that was kept: what was taken off a picture, as keys under "reveals."; or
	// that what the file tells beside what it shows is still in it.
	Removed []string
	Left    bool
}

// Client is what the script takes its views and texts from: one page of templates.
// What it fills in later stands as {name} in them.
type Client struct {
	Later, Next          Readers // of a form of who came back, and of one right after the first
	MaxFile              int64
	MaxText              int
	KeepSpread, KeepMost int // as in Receipt
}

// Open is the form for the words, with what was typed.
func (Client) Open() Open { return Open{Words: "{words}"} }

// Confirm asks before anything is deleted; or once more, where nobody knows whether
// it was.
type Confirm struct {
	Code  string
	N     int // the item; -1 means everything
	Doubt bool
}

// Gone says what was deleted.
type Gone struct {
	Code       string
	Everything bool
}

// Failure is any page that says what went wrong.
type Failure struct {
	Key     string // "failure.<Key>.title", ".text" and ".advice" in the catalog
	Limit   int64  // bytes, where the text names a limit
	Code    string // when known, the page offers the way back to the conversation
	Draft   *Draft // when known, the page hands the text back in a read-only field
	Retryat string // path of the form that failed, without a language's prefix, such as "/write"
	// N is the number that the draft's item would have had. With it, a Draft
	// and a Code the page offers to send a message once more; a first
	// testimony, number 0, needs only the other two.
	N       int
	Minutes int   // until it is worth trying again, where the text names a time
	Chosen  Draft // whom the form excludes, for the form that comes next
}

// Outside is all that anyone gets who did not come by the drop's own address. It
// has no form and leads nowhere: both languages stand on one page.
type Outside struct {
	Onion       string // the drop's name; empty if it is not known
	Fingerprint []string
}

// Front is the page for the ordinary internet, to which posters and other sites
// lead. It has no form.
type Front struct {
	Onion       string // empty if it is not known
	Fingerprint []string
	Missing     bool // another page was asked for
}
