package inbox_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/boltstore"
	"saksi/server/store/storetest"
)

// drop is an inbox over a real store, with a clock that the test moves.
type drop struct {
	*inbox.Inbox
	*partytest.Party
	faulty *storetest.Faulty
	now    time.Time
	dir    string
	closed bool // by the test itself
}

// start is when a drop's clock begins.
var start = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

// noDecoys is for tests that count items.
func noDecoys() int { return 0 }

func newDrop(t testing.TB, reviewers int) *drop {
	t.Helper()
	d := &drop{now: start, dir: t.TempDir()}
	d.Party = partytest.New(t, d.now, reviewers)
	if err := boltstore.Create(d.dir); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(d.dir, d.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d.faulty = &storetest.Faulty{Store: s}
	if _, err := inbox.AdmitRoster(s, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), d.now); err != nil {
		t.Fatal(err)
	}
	d.Inbox, err = inbox.New(inbox.Config{
		Store: d.faulty, Trusted: d.Trusted, Signer: d.Server, Now: d.clock, Decoys: noDecoys,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.closed {
			return
		}
		if wrong, err := d.Check(); err != nil || len(wrong) > 0 {
			t.Errorf("check: %q, %v", wrong, err)
		}
	})
	return d
}

func (d *drop) clock() time.Time { return d.now }

// parcel seals a message.
func (d *drop) parcel(t testing.TB, code receipt.Code, n int, text string) inbox.Parcel {
	t.Helper()
	circle, err := d.Inbox.Circle()
	if err != nil {
		t.Fatal(err)
	}
	s, err := item.Seal(circle, code, n, item.Content{Kind: item.Message, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	return inbox.Parcel{ID: s.ID, Burn: s.Burn, Roster: s.Roster, Slots: s.Slots, Size: s.Size,
		Payload: func(w io.Writer) error {
			_, err := w.Write(payload.Bytes())
			return err
		}}
}

func (d *drop) send(t testing.TB, code receipt.Code, n int) {
	t.Helper()
	if outcome, err := d.Accept(d.parcel(t, code, n, "isi")); err != nil || outcome != inbox.Kept {
		t.Fatalf("outcome %v, %v", outcome, err)
	}
}

func (d *drop) stand(t testing.TB, code receipt.Code, n int) parcel.Stand {
	t.Helper()
	var ids [receipt.MaxItems]receipt.ItemID
	for i := range ids {
		ids[i] = code.ItemID(i)
	}
	states, err := d.States(ids)
	if err != nil {
		t.Fatal(err)
	}
	return states[n].Stand
}

func TestAcceptIsRepeatable(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	p := d.parcel(t, code, 0, "isi")
	d.mustAccept(t, p)
	if outcome, err := d.Accept(p); err != nil || outcome != inbox.Again {
		t.Errorf("the repetition: %v, %v", outcome, err)
	}
	if got := d.stand(t, code, 0); got != parcel.Waiting {
		t.Errorf("stand %v, want Waiting", got)
	}
	if got := d.stand(t, code, 1); got != parcel.Unused {
		t.Errorf("stand %v, want Unused", got)
	}
}

// TestAnotherItemUnderTheNumberIsTold from a repetition, whatever it differs in, and
// changes nothing: whoever sent it must not take it for kept.
func TestAnotherItemUnderTheNumberIsTold(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	first := d.parcel(t, code, 0, "isi")
	d.mustAccept(t, first)
	burn, size, cut, slot := first, first, first, first
	burn.Burn[0] ^= 1
	size.Size = d.fileParcel(t, code, 0).Size
	cut.Slots = first.Slots[:1]
	slot.Slots = [][]byte{first.Slots[0], bytes.Clone(first.Slots[1])}
	slot.Slots[1][len(slot.Slots[1])-1] ^= 1
	for name, p := range map[string]inbox.Parcel{
		"sealed anew": d.parcel(t, code, 0, "isi"), "a file": d.fileParcel(t, code, 0),
		"another burn hash": burn, "another size": size, "a slot less": cut, "a byte of the last slot": slot,
	} {
		if outcome, err := d.Accept(p); err != nil || outcome != inbox.Other {
			t.Errorf("%s: %v, %v, want Other", name, outcome, err)
		}
	}
	slots, err := d.Store.Slots(first.ID)
	if err != nil || !slices.EqualFunc(slots, first.Slots, bytes.Equal) {
		t.Errorf("the first is not there as it was: %v", err)
	}
}

// TestADamagedItemIsNeitherOfBoth: nobody can tell whether what cannot be read is the
// same, so neither is said.
func TestADamagedItemIsNeitherOfBoth(t *testing.T) {
	d := newDrop(t, 1)
	p := d.parcel(t, receipt.New(), 0, "isi")
	d.mustAccept(t, p)
	d.Inbox.Store = unreadableSlots{d.faulty}
	if outcome, err := d.Accept(p); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("outcome %v, %v, want ErrDamaged", outcome, err)
	}
}

type unreadableSlots struct{ store.Store }

func (unreadableSlots) Slots(receipt.ItemID) ([][]byte, error) { return nil, store.ErrDamaged }

func TestAcceptRefusesMisfits(t *testing.T) {
	d := newDrop(t, 2)
	for name, test := range map[string]struct {
		spoil func(*inbox.Parcel)
		want  error
	}{
		"odd size":        {func(p *inbox.Parcel) { p.Size++ }, inbox.ErrMisfit},
		"tiny":            {func(p *inbox.Parcel) { p.Size = 100 }, inbox.ErrMisfit},
		"huge":            {func(p *inbox.Parcel) { p.Size = item.PayloadSize(item.Padme(1 << 40)) }, inbox.ErrTooLarge},
		"one slot":        {func(p *inbox.Parcel) { p.Slots = p.Slots[:1] }, inbox.ErrMisfit},
		"three slots":     {func(p *inbox.Parcel) { p.Slots = append(p.Slots, p.Slots[0]) }, inbox.ErrMisfit},
		"a longer slot":   {func(p *inbox.Parcel) { p.Slots[1] = append(p.Slots[1], 0) }, inbox.ErrMisfit},
		"another roster":  {func(p *inbox.Parcel) { p.Roster = 2 }, inbox.ErrMisfit},
		"payload too big": {func(p *inbox.Parcel) { p.Size = item.PayloadSize(item.Padme(70_000)) }, nil},
	} {
		code := receipt.New()
		p := d.parcel(t, code, 0, "isi")
		test.spoil(&p)
		if _, err := d.Accept(p); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if got := d.stand(t, code, 0); got != parcel.Unused {
			t.Errorf("%s: something was kept", name)
		}
	}
}

func TestExpiredRosterClosesTheDrop(t *testing.T) {
	d := newDrop(t, 1)
	d.now = d.now.AddDate(0, 6, 0)
	if _, err := d.Inbox.Circle(); !errors.Is(err, inbox.ErrClosed) || !errors.Is(err, roster.ErrExpired) {
		t.Errorf("got %v, want ErrClosed for ErrExpired", err)
	}
	if s, err := d.Status(); err != nil || s.Closed == "" {
		t.Errorf("the status does not say that the drop is closed: %+v, %v", s, err)
	}
}

// TestStatusSaysWeeksAhead when nothing will be taken any more.
func TestStatusSaysWeeksAhead(t *testing.T) {
	d := newDrop(t, 1)
	for _, test := range []struct {
		days int
		want string
	}{{0, ""}, {60, ""}, {70, "roster 1 ends on 2027-02-18"}, {90, "roster 1 ends on 2027-02-18"}} {
		d.now = start.AddDate(0, 0, test.days)
		if s, err := d.Status(); err != nil || s.RunsOut != test.want || s.Closed != "" {
			t.Errorf("after %d days: %q, %q, %v", test.days, s.RunsOut, s.Closed, err)
		}
	}
}

// TestAWeekWithoutRecipientsClosesTheDrop: nothing is sealed to another week's,
// and what is missing is said before the roster is taken in.
func TestAWeekWithoutRecipientsClosesTheDrop(t *testing.T) {
	d := newDrop(t, 1)
	d.Reviewers[0] = partytest.Weekly(t, 1, d.now, 16)
	draft := d.Draft(d.now)
	d.Sign(t, draft)
	gap, _ := d.Roster.Period(week.Of(d.now).Add(2))
	files := d.Files()
	delete(files, gap.File)
	_, err := inbox.AdmitRoster(d.Store, d.Trusted, d.Server.Key(), d.Roster.Note, files, d.now)
	if !errors.Is(err, roster.ErrNoRecipients) {
		t.Errorf("admitting it without a file: %v, want ErrNoRecipients", err)
	}
	// Such a store cannot come about; if it does, the week is closed.
	if err := d.Store.AddRoster(2, d.Roster.Note, files); err != nil {
		t.Fatal(err)
	}
	box, err := inbox.New(inbox.Config{Store: d.Store, Trusted: d.Trusted, Signer: d.Server, Now: d.clock})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		d.now = start.AddDate(0, 0, 7*n)
		if _, err := box.Circle(); errors.Is(err, inbox.ErrClosed) != (n == 2) {
			t.Errorf("week %d: %v", n, err)
		}
	}
	d.now = start
	if s, err := box.Status(); err != nil || !strings.Contains(s.RunsOut, "before the roster") {
		t.Errorf("the status says %q, %v", s.RunsOut, err)
	}
}

func TestBurnNeedsTheToken(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	if err := d.Burn(code.ItemID(0), code.Burn(1)); !errors.Is(err, inbox.ErrToken) {
		t.Errorf("another token: %v, want ErrToken", err)
	}
	if err := d.Burn(code.ItemID(1), code.Burn(1)); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("an unknown item: %v, want ErrUnknown", err)
	}
	for range 2 {
		if err := d.Burn(code.ItemID(0), code.Burn(0)); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Accept(d.parcel(t, code, 0, "lagi")); !errors.Is(err, store.ErrGone) {
		t.Errorf("sending again: %v, want ErrGone", err)
	}
}

func TestBatchesAreDueOnceADay(t *testing.T) {
	d := newDrop(t, 1)
	next := func() time.Time {
		at, err := d.NextClosing()
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := next()
	if wait := first.Sub(d.now); wait <= 0 || wait > 24*time.Hour {
		t.Errorf("the first batch is due in %v", wait)
	}
	d.close(t)
	if !next().Equal(first) {
		t.Errorf("a batch closed by hand moves the next from %v to %v", first, next())
	}
	d.now = first
	d.close(t)
	if want := first.AddDate(0, 0, 1); !next().Equal(want) {
		t.Errorf("the next is due %v, want %v", next(), want)
	}
	d.now = first.AddDate(0, 0, 5)
	if !next().Before(d.now) {
		t.Error("after five days off no batch is due")
	}
}

// TestFirstBatchBecomesDue: nobody has to close it by hand.
func TestFirstBatchBecomesDue(t *testing.T) {
	d := newDrop(t, 1)
	d.now = d.now.AddDate(0, 0, 1)
	if due, err := d.NextClosing(); err != nil || due.After(d.now) {
		t.Errorf("after a day the first batch is due %v, %v", due, err)
	}
}

// TestClockThatRanAhead: one batch closed in a wrong year does not hold back
// the next until then.
func TestClockThatRanAhead(t *testing.T) {
	d := newDrop(t, 1)
	right := d.now
	d.now = right.AddDate(10, 0, 0)
	if _, err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.now = right
	if due, err := d.NextClosing(); err != nil || due.After(right) {
		t.Errorf("the next batch is due %v, %v", due, err)
	}
	d.close(t)
	if due, err := d.NextClosing(); err != nil || due.Sub(right) > 24*time.Hour {
		t.Errorf("the one after is due %v, %v", due, err)
	}
}

func TestAdmitRosterFollowsTheChain(t *testing.T) {
	d := newDrop(t, 1)
	first := d.Roster
	d.Sign(t, d.Draft(d.now))
	second := d.Roster
	admit := func(note []byte) error {
		_, err := inbox.AdmitRoster(d.Store, d.Trusted, d.Server.Key(), note, d.Files(), d.now)
		return err
	}
	if err := admit(second.Note); err != nil {
		t.Fatal(err)
	}
	if err := admit(second.Note); err != nil {
		t.Errorf("the newest again: %v", err)
	}
	if err := admit(first.Note); err == nil {
		t.Error("the server went back to an older roster")
	}
	other := partytest.New(t, d.now, 1)
	if err := admit(other.Roster.Note); !errors.Is(err, roster.ErrRoots) {
		t.Errorf("a roster of other roots: %v, want ErrRoots", err)
	}
}
