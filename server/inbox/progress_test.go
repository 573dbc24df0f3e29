package inbox_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/store"
)

// large is an upload of zeros, of which the name tells one from another.
func large(name byte, size int) upload {
	zeros := make([]byte, item.PayloadSize(item.Padme(int64(size))))
	return upload{Parcel: inbox.Parcel{Upload: store.UploadID{name, 9}, Size: int64(len(zeros))}, payload: zeros}
}

// fill begins an upload in each place, or in all but some.
func (d *drop) fill(t *testing.T, but int) (all []upload) {
	t.Helper()
	like := large(0, mib*3/2)
	for n := range inbox.MaxUploads - but {
		u := like
		u.Upload = store.UploadID{byte(n), byte(but), 8}
		d.mustBring(t, u, 0)
		all = append(all, u)
	}
	return all
}

const mib = 1 << 20

// TestIdleUploadsMakeRoom: who takes all places and sends next to nothing keeps
// others out for an hour; a byte before it is over buys no other. Who sends is not
// displaced.
func TestIdleUploadsMakeRoom(t *testing.T) {
	d := newDrop(t, 1)
	all := d.fill(t, 0)
	late := large(1, mib)
	full := func(when string) {
		t.Helper()
		if err := d.stageTo(late, 0); !errors.Is(err, inbox.ErrUploads) {
			t.Fatalf("%s: %v, want ErrUploads", when, err)
		}
	}
	full("one upload too many")
	d.now = d.now.Add(inbox.YieldUpload - time.Second)
	d.mustBring(t, all[0], mib)
	d.mustBring(t, all[1], mib-1)
	d.mustBring(t, all[2], 1)
	full("a second before the hour")
	d.now = d.now.Add(time.Second)
	fresh := d.fill(t, 1)
	full("all others are new, or sent something")
	d.staged(t, append(fresh, all[0])...)
	d.now = d.now.Add(inbox.YieldUpload - time.Second)
	d.mustBring(t, late, 0)
	d.staged(t, append(fresh, late)...)
}

// TestSilentUploadsGiveUpTheirRoom: who announces much and sends nothing does not
// keep others' files out.
func TestSilentUploadsGiveUpTheirRoom(t *testing.T) {
	d := newDrop(t, 1)
	const free = 1 << 40
	code := receipt.New()
	first, second := d.upload(t, code, 0), d.upload(t, code, 1)
	d.Inbox.Store = roomy{d.faulty, free}
	d.Inbox.Reserve = free - first.Size
	d.mustBring(t, first, 0)
	d.now = d.now.Add(inbox.YieldUpload)
	d.mustBring(t, second, 0)
	d.staged(t, second)
}

func (d *drop) sweeps(t testing.TB, want int) {
	t.Helper()
	if n, err := d.SweepUploads(); err != nil || n != want {
		t.Fatalf("swept %d uploads, %v, want %d", n, err, want)
	}
}

// TestUploadsHoldRoomALittleAhead, however much they announce, and no more comes in
// than there is room for. What came stays, and goes on when there is room again.
func TestUploadsHoldRoomALittleAhead(t *testing.T) {
	d := newDrop(t, 1)
	const free, ahead = 1 << 40, 8 * mib
	leave := func(n int64) { d.Inbox.Store, d.Inbox.Reserve = roomy{d.faulty, free}, free-n }
	leave(ahead + mib)
	greedy, other := large(1, 20*mib), large(2, 20*mib)
	d.mustBring(t, greedy, 0)
	if err := d.stageTo(other, 0); !errors.Is(err, inbox.ErrFilesFull) {
		t.Fatalf("a second one that needs as much: %v, want ErrFilesFull", err)
	}
	mine := d.upload(t, receipt.New(), 0)
	d.mustBring(t, mine, mine.Size)
	d.mustAccept(t, mine.Parcel)
	leave(ahead - 1)
	for _, when := range []string{"at first", "again", "after a restart"} {
		err := d.stageTo(greedy, greedy.Size)
		if _, now, _ := d.Inbox.Upload(greedy.Upload); now != ahead || !errors.Is(err, inbox.ErrFilesFull) {
			t.Fatalf("%s came %d bytes, %v, want ErrFilesFull after %d", when, now, err, ahead)
		}
		if when == "again" {
			d.again(t)
			leave(ahead - 1)
		}
	}
	leave(ahead)
	d.mustBring(t, greedy, greedy.Size)
}

// TestAbandonedUploadsAreSwept a day after they last came on, by more than a byte
// now and then; a restart begins the day anew, as its beginning is nowhere written
// down.
func TestAbandonedUploadsAreSwept(t *testing.T) {
	d := newDrop(t, 1)
	left, slow, going := d.upload(t, receipt.New(), 0), large(1, 3*mib), large(2, 3*mib)
	d.mustBring(t, left, left.Size/2)
	d.mustBring(t, slow, mib-2)
	d.mustBring(t, going, 1)
	d.now = d.now.Add(inbox.KeepUpload - time.Second)
	d.sweeps(t, 0)
	d.mustBring(t, slow, mib-1)
	d.mustBring(t, going, mib)
	d.now = d.now.Add(time.Second)
	d.sweeps(t, 2)
	d.staged(t, going)
	d.again(t)
	d.now = d.now.Add(time.Hour)
	d.sweeps(t, 0)
	d.now = d.now.Add(inbox.KeepUpload - time.Second)
	d.sweeps(t, 0)
	d.now = d.now.Add(time.Second)
	d.sweeps(t, 1)
	d.staged(t)
	if err := d.stageTo(left, left.Size); err != nil {
		t.Errorf("it cannot begin anew: %v", err)
	}
	d.mustAccept(t, left.Parcel)
}

// TestNoUploadLastsLong: one that comes on a little each day ends all the same.
func TestNoUploadLastsLong(t *testing.T) {
	d := newDrop(t, 1)
	u := large(1, 20*mib)
	begun := d.now
	for n := int64(0); d.now.Sub(begun) < inbox.LongestUpload; n += mib {
		d.mustBring(t, u, n)
		d.sweeps(t, 0)
		d.now = d.now.Add(inbox.KeepUpload / 2)
	}
	d.sweeps(t, 1)
	d.staged(t)
}

// TestClockThatFellBackKeepsNoUpload for longer than a day from then on.
func TestClockThatFellBackKeepsNoUpload(t *testing.T) {
	d := newDrop(t, 1)
	right := d.now
	d.now = right.AddDate(0, 1, 0)
	d.mustBring(t, d.upload(t, receipt.New(), 0), 1)
	d.now = right
	d.sweeps(t, 0)
	d.now = right.Add(inbox.KeepUpload)
	d.sweeps(t, 1)
}

// TestIdleUploadsMakeRoomForAFileInOnePiece, too: else one announcement that nothing
// comes of would keep the files of browsers without script out.
func TestIdleUploadsMakeRoomForAFileInOnePiece(t *testing.T) {
	d := newDrop(t, 1)
	const free = 1 << 40
	d.Inbox.Store, d.Inbox.Reserve = roomy{d.faulty, free}, free-8*mib
	idle, whole := large(1, 20*mib), d.fileParcel(t, receipt.New(), 0)
	d.mustBring(t, idle, 0)
	if _, err := d.Accept(whole); !errors.Is(err, inbox.ErrFilesFull) {
		t.Fatalf("beside one that has just begun: %v, want ErrFilesFull", err)
	}
	d.now = d.now.Add(inbox.YieldUpload)
	d.mustAccept(t, whole)
	d.staged(t)
}

// sticky is a store in which one upload stays.
type sticky struct {
	store.Store
	id store.UploadID
}

var errStays = errors.New("it stays")

func (s sticky) Unstage(id store.UploadID) error {
	if id == s.id {
		return errStays
	}
	return s.Store.Unstage(id)
}

// TestAnUploadThatCannotBeRemovedKeepsNoOther: neither from being swept nor from making
// room.
func TestAnUploadThatCannotBeRemovedKeepsNoOther(t *testing.T) {
	d := newDrop(t, 1)
	all := d.fill(t, 0)
	d.Inbox.Store = sticky{d.faulty, all[0].Upload}
	d.now = d.now.Add(inbox.YieldUpload)
	late := large(99, 3*mib)
	d.mustBring(t, late, 0)
	d.now = d.now.Add(inbox.KeepUpload)
	if n, err := d.SweepUploads(); !errors.Is(err, errStays) || n != len(all)-1 {
		t.Errorf("swept %d uploads, %v, want all but one of %d", n, err, len(all))
	}
	d.staged(t, all[0])
	const free = 1 << 40
	d.Inbox.Store, d.Inbox.Reserve = roomy{d.Inbox.Store, free}, free-late.Size
	if err := d.stageTo(late, 0); !errors.Is(err, errStays) {
		t.Errorf("without room beside it: %v", err)
	}
}

// TestAFileInOnePieceTakesNoPlace of those that come in slices.
func TestAFileInOnePieceTakesNoPlace(t *testing.T) {
	d := newDrop(t, 1)
	all := d.fill(t, 0)
	d.now = d.now.Add(inbox.YieldUpload)
	d.mustAccept(t, d.fileParcel(t, receipt.New(), 0))
	d.staged(t, all...)
}

// TestNothingIsGivenUpInVain: if all that is idle does not make room enough, it stays.
func TestNothingIsGivenUpInVain(t *testing.T) {
	d := newDrop(t, 1)
	const free = 1 << 40
	idle, going := large(1, 3*mib), large(2, 20*mib)
	d.mustBring(t, idle, 0)
	d.now = d.now.Add(inbox.YieldUpload)
	d.Inbox.Store, d.Inbox.Reserve = roomy{d.faulty, free}, free-12*mib
	d.mustBring(t, going, 0)
	d.Inbox.Reserve = free - 8*mib
	whole := d.fileParcel(t, receipt.New(), 0)
	if _, err := d.Accept(whole); !errors.Is(err, inbox.ErrFilesFull) {
		t.Fatalf("a file: %v, want ErrFilesFull", err)
	}
	if err := d.stageTo(large(3, 3*mib), 0); !errors.Is(err, inbox.ErrFilesFull) {
		t.Fatalf("an upload: %v, want ErrFilesFull", err)
	}
	d.staged(t, idle, going)
}

// TestABeginningThatFailsIsForgotten: names that never became an upload take no memory.
func TestABeginningThatFailsIsForgotten(t *testing.T) {
	d := newDrop(t, 1)
	u := large(1, 3*mib)
	d.Inbox.Store = unstageable{d.faulty}
	if err := d.stageTo(u, 0); !errors.Is(err, store.ErrFull) {
		t.Fatalf("a full disk: %v", err)
	}
	if n := d.Inbox.UploadsKnown(); n != 0 {
		t.Errorf("%d uploads are remembered that are not there", n)
	}
}

type unstageable struct{ store.Store }

func (unstageable) Stage(store.UploadID, int64, int64, io.Reader) (int64, error) {
	return 0, store.ErrFull
}
