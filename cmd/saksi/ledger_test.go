package main

import (
	"math/rand/v2"
	"sync"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/server/inbox"
	"saksi/server/store"
)

// A ledger is what reporters and a reviewer know: what they sent, and what they
// were told.
type ledger struct {
	party   *demoParty // who opens what is kept
	mu      sync.Mutex
	items   []*sent
	numbers map[receipt.Code]int // of the last file of each
	answers map[receipt.Code]*answers
}

func newLedger(party *demoParty) *ledger {
	return &ledger{party: party, numbers: map[receipt.Code]int{}, answers: map[receipt.Code]*answers{}}
}

type sent struct {
	code                    receipt.Code
	n                       int
	text                    string   // that a reviewer must read,
	file                    [32]byte // or the SHA-256 of a file,
	payload                 [32]byte // or that of all that was sealed
	told, deleting, deleted bool
	checked                 bool
}

// answers are those to one code.
type answers struct {
	asked int      // that were sent, told or not
	told  []string // texts of those that were taken
}

// begin notes something before it is sent.
func (l *ledger) begin(s *sent) *sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, s)
	return s
}

func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// pick chooses something that was acknowledged and that nobody deletes.
func (l *ledger) pick(choose func(*sent)) *sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range 20 {
		if len(l.items) == 0 {
			return nil
		}
		s := l.items[rand.IntN(len(l.items))]
		if s.told && !s.deleting && s.n == 0 {
			choose(s)
			return s
		}
	}
	return nil
}

// number returns a number that no other file of a code has, or 0.
func (l *ledger) number(code receipt.Code) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.numbers[code] == receipt.MaxItems-1 {
		return 0
	}
	l.numbers[code]++
	return l.numbers[code]
}

// answering notes an answer before it is sent, and its text.
func (l *ledger) answering(code receipt.Code, text string) (told func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.answers[code]
	if a == nil {
		a = &answers{}
		l.answers[code] = a
	}
	a.asked++
	return func() { l.note(func() { a.told = append(a.told, text) }) }
}

// verify holds the data folder against the ledger, and now and then against
// itself. Who sends in slices waits meanwhile.
func (l *ledger) verify(t *testing.T, data string, whole bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	withBox(t, data, func(box *inbox.Inbox) {
		if n := leftovers(t, data); n > 0 {
			t.Errorf("%d broken uploads were not swept", n)
		}
		for _, s := range l.items {
			l.verifyItem(t, box.Store, s)
		}
		for code, a := range l.answers {
			l.verifyAnswers(t, box, code, a, whole)
		}
		if !whole {
			return
		}
		if wrong, err := box.Check(); err != nil || len(wrong) > 0 {
			t.Errorf("check: %q, %v", wrong, err)
		}
	})
}

func (l *ledger) verifyItem(t *testing.T, s store.Store, i *sent) {
	t.Helper()
	id := i.code.ItemID(i.n)
	states, err := s.States([]receipt.ItemID{id})
	if err != nil {
		t.Fatal(err)
	}
	switch state := states[0]; {
	case i.deleted && state.Gone == nil:
		t.Errorf("item %s was deleted, and is there", id)
	case i.told && !i.deleting && state.Item == nil:
		t.Errorf("item %s was acknowledged, and is lost", id)
	case state.Item != nil && !i.checked:
		i.checked = true
		l.verifyContent(t, s, i, *state.Item)
	}
}

// verifyContent holds that an item is whole and what was sent, acknowledged or not.
func (l *ledger) verifyContent(t *testing.T, s store.Store, sent *sent, i store.Item) {
	t.Helper()
	if slots, err := s.Slots(i.ID); err != nil || len(slots) != 3 {
		t.Errorf("item %s has %d slots: %v", i.ID, len(slots), err)
	}
	hash, n, err := payloadHash(s, i.ID)
	if err != nil || n != i.Size {
		t.Errorf("item %s has %d bytes, want %d: %v", i.ID, n, i.Size, err)
		return
	}
	if sent.payload != [32]byte{} {
		if hash != sent.payload {
			t.Errorf("item %s is not what was sealed", i.ID)
		}
		return
	}
	if text, file, err := l.party.readItem(s, i.ID); err != nil || text != sent.text || file != sent.file {
		t.Errorf("of item %s, %q, a reviewer reads %q, file %x: %v", i.ID, sent.text, text, file[:4], err)
	}
}

// verifyAnswers counts the answers to a code: none is lost, and none is there that
// nobody wrote. Now and then its owner reads them.
func (l *ledger) verifyAnswers(t *testing.T, box *inbox.Inbox, code receipt.Code, a *answers, whole bool) {
	t.Helper()
	keys, count := code.Keys(), 0
	replies, err := box.Store.Replies(keys.Mailbox(), func(heads []store.ReplyHead) []int {
		if count = len(heads); whole {
			return store.Places(0, count)(heads)
		}
		return nil
	})
	if err != nil || count < len(a.told) || count > a.asked {
		t.Errorf("of %d answers, %d of them acknowledged, %d are there: %v", a.asked, len(a.told), count, err)
	}
	read := map[string]int{}
	for _, r := range replies {
		o, err := reply.Open(r.Sealed, keys, box)
		if err != nil {
			t.Errorf("an answer does not open: %v", err)
			continue
		}
		read[o.Text]++
	}
	for _, text := range a.told {
		if whole && read[text] != 1 {
			t.Errorf("the answer %q is there %d times", text, read[text])
		}
	}
}

// reread forgets what was looked at before, so that a later verify looks at all of it.
func (l *ledger) reread() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.items {
		s.checked = false
	}
}

// summary says what was shown, and fails if it was too little to show anything.
func (l *ledger) summary(t *testing.T, parts int) {
	t.Helper()
	told, deleted, open, answered := 0, 0, 0, 0
	for _, a := range l.answers {
		answered += len(a.told)
	}
	for _, s := range l.items {
		switch {
		case s.deleted:
			deleted++
		case s.told:
			told++
		default:
			open++
		}
	}
	t.Logf("%d kills: %d items acknowledged, %d deleted, %d answers, %d requests without an answer, %d broken uploads swept",
		*kills, told, deleted, answered, open, parts)
	if told < *kills || deleted == 0 || answered == 0 || open == 0 || parts == 0 {
		t.Error("too little happened to show anything")
	}
}
