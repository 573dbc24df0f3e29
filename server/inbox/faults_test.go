package inbox_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
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
	writes int // to the store, when nothing befalls them
	before func(*testing.T, *drop)
	act    func(*drop) error
	after  func(*testing.T, *drop) // holds that it was done, once
	always func(*testing.T, *drop) // holds after each try; nil for nothing
	ends   error                   // that it may end with, as it should
}

// scenes returns one for each way of writing to the store.
func scenes(t *testing.T, d *drop) map[string]scene {
	all := map[string]scene{}
	code := receipt.New()
	for _, some := range []func(*testing.T, *drop, receipt.Code) map[string]scene{arriving, uploading, serving, ending} {
		maps.Copy(all, some(t, d, code))
	}
	return all
}

func accept(p inbox.Parcel) func(*drop) error {
	return func(d *drop) error {
		_, err := d.Accept(p)
		return err
	}
}

// arriving are those of what comes in one request, and of what is burned meanwhile.
func arriving(t *testing.T, d *drop, code receipt.Code) map[string]scene {
	text, file := d.parcel(t, code, 0, "isi"), d.fileParcel(t, code, 1)
	kept := func(t *testing.T, d *drop) { d.counts(t, 1, 0, 0) }
	return map[string]scene{
		"accept a text": {writes: 1, act: accept(text), after: kept},
		"accept a file": {writes: 1, act: accept(file), after: kept},
		"burn": {writes: 1, act: func(d *drop) error { return d.Burn(text.ID, code.Burn(0)) },
			before: func(t *testing.T, d *drop) { d.mustAccept(t, text, file) },
			after:  func(t *testing.T, d *drop) { d.counts(t, 1, 1, 0) }},
		"burn a text on its way in":    burning(text, code.Burn(0), 3),
		"burn a file on its way in":    burning(file, code.Burn(1), 3),
		"burn an upload on its way in": burningStaged(d.upload(t, code, 2), code.Burn(2)),
	}
}

// uploading are those of what comes in slices.
func uploading(t *testing.T, d *drop, code receipt.Code) map[string]scene {
	u, other := d.upload(t, code, 3), d.upload(t, code, 4)
	half := func(t *testing.T, d *drop) { d.mustBring(t, u, u.Size/2) }
	whole := func(t *testing.T, d *drop) { d.mustBring(t, u, u.Size) }
	bring := func(d *drop) error { return d.stageTo(u, u.Size) }
	accepted := func(t *testing.T, d *drop) { d.mustAccept(t, u.Parcel); d.counts(t, 1, 0, 0); d.staged(t) }
	nothing := func(t *testing.T, d *drop) { d.staged(t) }
	return map[string]scene{
		// Each asks first how far it is; a beginning takes its place, and then the slice.
		// So does accepting.
		"begin an upload":      {writes: 3, act: bring, after: accepted},
		"go on with an upload": {writes: 2, before: half, act: bring, after: accepted},
		"ask for an upload": {writes: 1, before: half,
			act:   func(d *drop) error { _, _, err := d.Inbox.Upload(u.Upload); return err },
			after: func(t *testing.T, d *drop) { whole(t, d); accepted(t, d) }},
		"accept an upload": {writes: 2, before: whole, act: accept(u.Parcel), after: accepted},
		"abandon an upload": {writes: 1, before: half, after: nothing,
			act: func(d *drop) error { return d.Abandon(u.Upload) }},
		"sweep uploads": {writes: 2, act: func(d *drop) error { _, err := d.SweepUploads(); return err }, after: nothing,
			before: func(t *testing.T, d *drop) {
				half(t, d)
				d.mustBring(t, other, 1)
				d.now = d.now.Add(inbox.KeepUpload)
			}},
	}
}

// serving are those of batches, desks and mailboxes.
func serving(t *testing.T, d *drop, code receipt.Code) map[string]scene {
	text, file := d.parcel(t, code, 0, "isi"), d.fileParcel(t, code, 1)
	sent := func(t *testing.T, d *drop) { d.mustAccept(t, text, file) }
	answers := d.answering(t, code)
	imported := func(d *drop) error { _, err := d.Import(answers); return err }
	var known []byte // the outbox with the answer to a canary
	return map[string]scene{
		"import replies": {writes: 2, act: imported, after: func(t *testing.T, d *drop) { d.reads(t, code, "dua", "satu") }},
		"empty a mailbox": {writes: 1, before: func(t *testing.T, d *drop) { d.mustImport(t, answers) },
			act:   func(d *drop) error { return d.Empty(code.Keys().Token, code.Keys().KeyHash()) },
			after: func(t *testing.T, d *drop) { d.reads(t, code) }},
		// Old canaries are forgotten, new ones kept, and then comes the batch.
		"close a batch": {writes: 3, before: sent, act: closeTo(1), after: func(t *testing.T, d *drop) {
			d.batched(t, 1, text.ID, file.ID)
			d.unanswered(t, inbox.Unanswered{Reviewer: "r1", Month: "2026-11", Since: "2026-W47"})
			checkSums(t, d.bundle(t), "SHA256SUMS", "BATCH.note", d)
		}},
		"answer a canary": {writes: 1,
			before: func(t *testing.T, d *drop) {
				d.close(t)
				known = d.outbox(0, outbox.Outbox{Number: 1, Canaries: []outbox.Canary{d.canary(t, "2026-11", 0)}})
			},
			act:   func(d *drop) error { _, err := d.Import(known); return err },
			after: func(t *testing.T, d *drop) { d.unanswered(t) }},
		"acknowledge and retire": {writes: 3,
			before: func(t *testing.T, d *drop) { sent(t, d); d.close(t); d.close(t); d.close(t) },
			act:    func(d *drop) error { return d.confirm(2) },
			after: func(t *testing.T, d *drop) {
				d.promises(t, code, parcel.Carried, inbox.KeepSpread)
				d.retired(t, 1, 2)
			}},
	}
}

// ending is what happens by itself in the end.
func ending(t *testing.T, d *drop, code receipt.Code) map[string]scene {
	text, file, answers := d.parcel(t, code, 0, "isi"), d.fileParcel(t, code, 1), d.answering(t, code)
	return map[string]scene{"expire": {writes: 2,
		before: func(t *testing.T, d *drop) {
			d.mustAccept(t, text, file)
			d.mustImport(t, answers)
			d.weeks(inbox.KeepAtMost + 1)
			d.renew(t)
		},
		act:   func(d *drop) error { _, err := d.Expire(); return err },
		after: func(t *testing.T, d *drop) { d.counts(t, 0, 2, 0); d.reads(t, code) },
	}}
}

// burning accepts a parcel, and burns it when the store takes it in; or afterwards, if
// that was in vain. Once the burn had its answer, the parcel is never kept, however
// often it comes.
func burning(p inbox.Parcel, token receipt.Secret, writes int) scene {
	burned := false
	burn := func(d *drop) (err error) {
		if !burned {
			err = d.Burn(p.ID, token)
			burned = err == nil
		}
		return err
	}
	gone := func(t *testing.T, d *drop) {
		// Of what is in doubt the store tells nothing: what it has counts.
		states, err := d.faulty.Store.States([]receipt.ItemID{p.ID})
		if err != nil || burned && (states[0].Item != nil || states[0].Gone == nil) {
			t.Errorf("once the burn has its answer, the parcel is %+v, %v", states, err)
		}
	}
	return scene{writes: writes, always: gone, ends: store.ErrGone,
		act: func(d *drop) (err error) {
			var told error
			coming := p
			if !p.Staged {
				coming.Payload = func(w io.Writer) error { told = burn(d); return p.Payload(w) }
			}
			d.Inbox.Store = &interrupted{d.faulty, func() { told = burn(d) }}
			if _, err = d.Accept(coming); err == nil || errors.Is(err, store.ErrGone) {
				told = errors.Join(told, burn(d))
			}
			return errors.Join(told, err)
		},
		after: func(t *testing.T, d *drop) {
			if _, err := d.Accept(p); !burned || !errors.Is(err, store.ErrGone) {
				t.Errorf("burned is %v; once more: %v, want ErrGone", burned, err)
			}
			gone(t, d)
			d.counts(t, 0, 1, 0)
			d.staged(t)
		}}
}

// burningStaged is burning of what was brought before. Its upload goes with it.
func burningStaged(u upload, token receipt.Secret) scene {
	s := burning(u.Parcel, token, 5)
	s.before = func(t *testing.T, d *drop) { d.mustBring(t, u, u.Size) }
	return s
}

// TestFaultsOfTheStore: after any fault, at any write, the same request done
// again leaves what it should, once, and a store that is clean.
func TestFaultsOfTheStore(t *testing.T) {
	for name, s := range scenes(t, newDrop(t, 1)) {
		run := func(fault storetest.Fault, write int) {
			t.Run(fmt.Sprintf("%s, %s at write %d", name, fault, write+1), func(t *testing.T) {
				d := newDrop(t, 1)
				if met := play(t, d, scenes(t, d)[name], fault, write); met != (write < s.writes) {
					t.Errorf("the fault was met: %v; there should be %d writes", met, s.writes)
				}
			})
		}
		for _, fault := range storetest.Faults() {
			for write := range s.writes {
				run(fault, write)
			}
		}
		run(storetest.NotPersisted, s.writes) // none is left to meet
	}
}

func play(t *testing.T, d *drop, s scene, fault storetest.Fault, after int) (met bool) {
	if s.before != nil {
		s.before(t, d)
	}
	try := func() error {
		defer func() {
			if s.always != nil {
				s.always(t, d)
			}
		}()
		return s.act(d)
	}
	done := func(err error) bool { return err == nil || s.ends != nil && errors.Is(err, s.ends) }
	d.faulty.PlantAfter(after, fault)
	err := try()
	met = !d.faulty.Planted()
	if met && !errors.Is(err, storetest.ErrPlanted) && (err == nil || !done(err)) {
		t.Fatalf("the fault was not told: %v", err)
	}
	if met && fault == storetest.FailedSync {
		if err := try(); !errors.Is(err, store.ErrFailed) && !done(err) {
			t.Errorf("on a failed disk: %v", err)
		}
	}
	d.faulty.Restart()
	if err := try(); !done(err) {
		t.Fatalf("the repetition: %v", err)
	}
	s.after(t, d)
	return met
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

// answering is an outbox with two replies.
func (d *drop) answering(t *testing.T, code receipt.Code) []byte {
	return d.outbox(0, outbox.Outbox{Number: 1, Replies: []outbox.Reply{
		d.answer(t, 0, code, 1, "satu"), d.answer(t, 0, code, 2, "dua"),
	}})
}

func (d *drop) mustImport(t *testing.T, file []byte) {
	t.Helper()
	if _, err := d.Import(file); err != nil {
		t.Fatal(err)
	}
}

// retired holds that of these batches only the notes are kept.
func (d *drop) retired(t *testing.T, sequences ...uint64) {
	t.Helper()
	for _, n := range sequences {
		if b, err := d.Store.Batch(n); err != nil || b.Sums != nil || b.IDs != nil {
			t.Errorf("batch %d has its list: %v", n, err)
		}
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
