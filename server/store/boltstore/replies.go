package boltstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// A reply's key is M and a count: 40 bytes. Its ciphertext, sealed once more
// under the name M || hash, is apart from its head, so that all heads can be
// read without it.

// AddReply implements [store.Store].
func (s *Store) AddReply(r store.Reply) error {
	const doing = "adding reply"
	hash := sha256.Sum256(r.Sealed)
	// In another mailbox the same ciphertext is another entry: else whoever has a copy
	// of a colleague's answer could bring it there first, and it would be known here.
	seen := sha256.Sum256(replyName(r.Mailbox, hash))
	err := s.look(doing, func(tx *bbolt.Tx) error { return checkUnseen(tx, seen) })
	if err != nil {
		return err
	}
	v, err := s.sealValue(r.Sealed, replyName(r.Mailbox, hash), answerSectors)
	if err == nil {
		err = v.settled()
	}
	if err != nil {
		return fail(doing, err)
	}
	head := replyHead{Hash: hash, Sector: v.sector, Batch: r.Batch, Week: newWeek(r.Week)}
	add := func(tx *bbolt.Tx) error {
		if err := checkUnseen(tx, seen); err != nil {
			return err
		}
		key := slices.Concat(r.Mailbox[:], sequenceKey(nextReply(tx, r.Mailbox)))
		return errors.Join(
			tx.Bucket(bucketSeen).Put(seen[:], []byte{}),
			tx.Bucket(bucketReplies).Put(key, storedReply{head: head, reviewer: r.Reviewer}.entry()),
			tx.Bucket(bucketAnswers).Put(key, v.bytes),
		)
	}
	err = s.boxes.about([]receipt.Mailbox{r.Mailbox}, func() error { return s.update(doing, add) })
	if err != nil {
		s.abandon(v)
	}
	return err
}

func checkUnseen(tx *bbolt.Tx, seen [32]byte) error {
	if tx.Bucket(bucketSeen).Get(seen[:]) != nil {
		return store.ErrKnown
	}
	return nil
}

func replyName(m receipt.Mailbox, hash [32]byte) []byte { return slices.Concat(m[:], hash[:]) }

// nextReply returns the count that a mailbox's next entry has.
func nextReply(tx *bbolt.Tx, m receipt.Mailbox) uint64 {
	k, _ := lastReply(tx.Bucket(bucketReplies).Cursor(), m)
	if k == nil {
		return 1
	}
	return binary.BigEndian.Uint64(k[len(m):]) + 1
}

// lastReply moves the cursor to a mailbox's newest entry.
func lastReply(c *bbolt.Cursor, m receipt.Mailbox) (k, v []byte) {
	end := slices.Concat(m[:], bytes.Repeat([]byte{0xff}, 8))
	if after, _ := c.Seek(end); after == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	return ofMailbox(k, v, m)
}

// ofMailbox returns the entry if it belongs to m.
func ofMailbox(k, v []byte, m receipt.Mailbox) ([]byte, []byte) {
	if !bytes.HasPrefix(k, m[:]) || len(k) != len(m)+8 {
		return nil, nil
	}
	return k, v
}

// storedReply is an entry as it is kept.
type storedReply struct {
	key      []byte
	head     replyHead
	reviewer string
	sealed   []byte // nil unless asked for
}

func (r storedReply) entry() []byte { return append(encode(r.head), r.reviewer...) }

func (r storedReply) mailbox() receipt.Mailbox {
	return receipt.Mailbox(r.key[:len(receipt.Mailbox{})])
}

func parseReply(k, v []byte) (r storedReply, err error) {
	if len(k) != len(receipt.Mailbox{})+8 || len(v) < replyHeadSize {
		return r, errRecord
	}
	r.key, r.reviewer = slices.Clone(k), string(v[replyHeadSize:])
	return r, decode(v[:replyHeadSize], &r.head)
}

// Replies implements [store.Store].
func (s *Store) Replies(m receipt.Mailbox, pick func([]store.ReplyHead) []int) ([]store.Reply, error) {
	const doing = "reading replies"
	stored, snapshot, err := s.pick(m, pick)
	if err == nil {
		err = s.boxes.believe(doing, snapshot, m)
	}
	if err != nil {
		return nil, err
	}
	var replies []store.Reply
	for _, r := range stored {
		plain, err := s.openReply(r)
		if errors.Is(err, errDestroyed) {
			continue // its deletion began meanwhile, or it is damaged: Check tells
		}
		if err != nil {
			return nil, fail(doing, err)
		}
		replies = append(replies, store.Reply{
			Mailbox: m, Sealed: plain, Reviewer: r.reviewer, Batch: r.head.Batch, Week: r.head.Week.week(),
		})
	}
	return replies, nil
}

func (s *Store) openReply(r storedReply) ([]byte, error) {
	return s.openValue(r.head.Sector, r.sealed, replyName(r.mailbox(), r.head.Hash))
}

// pick returns the entries of a mailbox that are chosen, with their ciphertext, as can be
// seen in a snapshot, and in which.
func (s *Store) pick(
	m receipt.Mailbox, choose func([]store.ReplyHead) []int,
) (picked []storedReply, snapshot int64, err error) {
	err = s.view("reading replies", func(tx *bbolt.Tx) error {
		snapshot = int64(tx.ID())
		stored, err := mailbox(tx, m)
		if err != nil {
			return err
		}
		stored = slices.DeleteFunc(stored, func(r storedReply) bool { return r.head.Dying != 0 })
		heads := make([]store.ReplyHead, len(stored))
		for i, r := range stored {
			heads[i] = store.ReplyHead{Hash: r.head.Hash, Reviewer: r.reviewer, Batch: r.head.Batch}
		}
		for _, i := range choose(heads) {
			r := stored[i]
			r.sealed = slices.Clone(tx.Bucket(bucketAnswers).Get(r.key))
			picked = append(picked, r)
		}
		return nil
	})
	return picked, snapshot, err
}

// mailbox returns a mailbox's entries without their ciphertext, the newest
// first.
func mailbox(tx *bbolt.Tx, m receipt.Mailbox) (found []storedReply, err error) {
	c := tx.Bucket(bucketReplies).Cursor()
	for k, v := lastReply(c, m); k != nil; {
		r, err := parseReply(k, v)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
		k, v = c.Prev()
		k, v = ofMailbox(k, v, m)
	}
	return found, nil
}

// heads returns all replies that pick chooses, without their ciphertext.
func (s *Store) heads(pick func(storedReply) bool) ([]storedReply, error) {
	found, _, damaged, err := s.someHeads(nil, math.MaxInt, pick)
	return found, errors.Join(err, unreadable(damaged, "replies"))
}

// someHeads is heads from a key on, for so many at most, and returns the key of the next,
// nil if there is none, and how many on the way are damaged.
func (s *Store) someHeads(
	from []byte, most int, pick func(storedReply) bool,
) (found []storedReply, next []byte, damaged int, err error) {
	err = s.view("listing replies", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketReplies).Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			r, err := parseReply(k, v)
			if err != nil {
				damaged++
				continue
			}
			if !pick(r) {
				continue
			}
			if len(found) == most {
				next = r.key
				return nil
			}
			found = append(found, r)
		}
		return nil
	})
	return found, next, damaged, err
}

// DeleteReplies implements [store.Store].
func (s *Store) DeleteReplies(m receipt.Mailbox) error {
	const doing = "deleting replies"
	s.deleting.Lock()
	defer s.deleting.Unlock()
	var stored []storedReply
	var snapshot int64
	err := s.view(doing, func(tx *bbolt.Tx) (err error) {
		snapshot = int64(tx.ID())
		stored, err = mailbox(tx, m)
		return err
	})
	if err == nil && len(stored) == 0 { // as far as can be seen
		err = s.boxes.believe(doing, snapshot, m)
	}
	if err != nil {
		return err
	}
	return s.boxes.about([]receipt.Mailbox{m}, func() error {
		return s.withBallast(func() error { return s.deleteReplies(doing, stored) })
	})
}

// repliesTogether is how many replies one step of a sweep deletes.
const repliesTogether = 256

// ExpireReplies implements [store.Store].
func (s *Store) ExpireReplies(last week.Week) (expired int, err error) {
	damaged := 0
	for next := []byte{}; next != nil && err == nil; {
		var n, bad int
		n, next, bad, err = s.expireSome(last, next)
		expired, damaged = expired+n, damaged+bad
	}
	return expired, errors.Join(err, unreadable(damaged, "replies"))
}

// expireSome is a step of it, that begins at a key, and returns where the next one does, and
// how many on its way are damaged.
func (s *Store) expireSome(last week.Week, from []byte) (n int, next []byte, damaged int, err error) {
	s.deleting.Lock()
	defer s.deleting.Unlock()
	old := func(r storedReply) bool { return !last.Before(r.head.Week.week()) }
	stored, next, damaged, err := s.someHeads(from, repliesTogether, old)
	if err != nil {
		return 0, nil, damaged, err
	}
	boxes := make([]receipt.Mailbox, len(stored))
	for i, r := range stored {
		boxes[i] = r.mailbox()
	}
	err = s.boxes.about(boxes, func() error {
		return s.withBallast(func() error { return s.deleteReplies("expiring replies", stored) })
	})
	if err != nil {
		return 0, nil, damaged, err
	}
	return len(stored), next, damaged, nil
}

// deleteReplies marks, destroys, removes: a crash in between leaves a mark that
// the next Open goes on from. The caller holds the lock of deletions, or nobody
// else has the store yet.
func (s *Store) deleteReplies(doing string, stored []storedReply) error {
	if len(stored) == 0 {
		return nil
	}
	if err := s.markReplies(doing, stored); err != nil {
		return err
	}
	var numbers []uint32
	for _, r := range stored {
		numbers = append(numbers, r.head.Sector)
	}
	err := s.sectors.destroy(numbers...)
	s.blur("keys.slots")
	if err != nil {
		return fail(doing, err)
	}
	err = s.update(doing, func(tx *bbolt.Tx) error {
		for _, r := range stored {
			err := errors.Join(tx.Bucket(bucketReplies).Delete(r.key), tx.Bucket(bucketAnswers).Delete(r.key))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.sectors.release(numbers...)
	return nil
}

func (s *Store) markReplies(doing string, stored []storedReply) error {
	return s.update(doing, func(tx *bbolt.Tx) error {
		for _, r := range stored {
			r.head.Dying = 1
			if err := tx.Bucket(bucketReplies).Put(r.key, r.entry()); err != nil {
				return err
			}
		}
		return nil
	})
}
