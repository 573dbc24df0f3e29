package inbox_test

import (
	"errors"
	"fmt"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/outbox"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// A scene is something that the drop does, which a fault of the store may meet
// and which is then done again.
type scene struct {
	before func(*testing.T, *drop)
	act    func(*drop) error
	after  func(*testing.T, *drop) // holds that it was done, once
}

// scenes returns one for each way of writing to the store.
func scenes(t *testing.T, d *drop) map[string]scene {
	code := receipt.New()
	text, file := d.parcel(t, code, 0, "isi"), d.fileParcel(t, code, 1)
	accept := func(p inbox.Parcel) func(*drop) error {
		return func(d *drop) error {
			_, err := d.Accept(p)
			return err
		}
	}
	slices := d.upload(t, code, 2)
	half := func(t *testing.T, d *drop) { d.mustBring(t, slices, slices.Size/2) }
	whole := func(t *testing.T, d *drop) { d.mustBring(t, slices, slices.Size) }
	answers := d.outbox(0, outbox.Outbox{Number: 1, Replies: []outbox.Reply{
		d.answer(t, 0, code, 1, "satu"), d.answer(t, 0, code, 2, "dua"),
	}})
	sent := func(t *testing.T, d *drop) { d.mustAccept(t, text, file) }
	return map[string]scene{
		"accept a text": {nil, accept(text), func(t *testing.T, d *drop) { d.counts(t, 1, 0, 0) }},
		"accept a file": {nil, accept(file), func(t *testing.T, d *drop) { d.counts(t, 1, 0, 0) }},
		"begin an upload": {nil, func(d *drop) error { return d.stageTo(slices, slices.Size) },
			func(t *testing.T, d *drop) { d.mustAccept(t, slices.Parcel); d.counts(t, 1, 0, 0) }},
		"go on with an upload": {half, func(d *drop) error { return d.stageTo(slices, slices.Size) },
			func(t *testing.T, d *drop) { d.mustAccept(t, slices.Parcel); d.counts(t, 1, 0, 0) }},
		"accept an upload": {whole, accept(slices.Parcel),
			func(t *testing.T, d *drop) { d.counts(t, 1, 0, 0); d.staged(t) }},
		"abandon an upload": {half, func(d *drop) error { return d.Abandon(slices.Upload) },
			func(t *testing.T, d *drop) { d.staged(t) }},
		"burn": {sent, func(d *drop) error { return d.Burn(text.ID, code.Burn(0)) },
			func(t *testing.T, d *drop) { d.counts(t, 1, 1, 0) }},
		"import replies": {nil, func(d *drop) error { _, err := d.Import(answers); return err },
			func(t *testing.T, d *drop) { d.reads(t, code, "dua", "satu") }},
		"empty a mailbox": {func(t *testing.T, d *drop) { d.Import(answers) },
			func(d *drop) error { return d.Empty(code.Keys().Token, code.Keys().KeyHash()) },
			func(t *testing.T, d *drop) { d.reads(t, code) }},
		"close a batch": {sent, closeTo(1), func(t *testing.T, d *drop) { d.batched(t, 1, text.ID, file.ID) }},
		"acknowledge and retire": {func(t *testing.T, d *drop) { sent(t, d); d.close(t); d.close(t) },
			func(d *drop) error { return d.confirm(1) },
			func(t *testing.T, d *drop) { d.promises(t, code, parcel.Carried, inbox.KeepSpread) }},
		"expire": {func(t *testing.T, d *drop) { sent(t, d); d.weeks(inbox.KeepAtMost + 1); d.renew(t) },
			func(d *drop) error { _, err := d.Expire(); return err },
			func(t *testing.T, d *drop) { d.counts(t, 0, 2, 0) }},
	}
}

// TestFaultsOfTheStore: after any fault, at any write, the same request done
// again leaves what it should, once, and a store that is clean.
func TestFaultsOfTheStore(t *testing.T) {
	for name := range scenes(t, newDrop(t, 1)) {
		for _, fault := range storetest.Faults() {
			t.Run(fmt.Sprintf("%s, %s", name, fault), func(t *testing.T) {
				d := newDrop(t, 1)
				play(t, d, scenes(t, d)[name], fault)
			})
		}
	}
}

func play(t *testing.T, d *drop, s scene, fault storetest.Fault) {
	if s.before != nil {
		s.before(t, d)
	}
	d.faulty.Plant(fault)
	err := s.act(d)
	if !errors.Is(err, storetest.ErrPlanted) {
		t.Fatalf("the fault was not told: %v", err)
	}
	if fault == storetest.FailedSync {
		if err := s.act(d); !errors.Is(err, store.ErrFailed) && err != nil {
			t.Errorf("on a failed disk: %v", err)
		}
	}
	d.faulty.Restart()
	if err := s.act(d); err != nil {
		t.Fatalf("the repetition: %v", err)
	}
	s.after(t, d)
}

// closeTo closes batches up to n: a server would not close one that is closed.
func closeTo(n uint64) func(*drop) error {
	return func(d *drop) error {
		s, err := d.Status()
		if err != nil || s.Batch >= n {
			return err
		}
		_, err = d.Close()
		return err
	}
}

func (d *drop) mustAccept(t *testing.T, parcels ...inbox.Parcel) {
	t.Helper()
	for _, p := range parcels {
		if _, err := d.Accept(p); err != nil {
			t.Fatal(err)
		}
	}
}

// confirm has the only desk confirm all batches up to n.
func (d *drop) confirm(n uint64) error {
	closed, err := d.Store.Batch(n)
	if err != nil {
		return err
	}
	note, err := batch.OpenNote(closed.Note, d.Server.Key())
	if err != nil {
		return err
	}
	_, err = d.Import(d.outbox(0, outbox.Outbox{Number: 1, Acks: []outbox.Ack{{Sequence: n, Batch: note.Hash()}}}))
	return err
}

func (d *drop) counts(t *testing.T, items, gone, replies int) {
	t.Helper()
	u, err := d.Store.Usage()
	if err != nil || u.Items != items || u.Gone != gone || u.Replies != replies {
		t.Errorf("usage %+v, %v, want %d items, %d gone, %d replies", u, err, items, gone, replies)
	}
}

func (d *drop) reads(t *testing.T, code receipt.Code, want ...string) {
	t.Helper()
	if got := d.read(t, code, 0); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// batched holds that the newest batch is n and has just these items.
func (d *drop) batched(t *testing.T, n uint64, ids ...receipt.ItemID) {
	t.Helper()
	newest, err := d.Store.Batch(0)
	if err != nil || newest.Sequence != n || len(newest.IDs) != len(ids) {
		t.Errorf("batch %d has %d items, %v, want batch %d and %d", newest.Sequence, len(newest.IDs), err, n, len(ids))
	}
}
