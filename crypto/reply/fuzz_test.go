package reply

import (
	"encoding/binary"
	"reflect"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// FuzzDecode: a reply that was read is within the limits, and written again it
// is read as the same.
func FuzzDecode(f *testing.F) {
	for _, r := range []Reply{
		{Number: 1, Prev: roster.Hash{}.String(), Status: Received, Text: "isi"},
		{Number: 2, Prev: roster.Hash{1}.String(), Status: Taken, Items: []int{0, 3}},
	} {
		r.Format, r.Reviewer, r.Roster = label, "r1", 1
		body := marshal(r)
		f.Add(uint16(len(body)), body)
	}
	f.Add(uint16(PlainSize), []byte("{}"))
	// JSON of objects in objects takes most: see strictjson.
	bound := fuzztest.Bound{Base: 16 << 10, PerByte: 192}
	f.Fuzz(func(t *testing.T, size uint16, body []byte) {
		plain := framed(size, body)
		var r *Reply
		var err error
		bound.Check(t, len(body), func() { r, _, err = decode(plain) })
		if err != nil {
			fuzztest.Refused(t, err)
			return
		}
		if err := r.check(); err != nil {
			t.Errorf("an invalid reply was taken: %v", err)
		}
		body = marshal(*r)
		again, _, err := decode(framed(uint16(len(body)), body))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("a reply does not come back: %v", err)
		}
	})
}

// FuzzSeal: whatever a reviewer writes, the reporter reads it as it was
// written, or the reviewer is told that it cannot be sent.
func FuzzSeal(f *testing.F) {
	p := partytest.New(f, day, 1)
	keys := receipt.New().Keys()
	thread := Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}
	f.Add("Terima kasih.\nKami teruskan.", "Bawaslu", uint8(5))
	f.Add("\ufffd", "\ufffd", uint8(0))
	f.Add("\u2028<>&\"\\\t\r", "\xff", uint8(9))
	f.Fuzz(func(t *testing.T, text, forwarded string, status uint8) {
		r := Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: "odd", Text: text, Forwarded: forwarded}
		if int(status) < len(Statuses()) {
			r.Status = Statuses()[status]
		}
		sealed, _, err := Seal(r, thread, p.Reviewers[0].Signer)
		if err != nil {
			fuzztest.Refused(t, err, ErrTooLong, ErrInvalid)
			return
		}
		got, err := Open(sealed, keys, partytest.Rosters{p.Roster})
		if err != nil {
			t.Fatalf("what was sealed does not open: %v", err)
		}
		if got.Text != text || got.Forwarded != forwarded || got.Status != r.Status {
			t.Errorf("%+v came out as %+v", r, got.Reply)
		}
	})
}

// framed is the plaintext around a body, which says that it has size bytes.
func framed(size uint16, body []byte) []byte {
	plain := make([]byte, PlainSize)
	binary.BigEndian.PutUint16(plain[headSize-2:], size)
	copy(plain[headSize:], body)
	return plain
}
