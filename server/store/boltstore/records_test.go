package boltstore

import (
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/server/store"
)

// FuzzRecords: a record that is read, written again, is the same bytes.
func FuzzRecords(f *testing.F) {
	f.Add(encode(newItemRecord(store.Item{Size: 1}, 2)))
	f.Add(encode(goneRecord{Reason: 1, Week: weekRecord{2026, 47}}))
	f.Add(storedReply{head: replyHead{Batch: 2}, reviewer: "r1"}.entry())
	f.Add(packSlots([][]byte{[]byte("one"), []byte("two")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xff, 0xff, 0, 0, 0, 0})
	// A slot of one byte takes 24 in the list of them, an id of 16 as many.
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzztest.Canonical(t, bound, b, decodeAs[itemRecord], encodeAs[itemRecord], errRecord)
		fuzztest.Canonical(t, bound, b, decodeAs[goneRecord], encodeAs[goneRecord], errRecord)
		fuzztest.Canonical(t, bound, b, unpackSlots, packSlots, errRecord)
		fuzztest.Canonical(t, bound, b, splitIDs, joinIDs, errRecord)
		parse := func(b []byte) (storedReply, error) { return parseReply(make([]byte, 40), b) }
		fuzztest.Canonical(t, bound, b, parse, storedReply.entry, errRecord)
	})
}

func decodeAs[T any](b []byte) (record T, err error) {
	err = decode(b, &record)
	return record, err
}

func encodeAs[T any](record T) []byte { return encode(record) }

func joinIDs(ids []receipt.ItemID) (b []byte) {
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}
