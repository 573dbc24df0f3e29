package boltstore

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/crypto/week"
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
		fuzztest.Canonical(t, bound, b, parseItem, encodeAs[itemRecord], errRecord, store.ErrFormat)
		fuzztest.Canonical(t, bound, b, decodeAs[goneRecord], encodeAs[goneRecord], errRecord)
		fuzztest.Canonical(t, bound, b, unpackSlots, packSlots, errRecord)
		fuzztest.Canonical(t, bound, b, splitIDs, joinIDs, errRecord)
		fuzztest.Canonical(t, bound, b, parseSequence, sequenceKey, errRecord)
		parse := func(b []byte) (storedReply, error) { return parseReply(make([]byte, 40), b) }
		fuzztest.Canonical(t, bound, b, parse, storedReply.entry, errRecord)
	})
}

// FuzzCanary: a canary's entry that is read, written again, is the same key and value.
func FuzzCanary(f *testing.F) {
	for _, c := range []store.Canary{
		{Month: "2026-11", Reviewer: "r1", Batch: 3, Week: week.Of(noon), Sealed: []byte("sealed"), Answer: [32]byte{1}},
		{Month: "0001-01", Reviewer: "", Answered: true},
		{Month: "2026-12", Reviewer: "a/b", Answered: true, Sealed: []byte{0}},
	} {
		f.Add(string(canaryKey(c)), canaryEntry(c))
	}
	f.Add("2026-11/r1", make([]byte, canaryHeadSize))
	f.Add("canary/canary/2026-11/r1", make([]byte, canaryHeadSize))
	f.Add("canary/2026-11", make([]byte, canaryHeadSize))
	f.Add("canary/2026-11/r1", append(make([]byte, 11), bytes.Repeat([]byte{2}, 33)...))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		// The sealed file is copied once, the names of the key a few times.
		bound := fuzztest.Bound{Base: 1 << 10, PerByte: 6}
		var c store.Canary
		var err error
		bound.Check(t, len(key)+len(value), func() { c, err = parseCanary([]byte(key), value) })
		if err != nil {
			fuzztest.Refused(t, err, errRecord)
			return
		}
		if got := canaryKey(c); string(got) != key {
			t.Errorf("key %q is written %q again", key, got)
		}
		if got := canaryEntry(c); !bytes.Equal(got, value) {
			t.Errorf("value %x is written %x again", value, got)
		}
	})
}

// FuzzStageName: a name of a staged payload that is read, written again, is the same;
// any that is written is read; and none names a place outside of its folder.
func FuzzStageName(f *testing.F) {
	u := store.Upload{ID: store.UploadID{0xab, 15: 1}, Size: sizes()[1], Offset: 1}
	f.Add(stageName(u), u.Size, u.Offset)
	for _, name := range []string{
		"x.300000.1.staged", ".300000.1.staged", u.ID.String() + ".300000.+1.staged",
		u.ID.String() + ".0300000.1.staged",
		u.ID.String() + ".300000.1.staged.part", u.ID.String() + ".300000.300001.staged", u.ID.String() + ".100.0.staged",
		u.ID.String() + ".300000.-1.staged", strings.ToUpper(stageName(u)), u.ID.String() + "/../x.300000.1.staged",
		u.ID.String() + ".9223372036854775808.1.staged", u.ID.String() + ".300000. 1.staged",
		u.ID.String() + ".300_000.1.staged",
	} {
		f.Add(name, int64(0), int64(-1))
	}
	for _, at := range [][2]int64{
		{math.MaxInt64, math.MaxInt64}, {inlineMax(), 0}, {inlineMax() + 1, 0},
		{300_000, 300_000}, {300_000, 300_001}, {300_000, -1},
	} {
		f.Add("", at[0], at[1])
	}
	f.Fuzz(func(t *testing.T, name string, size, offset int64) {
		bound := fuzztest.Bound{Base: 2 << 10, PerByte: 16}
		var got store.Upload
		var ok bool
		bound.Check(t, len(name), func() { got, ok = parseStage(name) })
		if ok && (stageName(got) != name || filepath.Base(name) != name || got.Offset > got.Size) {
			t.Errorf("%q is read as %+v", name, got)
		}
		want := store.Upload{ID: u.ID, Size: size, Offset: offset}
		fits := size > inlineMax() && offset >= 0 && offset <= size
		if got, ok := parseStage(stageName(want)); ok != fits || fits && got != want {
			t.Errorf("%+v is written and read as %+v, %v", want, got, ok)
		}
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
