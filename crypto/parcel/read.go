package parcel

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/week"
)

const readLabel = "saksi/v1/read\n"

// PageEntries is how many entries one page of a mailbox has: always.
const PageEntries = 8

// RequestSize is the size of every read request, in bytes.
const RequestSize = len(readLabel) + 32 + 32 + 4 + receipt.MaxItems*len(receipt.ItemID{})

const (
	stateSize  = 1 + 2*weekSize
	weekSize   = 3
	statesSize = 1 + receipt.MaxItems*stateSize
)

// AnswerSize is the size of every read answer, in bytes.
func AnswerSize() int { return statesSize + PageEntries*int(reply.SealedSize()) }

// A Request asks for a page of a mailbox, and for the states of all items that a
// code can have.
type Request struct {
	Token   receipt.Secret
	KeyHash [32]byte
	Page    uint32
	IDs     [receipt.MaxItems]receipt.ItemID
}

// NewRequest returns what a code asks.
func NewRequest(code receipt.Code, page uint32) Request {
	keys := code.Keys()
	return Request{Token: keys.Token, KeyHash: keys.KeyHash(), Page: page, IDs: code.ItemIDs()}
}

// Bytes returns the request as it travels.
func (q Request) Bytes() []byte {
	b := append(make([]byte, 0, RequestSize), readLabel...)
	b = append(b, q.Token[:]...)
	b = append(b, q.KeyHash[:]...)
	b = binary.BigEndian.AppendUint32(b, q.Page)
	for _, id := range q.IDs {
		b = append(b, id[:]...)
	}
	return b
}

// ParseRequest reads what Bytes wrote, or returns [ErrMalformed].
func ParseRequest(b []byte) (q Request, err error) {
	rest, ok := bytes.CutPrefix(b, []byte(readLabel))
	if !ok || len(b) != RequestSize {
		return Request{}, fmt.Errorf("reading request: %w", malformed("another label or length"))
	}
	f := &fields{rest: rest}
	f.take(q.Token[:])
	f.take(q.KeyHash[:])
	q.Page = binary.BigEndian.Uint32(f.next(4))
	for i := range q.IDs {
		f.take(q.IDs[i][:])
	}
	return q, nil
}

// A Stand is where an item stands.
type Stand byte

// The stands.
const (
	Unused  Stand = iota // the id was never used
	Waiting              // kept, in no batch yet
	Batched              // in a batch that no desk has confirmed
	Carried              // in a batch that at least one desk has confirmed
	Deleted              // by its reporter
	Expired              // its time was up
	Lost                 // the server's disk lost it, and its operator gave it up
)

// A State answers for one id. What a stand has no week for is the zero week.
type State struct {
	Stand Stand
	Week  week.Week // of acceptance or, for what is gone, of deletion
	Until week.Week // last one on the server, unless it is gone
}

// check holds that a state has the weeks of its stand.
func (s State) check() error {
	zero := week.Week{}
	switch s.Stand {
	case Unused:
		if s.Week != zero || s.Until != zero {
			return malformed("an unused id has a week")
		}
		return nil
	case Waiting, Batched, Carried:
		if err := checkWeek(s.Until); err != nil {
			return err
		}
	case Deleted, Expired, Lost:
		if s.Until != zero {
			return malformed("what is gone has a last week")
		}
	default:
		return malformed("a stand of %d", s.Stand)
	}
	return checkWeek(s.Week)
}

func checkWeek(w week.Week) error {
	if _, err := week.Parse(w.String()); err != nil {
		return malformed("year %d has no week %d", w.Year, w.Number)
	}
	return nil
}

func (s State) append(b []byte) []byte {
	b = append(b, byte(s.Stand))
	for _, w := range []week.Week{s.Week, s.Until} {
		b = binary.BigEndian.AppendUint16(b, uint16(w.Year))
		b = append(b, byte(w.Number))
	}
	return b
}

func (f *fields) week() week.Week {
	return week.Week{Year: int(binary.BigEndian.Uint16(f.next(2))), Number: int(f.next(1)[0])}
}

func (f *fields) state() State {
	s := State{Stand: Stand(f.next(1)[0]), Week: f.week(), Until: f.week()}
	if f.err == nil {
		f.err = s.check()
	}
	return s
}

// An Answer is a page of a mailbox with the states of all items. Entries are
// sealed replies, or files of the same size that open for nobody.
type Answer struct {
	Ends    bool // no page behind this one has a reply
	States  [receipt.MaxItems]State
	Entries [PageEntries][]byte
}

// Bytes returns the answer as it travels. It panics if an entry has another size
// than a reply.
func (a Answer) Bytes() []byte {
	b := appendFlag(make([]byte, 0, AnswerSize()), a.Ends)
	for _, s := range a.States {
		b = s.append(b)
	}
	for _, entry := range a.Entries {
		if int64(len(entry)) != reply.SealedSize() {
			panic("parcel: internal error: an entry of another size")
		}
		b = append(b, entry...)
	}
	return b
}

// ParseAnswer reads what Bytes wrote, or returns [ErrMalformed]. The entries are
// parts of b.
func ParseAnswer(b []byte) (a Answer, err error) {
	if len(b) != AnswerSize() {
		return Answer{}, fmt.Errorf("reading answer: %w", malformed("%d bytes", len(b)))
	}
	f := &fields{rest: b}
	a.Ends = f.flag()
	for i := range a.States {
		a.States[i] = f.state()
	}
	for i := range a.Entries {
		a.Entries[i] = f.next(int(reply.SealedSize()))
	}
	if f.err != nil {
		return Answer{}, fmt.Errorf("reading answer: %w", f.err)
	}
	return a, nil
}
