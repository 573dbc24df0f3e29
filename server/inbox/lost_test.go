package inbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/store"
)

// payloadFile is where the disk has an attachment.
func (d *drop) payloadFile(code receipt.Code) string {
	return filepath.Join(d.dir, "payloads", code.ItemID(0).String()+".age")
}

// damage has the disk lose the end of an attachment, or change it.
func (d *drop) damage(t *testing.T, code receipt.Code, cut bool) {
	t.Helper()
	err := os.Truncate(d.payloadFile(code), 1000)
	if !cut {
		err = os.WriteFile(d.payloadFile(code), d.changed(t, code), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *drop) changed(t *testing.T, code receipt.Code) []byte {
	t.Helper()
	content, err := os.ReadFile(d.payloadFile(code))
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	return content
}

// gaveUp holds that what the disk has lost can be given up, and then is nowhere.
func (d *drop) gaveUp(t *testing.T, code receipt.Code, want parcel.Stand) {
	t.Helper()
	id := code.ItemID(0)
	if err := errors.Join(d.Lost(id), d.GiveUp(id)); err != nil {
		t.Error(err)
	}
	if got := d.stand(t, code, 0); got != want {
		t.Errorf("an item that was given up stands at %d, want %d", got, want)
	}
	for _, err := range []error{d.Lost(id), d.GiveUp(id)} {
		if !errors.Is(err, store.ErrGone) {
			t.Errorf("giving up once more: %v", err)
		}
	}
	if _, err := os.Stat(d.payloadFile(code)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of an item that was given up a file stays: %v", err)
	}
}

// TestWhatTheDiskLostIsGivenUp: whatever the disk did to it and whenever. The desks are told,
// and nothing is left for check to name.
func TestWhatTheDiskLostIsGivenUp(t *testing.T) {
	d := newDrop(t, 1)
	cut, changed, early, good := receipt.New(), receipt.New(), receipt.New(), receipt.New()
	for _, code := range []receipt.Code{cut, changed, early, good} {
		d.sendFile(t, code)
	}
	d.damage(t, early, true)
	d.close(t)
	d.damage(t, cut, true)
	d.damage(t, changed, false)
	for _, code := range []receipt.Code{cut, changed, early} {
		d.gaveUp(t, code, parcel.Lost)
	}
	members := d.bundle(t)
	for code, want := range map[receipt.Code]bool{cut: true, changed: true, early: false, good: false} {
		if mark, ok := members["expired/"+code.ItemID(0).String()]; ok != want || len(mark) > 0 {
			t.Errorf("the bundle marks it: %v, want %v", ok, want)
		}
	}
	if wrong, err := d.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("check names %q, %v", wrong, err)
	}
}

// TestWhatIsThereIsNotGivenUp: neither what is whole, in a batch or in none, nor what nobody
// ever sent, nor what a reporter deleted.
func TestWhatIsThereIsNotGivenUp(t *testing.T) {
	d := newDrop(t, 1)
	listed, waiting, burned, never := receipt.New(), receipt.New(), receipt.New(), receipt.New()
	d.send(t, waiting, 0)
	refused := func(code receipt.Code, want error) {
		t.Helper()
		for _, err := range []error{d.Lost(code.ItemID(0)), d.GiveUp(code.ItemID(0))} {
			if !errors.Is(err, want) {
				t.Errorf("giving up: %v, want %v", err, want)
			}
		}
	}
	refused(never, store.ErrUnknown)
	refused(waiting, inbox.ErrWhole)
	d.send(t, listed, 0)
	d.send(t, burned, 0)
	d.close(t)
	refused(listed, inbox.ErrWhole)
	refused(never, store.ErrUnknown)
	if err := d.Burn(burned.ItemID(0), burned.Burn(0)); err != nil {
		t.Fatal(err)
	}
	refused(burned, store.ErrGone)
	if got := d.stand(t, burned, 0); got != parcel.Deleted {
		t.Errorf("what its reporter deleted stands at %d", got)
	}
	if got := d.stand(t, listed, 0); got != parcel.Batched {
		t.Errorf("what is whole stands at %d", got)
	}
}

// TestWhatEveryDeskHasIsNotLost: its reporter is not asked to send it again.
func TestWhatEveryDeskHasIsNotLost(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.sendFile(t, code)
	d.close(t)
	d.close(t)
	d.acknowledge(t, 0, 1)
	d.damage(t, code, true)
	d.gaveUp(t, code, parcel.Expired)
}

// forgetful has lost the record of an item that its newest batch lists.
type forgetful struct {
	store.Store
	forgot receipt.ItemID
}

func (f forgetful) Batch(n uint64) (store.Batch, error) {
	b, err := f.Store.Batch(n)
	b.IDs = append(slices.Clone(b.IDs), f.forgot)
	return b, err
}

// TestALostRecordIsGivenUp: of an item that is on a list and nowhere else.
func TestALostRecordIsGivenUp(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.faulty.Store = forgetful{d.faulty.Store, code.ItemID(0)}
	d.close(t)
	damaged, err := d.Bundle(new(bytes.Buffer))
	if err != nil || !slices.Equal(damaged, []receipt.ItemID{code.ItemID(0)}) {
		t.Errorf("damaged are %v, %v", damaged, err)
	}
	d.gaveUp(t, code, parcel.Lost)
	if _, ok := d.bundle(t)["expired/"+code.ItemID(0).String()]; !ok {
		t.Error("the desks are not told")
	}
}

// meanwhile is a store on which something happens once, while slots are read.
type meanwhile struct {
	store.Store
	once *sync.Once
	does func()
}

func (m meanwhile) Slots(id receipt.ItemID) ([][]byte, error) {
	m.once.Do(m.does)
	return m.Store.Slots(id)
}

// TestABatchThatRetiresLosesNothing: of an item that is whole the list may be forgotten while
// it is read, as every desk has it by then. It is not given up for that.
func TestABatchThatRetiresLosesNothing(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.close(t)
	d.faulty.Store = meanwhile{d.faulty.Store, new(sync.Once), func() {
		if d.acknowledge(t, 0, 1).Finished != 1 {
			t.Error("the batch did not retire")
		}
	}}
	if err := d.GiveUp(code.ItemID(0)); !errors.Is(err, inbox.ErrWhole) {
		t.Errorf("giving up: %v, want ErrWhole", err)
	}
	if got := d.stand(t, code, 0); got != parcel.Carried {
		t.Errorf("it stands at %d", got)
	}
}

// locked is a store whose payloads nobody may open: as files that root has put back.
type locked struct {
	store.Store
	why error
}

func (l locked) Payload(receipt.ItemID) (io.ReadCloser, error) {
	return nil, fmt.Errorf("reading payload: %w: %w", store.ErrDamaged, l.why)
}

// TestWhatMayNotBeReadIsNotLost: that it belongs to somebody else, or that the machine is
// short of something now, is no reason to delete it.
func TestWhatMayNotBeReadIsNotLost(t *testing.T) {
	for _, why := range []error{syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		d := newDrop(t, 1)
		code := receipt.New()
		d.sendFile(t, code)
		whole := d.faulty.Store
		d.faulty.Store = locked{whole, why}
		for _, err := range []error{d.Lost(code.ItemID(0)), d.GiveUp(code.ItemID(0))} {
			if !errors.Is(err, why) {
				t.Errorf("giving up: %v, want %v", err, why)
			}
		}
		d.faulty.Store = whole
		if got := d.stand(t, code, 0); got != parcel.Waiting {
			t.Errorf("after %v it stands at %d", why, got)
		}
	}
}
