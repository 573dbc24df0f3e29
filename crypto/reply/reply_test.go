package reply

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

var day = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

func threadOf(code receipt.Code) Thread {
	keys := code.Keys()
	return Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}
}

func TestReplyComesBack(t *testing.T) {
	p := partytest.New(t, day, 2)
	code := receipt.New()
	want := Reply{Reviewer: "r2", Roster: 1, Number: 1, Status: Forwarded, Forwarded: "Bawaslu provinsi", Text: "Terima kasih.\nKami teruskan."}
	sealed, hash, err := Seal(want, threadOf(code), p.Reviewers[1].Signer)
	if err != nil || int64(len(sealed)) != SealedSize() {
		t.Fatalf("%d bytes, %v", len(sealed), err)
	}
	got, err := Open(sealed, code.Keys(), partytest.Rosters{p.Roster})
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != want.Text || got.Forwarded != want.Forwarded || got.Author.Label != "Penelaah 2" || got.Hash != hash || got.Revoked {
		t.Errorf("got %+v", got)
	}
	next := Reply{Reviewer: "r2", Roster: 1, Number: 2, Previous: hash, Status: Closed}
	if sealed, _, err = Seal(next, threadOf(code), p.Reviewers[1].Signer); err != nil {
		t.Fatal(err)
	}
	if got, err = Open(sealed, code.Keys(), partytest.Rosters{p.Roster}); err != nil || got.Previous != hash {
		t.Errorf("the next reply names %v: %v", got, err)
	}
}

// TestForeignRepliesAreRefused: filler, a colleague's name, another thread, a
// stranger's key, an unknown roster.
func TestForeignRepliesAreRefused(t *testing.T) {
	p := partytest.New(t, day, 2)
	code, other := receipt.New(), receipt.New()
	base := Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: Received}
	good := threadOf(code)
	for name, test := range map[string]struct {
		reply  Reply
		thread Thread
		key    int
		want   error
	}{
		"right":              {base, good, 0, nil},
		"another thread":     {base, threadOf(other), 0, ErrNotMine},
		"replayed from it":   {base, Thread{threadOf(other).Mailbox, good.Reply}, 0, ErrUnsigned},
		"a colleague's name": {base, good, 1, ErrUnsigned},
		"nobody's name":      {Reply{Reviewer: "r9", Roster: 1, Number: 1, Status: Received}, good, 0, ErrUnsigned},
		"unknown roster":     {Reply{Reviewer: "r1", Roster: 2, Number: 1, Status: Received}, good, 0, ErrUnsigned},
	} {
		sealed, _, err := Seal(test.reply, test.thread, p.Reviewers[test.key].Signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(sealed, code.Keys(), partytest.Rosters{p.Roster}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if _, err := Open(bytes.Repeat([]byte{7}, int(SealedSize())), code.Keys(), partytest.Rosters{p.Roster}); !errors.Is(err, ErrNotMine) {
		t.Errorf("filler: %v, want ErrNotMine", err)
	}
}

func TestRevokedReviewer(t *testing.T) {
	p := partytest.New(t, day, 2)
	first := p.Roster
	d := p.Draft(day)
	d.Revoked = []roster.Revocation{{Key: p.Reviewers[0].Line.Key, From: 2}}
	p.Sign(t, d)
	rosters := partytest.Rosters{first, p.Roster}
	code := receipt.New()
	for sequence, want := range map[uint64]error{1: nil, 2: ErrUnsigned} {
		sealed, _, err := Seal(Reply{Reviewer: "r1", Roster: sequence, Number: 1, Status: Received}, threadOf(code), p.Reviewers[0].Signer)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(sealed, code.Keys(), rosters)
		if !errors.Is(err, want) {
			t.Errorf("under roster %d: %v, want %v", sequence, err, want)
		}
		if err == nil && !got.Revoked {
			t.Error("the reply does not say that its key was revoked since")
		}
	}
}

func TestLimits(t *testing.T) {
	p := partytest.New(t, day, 1)
	thread := threadOf(receipt.New())
	for name, test := range map[string]struct {
		reply Reply
		want  error
	}{
		"longest":        {Reply{Status: Received, Text: strings.Repeat("a", MaxText), Forwarded: strings.Repeat("b", MaxForwarded)}, nil},
		"one quote more": {Reply{Status: Received, Text: strings.Repeat("\"", MaxText/5+1)}, ErrTooLong},
		"one too many":   {Reply{Status: Received, Text: strings.Repeat("a", MaxText+1)}, ErrTooLong},
		"odd status":     {Reply{Status: "odd"}, ErrInvalid},
		"binary":         {Reply{Status: Received, Text: "\x00"}, ErrInvalid},
		"invalid UTF-8":  {Reply{Status: Received, Text: "\xff"}, ErrInvalid},
	} {
		test.reply.Reviewer, test.reply.Roster, test.reply.Number = "r1", 1, 1
		sealed, _, err := Seal(test.reply, thread, p.Reviewers[0].Signer)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err == nil && int64(len(sealed)) != SealedSize() {
			t.Errorf("%s: %d bytes", name, len(sealed))
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	p := partytest.New(b, day, 1)
	code := receipt.New()
	sealed, _, err := Seal(Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: Received}, threadOf(code), p.Reviewers[0].Signer)
	if err != nil {
		b.Fatal(err)
	}
	other, err := hybrid.Generate()
	if err != nil {
		b.Fatal(err)
	}
	filler, err := hybrid.SealBytes(make([]byte, PlainSize), other.Recipient())
	if err != nil {
		b.Fatal(err)
	}
	keys := code.Keys()
	for name, in := range map[string]struct {
		sealed []byte
		want   error
	}{"reply": {sealed, nil}, "filler": {filler, ErrNotMine}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Open(in.sealed, keys, partytest.Rosters{p.Roster}); !errors.Is(err, in.want) {
					b.Fatal(err)
				}
			}
		})
	}
}
