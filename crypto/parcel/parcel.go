// Package parcel is what a browser with script, or a program, hands to the drop
// and gets from it: sealed items, questions to a mailbox with their answers, and
// orders to delete. Everything in them is sealed, or a token, or a number. Numbers
// are big-endian, and each value has one spelling.
//
//	parcel                                an item on its way in
//	    "saksi/v1/parcel" LF              16
//	    id                                16
//	    SHA-256 of the burn token         32
//	    sequence of the roster             8
//	    number of slots                    2   1 to 100
//	    size of each slot                  2
//	    size of the payload                8
//	    flag                               1   0: the payload follows
//	    upload                            16   only with flag 1: the name under which
//	    slots                                  the payload was staged
//	    payload                                only with flag 0
//
//	read request                          2,130 bytes, always
//	    "saksi/v1/read" LF                14
//	    token T                           32
//	    key hash                          32
//	    page                               4
//	    ids of all items                 128 times 16
//
//	read answer                          46,937 bytes, always
//	    ends                               1   1: no page behind it has a reply
//	    states                           128 times 7: stand (1), week, until
//	                                           each year (2) and number (1), or zeros
//	    entries                            8 times 5,755
//
//	burn request
//	    "saksi/v1/burn" LF                14
//	    number of items                    1   0 to 128
//	    items                                  each id (16), burn token (32)
//	    flag                               1   1: empty the mailbox, too
//	    token T, key hash             32, 32   only with flag 1
//
// The payload's size stands in the head because the server finds room before it
// reads, and because a parcel then says where it ends: what is behind the end is
// wrong. A read request names all ids that a code can have, and its answer has a
// state for each and a full page of entries, so that neither tells by its size what
// a code stands for. The token and the ids stand in bodies alone, never in a path.
package parcel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// ErrMalformed is returned for bytes that are not what they should be.
var ErrMalformed = errors.New("the bytes are not in the form of a parcel")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

const headLabel = "saksi/v1/parcel\n"

// fixed is the size of a head without its slots, and without an upload.
const fixed = len(headLabel) + len(receipt.ItemID{}) + 32 + 8 + 2 + 2 + 8 + 1

// MinHead is the size of the smallest head, in bytes.
func MinHead() int64 { return int64(fixed) + item.SlotSize(roster.Quorum{Needed: 1}) }

// MaxPayload is the size of the largest payload, in bytes: that of an attachment
// of [item.MaxFile].
func MaxPayload() int64 { return item.PayloadSize(item.Padme(item.MaxFile + beside)) }

// beside is what an attachment's tar has beside the file, at most.
const beside = 64 << 10

// A Head is a parcel but for its payload.
type Head struct {
	ID     receipt.ItemID
	Burn   [32]byte // SHA-256 of the token that deletes it
	Roster uint64
	Slots  [][]byte // all of one size
	Size   int64    // of the payload, in bytes
	Staged bool     // the payload was staged, and does not follow
	// Upload is the name under which it was staged: random for each sealing, so
	// that bytes of two never come together. Only if Staged.
	Upload [16]byte
}

// Append appends the head to b. It panics if the slots are none, or too many, or not
// all of one size.
func (h Head) Append(b []byte) []byte {
	if len(h.Slots) == 0 || len(h.Slots) > roster.MaxReviewers {
		panic("parcel: internal error: number of slots")
	}
	b = append(b, headLabel...)
	b = append(b, h.ID[:]...)
	b = append(b, h.Burn[:]...)
	b = binary.BigEndian.AppendUint64(b, h.Roster)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Slots)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Slots[0])))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Size))
	b = appendFlag(b, h.Staged)
	if h.Staged {
		b = append(b, h.Upload[:]...)
	}
	for _, slot := range h.Slots {
		if len(slot) != len(h.Slots[0]) {
			panic("parcel: internal error: slots of two sizes")
		}
		b = append(b, slot...)
	}
	return b
}

// Length returns how many bytes the parcel has in all.
func (h Head) Length() int64 {
	n := int64(fixed)
	for _, slot := range h.Slots {
		n += int64(len(slot))
	}
	if h.Staged {
		return n + int64(len(h.Upload))
	}
	return n + h.Size
}

// ReadHead reads a head, and no byte behind it. It returns [ErrMalformed], for what
// ends too early together with [io.ErrUnexpectedEOF], or the error of r. Memory is
// taken as slots arrive, not as they are announced.
func ReadHead(r io.Reader) (Head, error) {
	var begin [fixed]byte
	if err := readFull(r, begin[:]); err != nil {
		return Head{}, fmt.Errorf("reading parcel: %w", err)
	}
	h, slots, size, err := parseBegin(begin[:])
	if err != nil {
		return Head{}, fmt.Errorf("reading parcel: %w", err)
	}
	if h.Staged {
		if err := readFull(r, h.Upload[:]); err != nil {
			return Head{}, fmt.Errorf("reading parcel: upload: %w", err)
		}
	}
	for range slots {
		slot := make([]byte, size)
		if err := readFull(r, slot); err != nil {
			return Head{}, fmt.Errorf("reading parcel: slots: %w", err)
		}
		h.Slots = append(h.Slots, slot)
	}
	return h, nil
}

// parseBegin reads what stands before the slots.
func parseBegin(b []byte) (h Head, slots, size int, err error) {
	rest, ok := bytes.CutPrefix(b, []byte(headLabel))
	if !ok {
		return Head{}, 0, 0, malformed("another label")
	}
	f := &fields{rest: rest}
	f.take(h.ID[:])
	f.take(h.Burn[:])
	h.Roster = binary.BigEndian.Uint64(f.next(8))
	slots, size = int(binary.BigEndian.Uint16(f.next(2))), int(binary.BigEndian.Uint16(f.next(2)))
	payload := binary.BigEndian.Uint64(f.next(8))
	h.Staged = f.flag()
	switch {
	case slots == 0 || slots > roster.MaxReviewers:
		return Head{}, 0, 0, malformed("%d slots", slots)
	case !item.ValidSlotSize(int64(size)):
		return Head{}, 0, 0, malformed("slots of %d bytes", size)
	case payload > uint64(MaxPayload()) || !item.ValidPayloadSize(int64(payload)):
		return Head{}, 0, 0, malformed("a payload of %d bytes", payload)
	case f.err != nil:
		return Head{}, 0, 0, f.err
	}
	h.Size = int64(payload)
	return h, slots, size, nil
}

// readFull is [io.ReadFull] for something that must not end here.
func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: %w", ErrMalformed, io.ErrUnexpectedEOF)
	}
	return err
}

// fields takes a text of known length apart. The first error stays.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) next(n int) []byte {
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) take(into []byte) { copy(into, f.next(len(into))) }

func (f *fields) flag() bool {
	b := f.next(1)[0]
	if b > 1 {
		f.fail("a flag of %d", b)
	}
	return b == 1
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = malformed(format, args...)
	}
}

func appendFlag(b []byte, flag bool) []byte {
	if flag {
		return append(b, 1)
	}
	return append(b, 0)
}
