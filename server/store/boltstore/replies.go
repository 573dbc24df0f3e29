package boltstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// A reply's key is M and a count: 40 bytes. Its entry is replyHead, the
// reviewer's id, and the ciphertext sealed once more under the name M || hash.

// AddReply implements [store.Store].
func (s *Store) AddReply(r store.Reply) error {
	const doing = "adding reply"
	if len(r.Reviewer) > 255 {
		return errors.New(doing + ": reviewer's id too long")
	}
	hash := sha256.Sum256(r.Sealed)
	err := s.view(doing, func(tx *bbolt.Tx) error { return checkUnseen(tx, hash) })
	if err != nil {
		return err
	}
	sector, sealed, err := s.sealValue(r.Sealed, replyName(r.Mailbox, hash))
	if err != nil {
		return fail(doing, err)
	}
	head := replyHead{Hash: hash, Sector: sector, Batch: r.Batch, NameLn: uint8(len(r.Reviewer))}
	entry := slices.Concat(encode(head), []byte(r.Reviewer), sealed)
	err = s.batch(doing, func(tx *bbolt.Tx) error {
		if err := checkUnseen(tx, hash); err != nil {
			return err
		}
		key := slices.Concat(r.Mailbox[:], sequenceKey(nextReply(tx, r.Mailbox)))
		return errors.Join(tx.Bucket(bucketSeen).Put(hash[:], []byte{}), tx.Bucket(bucketReplies).Put(key, entry))
	})
	if err != nil {
		s.abandon(sector)
	}
	return err
}

func checkUnseen(tx *bbolt.Tx, hash [32]byte) error {
	if tx.Bucket(bucketSeen).Get(hash[:]) != nil {
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

// storedReply is an entry taken apart; its ciphertext is still sealed.
type storedReply struct {
	key      []byte
	head     replyHead
	reviewer string
	sealed   []byte
}

func parseReply(k, v []byte) (r storedReply, err error) {
	const headSize = 45
	if len(v) < headSize {
		return r, errRecord
	}
	if err := decode(v[:headSize], &r.head); err != nil {
		return r, err
	}
	rest := v[headSize:]
	if len(rest) < int(r.head.NameLn) {
		return r, errRecord
	}
	r.key = slices.Clone(k)
	r.reviewer = string(rest[:r.head.NameLn])
	r.sealed = slices.Clone(rest[r.head.NameLn:])
	return r, nil
}

// Replies implements [store.Store].
func (s *Store) Replies(m receipt.Mailbox, skip, limit int) ([]store.Reply, error) {
	stored, err := s.mailbox(m, skip, limit)
	if err != nil {
		return nil, err
	}
	var replies []store.Reply
	for _, r := range stored {
		plain, err := s.openValue(r.head.Sector, r.sealed, replyName(m, r.head.Hash))
		if errors.Is(err, errDestroyed) {
			continue // a deletion is under way
		}
		if err != nil {
			return nil, fail("reading replies", err)
		}
		replies = append(replies, store.Reply{Mailbox: m, Sealed: plain, Reviewer: r.reviewer, Batch: r.head.Batch})
	}
	return replies, nil
}

// mailbox returns a mailbox's entries, the newest first.
func (s *Store) mailbox(m receipt.Mailbox, skip, limit int) ([]storedReply, error) {
	var found []storedReply
	err := s.view("reading replies", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketReplies).Cursor()
		for k, v := lastReply(c, m); k != nil && len(found) < limit; skip-- {
			if skip <= 0 {
				r, err := parseReply(k, v)
				if err != nil {
					return err
				}
				found = append(found, r)
			}
			k, v = c.Prev()
			k, v = ofMailbox(k, v, m)
		}
		return nil
	})
	return found, err
}

// DeleteReplies implements [store.Store].
func (s *Store) DeleteReplies(m receipt.Mailbox) error {
	const doing, all = "deleting replies", 1 << 30
	s.deleting.Lock()
	defer s.deleting.Unlock()
	stored, err := s.mailbox(m, 0, all)
	if err != nil {
		return err
	}
	return s.deleteReplies(doing, stored)
}

func (s *Store) deleteReplies(doing string, stored []storedReply) error {
	var numbers []uint32
	for _, r := range stored {
		numbers = append(numbers, r.head.Sector)
	}
	if len(numbers) == 0 {
		return nil
	}
	if err := s.sectors.destroy(numbers...); err != nil {
		return fail(doing, err)
	}
	s.blur("keys.slots")
	err := s.update(doing, func(tx *bbolt.Tx) error {
		for _, r := range stored {
			if err := tx.Bucket(bucketReplies).Delete(r.key); err != nil {
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
