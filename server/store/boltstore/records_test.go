package boltstore

import (
	"bytes"
	"testing"

	"saksi/server/store"
)

// FuzzRecords: a record that is read, written again, is the same bytes.
func FuzzRecords(f *testing.F) {
	f.Add(encode(newItemRecord(store.Item{Size: 1}, 2)))
	f.Add(encode(goneRecord{Reason: 1, Week: weekRecord{2026, 47}}))
	f.Add(storedReply{head: replyHead{Batch: 2}, reviewer: "r1"}.entry())
	f.Add(packSlots([][]byte{[]byte("one"), []byte("two")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var i itemRecord
		if decode(b, &i) == nil && !bytes.Equal(encode(i), b) {
			t.Error("an item's record does not come back")
		}
		var g goneRecord
		if decode(b, &g) == nil && !bytes.Equal(encode(g), b) {
			t.Error("a tombstone does not come back")
		}
		if r, err := parseReply(make([]byte, 40), b); err == nil && !bytes.Equal(r.entry(), b) {
			t.Error("a reply does not come back")
		}
		if slots, err := unpackSlots(b); err == nil && len(slots) > 0 && !bytes.Equal(packSlots(slots), b) {
			t.Error("slots do not come back")
		}
	})
}
