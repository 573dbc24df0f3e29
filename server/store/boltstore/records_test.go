package boltstore

import (
	"bytes"
	"testing"

	"saksi/server/store"
)

// FuzzRecords: a record that is read, written again, is the same bytes.
func FuzzRecords(f *testing.F) {
	f.Add(encode(newItemRecord(store.Item{Size: 1}, 2)))
	f.Add(encode(goneRecord{Reason: 1, Week: 47, Year: 2026}))
	f.Add(append(encode(replyHead{NameLn: 2}), "r1sealed"...))
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
		if r, err := parseReply(nil, b); err == nil {
			again := append(append(encode(r.head), r.reviewer...), r.sealed...)
			if !bytes.Equal(again, b) {
				t.Error("a reply does not come back")
			}
		}
		if slots, err := unpackSlots(b); err == nil && len(slots) > 0 && !bytes.Equal(packSlots(slots), b) {
			t.Error("slots do not come back")
		}
	})
}
