package inbox_test

import (
	"errors"
	"io"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/store"
)

// deleted holds that an item is gone for good, and that nothing is remembered of how.
func (d *drop) deleted(t *testing.T, code receipt.Code, n int, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrGone) {
		t.Errorf("the sender hears %v, want ErrGone", err)
	}
	if stand := d.stand(t, code, n); stand != parcel.Deleted {
		t.Errorf("it is %v, want Deleted", stand)
	}
	if n := d.Inbox.Expected(); n != 0 {
		t.Errorf("%d arrivals are remembered", n)
	}
}

// TestABurnReachesWhatIsOnItsWay: whoever is told that everything is deleted has
// nothing kept afterwards, of a text, of a file and of one that was staged.
func TestABurnReachesWhatIsOnItsWay(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	for n, p := range []inbox.Parcel{d.parcel(t, code, 0, "isi"), d.fileParcel(t, code, 1)} {
		whole := p.Payload
		p.Payload = func(w io.Writer) error {
			if err := d.Burn(p.ID, code.Burn(n)); err != nil {
				t.Errorf("burning: %v", err)
			}
			// Whatever befalls the server now, the tombstone is on disk.
			if stand := d.stand(t, code, n); stand != parcel.Deleted {
				t.Errorf("once the burn has its answer, it is %v, want Deleted", stand)
			}
			return whole(w)
		}
		_, err := d.Accept(p)
		d.deleted(t, code, n, err)
	}
	staged := d.upload(t, code, 2)
	d.mustBring(t, staged, staged.Size)
	d.Inbox.Store = &interrupted{d.faulty, func() { _ = d.Burn(staged.ID, code.Burn(2)) }}
	_, err := d.Accept(staged.Parcel)
	d.deleted(t, code, 2, err)
}

// TestNoTombstoneForWhatWasNotBrought: a staged parcel asks the gate for nothing, as its
// slices did. So one that names no upload, or a part of one, is not doomed for good when
// it is burned meanwhile: whoever wants could fill the disk with tombstones.
func TestNoTombstoneForWhatWasNotBrought(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	none, part := d.upload(t, code, 0), d.upload(t, code, 1)
	d.mustBring(t, part, part.Size/2)
	for n, u := range []upload{none, part} {
		burn := func() {
			if err := d.Burn(u.ID, code.Burn(n)); !errors.Is(err, store.ErrUnknown) {
				t.Errorf("burning: %v, want ErrUnknown", err)
			}
		}
		d.Inbox.Store = &sought{interrupted{d.faulty, burn}}
		want := []error{store.ErrUnknown, store.ErrOffset}[n]
		if _, err := d.Accept(u.Parcel); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if stand := d.stand(t, code, n); stand != parcel.Unused {
			t.Errorf("it is %v, want Unused", stand)
		}
	}
	d.staged(t, part)
}

// interrupted is a store during whose work something happens.
type interrupted struct {
	store.Store
	happens func()
}

func (s *interrupted) CreateStaged(i store.Item, slots [][]byte, u store.UploadID) error {
	s.happens()
	return s.Store.CreateStaged(i, slots, u)
}

// sought is interrupted also when an upload is looked for.
type sought struct{ interrupted }

func (s *sought) Settle(u store.UploadID) (store.Upload, error) {
	defer s.happens()
	return s.Store.Settle(u)
}

// TestABurnedUploadDoesNotStay: neither of what is burned while it waits, nor while it is
// looked for.
func TestABurnedUploadDoesNotStay(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	waits, looked := d.upload(t, code, 0), d.upload(t, code, 1)
	d.mustBring(t, waits, waits.Size)
	d.mustBring(t, looked, looked.Size)
	defer d.Expect(waits.ID, waits.Burn)()
	_ = d.Burn(waits.ID, code.Burn(0))
	if _, err := d.Accept(waits.Parcel); !errors.Is(err, store.ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
	d.staged(t, looked)
	d.Inbox.Store = &sought{interrupted{d.faulty, func() { _ = d.Burn(looked.ID, code.Burn(1)) }}}
	if _, err := d.Accept(looked.Parcel); !errors.Is(err, store.ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
	d.staged(t)
}

// TestABurnedArrivalIsNotBegun: what is burned while it waits, before it is handed to
// the store, is not kept for a moment.
func TestABurnedArrivalIsNotBegun(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	p := d.parcel(t, code, 0, "isi")
	p.Payload = func(io.Writer) error {
		t.Error("it is read")
		return io.ErrUnexpectedEOF
	}
	done := d.Expect(p.ID, p.Burn)
	if err := d.Burn(p.ID, code.Burn(0)); !errors.Is(err, store.ErrUnknown) {
		t.Fatalf("burning: %v, want ErrUnknown", err)
	}
	if stand := d.stand(t, code, 0); stand != parcel.Unused {
		t.Errorf("before it is let in, it is %v: tombstones are not to be had for nothing", stand)
	}
	if _, err := d.Accept(p); !errors.Is(err, store.ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
	done()
	if n := d.Inbox.Expected(); n != 0 {
		t.Errorf("%d arrivals are remembered", n)
	}
}

// TestNobodyElseDoomsAnArrival: a token that does not fit, or another id, changes
// nothing; nor does a burn of what comes later.
func TestNobodyElseDoomsAnArrival(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	p := d.parcel(t, code, 0, "isi")
	if err := d.Burn(p.ID, code.Burn(0)); !errors.Is(err, store.ErrUnknown) {
		t.Fatal(err)
	}
	whole := p.Payload
	p.Payload = func(w io.Writer) error {
		_ = d.Burn(p.ID, code.Burn(1))
		_ = d.Burn(code.ItemID(1), code.Burn(0))
		return whole(w)
	}
	d.mustAccept(t, p)
	if stand := d.stand(t, code, 0); stand != parcel.Waiting {
		t.Errorf("it is %v, want Waiting", stand)
	}
}
