package inbox

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/store"
)

// A Handed roster is a signed note with the recipients files that came with it.
//
// One whose first day is still to come waits: it is not in the store, so that nothing
// of it is shown, sealed to or believed before that day, and once it is in the store no
// clock that falls back takes it out of force. Until it begins, the one before it is in
// force.
type Handed struct {
	Note  []byte
	Files map[roster.Hash]string
}

// Errors of a roster that does not come next.
var (
	// ErrOlder is returned for a roster from before the newest.
	ErrOlder = fmt.Errorf("it is older than the newest one here: %w", roster.ErrChain)
	// ErrSkips is returned when the roster before it is not here.
	ErrSkips = fmt.Errorf("the one before it is not here: %w", roster.ErrChain)
	// ErrTwice is returned for a second roster with the same number.
	ErrTwice = fmt.Errorf("another one with its number is here: %w", roster.ErrChain)
	// ErrServer is returned for a roster that names another server.
	ErrServer = errors.New("it names another server key than this server has")
)

// An Admission is what a roster is held against when it is handed in.
type Admission struct {
	Store   store.Store
	Trusted roster.RootSet
	Server  sign.Key
	Now     time.Time
	Waiting []Handed // those that were handed in and have not begun, in their order
}

// A lineup has the rosters of a store, and then those that wait.
type lineup struct {
	rosters []*roster.Signed
	stored  int      // how many of them are in the store
	handed  []Handed // the others
}

// HandIn verifies a roster. It keeps it in the store if its first day has come, with
// those that waited before it; otherwise it reports that it waits, and the caller keeps
// it for [Config.Waiting]. One that is newest already, or waits, changes nothing.
//
// It returns [roster.ErrRoots], [sign.ErrSignatures], [ErrServer], [roster.ErrExpired],
// [roster.ErrNoRecipients], [ErrOlder], [ErrTwice], [ErrSkips] or [roster.ErrChain]; for
// the first roster of a store also [roster.ErrNotYet].
func (a Admission) HandIn(h Handed) (signed *roster.Signed, waits bool, err error) {
	if signed, err = a.examine(h); err != nil {
		return nil, false, fmt.Errorf("admitting roster: %w", err)
	}
	l, err := a.line()
	if err != nil {
		return nil, false, err
	}
	for i := max(0, l.stored-1); i < len(l.rosters); i++ {
		if l.rosters[i].Hash == signed.Hash {
			return signed, i >= l.stored, nil
		}
	}
	if err := l.follows(signed); err != nil {
		return nil, false, fmt.Errorf("admitting roster: %w", err)
	}
	if l.stored > 0 && a.Now.Before(signed.From) {
		return signed, true, nil
	}
	if err := signed.ValidAt(a.Now); err != nil {
		return nil, false, fmt.Errorf("admitting roster: %w", err)
	}
	l.rosters, l.handed = append(l.rosters, signed), append(l.handed, h)
	return signed, false, l.keep(a.Store, len(l.handed))
}

// examine verifies a roster by itself, for now or for its first day if that is later.
func (a Admission) examine(h Handed) (*roster.Signed, error) {
	signed, err := roster.Verify(h.Note, a.Trusted)
	if err != nil {
		return nil, err
	}
	if signed.Server.String() != a.Server.String() {
		return nil, ErrServer
	}
	at := a.Now
	if at.Before(signed.From) {
		at = signed.From
	}
	if _, err := signed.CircleAt(at, h.Files); err != nil {
		return nil, err
	}
	for _, p := range signed.Recipients {
		// Later weeks must not turn out to have nobody to be sealed to.
		text, ok := h.Files[p.File]
		if !ok {
			return nil, fmt.Errorf("weeks %s to %s: %w", p.From, p.To, roster.ErrNoRecipients)
		}
		if _, err := roster.ParseRecipients(text); err != nil {
			return nil, err
		}
	}
	return signed, nil
}

// line verifies the rosters of the store, and then those that wait. Of these it leaves
// out what the store has by now.
func (a Admission) line() (*lineup, error) {
	notes, _, err := a.Store.Rosters()
	if err != nil {
		return nil, err
	}
	l := &lineup{}
	for _, note := range notes {
		signed, err := roster.Verify(note, a.Trusted)
		if err != nil {
			return nil, fmt.Errorf("loading rosters: %w", err)
		}
		l.rosters = append(l.rosters, signed)
	}
	l.stored = len(l.rosters)
	if err := checkChain(l.rosters); err != nil {
		return nil, err
	}
	for _, h := range a.Waiting {
		signed, err := roster.Verify(h.Note, a.Trusted)
		if err != nil {
			return nil, fmt.Errorf("loading rosters that wait: %w", err)
		}
		if slices.ContainsFunc(l.rosters, func(r *roster.Signed) bool { return r.Hash == signed.Hash }) {
			continue
		}
		if err := l.follows(signed); err != nil {
			return nil, fmt.Errorf("loading rosters that wait: %w", err)
		}
		l.rosters, l.handed = append(l.rosters, signed), append(l.handed, h)
	}
	return l, nil
}

// follows says how a roster fails to come next.
func (l *lineup) follows(signed *roster.Signed) error {
	if len(l.rosters) == 0 {
		return nil
	}
	newest := l.rosters[len(l.rosters)-1]
	switch first := l.rosters[0].Sequence; {
	case signed.Origin != newest.Origin:
		return signed.Follows(newest)
	case signed.Sequence > newest.Sequence+1:
		return fmt.Errorf("roster %d after roster %d: %w", signed.Sequence, newest.Sequence, ErrSkips)
	case signed.Sequence < first:
		return fmt.Errorf("roster %d after roster %d: %w", signed.Sequence, newest.Sequence, ErrOlder)
	case signed.Sequence <= newest.Sequence && l.rosters[signed.Sequence-first].Hash == signed.Hash:
		return fmt.Errorf("roster %d after roster %d: %w", signed.Sequence, newest.Sequence, ErrOlder)
	case signed.Sequence <= newest.Sequence:
		return fmt.Errorf("roster %d: %w", signed.Sequence, ErrTwice)
	default:
		return signed.Follows(newest)
	}
}

// keep puts the first n of those that wait into the store.
func (l *lineup) keep(s store.Store, n int) error {
	for range n {
		signed, h := l.rosters[l.stored], l.handed[0]
		pinned := map[roster.Hash]string{}
		for _, p := range signed.Recipients {
			if text, ok := h.Files[p.File]; ok {
				pinned[p.File] = text
			}
		}
		if err := s.AddRoster(signed.Sequence, h.Note, pinned); err != nil {
			return err
		}
		// Both together: after an error the next try goes on with the right note.
		l.stored, l.handed = l.stored+1, l.handed[1:]
	}
	return nil
}

// Begin puts the rosters whose first day has come in force, and returns the newest of
// them, or nil if none has begun. One that cannot be sealed to now does not begin: with a
// clock that runs years ahead, all would be over at once.
func (b *Inbox) Begin() (*roster.Signed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, n := b.Now(), 0
	for i, signed := range b.waiting.rosters[b.waiting.stored:] {
		if !now.Before(signed.From) {
			n = i + 1
		}
	}
	if n == 0 && len(b.rosters) == b.waiting.stored {
		return nil, nil
	}
	newest := b.waiting.rosters[b.waiting.stored+n-1]
	if n > 0 {
		if _, err := newest.CircleAt(now, b.waiting.handed[n-1].Files); err != nil {
			return nil, fmt.Errorf("beginning roster %d: %w", newest.Sequence, err)
		}
	}
	if err := b.waiting.keep(b.Store, n); err != nil {
		return nil, fmt.Errorf("beginning roster %d: %w", newest.Sequence, err)
	}
	_, files, err := b.Store.Rosters()
	if err != nil {
		return nil, fmt.Errorf("beginning roster %d: %w", newest.Sequence, err)
	}
	b.rosters, b.files = slices.Clone(b.waiting.rosters[:b.waiting.stored]), files
	return newest, nil
}

// Next returns the roster that begins next, or nil if none waits.
func (b *Inbox) Next() *roster.Signed {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.waiting.stored == len(b.waiting.rosters) {
		return nil
	}
	return b.waiting.rosters[b.waiting.stored]
}
