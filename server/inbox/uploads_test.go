package inbox_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/store"
)

// An upload is a parcel whose payload comes in slices.
type upload struct {
	inbox.Parcel
	payload []byte
}

func (d *drop) upload(t testing.TB, code receipt.Code, n int) upload {
	t.Helper()
	p := d.fileParcel(t, code, n)
	var payload bytes.Buffer
	if err := p.Payload(&payload); err != nil {
		t.Fatal(err)
	}
	p.Payload, p.Staged = nil, true
	rand.Read(p.Upload[:])
	return upload{p, payload.Bytes()}
}

// stageTo goes on with an upload where it is, up to a place.
func (d *drop) stageTo(u upload, to int64) error {
	_, now, err := d.Inbox.Upload(u.Upload)
	if err != nil && !errors.Is(err, store.ErrUnknown) {
		return err
	}
	_, err = d.Stage(u.Upload, u.Size, now, bytes.NewReader(u.payload[now:to]))
	return err
}

func (d *drop) mustBring(t testing.TB, u upload, to int64) {
	t.Helper()
	if err := d.stageTo(u, to); err != nil {
		t.Fatal(err)
	}
}

// staged holds what is staged, in any order.
func (d *drop) staged(t testing.TB, want ...upload) {
	t.Helper()
	uploads, err := d.Store.Staged()
	if err != nil || len(uploads) != len(want) {
		t.Fatalf("staged are %d, %v, want %d", len(uploads), err, len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(uploads, func(u store.Upload) bool { return u.ID == w.Upload }) {
			t.Fatalf("one that should be staged is not")
		}
	}
}

// TestUploadBecomesAnItem like any other, also when the server starts anew between
// two slices.
func TestUploadBecomesAnItem(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	u := d.upload(t, code, 0)
	for _, to := range []int64{0, 1, u.Size / 2, u.Size} {
		if to > 0 {
			if _, err := d.Accept(u.Parcel); !errors.Is(err, store.ErrOffset) {
				t.Fatalf("a part is accepted: %v, want ErrOffset", err)
			}
		}
		d.mustBring(t, u, to)
		d.again(t)
		if size, offset, err := d.Inbox.Upload(u.Upload); size != u.Size || offset != to || err != nil {
			t.Fatalf("the upload is %d of %d, %v", offset, size, err)
		}
	}
	for _, want := range []inbox.Outcome{inbox.Kept, inbox.Again} {
		if outcome, err := d.Accept(u.Parcel); err != nil || outcome != want {
			t.Fatalf("outcome %v, %v, want %v", outcome, err, want)
		}
	}
	payload, err := d.Store.Payload(u.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	if b, err := io.ReadAll(payload); err != nil || !bytes.Equal(b, u.payload) {
		t.Errorf("another payload came out: %v", err)
	}
	if _, _, err := d.Inbox.Upload(u.Upload); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("afterwards there is an upload: %v, want ErrUnknown", err)
	}
	d.staged(t)
	if err := d.Abandon(u.Upload); err != nil || d.stand(t, code, 0) != parcel.Waiting {
		t.Errorf("abandoning what is an item harms it: %v", err)
	}
}

// TestWhatWasNotBroughtIsToldFirst: a browser asks with a head whether its item is kept.
// That the roster is another one by now, or that the disk is full, does not tell it.
func TestWhatWasNotBroughtIsToldFirst(t *testing.T) {
	d := newDrop(t, 1)
	u := d.upload(t, receipt.New(), 0)
	older := u.Parcel
	older.Roster++
	d.Inbox.Store = roomy{d.faulty, 0}
	for name, p := range map[string]inbox.Parcel{"another roster": older, "a full disk": u.Parcel} {
		if _, err := d.Accept(p); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", name, err)
		}
	}
	d.Inbox.Store = d.faulty
	d.mustBring(t, u, u.Size/2)
	if _, err := d.Accept(older); !errors.Is(err, inbox.ErrMisfit) {
		t.Errorf("a part for another roster: %v, want ErrMisfit: the rest would come for nothing", err)
	}
}

// TestUploadsAreRefused by the names that a surface tells them by.
func TestUploadsAreRefused(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	burnt, fresh := d.upload(t, code, 1), d.upload(t, code, 2)
	d.mustBring(t, burnt, burnt.Size)
	d.mustAccept(t, burnt.Parcel)
	if err := d.Burn(burnt.ID, code.Burn(1)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		size, offset int64
		want         error
	}{
		"a text":        {item.PayloadSize(item.Floor), 0, inbox.ErrMisfit},
		"an odd size":   {fresh.Size + 1, 0, inbox.ErrMisfit},
		"below zero":    {-1, 0, inbox.ErrMisfit},
		"too large":     {item.PayloadSize(item.Padme(1 << 40)), 0, inbox.ErrTooLarge},
		"in the middle": {fresh.Size, 1, store.ErrUnknown},
	} {
		if _, err := d.Stage(fresh.Upload, test.size, test.offset, bytes.NewReader(fresh.payload)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if _, _, err := d.Inbox.Upload(fresh.Upload); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("an unknown upload: %v, want ErrUnknown", err)
	}
	again := d.upload(t, code, 1)
	d.mustBring(t, again, again.Size)
	if _, err := d.Accept(again.Parcel); !errors.Is(err, store.ErrGone) {
		t.Errorf("a deleted item, sealed anew: %v, want ErrGone", err)
	}
	if err := d.Abandon(again.Upload); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Accept(fresh.Parcel); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("accepting what was not staged: %v, want ErrUnknown", err)
	}
	d.staged(t)
}

// TestUploadThatHangsIsTakenOver: who asks how far it is goes on from there.
func TestUploadThatHangsIsTakenOver(t *testing.T) {
	d := newDrop(t, 1)
	u := d.upload(t, receipt.New(), 0)
	r, w := io.Pipe()
	hung := make(chan error)
	go func() {
		_, err := d.Stage(u.Upload, u.Size, 0, r)
		hung <- err
	}()
	if _, err := w.Write(u.payload[:u.Size/2]); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stage(u.Upload, u.Size, 0, strings.NewReader("")); !errors.Is(err, store.ErrBusy) {
		t.Errorf("beside it: %v, want ErrBusy", err)
	}
	_, offset, err := d.Inbox.Upload(u.Upload)
	if err != nil || offset == 0 {
		t.Fatalf("it came to %d, %v", offset, err)
	}
	w.Close()
	if err := <-hung; !errors.Is(err, store.ErrBusy) {
		t.Errorf("the one that hung: %v, want ErrBusy", err)
	}
	d.mustBring(t, u, u.Size)
	d.mustAccept(t, u.Parcel)
}

// TestUploadsHoldRoom for what is still to come of them, and no more: beside other
// uploads, and beside files in one piece.
func TestUploadsHoldRoom(t *testing.T) {
	d := newDrop(t, 1)
	const free = 1 << 40
	code := receipt.New()
	first, second, whole := d.upload(t, code, 0), d.upload(t, code, 1), d.fileParcel(t, code, 2)
	d.Inbox.Store = roomy{d.faulty, free}
	d.Inbox.Reserve = free - first.Size - second.Size/2
	d.mustBring(t, first, 0)
	if err := d.stageTo(second, 0); !errors.Is(err, inbox.ErrFilesFull) {
		t.Errorf("a second upload beside the first: %v, want ErrFilesFull", err)
	}
	if _, err := d.Accept(whole); !errors.Is(err, inbox.ErrFilesFull) {
		t.Errorf("a file in one piece beside the first: %v, want ErrFilesFull", err)
	}
	d.mustAccept(t, d.parcel(t, receipt.New(), 0, "isi"))
	d.staged(t, first)
	d.mustBring(t, first, first.Size*3/4)
	d.mustBring(t, second, second.Size)
	d.mustBring(t, first, first.Size)
	d.mustAccept(t, whole, first.Parcel, second.Parcel)
}

// TestSentAgainNeedsNoRoom: an upload whose item is kept, or that is under way, is
// told so also when nothing new would be taken.
func TestSentAgainNeedsNoRoom(t *testing.T) {
	d := newDrop(t, 1)
	disk := d.onBadDisk()
	code := receipt.New()
	kept, begun, fresh := d.upload(t, code, 0), d.upload(t, code, 1), d.upload(t, code, 2)
	d.mustBring(t, kept, kept.Size)
	d.mustAccept(t, kept.Parcel)
	d.mustBring(t, begun, begun.Size/2)
	disk.full = true
	if outcome, err := d.Accept(kept.Parcel); err != nil || outcome != inbox.Again {
		t.Errorf("its parcel: %v, %v", outcome, err)
	}
	now, err := d.Stage(begun.Upload, begun.Size, 0, strings.NewReader(""))
	if !errors.Is(err, store.ErrOffset) || now != begun.Size/2 {
		t.Errorf("one under way: now %d, %v, want ErrOffset", now, err)
	}
	d.mustBring(t, begun, begun.Size)
	if err := d.stageTo(fresh, 0); !errors.Is(err, inbox.ErrFilesFull) {
		t.Errorf("a new one: %v, want ErrFilesFull", err)
	}
	if _, err := d.Accept(begun.Parcel); !errors.Is(err, store.ErrFull) {
		t.Errorf("the parcel of one that is here: %v, want ErrFull: its slots need room", err)
	}
	disk.full = false
	d.mustAccept(t, begun.Parcel)
}

// TestTwoSealingsNeverComeTogether: two pages that send an item of the same number
// each keep to their own bytes. One is kept, whole; the other is told so, and what it
// brought is gone.
func TestTwoSealingsNeverComeTogether(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	first, second := d.upload(t, code, 0), d.upload(t, code, 0)
	for part := int64(4); part > 0; part-- {
		d.mustBring(t, first, first.Size/part)
		d.mustBring(t, second, second.Size/part)
	}
	d.mustAccept(t, first.Parcel)
	if outcome, err := d.Accept(second.Parcel); err != nil || outcome != inbox.Other {
		t.Fatalf("the second: %v, %v, want Other", outcome, err)
	}
	d.staged(t)
	payload, err := d.Store.Payload(first.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	if b, err := io.ReadAll(payload); err != nil || !bytes.Equal(b, first.payload) {
		t.Errorf("another payload came out: %v", err)
	}
}

// TestAbandonedUploadOpensForNobody: of an upload, whole as it may be, a thief with
// the folder, the code and all reviewers' keys has ciphertext and nothing else, as
// its slots were never there. Of one that became an item he opens them, so he
// knows his trade. Nothing but the one file is written, with no time but a Monday.
func TestAbandonedUploadOpensForNobody(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	before := d.files(t)
	abandoned, kept := d.upload(t, code, 0), d.upload(t, code, 1)
	for _, part := range []int64{2, 1} {
		d.mustBring(t, abandoned, abandoned.Size/part)
	}
	th := d.thief(t, code)
	if e, places := th.item(0); e != nil || places != 0 {
		t.Errorf("an upload is found in %d places", places)
	}
	for _, id := range [][]byte{abandoned.ID[:], abandoned.Upload[:]} {
		if file := th.has(id); file != "" {
			t.Errorf("%q has something of an upload", file)
		}
	}
	d.opensNothing(t, th, abandoned)
	d.oneMore(t, before)

	d.mustBring(t, kept, kept.Size)
	d.mustAccept(t, kept.Parcel)
	if e, _ := d.thief(t, code).item(1); e == nil {
		t.Fatal("the thief opens no item: he can show nothing")
	}
	if err := d.Abandon(abandoned.Upload); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(d.dir, "payloads"))
	if err != nil || len(files) != 1 || files[0].Name() != kept.ID.String()+".age" {
		t.Errorf("payloads are %v, %v", files, err)
	}
	if e, places := d.thief(t, code).item(0); e != nil || places != 0 {
		t.Errorf("abandoned, it is found in %d places", places)
	}
}

// opensNothing tries every key that a thief has on every file of payloads.
func (d *drop) opensNothing(t *testing.T, th *thief, u upload) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "payloads", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files are %q, %v", files, err)
	}
	sealed, err := os.ReadFile(files[0])
	if err != nil || !bytes.Equal(sealed, u.payload) {
		t.Fatalf("the file has something else than the ciphertext: %v", err)
	}
	for _, id := range append(th.ids, th.code.Keys().Reply) {
		if r, err := hybrid.Open(bytes.NewReader(sealed), id); err == nil {
			t.Errorf("it opens: %v", r)
		}
	}
}

// oneMore holds that one file came, of the form that an upload has, and that
// nothing has another time than a Monday but what had before.
func (d *drop) oneMore(t *testing.T, before []string) {
	t.Helper()
	came := 0
	for _, entry := range d.files(t) {
		switch {
		case slices.Contains(before, entry):
		case strings.HasSuffix(strings.Fields(entry)[0], ".staged"):
			came++
			fallthrough
		default:
			if !strings.HasSuffix(entry, "2026-11-16 00:00:00 +0000 UTC") {
				t.Errorf("%q has a time", entry)
			}
		}
	}
	if came != 1 {
		t.Errorf("%d files came, want 1", came)
	}
}
