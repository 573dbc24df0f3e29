package inbox_test

import (
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
)

// weeks moves the clock.
func (d *drop) weeks(n int) { d.now = d.now.AddDate(0, 0, 7*n) }

func (d *drop) expire(t testing.TB, items, replies int) {
	t.Helper()
	swept, err := d.Expire()
	if err != nil || swept.Items != items || swept.Replies != replies {
		t.Errorf("swept %+v, %v, want %d items and %d replies", swept, err, items, replies)
	}
}

// TestItemsStayForTheirTime: an item that a desk has is kept for KeepCarried
// whole weeks more, one that nobody fetches for KeepAtMost, and the reporter was
// told the week from the start.
func TestItemsStayForTheirTime(t *testing.T) {
	d := newDrop(t, 2)
	carried, waiting := receipt.New(), receipt.New()
	d.send(t, carried, 0)
	d.close(t)
	d.send(t, waiting, 0)
	d.weeks(5)
	d.acknowledge(t, 0, 1)
	d.weeks(3)
	d.acknowledge(t, 1, 1) // the second desk does not begin the time anew
	d.promises(t, carried, inbox.Carried, inbox.KeepCarried-3)
	d.promises(t, waiting, inbox.Waiting, inbox.KeepAtMost-8)

	d.weeks(inbox.KeepCarried - 3)
	d.expire(t, 0, 0)
	d.weeks(1)
	d.expire(t, 1, 0)
	d.expire(t, 0, 0)
	if got := d.stand(t, carried, 0); got != inbox.Expired {
		t.Errorf("stand %v, want Expired", got)
	}
	d.now = d.now.AddDate(0, 0, 7*(inbox.KeepAtMost-inbox.KeepCarried-6))
	d.expire(t, 0, 0)
	d.weeks(1)
	d.expire(t, 1, 0)
}

// promises holds what the reporter is told: where the item stands, and for how
// many weeks from now it stays.
func (d *drop) promises(t *testing.T, code receipt.Code, stand inbox.Stand, weeks int) {
	t.Helper()
	var ids [receipt.MaxItems]receipt.ItemID
	ids[0] = code.ItemID(0)
	states, err := d.States(ids)
	if err != nil {
		t.Fatal(err)
	}
	if got := states[0].Until.Monday().Sub(d.now); states[0].Stand != stand ||
		got > time.Duration(weeks)*7*24*time.Hour || got < time.Duration(weeks-1)*7*24*time.Hour {
		t.Errorf("state %+v, %v from now, want %v and %d weeks", states[0], got, stand, weeks)
	}
}

// TestLateDeskDoesNotProlong: carried in its last weeks, an item still ends when
// its reporter was told.
func TestLateDeskDoesNotProlong(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.weeks(inbox.KeepAtMost - 1)
	d.acknowledge(t, 0, 1)
	d.promises(t, code, inbox.Carried, 1)
	d.weeks(2)
	d.expire(t, 1, 0)
}

// TestExpiredItemsAreNamedInBundles: desks that were late learn why they miss
// the item.
func TestExpiredItemsAreNamedInBundles(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.acknowledge(t, 0, 1)
	d.weeks(inbox.KeepCarried + 1)
	d.expire(t, 1, 0)
	members := d.bundle(t)
	if mark, ok := members["expired/"+code.ItemID(0).String()]; !ok || len(mark) > 0 {
		t.Errorf("the bundle has no mark, or one of %d bytes", len(mark))
	}
}

func TestRepliesStayForTheirTime(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	send := func(number uint64, text string) {
		file := d.outbox(0, outbox.Outbox{Number: number, Replies: []outbox.Reply{d.answer(t, 0, code, number, text)}})
		if report, err := d.Import(file); err != nil || report.Replies != 1 {
			t.Fatalf("report %+v, %v", report, err)
		}
	}
	send(1, "lama")
	d.weeks(30)
	send(2, "baru")
	d.weeks(inbox.KeepAtMost - 30)
	d.expire(t, 0, 0)
	d.weeks(1)
	d.expire(t, 0, 1)
	if got := d.read(t, code, 0); len(got) != 1 || got[0] != "baru" {
		t.Errorf("read %q", got)
	}
}
