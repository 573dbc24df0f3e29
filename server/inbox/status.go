package inbox

import (
	"errors"
	"fmt"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/sign"
	"saksi/server/store"
)

// A Status is what an operator may know: counts and dates, nothing of a person.
type Status struct {
	Origin       string            `json:"origin"`
	Roster       uint64            `json:"roster"`       // sequence
	RosterUntil  string            `json:"roster_until"` // last day
	RunsOut      string            `json:"runs_out"`     // when the roster or its recipients end, if soon
	Next         uint64            `json:"next"`         // roster that waits; 0 if none does
	NextFrom     string            `json:"next_from"`    // its first day
	Reviewers    int               `json:"reviewers"`
	Fingerprint  []string          `json:"fingerprint"` // of the first root set
	Closed       string            `json:"closed"`      // why nothing is accepted; empty if all is well
	Items        int               `json:"items"`
	Waiting      int               `json:"waiting"` // in no batch yet
	Gone         int               `json:"gone"`
	Replies      int               `json:"replies"`
	PayloadBytes int64             `json:"payload_bytes"`
	Free         int64             `json:"free"`        // bytes of disk
	TakesFiles   bool              `json:"takes_files"` // as far as the disk goes
	TakesTexts   bool              `json:"takes_texts"`
	Failed       bool              `json:"failed"`       // the disk did: nothing more is written
	Damaged      int               `json:"damaged"`      // records that cannot be read, and are left out: Check names them
	Batch        uint64            `json:"batch"`        // newest
	NextClosing  string            `json:"next_closing"` // RFC 3339, UTC
	Confirmed    map[string]uint64 `json:"confirmed"`    // newest batch on each reviewer's desk
	Unanswered   []Unanswered      `json:"unanswered"`   // canaries
}

// Status counts.
func (b *Inbox) Status() (Status, error) {
	usage, err := b.Store.Usage()
	if err != nil {
		return Status{}, err
	}
	newest := b.Newest()
	s := Status{
		Origin: newest.Origin, Roster: newest.Sequence, RosterUntil: newest.Until.Format(time.DateOnly),
		RunsOut: b.RunsOut(), Reviewers: len(newest.Reviewers), Fingerprint: b.Trusted.Fingerprint(),
		Items: usage.Items, Waiting: usage.Waiting, Gone: usage.Gone, Replies: usage.Replies,
		PayloadBytes: usage.Payloads, Failed: usage.Failed, Damaged: usage.Damaged,
	}
	if next := b.Next(); next != nil {
		s.Next, s.NextFrom = next.Sequence, next.From.Format(time.DateOnly)
	}
	if s.Free, err = b.Store.Free(); err != nil {
		return Status{}, err
	}
	s.TakesTexts, s.TakesFiles = s.Free >= lastReserve, s.Free >= b.Reserve
	if _, err := b.Circle(); err != nil {
		s.Closed = err.Error()
	}
	switch err = b.countBatches(&s); {
	case s.Failed:
		err = nil // what the disk failed in is left out
	case errors.Is(err, store.ErrDamaged):
		s.Damaged, err = s.Damaged+1, nil
	}
	return s, err
}

// countBatches fills in what is about batches, up to an error.
func (b *Inbox) countBatches(s *Status) error {
	next, err := b.NextClosing()
	if err != nil {
		return err
	}
	s.NextClosing = next.Format(time.RFC3339)
	if s.Confirmed, err = b.Store.Acknowledged(); err != nil {
		return err
	}
	if s.Batch, err = b.newestSequence(); err != nil {
		return err
	}
	s.Unanswered, err = b.Unanswered()
	return err
}

// Check holds the drop against its invariants and returns a line for each thing
// that is wrong: the store's own, the chain of batches and their hashes.
func (b *Inbox) Check() ([]string, error) {
	b.closing.Lock()
	defer b.closing.Unlock()
	wrong, err := b.Store.Check()
	if err != nil {
		return nil, err
	}
	newest, err := b.newestSequence()
	if err != nil {
		return append(wrong, fmt.Sprintf("batches: %v", err)), nil
	}
	var previous *batch.Note
	for n := uint64(1); n <= newest; n++ {
		note, problems := b.checkBatch(n, previous)
		wrong = append(wrong, problems...)
		previous = note
	}
	return wrong, nil
}

// checkBatch holds one batch against its signature, the batch before, and the
// items that it lists.
func (b *Inbox) checkBatch(n uint64, previous *batch.Note) (*batch.Note, []string) {
	closed, err := b.Store.Batch(n)
	if err != nil {
		return nil, []string{fmt.Sprintf("batch %d: %v", n, err)}
	}
	note, err := openOwn(closed.Note, b.Signer.Key())
	if err != nil {
		return nil, []string{fmt.Sprintf("batch %d: %v", n, err)}
	}
	var wrong []string
	if previous != nil {
		if err := note.Follows(*previous); err != nil {
			wrong = append(wrong, fmt.Sprintf("batch %d: %v", n, err))
		}
	}
	if closed.Sums == nil {
		return &note, wrong // retired
	}
	sums, err := batch.ParseSums(string(closed.Sums))
	if err != nil || sums.Hash() != note.Sums {
		return &note, append(wrong, fmt.Sprintf("batch %d: its hashes are not those it signed: %v", n, err))
	}
	return &note, append(wrong, b.checkSums(closed, sums)...)
}

func openOwn(msg []byte, key sign.Key) (batch.Note, error) {
	note, err := batch.OpenNote(msg, key)
	if errors.Is(err, sign.ErrSignatures) {
		return note, errors.New("it is not signed by this server's key")
	}
	return note, err
}

// checkSums hashes the items of a batch again.
func (b *Inbox) checkSums(closed store.Batch, sums batch.Sums) (wrong []string) {
	states, err := b.Store.States(closed.IDs)
	if err != nil {
		return []string{fmt.Sprintf("batch %d: %v", closed.Sequence, err)}
	}
	for i, s := range states {
		if s.Item == nil {
			if s.Gone == nil {
				wrong = append(wrong, fmt.Sprintf("batch %d: item %s is lost", closed.Sequence, closed.IDs[i]))
			}
			continue
		}
		now := batch.Sums{}
		if err := b.sumItem(now, *s.Item); err != nil {
			wrong = append(wrong, fmt.Sprintf("batch %d: item %s: %v", closed.Sequence, closed.IDs[i], err))
			continue
		}
		for path, hash := range now {
			if sums[path] != hash {
				wrong = append(wrong, fmt.Sprintf("batch %d: %s is not what it was", closed.Sequence, path))
			}
		}
	}
	return wrong
}
