package boltstore

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"saksi/crypto/canary"
	"saksi/server/store"
)

// canaryPrefix begins the keys of canaries among the meta data: a bucket of their
// own would be missing in folders from before. The month and the reviewer follow,
// with a slash between them.
const canaryPrefix = "canary/"

// canaryHead begins a canary's entry, 44 bytes; the sealed file follows.
type canaryHead struct {
	Batch    uint64
	Week     weekRecord
	Answered uint8
	Answer   [32]byte
}

const canaryHeadSize = 44

func canaryKey(c store.Canary) []byte {
	return []byte(canaryPrefix + string(c.Month) + "/" + c.Reviewer)
}

func canaryEntry(c store.Canary) []byte {
	head := canaryHead{Batch: c.Batch, Week: newWeek(c.Week), Answer: c.Answer}
	if c.Answered {
		head.Answered = 1
	}
	return append(encode(head), c.Sealed...)
}

func parseCanary(key, value []byte) (c store.Canary, err error) {
	name, ours := strings.CutPrefix(string(key), canaryPrefix)
	month, reviewer, both := strings.Cut(name, "/")
	if c.Month, err = canary.ParseMonth(month); err != nil || !ours || !both {
		return c, errRecord
	}
	var head canaryHead
	if _, err := binary.Decode(value, binary.BigEndian, &head); err != nil || head.Answered > 1 {
		return c, errRecord
	}
	c.Reviewer, c.Batch, c.Week = reviewer, head.Batch, head.Week.week()
	c.Answer, c.Answered = head.Answer, head.Answered != 0
	if rest := value[canaryHeadSize:]; len(rest) > 0 {
		c.Sealed = slices.Clone(rest)
	}
	return c, nil
}

// KeepCanaries implements [store.Store].
func (s *Store) KeepCanaries(canaries ...store.Canary) error {
	return s.update("keeping canaries", func(tx *bbolt.Tx) error {
		for _, c := range canaries {
			if err := tx.Bucket(bucketMeta).Put(canaryKey(c), canaryEntry(c)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Canaries implements [store.Store].
func (s *Store) Canaries() ([]store.Canary, error) {
	canaries, _, err := s.canaries()
	return canaries, err
}

// canaries returns them, and the keys of those whose record is damaged: they count as none,
// for a batch that carries evidence closes all the same, and has others in their place.
func (s *Store) canaries() (canaries []store.Canary, damaged [][]byte, err error) {
	err = s.view("reading canaries", func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bucketMeta).Cursor()
		for k, v := cursor.Seek([]byte(canaryPrefix)); bytes.HasPrefix(k, []byte(canaryPrefix)); k, v = cursor.Next() {
			if c, err := parseCanary(k, v); err == nil {
				canaries = append(canaries, c)
			} else {
				damaged = append(damaged, slices.Clone(k))
			}
		}
		return nil
	})
	return canaries, damaged, err
}

// ForgetCanaries implements [store.Store].
func (s *Store) ForgetCanaries(before canary.Month) error {
	canaries, forget, err := s.canaries()
	if err != nil {
		return err
	}
	for _, c := range canaries {
		if c.Month < before {
			forget = append(forget, canaryKey(c))
		}
	}
	if len(forget) == 0 {
		return nil
	}
	return s.update("forgetting canaries", func(tx *bbolt.Tx) error {
		for _, key := range forget {
			if err := tx.Bucket(bucketMeta).Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}
