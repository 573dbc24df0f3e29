package inbox_test

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// badDisk is a store on a disk that has one bad block, or no room.
type badDisk struct {
	store.Store
	bad  receipt.ItemID
	full bool
}

func (b *badDisk) Payload(id receipt.ItemID) (io.ReadCloser, error) {
	payload, err := b.Store.Payload(id)
	if err != nil || id != b.bad {
		return payload, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(payload, 1000), unreadable{}), payload}, nil
}

type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { return 0, syscall.EIO }

func (b *badDisk) Free() (int64, error) {
	if b.full {
		return 0, nil
	}
	return b.Store.Free()
}

func (d *drop) onBadDisk() *badDisk {
	disk := &badDisk{Store: d.faulty.Store}
	d.faulty.Store = disk
	return disk
}

// TestBadBlockHoldsNothingUp: an item that cannot be read to its end keeps no
// batch from closing and no bundle from leaving, and is named.
func TestBadBlockHoldsNothingUp(t *testing.T) {
	d := newDrop(t, 1)
	disk := d.onBadDisk()
	early, late, good := receipt.New(), receipt.New(), receipt.New()
	d.mustAccept(t, d.fileParcel(t, early, 0), d.fileParcel(t, late, 0), d.fileParcel(t, good, 0))
	disk.bad = early.ItemID(0)
	d.close(t)
	d.batched(t, 1, late.ItemID(0), good.ItemID(0))
	disk.bad = late.ItemID(0)
	var out bytes.Buffer
	damaged, err := d.Bundle(&out)
	if err != nil || !slices.Equal(damaged, []receipt.ItemID{late.ItemID(0)}) {
		t.Errorf("damaged are %v, %v", damaged, err)
	}
	found := false
	err = batch.Read(&out, func(p batch.Path, _ int64, _ io.Reader) error {
		found = found || p.Kind == batch.Payload && p.ID == good.ItemID(0)
		return nil
	})
	if err != nil || !found {
		t.Errorf("the bundle has the good item: %v; %v", found, err)
	}
	disk.bad = receipt.ItemID{}
}

// TestRepetitionNeedsNoRoom: who sends again what is kept already is told so, also
// when nothing new would be taken.
func TestRepetitionNeedsNoRoom(t *testing.T) {
	d := newDrop(t, 1)
	disk := d.onBadDisk()
	code := receipt.New()
	text, file := d.parcel(t, code, 0, "isi"), d.fileParcel(t, code, 1)
	d.mustAccept(t, text, file)
	disk.full = true
	for _, p := range []inbox.Parcel{text, file} {
		if outcome, err := d.Accept(p); err != nil || outcome != inbox.Again {
			t.Errorf("outcome %v, %v", outcome, err)
		}
	}
	if outcome, err := d.Accept(d.fileParcel(t, code, 1)); err != nil || outcome != inbox.Other {
		t.Errorf("sealed anew: %v, %v, want Other", outcome, err)
	}
	if _, err := d.Accept(d.parcel(t, code, 2, "isi")); !errors.Is(err, store.ErrFull) {
		t.Errorf("a new text: %v, want ErrFull", err)
	}
	if _, err := d.Accept(d.fileParcel(t, code, 3)); !errors.Is(err, inbox.ErrFilesFull) {
		t.Errorf("a new file: %v, want ErrFilesFull", err)
	}
}

// TestFilesLeaveRoomForTexts: also files that are still arriving count.
func TestFilesLeaveRoomForTexts(t *testing.T) {
	d := newDrop(t, 1)
	const free = 1 << 40
	d.Inbox.Store = roomy{d.Store, free}
	code := receipt.New()
	first, second := d.fileParcel(t, code, 0), d.fileParcel(t, code, 1)
	d.Inbox.Reserve = free - first.Size - second.Size/2
	whole := first.Payload
	first.Payload = func(w io.Writer) error {
		if _, err := d.Accept(second); !errors.Is(err, inbox.ErrFilesFull) {
			t.Errorf("a second file beside the first: %v, want ErrFilesFull", err)
		}
		return whole(w)
	}
	d.mustAccept(t, first, d.parcel(t, code, 2, "isi"))
}

// TestAFileThatDripsHoldsLittleRoom: whoever announces half a gigabyte and sends next to
// nothing keeps no other file out; and once the room is gone it gets no more of it.
func TestAFileThatDripsHoldsLittleRoom(t *testing.T) {
	d := newDrop(t, 1)
	const free, room = 1 << 40, 40 << 20
	disk := &filling{Store: d.faulty, free: free}
	d.Inbox.Store, d.Inbox.Reserve = disk, free-room
	code := receipt.New()
	honest := d.fileParcel(t, code, 1)
	dripping := d.largeParcel(t, code, 0, room-mib)
	dripping.Payload = func(w io.Writer) error {
		if _, err := w.Write(make([]byte, mib)); err != nil {
			t.Fatalf("its first bytes: %v", err)
		}
		for range 3 {
			if _, err := d.Accept(honest); err != nil {
				t.Fatalf("another file: %v", err)
			}
		}
		disk.free -= room - 4*mib // others came
		for n := int64(mib); n < dripping.Size; n += mib {
			if _, err := w.Write(make([]byte, mib)); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := d.Accept(dripping); !errors.Is(err, inbox.ErrFilesFull) {
		t.Errorf("the one that drips, without room for the rest: %v, want ErrFilesFull", err)
	}
	if promised := d.Inbox.Promised(); promised != 0 {
		t.Errorf("%d bytes are promised to nobody", promised)
	}
}

// TestOfTwoFilesOneArrives: either fits, both do not, and they come side by side. One is
// refused long before its end, and makes room for the other.
func TestOfTwoFilesOneArrives(t *testing.T) {
	d := newDrop(t, 1)
	const free, room = 1 << 40, 60 << 20
	d.Inbox.Store, d.Inbox.Reserve = &fillsUp{filling{d.faulty, free}}, free-room
	code, piece := receipt.New(), make([]byte, mib)
	var went [2]int64
	inPieces := func(n int, rest func()) error {
		p := d.largeParcel(t, code, n, 40*mib)
		p.Payload = func(w io.Writer) error {
			for left := p.Size; left > 0; left -= mib {
				if _, err := w.Write(piece[:min(left, mib)]); err != nil {
					return err
				}
				went[n] += min(left, mib)
				rest()
			}
			return nil
		}
		_, err := d.Accept(p)
		return err
	}
	var second error
	next, stop := iter.Pull(func(yield func(int) bool) {
		second = inPieces(1, func() { yield(0) })
	})
	defer stop()
	if err := inPieces(0, func() { next() }); err != nil {
		t.Errorf("the first: %v after %d MiB", err, went[0]/mib)
	}
	if !errors.Is(second, inbox.ErrFilesFull) || went[1] > 20*mib {
		t.Errorf("the second: %v after %d MiB, want ErrFilesFull after 20 MiB at most", second, went[1]/mib)
	}
	if promised := d.Inbox.Promised(); promised != 0 {
		t.Errorf("%d bytes are promised to nobody", promised)
	}
}

// fillsUp is a store on a disk that what comes fills; it keeps nothing of it.
type fillsUp struct{ filling }

func (f *fillsUp) Create(_ store.Item, _ [][]byte, payload func(io.Writer) error) error {
	var wrote int64
	err := payload(writes(func(p []byte) { wrote, f.free = wrote+int64(len(p)), f.free-int64(len(p)) }))
	if err != nil {
		f.free += wrote
	}
	return err
}

type writes func(p []byte)

func (w writes) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// largeParcel makes a parcel of a file of some size, all zeros.
func (d *drop) largeParcel(t testing.TB, code receipt.Code, n int, size int) inbox.Parcel {
	p, zeros := d.fileParcel(t, code, n), large(1, size)
	p.Size = zeros.Size
	p.Payload = func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(zeros.payload))
		return err
	}
	return p
}

// filling is a store on a disk that a test fills.
type filling struct {
	store.Store
	free int64
}

func (f *filling) Free() (int64, error) { return f.free, nil }

// TestWhatIsKnownMovesNobody: a parcel that is here already is answered without room,
// and no upload that rests has to go for it.
func TestWhatIsKnownMovesNobody(t *testing.T) {
	d := newDrop(t, 1)
	const free = 1 << 40
	known := d.fileParcel(t, receipt.New(), 0)
	d.mustAccept(t, known)
	resting := large(1, 20*mib)
	d.mustBring(t, resting, 0)
	d.now = d.now.Add(inbox.YieldUpload)
	d.Inbox.Store, d.Inbox.Reserve = roomy{d.faulty, free}, free-8*mib
	if outcome, err := d.Accept(known); err != nil || outcome != inbox.Again {
		t.Errorf("%v, %v, want Again", outcome, err)
	}
	d.staged(t, resting)
}

// roomy is a store on a disk whose room no other program changes.
type roomy struct {
	store.Store
	free int64
}

func (r roomy) Free() (int64, error) { return r.free, nil }

// TestStuckReaderHoldsNothingUp: while somebody takes a bundle and stalls, a batch
// closes and an outbox comes in.
func TestStuckReaderHoldsNothingUp(t *testing.T) {
	d := newDrop(t, 1)
	d.send(t, receipt.New(), 0)
	d.close(t)
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := d.Bundle(w)
		done <- errors.Join(err, w.Close())
	}()
	if _, err := io.ReadFull(r, make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
	closed := make(chan bool)
	go func() {
		d.close(t)
		d.acknowledge(t, 0, 1)
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("nothing goes on while a bundle stalls")
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAFailedDiskIsSaidInTheStatus: with all that is known still.
func TestAFailedDiskIsSaidInTheStatus(t *testing.T) {
	d := newDrop(t, 1)
	d.send(t, receipt.New(), 0)
	d.close(t)
	d.closed = true // by the disk
	d.faulty.Plant(storetest.FailedSync)
	if _, err := d.Accept(d.parcel(t, receipt.New(), 0, "isi")); !errors.Is(err, store.ErrFailed) {
		t.Fatal(err)
	}
	if s, err := d.Status(); err != nil || !s.Failed || s.Items == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// bitten is a store of which some records cannot be read.
type bitten struct{ store.Store }

func (bitten) Batch(uint64) (store.Batch, error) { return store.Batch{}, store.ErrDamaged }

func (bitten) Check() ([]string, error) { return []string{"the record of an item is damaged"}, nil }

func (b bitten) Usage() (store.Usage, error) {
	u, err := b.Store.Usage()
	u.Damaged = 1
	return u, err
}

// TestDamagedRecordsEndNeitherStatusNorCheck: both say so, with all that can be read.
func TestDamagedRecordsEndNeitherStatusNorCheck(t *testing.T) {
	d := newDrop(t, 1)
	d.send(t, receipt.New(), 0)
	d.closed = true // by the test, which leaves it damaged
	d.faulty.Store = bitten{d.faulty.Store}
	if s, err := d.Status(); err != nil || s.Damaged != 2 || s.Items != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
	if wrong, err := d.Check(); err != nil || len(wrong) != 2 {
		t.Errorf("check names %q, %v", wrong, err)
	}
}
