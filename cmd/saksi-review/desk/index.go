package desk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/reply"
)

// indexLabel names the format. Version 1 had no cases: it opened a slot for each
// reading.
const indexLabel = "saksi/v2/desk"

// An index is everything the desk remembers: JSON, in one spelling, sealed.
// Hashes, ids and mailboxes are in hexadecimal.
type index struct {
	Format   string        `json:"format"`
	Reviewer string        `json:"reviewer"`
	Roots    string        `json:"roots"` // the trusted first root set
	Rosters  []rosterEntry `json:"rosters,omitempty"`
	Batches  []*batchEntry `json:"batches,omitempty"`
	Began    uint64        `json:"began,omitempty"` // the newest batch of the first bundle; 0 from before this was kept
	Threads  []*Thread     `json:"threads,omitempty"`
	Apart    []Apart       `json:"apart,omitempty"`
	NotOurs  []notOurs     `json:"not_ours,omitempty"` // items that this reviewer cannot open
	Waiting  []*Waiting    `json:"waiting,omitempty"`  // items that need colleagues to open, by id
	Outbox   uint64        `json:"outbox"`             // the number of the last one
	Forms    []keptForm    `json:"forms,omitempty"`    // taxonomies of an operator's own
	Closing  []closing     `json:"closing,omitempty"`  // cases that are not quite gone
	// Destroyed are the weeks whose secrets this desk destroyed, or was about to.
	Destroyed []span `json:"destroyed,omitempty"`
	// GivenUp are gaps between batches that this desk waits for no longer.
	GivenUp []Range `json:"given_up,omitempty"`
	// Tried are the terms, by SHA-256 of the recipient, with which all that lies apart
	// was tried.
	Tried []string `json:"tried,omitempty"`

	Canaries []*canaryEntry `json:"canaries,omitempty"` // by month
}

type rosterEntry struct {
	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
}

// A batchEntry is a batch that the desk has seen.
type batchEntry struct {
	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
	Previous string `json:"previous"`
	Week     string `json:"week"`
	Complete bool   `json:"complete"`         // nothing on its list is missing
	Outbox   uint64 `json:"outbox,omitempty"` // that acknowledged it; 0 for none
	Ahead    bool   `json:"ahead,omitempty"`  // by this desk's clock its week was still to come
	Roster   uint64 `json:"roster,omitempty"` // whose server key signed it; 0 in an index from before this was kept
}

// A Thread is what one reporter sent, and what this reviewer answered.
type Thread struct {
	Mailbox   string      `json:"mailbox"` // M
	Author    string      `json:"author"`
	Recipient string      `json:"recipient"` // of replies
	Items     []*Item     `json:"items"`     // by their number
	Replies   []*OwnReply `json:"replies,omitempty"`
	Case      string      `json:"case,omitempty"`   // the name of its case key; empty without items
	Closed    []Closed    `json:"closed,omitempty"` // items of cases that were closed, by their number

	recipient *hybrid.Recipient // Recipient, where it was parsed already
}

// An Item is one item of a thread, verified when it came.
type Item struct {
	ID          string       `json:"id"`
	N           int          `json:"n"`
	Kind        item.Kind    `json:"kind"`
	Language    string       `json:"language"`
	Roster      uint64       `json:"roster"`
	Batch       uint64       `json:"batch"`
	Week        string       `json:"week"`    // of the batch
	Payload     string       `json:"payload"` // SHA-256 of payload.age
	Size        int64        `json:"size"`    // of payload.age
	Burn        string       `json:"burn"`    // SHA-256 of the token that deletes it
	Attachments []Attachment `json:"attachments,omitempty"`
	Seen        bool         `json:"seen,omitempty"`
	Deleted     bool         `json:"deleted,omitempty"`   // by its reporter, who proved it
	Danger      bool         `json:"danger,omitempty"`    // its reporter said so, in an answer
	Handed      []byte       `json:"handed,omitempty"`    // own shares under a quorum, sealed as Secret is
	KeptFrom    []string     `json:"kept_from,omitempty"` // ids of reviewers whom its reporter excluded
	Secret      []byte       `json:"secret"`              // its E, sealed under the case key of its thread

	thread *Thread // that it belongs to
}

// An Attachment is a file in an item. Its Original name is the reporter's own
// and hostile until cleaned.
type Attachment struct {
	Path     string `json:"path"`
	Original string `json:"original,omitempty"`
	Size     int64  `json:"size"`
	Hash     string `json:"hash"`
	Sealed   Sealed `json:"sealed,omitempty"`
	Header   string `json:"header,omitempty"` // SHA-256 of its header, if it is an age file
}

// Sealed says whether an attachment is an age file itself.
type Sealed string

// What an attachment can be.
const (
	SealedToDesk  Sealed = "desk"  // this reviewer's direct identity opens it
	SealedToOther Sealed = "other" // an age file that it does not open
)

// An OwnReply is an answer of this reviewer.
type OwnReply struct {
	Number    uint64       `json:"number"`
	Hash      string       `json:"hash"` // that the next one names
	Roster    uint64       `json:"roster"`
	Status    reply.Status `json:"status"`
	Forwarded string       `json:"forwarded,omitempty"`
	Items     []int        `json:"items,omitempty"`
	Text      string       `json:"text,omitempty"`
	Sealed    []byte       `json:"sealed,omitempty"` // until it is in an outbox
	Outbox    uint64       `json:"outbox,omitempty"` // that took it; 0 while it waits
}

// An Apart is an item that is in no thread, and why.
type Apart struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Batch  uint64 `json:"batch"`
	Digest string `json:"digest"` // of its lines on the list of that batch
	// Late says that nothing is wrong with it but that the secret of its week is
	// gone, as far as this desk can tell. None of its files are kept.
	Late bool      `json:"late,omitempty"`
	Kept *keptItem `json:"kept,omitempty"` // it opens, perhaps, when a weeks file is found
	Hold bool      `json:"hold,omitempty"` // its batch is not acknowledged because of it
}

// A notOurs is an item that opens for others, or for nobody.
type notOurs struct {
	ID     string `json:"id"`
	Digest string `json:"digest"`
}

// format writes the index in its one spelling.
func (x *index) format() []byte {
	b, err := json.Marshal(x)
	if err != nil {
		panic("desk: internal error: " + err.Error())
	}
	return b
}

// parseIndex reads what format wrote. It returns [ErrVersion] or [ErrNewer] for what
// another version of this program wrote: such an index is not damaged, and no older copy
// is called for.
func parseIndex(b []byte) (*index, error) {
	x := &index{}
	if err := json.Unmarshal(b, x); err != nil {
		return nil, errors.New("parsing index: no JSON of the right form")
	}
	if x.Format != indexLabel {
		return nil, fmt.Errorf("parsing index: %w: want format %q", ErrVersion, indexLabel)
	}
	err := x.check()
	if err == nil && string(x.format()) != string(b) {
		err = errors.New("not in the one canonical spelling")
	}
	if err != nil && hasMore(b) {
		err = ErrNewer
	}
	if err != nil {
		return nil, fmt.Errorf("parsing index: %w", err)
	}
	x.link()
	return x, nil
}

// hasMore reports whether the JSON of an index has a field that this version does not
// know.
func hasMore(b []byte) bool {
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	return strict.Decode(&index{}) != nil
}

// link tells every item its thread.
func (x *index) link() {
	for _, t := range x.Threads {
		for _, i := range t.Items {
			i.thread = t
		}
	}
}

// clone returns a copy that may be changed and thrown away.
func (x *index) clone() *index {
	next := &index{}
	if err := json.Unmarshal(x.format(), next); err != nil {
		panic("desk: internal error: " + err.Error())
	}
	next.link()
	return next
}

// batch returns the batch of a sequence, or nil.
func (x *index) batch(sequence uint64) *batchEntry {
	at, ok := slices.BinarySearchFunc(x.Batches, sequence, bySequence)
	if !ok {
		return nil
	}
	return x.Batches[at]
}

// addBatch puts a batch in its order.
func (x *index) addBatch(b *batchEntry) {
	at, _ := slices.BinarySearchFunc(x.Batches, b.Sequence, bySequence)
	x.Batches = slices.Insert(x.Batches, at, b)
}

func bySequence(b *batchEntry, sequence uint64) int {
	switch {
	case b.Sequence < sequence:
		return -1
	case b.Sequence > sequence:
		return 1
	}
	return 0
}

// apart returns the item that was set apart under an id, or nil.
func (x *index) apart(id string) *Apart {
	at, ok := slices.BinarySearchFunc(x.Apart, id, byID)
	if !ok {
		return nil
	}
	return &x.Apart[at]
}

// setApart puts an item in its order, in the place of what was there.
func (x *index) setApart(a Apart) {
	at, ok := slices.BinarySearchFunc(x.Apart, a.ID, byID)
	if ok {
		x.Apart[at] = a
		return
	}
	x.Apart = slices.Insert(x.Apart, at, a)
}

func byID(a Apart, id string) int { return strings.Compare(a.ID, id) }

// setNotOurs puts an item of others in its order, in the place of what was
// there.
func (x *index) setNotOurs(n notOurs) {
	at, ok := slices.BinarySearchFunc(x.NotOurs, n.ID, byOthersID)
	if ok {
		x.NotOurs[at] = n
		return
	}
	x.NotOurs = slices.Insert(x.NotOurs, at, n)
}

func byOthersID(n notOurs, id string) int { return strings.Compare(n.ID, id) }

// judged reports whether just this, under this id, was found before to be
// nothing for a thread.
func (x *index) judged(id, digest string) bool {
	if a := x.apart(id); a != nil && a.Digest == digest {
		return true
	}
	at, ok := slices.BinarySearchFunc(x.NotOurs, id, byOthersID)
	return ok && x.NotOurs[at].Digest == digest
}

// thread returns the thread of a mailbox, or nil.
func (x *index) thread(mailbox string) *Thread {
	for _, t := range x.Threads {
		if t.Mailbox == mailbox {
			return t
		}
	}
	return nil
}
