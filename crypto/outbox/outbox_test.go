package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"saksi/crypto/canary"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
)

var day = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

func sample(p *partytest.Party) *Outbox {
	sealed := bytes.Repeat([]byte{5}, int(reply.SealedSize()))
	return &Outbox{
		Reviewer: "r1", Roster: p.Roster.Sequence, RosterHash: p.Roster.Hash, Number: 3,
		Acks:     []Ack{{1, roster.Hash{1}}, {2, roster.Hash{2}}},
		Canaries: []Canary{{"2026-10", canary.Answer{1}}, {"2026-11", canary.Answer{2}}},
		Replies:  []Reply{{receipt.Mailbox{7}, sealed}},
	}
}

func TestOutboxComesBack(t *testing.T) {
	p := partytest.New(t, day, 2)
	want := sample(p)
	got, err := Open(want.Sign(p.Reviewers[0].Signer), partytest.Rosters{p.Roster})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	empty := &Outbox{Reviewer: "r2", Roster: 1, RosterHash: p.Roster.Hash, Number: 1}
	if got, err = Open(empty.Sign(p.Reviewers[1].Signer), partytest.Rosters{p.Roster}); err != nil || !reflect.DeepEqual(got, empty) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestForeignOutboxesAreRefused(t *testing.T) {
	p := partytest.New(t, day, 2)
	stranger := sample(p)
	stranger.Reviewer = "r9"
	later := sample(p)
	later.Roster = 2
	for name, test := range map[string]struct {
		file []byte
		want error
	}{
		"a colleague's name": {sample(p).Sign(p.Reviewers[1].Signer), ErrSignature},
		"nobody's name":      {stranger.Sign(p.Reviewers[0].Signer), ErrUnknown},
		"unknown roster":     {later.Sign(p.Reviewers[0].Signer), ErrUnknown},
		"forged roster":      {sample(partytest.New(t, day, 2)).Sign(p.Reviewers[0].Signer), ErrUnknown},
	} {
		if _, err := Open(test.file, partytest.Rosters{p.Roster}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	file := sample(p).Sign(p.Reviewers[0].Signer)
	for i := 0; i < len(file); i += 61 {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1
		if _, err := Open(damaged, partytest.Rosters{p.Roster}); err == nil {
			t.Errorf("a change in byte %d was taken", i)
		}
		if _, err := Open(file[:i], partytest.Rosters{p.Roster}); err == nil {
			t.Errorf("a file cut to %d bytes was taken", i)
		}
	}
}

func TestRevokedReviewerBringsNothing(t *testing.T) {
	p := partytest.New(t, day, 2)
	first := p.Roster
	old := sample(p)
	d := p.Draft(day)
	d.Revoked = []roster.Revocation{{Key: p.Reviewers[0].Line.Key, From: 2}}
	p.Sign(t, d)
	if _, err := Open(old.Sign(p.Reviewers[0].Signer), partytest.Rosters{first, p.Roster}); !errors.Is(err, ErrRevoked) {
		t.Errorf("got %v, want ErrRevoked", err)
	}
}

// TestRemovedReviewerBringsNothing: a new roster without a reviewer, or with
// another key under the id, is enough.
func TestRemovedReviewerBringsNothing(t *testing.T) {
	p := partytest.New(t, day, 2)
	first, removed, old := p.Roster, p.Reviewers[0], sample(p)
	p.Reviewers = p.Reviewers[1:]
	p.Sign(t, p.Draft(day))
	second := p.Roster
	if _, err := Open(old.Sign(removed.Signer), partytest.Rosters{first, second}); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed: %v, want ErrUnknown", err)
	}
	p.Reviewers = append(p.Reviewers, partytest.Reviewer(t, 1))
	p.Sign(t, p.Draft(day))
	if _, err := Open(old.Sign(removed.Signer), partytest.Rosters{first, second, p.Roster}); !errors.Is(err, ErrUnknown) {
		t.Errorf("replaced: %v, want ErrUnknown", err)
	}
}

func TestOddLinesAreRefused(t *testing.T) {
	p := partytest.New(t, day, 1)
	for name, spoil := range map[string]func(o *Outbox){
		"number 0":         func(o *Outbox) { o.Number = 0 },
		"batch 0":          func(o *Outbox) { o.Acks[0].Sequence = 0 },
		"a batch twice":    func(o *Outbox) { o.Acks[1] = o.Acks[0] },
		"batches reversed": func(o *Outbox) { o.Acks[0], o.Acks[1] = o.Acks[1], o.Acks[0] },
		"a month twice":    func(o *Outbox) { o.Canaries[1] = o.Canaries[0] },
		"months reversed":  func(o *Outbox) { o.Canaries[0], o.Canaries[1] = o.Canaries[1], o.Canaries[0] },
		"no month":         func(o *Outbox) { o.Canaries[0].Month = "2026-13" },
		"many canaries": func(o *Outbox) {
			for year := range MaxCanaries {
				o.Canaries = append(o.Canaries, Canary{Month: canary.Month(fmt.Sprintf("%d-01", 2027+year))})
			}
		},
		"a short reply": func(o *Outbox) { o.Replies[0].Sealed = o.Replies[0].Sealed[1:] },
	} {
		o := sample(p)
		spoil(o)
		if _, err := Open(o.Sign(p.Reviewers[0].Signer), partytest.Rosters{p.Roster}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
