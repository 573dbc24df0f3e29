package inbox_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/storetest"
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

// renew has the roots sign a roster that is valid now.
func (d *drop) renew(t testing.TB) {
	t.Helper()
	d.Sign(t, d.Draft(d.now))
	_, err := inbox.AdmitRoster(d.Store, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), d.now)
	if err != nil {
		t.Fatal(err)
	}
	if d.Inbox, err = inbox.New(d.Config); err != nil {
		t.Fatal(err)
	}
}

// TestItemsStayForTheirTime: an item that every desk has is kept for KeepSpread
// whole weeks more, one that some desk lacks for KeepAtMost, and the reporter was
// told the week from the start.
func TestItemsStayForTheirTime(t *testing.T) {
	d := newDrop(t, 2)
	spread, waiting := receipt.New(), receipt.New()
	d.send(t, spread, 0)
	d.close(t)
	d.send(t, waiting, 0)
	d.close(t)
	d.weeks(3)
	d.acknowledge(t, 0, 1) // the first desk does not begin the time
	d.promises(t, spread, parcel.Carried, inbox.KeepAtMost-3)
	d.weeks(5)
	d.acknowledge(t, 1, 1)
	d.promises(t, spread, parcel.Carried, inbox.KeepSpread)
	d.promises(t, waiting, parcel.Batched, inbox.KeepAtMost-8)

	d.weeks(inbox.KeepSpread)
	d.renew(t)
	d.expire(t, 0, 0)
	d.weeks(1)
	d.expire(t, 1, 0)
	d.expire(t, 0, 0)
	if got := d.stand(t, spread, 0); got != parcel.Expired {
		t.Errorf("stand %v, want Expired", got)
	}
	d.weeks(inbox.KeepAtMost - inbox.KeepSpread - 9)
	d.renew(t)
	d.expire(t, 0, 0)
	d.weeks(1)
	d.expire(t, 1, 0)
}

// TestOneDeskCannotExpire: a single reviewer, be it the one whom a reporter
// excluded, cannot take items away from the others by having them.
func TestOneDeskCannotExpire(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.close(t)
	d.acknowledge(t, 0, 1)
	d.weeks(inbox.KeepAtMost)
	d.renew(t)
	d.expire(t, 0, 0)
}

// TestJumpingClockExpiresNothing: two years ahead, or back in 1970, a clock makes
// nobody lose anything.
func TestJumpingClockExpiresNothing(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.close(t)
	right := d.now
	d.now = right.AddDate(2, 0, 0)
	d.expire(t, 0, 0)
	d.now = time.Unix(0, 0)
	d.acknowledge(t, 0, 1)
	answer := d.outbox(0, outbox.Outbox{Number: 2, Replies: []outbox.Reply{d.answer(t, 0, code, 1, "jawaban")}})
	if report, err := d.Import(answer); err != nil || report.Replies != 1 {
		t.Fatalf("report %+v, %v", report, err)
	}
	d.now = right
	d.expire(t, 0, 0)
	d.reads(t, code, "jawaban")
	d.promises(t, code, parcel.Carried, inbox.KeepSpread)
}

// promises holds what the reporter is told: where the item stands, and for how
// many weeks from now it stays.
func (d *drop) promises(t *testing.T, code receipt.Code, stand parcel.Stand, weeks int) {
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
	d.close(t)
	d.weeks(inbox.KeepAtMost - 1)
	d.renew(t)
	d.acknowledge(t, 0, 1)
	d.promises(t, code, parcel.Carried, 1)
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
	d.weeks(inbox.KeepAtMost + 1)
	d.renew(t)
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
	d.weeks(13)
	send(2, "baru")
	d.weeks(inbox.KeepAtMost - 13)
	d.renew(t)
	d.expire(t, 0, 0)
	d.weeks(1)
	d.expire(t, 0, 1)
	if got := d.read(t, code, 0); len(got) != 1 || got[0] != "baru" {
		t.Errorf("read %q", got)
	}
}

// TestWhatCannotExpireKeepsNothingElse: the deletion of items fails. Replies whose time
// has come go all the same, and the items with the next sweep.
func TestWhatCannotExpireKeepsNothingElse(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	file := d.outbox(0, outbox.Outbox{Number: 1, Replies: d.answers(t, 0, code, 1, 1, "jawaban")})
	d.imported(t, file, inbox.Imported{Replies: 1})
	d.weeks(inbox.KeepAtMost + 1)
	d.renew(t)
	d.faulty.Plant(storetest.NotPersisted)
	if swept, err := d.Expire(); err == nil || swept != (inbox.Swept{Replies: 1}) {
		t.Errorf("%+v, %v, want one reply and an error", swept, err)
	}
	d.expire(t, 1, 0)
}

// unlisted is a store that cannot say which items have had their time.
type unlisted struct{ store.Store }

func (unlisted) Aged(week.Week, week.Week) ([]receipt.ItemID, error) { return nil, store.ErrDamaged }

// TestRepliesExpireBesideADamagedList: which items there are cannot be read, and answers
// whose time has come go all the same.
func TestRepliesExpireBesideADamagedList(t *testing.T) {
	d := newDrop(t, 1)
	file := d.outbox(0, outbox.Outbox{Number: 1, Replies: d.answers(t, 0, receipt.New(), 1, 1, "jawaban")})
	d.imported(t, file, inbox.Imported{Replies: 1})
	d.weeks(inbox.KeepAtMost + 1)
	d.renew(t)
	d.Inbox.Store = unlisted{d.Inbox.Store}
	if swept, err := d.Expire(); !errors.Is(err, store.ErrDamaged) || swept != (inbox.Swept{Replies: 1}) {
		t.Errorf("%+v, %v, want one reply and ErrDamaged", swept, err)
	}
}

// sour is a store in which one item's tombstone cannot be read.
type sour struct {
	store.Store
	id receipt.ItemID
}

func (s sour) Delete(all ...store.Tombstone) error {
	if slices.ContainsFunc(all, func(t store.Tombstone) bool { return t.ID == s.id }) {
		return store.ErrDamaged
	}
	return s.Store.Delete(all...)
}

// TestADamagedItemExpiresAlone: what is deleted in one step with it goes all the same.
func TestADamagedItemExpiresAlone(t *testing.T) {
	d := newDrop(t, 1)
	first := d.parcel(t, receipt.New(), 0, "isi")
	d.mustAccept(t, first, d.parcel(t, receipt.New(), 0, "isi"), d.parcel(t, receipt.New(), 0, "isi"))
	d.weeks(inbox.KeepAtMost + 1)
	d.renew(t)
	d.Inbox.Store = sour{d.Inbox.Store, first.ID}
	if swept, err := d.Expire(); !errors.Is(err, store.ErrDamaged) || swept != (inbox.Swept{Items: 2}) {
		t.Errorf("%+v, %v, want two items and ErrDamaged", swept, err)
	}
}
