package desk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
)

func TestTestimonyArrives(t *testing.T) {
	s := newDrop(t, 3)
	code := receipt.New()
	s.close(
		s.seal(code, 0, item.Content{Kind: item.Testimony, Language: "id", Text: marker + " satu", Form: item.Form{Answers: map[string][]string{"tempat": {"73.02"}}}}),
		s.message(code, 1, marker+" dua"), s.message(receipt.New(), 0, marker+" tiga"))
	for n := range s.Reviewers {
		d := s.sit(n)
		r := d.take(s.bundle(1, 1))
		if r.Began != 1 || !slices.Equal(r.Batches, []uint64{1}) || len(r.New) != 3 || !r.Whole() || len(r.Warnings) > 0 {
			t.Errorf("report is %+v", r)
		}
		texts := d.texts()
		slices.Sort(texts)
		if want := []string{"0 RAHASIA satu", "0 RAHASIA tiga", "1 RAHASIA dua"}; !slices.Equal(texts, want) {
			t.Errorf("texts are %q", texts)
		}
	}
}

// TestNotForThisDesk: excluded reviewers, decoys, and reviewers who were not on
// the roster, or had another key there, keep none of an item's files.
func TestNotForThisDesk(t *testing.T) {
	s := newDrop(t, 3)
	s.close(s.seal(receipt.New(), 0, item.Content{Kind: item.Message, Text: marker}, "r2", "r3"))
	d := s.sit(1)
	if r := d.take(s.bundle(1, 1)); r.NotOurs != 1 || len(r.New) != 0 {
		t.Errorf("excluded: %+v", r)
	}
	if r := d.take(s.bundle(1, 1)); !r.Nothing() {
		t.Errorf("excluded, again: %+v", r)
	}
	later := s.Reviewers[2]
	later.Line.ID = "r9"
	other := *s.Reviewers[0]
	other.Signer = generate(t, "r1")
	other.Line.Key = other.Signer.Key()
	s.Reviewers = append(s.Reviewers, later, &other)
	for n := range 2 {
		d := s.sit(3 + n)
		r := d.take(s.bundle(1, 1))
		if r.NotOurs != 1 || len(d.Threads()) != 0 {
			t.Errorf("stranger %d: %+v", n, r)
		}
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "does not have this reviewer") {
			t.Errorf("stranger %d is not told: %q", n, r.Warnings)
		}
	}
}

func TestGoneItemIsNotWithheld(t *testing.T) {
	s := newDrop(t, 1)
	a, b := receipt.New(), receipt.New()
	s.close(s.message(a, 0, marker), s.message(b, 0, marker))
	m := s.bundle(1, 1).without("items/").with(burnMark(a, 0)).with(expiryMark(b.ItemID(0)))
	r := s.sit(0).take(m)
	if r.Gone != 1 || r.Expired != 1 || !r.Whole() {
		t.Errorf("report is %+v", r)
	}
	m = s.bundle(1, 1).without("items/").with(burnMark(a, 0)).with(falseMark(b.ItemID(0), a.Burn(0)))
	if r = s.sit(0).take(m); !slices.Equal(r.Withheld, []string{b.ItemID(0).String()}) {
		t.Errorf("a token that is not the item's excuses: %+v", r)
	}
}

// TestCompleteBatchNeedsNoMoreProof: what was gone when a batch was complete
// need not be explained in every later bundle.
func TestCompleteBatchNeedsNoMoreProof(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1).without("items/").with(burnMark(code, 0))); r.Gone != 1 {
		t.Errorf("with its mark: %+v", r)
	}
	s.close()
	if r := d.take(s.bundle(1, 2).without("items/")); !r.Whole() || r.Gone != 0 {
		t.Errorf("without it: %+v", r)
	}
}

func TestReporterDeletes(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.message(code, 1, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	s.close()
	wrong := code.Burn(1)
	if r := d.take(s.bundle(2, 2).with(falseMark(code.ItemID(0), wrong))); len(r.Deleted) > 0 || len(r.Warnings) != 1 {
		t.Errorf("a wrong token: %+v", r)
	}
	if r := d.take(s.bundle(2, 2).with(expiryMark(code.ItemID(0)))); len(r.Deleted) > 0 || len(r.Warnings) > 0 {
		t.Errorf("expired: %+v", r)
	}
	if r := d.take(s.bundle(2, 2).with(burnMark(code, 0))); len(r.Deleted) != 1 || r.Deleted[0].N != 0 {
		t.Errorf("the right token: %+v", r)
	}
	if r := d.take(s.bundle(2, 2).with(burnMark(code, 0))); !r.Nothing() {
		t.Errorf("once more: %+v", r)
	}
	if items := d.Threads()[0].Items; !items[0].Deleted || items[1].Deleted || len(d.texts()) != 2 {
		t.Errorf("items are %+v", items)
	}
}

func TestDamagedItemWaitsForAnotherCopy(t *testing.T) {
	s := newDrop(t, 2)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.message(receipt.New(), 0, marker))
	for _, path := range []string{s.path(batch.Payload, code.ItemID(0), 0), s.path(batch.Slot, code.ItemID(0), 1)} {
		d := s.sit(0)
		m := s.bundle(1, 1)
		bad := bytes.Clone(m[path])
		bad[len(bad)/2] ^= 1
		r := d.take(m.with(members{path: bad}))
		if !slices.Equal(r.Damaged, []string{code.ItemID(0).String()}) || len(r.New) != 1 || len(r.Apart) > 0 {
			t.Errorf("%s: report is %+v", path, r)
		}
		if acks, _ := d.Waiting(); acks != 0 {
			t.Errorf("%s: a damaged batch is acknowledged", path)
		}
		if r = d.take(m); len(r.New) != 1 || !r.Whole() {
			t.Errorf("%s: another copy: %+v", path, r)
		}
	}
}

func TestInterruptedImportLeavesNothing(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	b := s.bundle(1, 1).pack(t)
	for n := 0; n < len(b); n += 7919 {
		if _, err := d.Import(context.Background(), bytes.NewReader(b[:n]), int64(n), s.Trusted); !errors.Is(err, batch.ErrBundle) {
			t.Fatalf("a bundle cut to %d bytes: %v, want ErrBundle", n, err)
		}
		d.check()
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.progress = func(work string, _, _ int64) {
		if work == "checking" {
			cancel()
		}
	}
	if _, err := d.Import(ctx, bytes.NewReader(b), int64(len(b)), s.Trusted); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	d.check()
}

// TestKilledImportIsSwept: what a killed process can leave is a staging folder,
// and items in their place that no index knows.
func TestKilledImportIsSwept(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	d := s.sit(0)
	for _, folder := range []string{"staging/items/1", "items/" + code.ItemID(0).String() + "/slots"} {
		if err := os.MkdirAll(d.path(folder), folderMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(d.path("items", code.ItemID(0).String(), "payload.age"), []byte("setengah"), fileMode); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	d.take(s.bundle(1, 1))
	if texts := d.texts(); len(texts) != 1 {
		t.Errorf("texts are %q", texts)
	}
}

// TestFailingDiskChangesNothing lets the step fail that moves the items.
func TestFailingDiskChangesNothing(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	if err := os.WriteFile(d.path("items"), nil, fileMode); err != nil {
		t.Fatal(err)
	}
	_, err := d.try(s.bundle(1, 1))
	if !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), "keeping what the bundle brought: ") {
		t.Errorf("an import without a place for items: %v", err)
	}
	if err := os.Remove(d.path("items")); err != nil {
		t.Fatal(err)
	}
	d.check()
	d.reopen()
	if r := d.take(s.bundle(1, 1)); len(r.New) != 1 {
		t.Errorf("the next import: %+v", r)
	}
}

func TestExpiredRosterIsAWarning(t *testing.T) {
	s := newDrop(t, 1)
	s.week = s.week.Add(60)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.now = func() time.Time { return day.AddDate(1, 0, 0) }
	r := d.take(s.bundle(1, 1))
	warnings := strings.Join(r.Warnings, "\n")
	if len(r.New) != 1 || !strings.Contains(warnings, "expired") || !strings.Contains(warnings, "when no roster was valid") {
		t.Errorf("report is %+v", r)
	}
	if s := d.Threads()[0].Replies[0].Status; s != reply.Taken {
		t.Errorf("the automatic reply has status %q", s)
	}
}
