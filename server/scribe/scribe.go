// Package scribe writes and reads on behalf of a reporter whose browser runs
// no script: it holds the code and the plaintext in memory for the one request
// that brought them, seals or opens, and keeps no reference. It cannot wipe them:
// the bytes stay in the process until the memory is used again.
//
// It is the only part of the server that seals and opens. What it seals passes
// through package reporter: forms, drafts that come back, and pictures while package
// evidence strips them. No other part sees plaintext. It does what a browser with
// script would do by itself, through the same rules of package inbox, so that what
// it keeps cannot be told apart from what a browser sealed. It opens no file and
// logs nothing.
package scribe

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/server/inbox"
	"saksi/server/store"
)

// A Scribe works on one inbox.
type Scribe struct{ Inbox *inbox.Inbox }

// Send seals the n-th item of a code and hands it in. It returns the errors of
// [item.Seal] and [inbox.Inbox.Accept]. When it returns nil, an item with this
// number is on disk. Each press of a button seals anew, so no item that was there can
// be told from the same one sealed before: it is always [inbox.Again].
func (s *Scribe) Send(code receipt.Code, n int, c item.Content) (inbox.Outcome, error) {
	circle, err := s.Inbox.Circle()
	if err != nil {
		return 0, err
	}
	sealed, err := item.Seal(circle, code, n, c)
	if err != nil {
		return 0, err
	}
	outcome, err := s.Inbox.Accept(inbox.Parcel{
		ID: sealed.ID, Burn: sealed.Burn, Roster: sealed.Roster, Slots: sealed.Slots, Size: sealed.Size,
		Payload: func(w io.Writer) error {
			_, err := sealed.WriteTo(w)
			return err
		},
	})
	if outcome == inbox.Other {
		outcome = inbox.Again
	}
	return outcome, err
}

// CheckReaders returns nil for a choice of readers under which something could
// be sealed now, or [item.ErrNoReader] or [item.ErrFewReaders]; also nil when
// nothing can be sealed at all.
func (s *Scribe) CheckReaders(r item.Readers) error {
	circle, err := s.Inbox.Circle()
	if err != nil {
		return nil // sending says so
	}
	return r.Check(circle)
}

// Roster returns the hash of the roster that is in force.
func (s *Scribe) Roster() roster.Hash { return s.Inbox.Newest().Hash }

// Authors returns whoever may ever have answered; see [inbox.Inbox.Authors].
func (s *Scribe) Authors() []roster.Reviewer { return s.Inbox.Authors() }

// Quorum returns how many readers must join to open what is sealed now.
func (s *Scribe) Quorum() roster.Quorum { return s.Inbox.Newest().Quorum }

// States answers for all items that a code can have.
type States [receipt.MaxItems]parcel.State

// States asks the inbox.
func (s *Scribe) States(code receipt.Code) (States, error) {
	return s.Inbox.States(code.ItemIDs())
}

// Next returns the lowest number above all that were used, or -1 when there is
// none left.
func (s States) Next() int {
	for n := len(s) - 1; n >= 0; n-- {
		if s[n].Stand == parcel.Unused {
			continue
		}
		if n+1 == len(s) {
			return -1
		}
		return n + 1
	}
	return 0
}

// A Conversation is what a code opens.
type Conversation struct {
	States  States
	Replies []Reply // of one page, the newest of each reviewer first
	// Unchecked counts entries that open and that no reviewer signed.
	Unchecked int
}

// A Reply is an answer that a reviewer signed.
type Reply struct {
	*reply.Opened
	Gap    bool // an answer of this reviewer before this one is missing
	Repeat bool // another answer of this reviewer has the same number
}

// Read opens a page of a code's mailbox, and the states of its items. An
// unknown code has an empty conversation, and takes the same work.
func (s *Scribe) Read(code receipt.Code, page int) (*Conversation, error) {
	states, err := s.States(code)
	if err != nil {
		return nil, err
	}
	keys := code.Keys()
	c := &Conversation{States: states}
	if c.Replies, c.Unchecked, err = s.open(keys, page); err != nil {
		return nil, err
	}
	// The page behind it, for the chain alone: an answer that is held back would
	// not show at the edge of a page otherwise.
	older, _, err := s.open(keys, page+1)
	if err != nil {
		return nil, err
	}
	last, err := s.Inbox.Ends(keys.Token, keys.KeyHash(), page+1)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(c.Replies, older)
	markChain(all, last)
	c.Replies = all[:len(c.Replies)]
	return c, nil
}

// open opens the entries of a page that somebody signed, and counts those that
// nobody did. It does the same work for every page; see [decoy].
func (s *Scribe) open(keys receipt.Keys, page int) (replies []Reply, unchecked int, err error) {
	entries, err := s.Inbox.Mailbox(keys.Token, keys.KeyHash(), page)
	if err != nil {
		return nil, 0, err
	}
	for _, entry := range entries {
		opened, err := reply.Open(entry, keys, s.Inbox)
		if errors.Is(err, reply.ErrNotMine) {
			theDecoy().accept()
		} else {
			theDecoy().refuse(keys)
		}
		switch {
		case errors.Is(err, reply.ErrUnsigned):
			unchecked++
		case err == nil:
			replies = append(replies, Reply{Opened: opened})
		}
	}
	return replies, unchecked, nil
}

// markChain finds gaps and repeats in each reviewer's answers. Only on the last
// page is it known that nothing comes before the oldest.
func markChain(replies []Reply, last bool) {
	for i := range replies {
		r := &replies[i]
		var before *Reply
		for j := range replies {
			other := &replies[j]
			if other.Hash == r.Hash || other.Author.ID != r.Author.ID {
				continue // itself, or brought twice: the pages are read one after the other
			}
			if other.Number == r.Number {
				r.Repeat = true
			}
			if other.Number == r.Number-1 {
				before = other
			}
		}
		switch {
		case r.Number == 1:
		case before != nil:
			r.Gap = before.Hash != r.Previous
		default:
			r.Gap = last || !isOldest(replies, r)
		}
	}
}

// isOldest reports whether a reviewer has no lower number among the replies.
func isOldest(replies []Reply, r *Reply) bool {
	return !slices.ContainsFunc(replies, func(other Reply) bool {
		return other.Author.ID == r.Author.ID && other.Number < r.Number
	})
}

// Expect is [inbox.Inbox.Expect] for the n-th item of a code.
func (s *Scribe) Expect(code receipt.Code, n int) (done func()) {
	return s.Inbox.Expect(code.ItemID(n), code.Burn(n).Hash())
}

// Delete destroys the n-th item of a code.
func (s *Scribe) Delete(code receipt.Code, n int) error {
	err := s.Inbox.Burn(code.ItemID(n), code.Burn(n))
	if errors.Is(err, store.ErrUnknown) {
		return nil
	}
	return err
}

// DeleteAll destroys every item and every reply of a code. It goes on after an
// error, so that as much is destroyed as can be.
func (s *Scribe) DeleteAll(code receipt.Code) error {
	var errs []error
	for n := range receipt.MaxItems {
		if err := s.Delete(code, n); err != nil {
			errs = append(errs, fmt.Errorf("item %d: %w", n, err))
		}
	}
	keys := code.Keys()
	errs = append(errs, s.Inbox.Empty(keys.Token, keys.KeyHash()))
	return errors.Join(errs...)
}

// Readers returns who can read what is sealed now, and the fingerprint of the
// roots that say so.
func (s *Scribe) Readers() ([]roster.Reviewer, []string) {
	return s.Inbox.Newest().Reviewers, s.Inbox.Trusted.Fingerprint()
}
