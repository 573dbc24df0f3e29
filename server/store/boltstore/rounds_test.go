//go:build !race

package boltstore_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// The steps of a round are what a server does beside taking things in. One goroutine
// does them, as numbers of batches follow each other. The key of round n has n as its
// second byte, and is also the id of the only item in batch n.
const (
	addRoster    = 'O'
	keepCanaries = 'K'
	closeBatch   = 'B'
	readBatch    = 'V' // by another goroutine, while it is closed
	answerCanary = 'W'
	acknowledge  = 'A'
	retire       = 'T'
	forgetCanary = 'X' // of the round before
	schedule     = 'L'
)

// rounds does so many rounds, until a step is refused.
func rounds(s store.Store, j *journal, n int) {
	for n := range byte(n) {
		k := key{2, n + 1}
		for _, kind := range []byte{addRoster, createText, keepCanaries} {
			if !j.tell(s, kind, k) {
				return
			}
		}
		if !closeAndRead(s, j, k) {
			return
		}
		for _, kind := range []byte{answerCanary, acknowledge, retire, schedule} {
			if !j.tell(s, kind, k) {
				return
			}
		}
		if n > 0 {
			j.tell(s, forgetCanary, key{2, n})
		}
	}
}

// closeAndRead closes a batch, and has it read as soon as it can be seen: as a desk
// does that asks in this moment. What was read has left the server.
func closeAndRead(s store.Store, j *journal, k key) (closed bool) {
	end, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(read)
		for ended := false; ; {
			if b, err := s.Batch(0); err == nil && b.Sequence == k.number() {
				j.note("k %c %x", readBatch, k)
				return
			}
			if ended {
				return
			}
			select {
			case <-end:
				ended = true
			default:
			}
		}
	}()
	closed = j.tell(s, closeBatch, k)
	close(end)
	<-read
	return closed
}

func (k key) number() uint64 { return uint64(k[1]) }

func (k key) batch() store.Batch {
	return store.Batch{
		Sequence: k.number(), Note: k.bytes("note", 400), Sums: k.bytes("sums", 5000),
		IDs: []receipt.ItemID{receipt.ItemID(k)},
	}
}

func (k key) roster() (note []byte, file roster.Hash, text string) {
	text = string(k.bytes("recipients", 6000))
	return k.bytes("roster", 3000), sha256.Sum256([]byte(text)), text
}

// canaries are those of two reviewers, of which the first may have answered.
func (k key) canaries(answered bool) (all [2]store.Canary) {
	for n := range all {
		reviewer := fmt.Sprintf("r%d", n+1)
		all[n] = store.Canary{
			Month: k.month(), Reviewer: reviewer, Batch: k.number(), Week: week.Of(monday),
			Sealed: k.bytes(reviewer, 2000), Answer: [32]byte(k.bytes("answer", 32)),
		}
	}
	if answered {
		all[0].Answered, all[0].Sealed = true, nil
	}
	return all
}

func (k key) month() canary.Month { return canary.Month(fmt.Sprintf("2026-%02d", k.number())) }

// doRound does a step of a round.
func doRound(s store.Store, kind byte, k key) error {
	switch kind {
	case addRoster:
		note, file, text := k.roster()
		return s.AddRoster(k.number(), note, map[roster.Hash]string{file: text})
	case keepCanaries:
		all := k.canaries(false)
		return s.KeepCanaries(all[:]...)
	case closeBatch:
		return s.CloseBatch(k.batch(), 2*int64(k.number()))
	case answerCanary:
		return s.KeepCanaries(k.canaries(true)[0])
	case acknowledge:
		return s.Acknowledge("r1", k.number())
	case retire:
		return s.Retire(k.number(), week.Of(monday))
	case schedule:
		return s.Schedule(2*int64(k.number()) + 1)
	case forgetCanary:
		return s.ForgetCanaries(key{2, k[1] + 1}.month())
	default:
		return fmt.Errorf("no step %q", kind)
	}
}

// verifyRound returns what is wrong about a round. Of numbers that only grow, a later
// one is as good.
func verifyRound(s store.Store, k key, r record) string {
	return cmp.Or(verifyRoster(s, k, r), verifyBatch(s, k, r), verifyNumbers(s, k, r), verifyCanaries(s, k, r))
}

func verifyRoster(s store.Store, k key, r record) string {
	note, file, text := k.roster()
	notes, files, err := s.Rosters()
	found := slices.ContainsFunc(notes, func(n []byte) bool { return bytes.Equal(n, note) })
	switch {
	case err != nil:
		return err.Error()
	case r.done[addRoster] && !found:
		return "the roster was accepted, and is lost: items are sealed under an unknown one"
	case found && files[file] != text:
		return "the roster is there without its recipients"
	}
	return ""
}

func verifyBatch(s store.Store, k key, r record) string {
	want := k.batch()
	b, err := s.Batch(k.number())
	switch {
	case errors.Is(err, store.ErrUnknown) && (r.done[closeBatch] || r.done[readBatch]):
		return "the batch has left the server, and is lost: another one gets its number"
	case errors.Is(err, store.ErrUnknown):
		return ""
	case err != nil:
		return err.Error()
	case !bytes.Equal(b.Note, want.Note):
		return "the batch has another note"
	case b.Sums == nil && (!r.begun[retire] || b.IDs != nil):
		return "nobody retired the batch, and its list is lost"
	case b.Sums != nil && r.done[retire]:
		return "the batch was retired, and its list is there"
	case b.Sums != nil && (!bytes.Equal(b.Sums, want.Sums) || !slices.Equal(b.IDs, want.IDs)):
		return "the batch has another list"
	}
	states, err := s.States(want.IDs)
	if err != nil || states[0].Item == nil {
		return fmt.Sprintf("the batch's item is lost: %v", err)
	}
	in, spread := k.number(), week.Week{}
	if b.Sums == nil {
		in, spread = store.Retired, week.Of(monday)
	}
	if i := states[0].Item; i.Batch != in || i.Spread != spread {
		return fmt.Sprintf("its item is in batch %d, spread in %v", i.Batch, i.Spread)
	}
	return ""
}

func verifyNumbers(s store.Store, k key, r record) string {
	acks, err := s.Acknowledged()
	slot, slotErr := s.LastSlot()
	switch n := k.number(); {
	case err != nil || slotErr != nil:
		return errors.Join(err, slotErr).Error()
	case r.done[acknowledge] && acks["r1"] < n:
		return "a desk's confirmation was taken, and is lost"
	case !r.begun[acknowledge] && acks["r1"] >= n:
		return "nobody confirmed the batch, and it is confirmed"
	case r.done[closeBatch] && slot < 2*int64(n), r.done[schedule] && slot <= 2*int64(n):
		return fmt.Sprintf("the schedule is at %d again", slot)
	}
	return ""
}

func verifyCanaries(s store.Store, k key, r record) string {
	all, err := s.Canaries()
	if err != nil {
		return err.Error()
	}
	all = slices.DeleteFunc(all, func(c store.Canary) bool { return c.Month != k.month() })
	answered := len(all) > 0 && all[0].Answered
	want := k.canaries(answered)
	switch {
	case len(all) == 0 && r.done[keepCanaries] && !r.begun[forgetCanary]:
		return "its canaries were kept, and are lost"
	case len(all) == 0:
		return ""
	case r.done[forgetCanary]:
		return "its canaries were forgotten, and are there"
	case !slices.EqualFunc(all, want[:], equalCanaries):
		return "it has other canaries"
	case r.done[answerCanary] && !answered:
		return "a canary was answered, and is not"
	case answered && !r.begun[answerCanary]:
		return "nobody answered a canary, and it is answered"
	}
	return ""
}

func equalCanaries(a, b store.Canary) bool {
	sealed := bytes.Equal(a.Sealed, b.Sealed)
	a.Sealed, b.Sealed = nil, nil
	return sealed && fmt.Sprint(a) == fmt.Sprint(b)
}
