package inbox_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/inbox"
)

func (d *drop) plan(t *testing.T) *inbox.Plan {
	t.Helper()
	p, err := d.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// whole returns the bundle of now, and holds that the plan of now says its size.
func (d *drop) whole(t *testing.T, p *inbox.Plan) []byte {
	t.Helper()
	var exported, planned bytes.Buffer
	if _, err := d.Bundle(&exported); err != nil {
		t.Fatal(err)
	}
	if err := p.Write(&planned); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(exported.Bytes(), planned.Bytes()) || p.Size != int64(exported.Len()) {
		t.Errorf("a plan of %d bytes wrote %d, the export has %d", p.Size, planned.Len(), exported.Len())
	}
	return planned.Bytes()
}

// TestAPlanIsTheBundle: what a courier fetches is what export writes, and its tag
// changes with whatever is in it.
func TestAPlanIsTheBundle(t *testing.T) {
	d := newDrop(t, 2)
	if _, err := d.Plan(); !errors.Is(err, inbox.ErrNoBatch) {
		t.Errorf("a plan of nothing: %v, want ErrNoBatch", err)
	}
	tags := map[[32]byte]string{}
	look := func(when string) {
		t.Helper()
		p := d.plan(t)
		d.whole(t, p)
		if p.Tag != d.plan(t).Tag {
			t.Errorf("%s: two plans of one store differ", when)
		}
		if before, ok := tags[p.Tag]; ok {
			t.Errorf("%s the tag is the one of %s", when, before)
		}
		tags[p.Tag] = when
	}
	code := receipt.New()
	d.close(t)
	look("with an empty batch")
	d.send(t, code, 0)
	d.send(t, code, 1)
	d.close(t)
	look("with two items")
	if err := d.Burn(code.ItemID(1), code.Burn(1)); err != nil {
		t.Fatal(err)
	}
	look("with one deleted")
	d.close(t)
	look("with another batch")
}

// TestAnItemDeletedMeanwhileEndsAPlan: what was written until then is the
// beginning of what was announced, and the rest is not.
func TestAnItemDeletedMeanwhileEndsAPlan(t *testing.T) {
	const items = 12 // more than is gathered before it is written
	for _, which := range []int{0, 6, items - 1} {
		d := newDrop(t, 2)
		code := receipt.New()
		for n := range items {
			d.send(t, code, n)
		}
		d.close(t)
		p := d.plan(t)
		announced := d.whole(t, p)
		if err := d.Burn(code.ItemID(which), code.Burn(which)); err != nil {
			t.Fatal(err)
		}
		var written bytes.Buffer
		if err := p.Write(&written); !errors.Is(err, inbox.ErrChanged) {
			t.Errorf("item %d: %v, want ErrChanged", which, err)
		}
		if !bytes.HasPrefix(announced, written.Bytes()) || written.Len() == len(announced) {
			t.Errorf("item %d: %d bytes were written that are not the beginning of the %d", which, written.Len(), len(announced))
		}
		if d.plan(t).Tag == p.Tag {
			t.Errorf("item %d: the tag is what it was", which)
		}
	}
}

// TestSlotsOfWhatIsDeletedMeanwhileStay: a payload takes long through Tor. Once a burn has
// its answer, the slots that open it leave no more.
func TestSlotsOfWhatIsDeletedMeanwhileStay(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	p := d.largeParcel(t, code, 0, 4*mib) // more than is gathered before it is written
	d.mustAccept(t, p)
	d.close(t)
	plan := d.plan(t)
	slow := &watched{at: int(plan.Size - p.Size/2), do: func() {
		if err := d.Burn(p.ID, code.Burn(0)); err != nil {
			t.Errorf("burning: %v", err)
		}
	}}
	if err := plan.Write(slow); !errors.Is(err, inbox.ErrChanged) {
		t.Errorf("%v, want ErrChanged", err)
	}
	if slow.do != nil {
		t.Fatal("nothing was burned")
	}
	if bytes.Contains(slow.Bytes(), p.Slots[0]) {
		t.Error("the slot has left")
	}
}

// watched gathers what is written, and does something once at some byte.
type watched struct {
	bytes.Buffer
	at int
	do func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.do != nil && w.Len() >= w.at {
		w.do()
		w.do = nil
	}
	return n, err
}

// TestABatchThatClosesMeanwhileIsForTheNextPlan: it ends no fetch under way.
func TestABatchThatClosesMeanwhileIsForTheNextPlan(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	p := d.plan(t)
	d.send(t, code, 1)
	d.close(t)
	if err := p.Write(io.Discard); err != nil {
		t.Error(err)
	}
	if d.plan(t).Tag == p.Tag {
		t.Error("the next plan has the same tag")
	}
}

// TestBatchesSayWhichDeskHasThem: that is all a courier is told of them.
func TestBatchesSayWhichDeskHasThem(t *testing.T) {
	d := newDrop(t, 2)
	d.send(t, receipt.New(), 0)
	d.close(t)
	d.close(t)
	d.acknowledge(t, 0, 1)
	states, err := d.Batches()
	if err != nil || len(states) != 2 {
		t.Fatal(states, err)
	}
	newest, oldest := states[0], states[1]
	if newest.Sequence != 2 || newest.Items != 0 || newest.Desks["r1"] || len(newest.Desks) != 2 {
		t.Errorf("the newest is %+v", newest)
	}
	if oldest.Sequence != 1 || oldest.Items != 1 || !oldest.Desks["r1"] || oldest.Desks["r2"] {
		t.Errorf("the oldest is %+v", oldest)
	}
}
