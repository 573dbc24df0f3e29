package server_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/servertest"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// undeleting is a store whose deletions fail, for as long as there is a reason.
type undeleting struct {
	store.Store
	why atomic.Pointer[error] // if it points to nil, they panic
}

func (u *undeleting) fail() error {
	if why := u.why.Load(); why != nil && *why == nil {
		panic("a fault of our own")
	} else if why != nil {
		return *why
	}
	return nil
}

func (u *undeleting) Delete(all ...store.Tombstone) error {
	if err := u.fail(); err != nil {
		return err
	}
	return u.Store.Delete(all...)
}

func (u *undeleting) DeleteReplies(m receipt.Mailbox) error {
	if err := u.fail(); err != nil {
		return err
	}
	return u.Store.DeleteReplies(m)
}

// TestAFailedDeletionIsNotCalledOne: whoever deletes in danger must not read sentences
// that fit what is sent: "not kept" would be taken for "deleted". The page says that
// nobody knows, that it is to be taken as not deleted, and has the form to press again.
func TestAFailedDeletionIsNotCalledOne(t *testing.T) {
	var broken *undeleting
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store {
		broken = &undeleting{Store: s}
		return broken
	}})
	for name, c := range map[string]struct {
		why    error
		status int
	}{
		"full": {store.ErrFull, http.StatusInsufficientStorage}, "disk": {store.ErrFailed, http.StatusServiceUnavailable},
		"internal": {errors.New("whatever"), http.StatusInternalServerError}, "panic": {nil, http.StatusInternalServerError},
	} {
		for _, n := range []string{"0", "all"} {
			code := d.Send("satu")
			broken.why.Store(&c.why)
			p := d.Post("/delete", "code", code.Field(), "n", n, "confirm", "yes")
			t.Run(name+" "+n, func(t *testing.T) {
				expect(t, p, c.status, "Kami tidak tahu apakah sudah terhapus", "Anggap belum.", "itu tidak berbahaya")
				for _, lie := range []string{"tidak disimpan", "tersimpan", "diterima", "Sudah dihapus"} {
					if strings.Contains(p.Body, lie) {
						t.Errorf("the page says %q", lie)
					}
				}
			})
			broken.why.Store(nil)
			again := submitted(t, p, "/delete")
			expect(t, post(t, d, "/delete", urlencoded, again.Encode()), http.StatusOK, "Sudah dihapus")
			if s, err := d.Inbox.States(code.ItemIDs()); err != nil || s[0].Stand != parcel.Deleted {
				t.Errorf("%s, %s: the item stands at %v, %v", name, n, s[0].Stand, err)
			}
		}
	}
	broken.why.Store(&store.ErrFull)
	p := d.Post("/en/delete", "code", d.Send("dua").Field(), "n", "all", "confirm", "yes")
	expect(t, p, http.StatusInsufficientStorage, "We do not know whether it is deleted", "Take it that it is not.")
}

// TestAnswersThatMayComeBackAreNotCalledGone: the disk failed in the midst of deleting
// everything. Whoever then looks reads that nobody knows, and no empty conversation, with
// the words and by the script alike; others look as before.
func TestAnswersThatMayComeBackAreNotCalledGone(t *testing.T) {
	faulty := servertest.NewFrail()
	d := servertest.New(t, servertest.Options{Wrap: faulty.Wrap})
	code, other := d.Send("satu"), d.Send("dua")
	d.Answer(code, 0, 1, "jawaban")
	faulty.PlantAfter(1, storetest.FailedSync) // the item is gone, and then come the answers
	p := d.Post("/delete", "code", code.Field(), "n", "all", "confirm", "yes")
	expect(t, p, http.StatusServiceUnavailable, "Kami tidak tahu apakah sudah terhapus")
	expect(t, d.Post("/open", "code", code.Field()), http.StatusServiceUnavailable, "Penyimpanan server kami rusak")
	question := parcel.NewRequest(code, 0).Bytes()
	expect(t, hand(t, d, "POST", "/v1/mailbox", octets, question), http.StatusServiceUnavailable, "disk")
	expect(t, d.Post("/open", "code", other.Field()), http.StatusOK)
	faulty.Restart()
	expect(t, d.Post("/open", "code", code.Field()), http.StatusOK)
}

// TestAFailedDiskDoesNotContradictItself: where it is not known whether a text was
// kept, the copy of it below is not called one that was not.
func TestAFailedDiskDoesNotContradictItself(t *testing.T) {
	faulty := servertest.NewFrail()
	d := servertest.New(t, servertest.Options{Wrap: faulty.Wrap})
	defer faulty.Restart()
	faulty.Plant(storetest.FailedSync)
	p := d.Post("/write", "code", receipt.New().Field(), "text", "isi kesaksian")
	expect(t, p, http.StatusServiceUnavailable, "tidak tahu pasti", "Tulisan Anda mungkin tidak tersimpan")
	if strings.Contains(p.Body, "Tulisan Anda tidak tersimpan") {
		t.Error("the page says that the text was not kept, and that it does not know")
	}
}

// passedOver is a store for which every item comes a moment too late.
type passedOver struct {
	store.Store
	late atomic.Bool
}

func (p *passedOver) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	if p.late.Load() {
		return fmt.Errorf("creating item: %w", inbox.ErrMisfit)
	}
	return p.Store.Create(i, slots, payload)
}

// TestANewRosterIsNoClosedDrop: a text that was sealed for the reviewers of a moment
// ago is not told to come back in some days: its form comes back, and sends it.
func TestANewRosterIsNoClosedDrop(t *testing.T) {
	var between *passedOver
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store {
		between = &passedOver{Store: s}
		return between
	}})
	code := receipt.New()
	between.late.Store(true)
	p := d.Post("/write", "code", code.Field(), "text", "isi kesaksian")
	expect(t, p, http.StatusUnprocessableEntity, "Daftar penelaah berubah", "isi kesaksian")
	if strings.Contains(p.Body, "beberapa hari") {
		t.Error("the page says to come back in some days")
	}
	between.late.Store(false)
	expect(t, post(t, d, "/write", urlencoded, submitted(t, p, "/write").Encode()), http.StatusOK, code.Words()[0])
	between.late.Store(true)
	p = d.Post("/message", "code", code.Field(), "n", "1", "text", "isi pesan")
	expect(t, p, http.StatusUnprocessableEntity, "Daftar penelaah berubah", "isi pesan")
	p = d.Upload("/file", "a.bin", make([]byte, 100), "code", code.Field(), "n", "1")
	expect(t, p, http.StatusUnprocessableEntity, "Daftar penelaah berubah")
	between.late.Store(false)
	expect(t, d.Upload("/file", "a.bin", make([]byte, 100), "code", code.Field(), "n", "1"), http.StatusOK, "Susulan 1")
}
