package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/servertest"
	"saksi/server/store"
)

// TestUploadsHaveTheirPlaces: of begun uploads there are so many at once, and the
// next is told to come back. Texts still come in.
func TestUploadsHaveTheirPlaces(t *testing.T) {
	d := newDrop(t)
	s := sealFile(t, d, receipt.New(), 0, 200_000)
	for n := range inbox.MaxUploads + 3 {
		s.head.Upload = [16]byte{byte(n), byte(n >> 8), 1}
		if p := begin(t, d, s); n < inbox.MaxUploads {
			tells(t, fmt.Sprint("upload ", n), p, 201, "0", "?0")
		} else {
			failed(t, "one too many", p, 503, "busy")
		}
	}
	if left, err := d.Inbox.Store.Staged(); err != nil || len(left) != inbox.MaxUploads {
		t.Errorf("%d uploads, %v", len(left), err)
	}
	sendSealed(t, d, sealText(t, d, receipt.New(), 0))
	d.Send("isi")
}

// TestUploadsLeaveRoomForTexts: an upload holds the room that it announces, and
// who finds none is told so before he sends a byte.
func TestUploadsLeaveRoomForTexts(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return smallStore{s} }})
	first, second := sealFile(t, d, receipt.New(), 0, 3<<20), sealFile(t, d, receipt.New(), 0, 3<<20)
	tells(t, "the first", begin(t, d, first), 201, "0", "?0")
	failed(t, "the second", begin(t, d, second), 507, "files_full")
	failed(t, "the second at once", hand(t, d, "POST", "/v1/items", octets, second.parcel()), 507, "files_full")
	sendSealed(t, d, sealText(t, d, receipt.New(), 0))
	hand(t, d, "DELETE", first.upload(), "", nil)
	tells(t, "the second, then", begin(t, d, second), 201, "0", "?0")
}

// smallStore has 5 MiB for files.
type smallStore struct{ store.Store }

func (smallStore) Free() (int64, error) { return inbox.DefaultReserve + 5<<20, nil }

// TestSlicesCountAsUploads: connections that bring slices, and stand still, are as
// few as those that bring files of forms; and so are those that bring a file's parcel.
func TestSlicesCountAsUploads(t *testing.T) {
	for name, bring := range map[string]func(*servertest.Drop, net.Conn, *sealedItem){
		"slices": func(d *servertest.Drop, conn net.Conn, s *sealedItem) {
			begin(t, d, s)
			io.WriteString(conn, sliceHead(s, 0, 1<<20)+string(s.payload[:10_000]))
		},
		"parcels": func(_ *servertest.Drop, conn net.Conn, s *sealedItem) {
			io.WriteString(conn, head("/v1/items", octets, len(s.parcel()))+string(s.parcel()[:10_000]))
		},
	} {
		t.Run(name, func(t *testing.T) { uploadsAreFew(t, bring) })
	}
}

func uploadsAreFew(t *testing.T, bring func(*servertest.Drop, net.Conn, *sealedItem)) {
	limits := hurried()
	limits.Uploads, limits.Settle, limits.Stall = 4, 0, time.Minute
	d := servertest.New(t, servertest.Options{Limits: limits})
	s := sealFile(t, d, receipt.New(), 0, 1<<20)
	for n := range 20 {
		s.head.Upload = [16]byte{byte(n), byte(n >> 8), 1}
		bring(d, dial(t, d), s)
	}
	d.Client.CloseIdleConnections()
	for deadline := time.Now().Add(20 * time.Second); d.Connected() > 4; {
		if time.Now().After(deadline) {
			t.Fatalf("%d uploads are under way", d.Connected())
		}
		time.Sleep(5 * time.Millisecond)
	}
	if p := d.Get("/"); p.Status != http.StatusOK {
		t.Errorf("status %d", p.Status)
	}
}

// TestSlicesAreNoMemory: 64 MiB in the largest slices, and a parcel as large, pass through.
func TestSlicesAreNoMemory(t *testing.T) {
	d := newDrop(t)
	s := sealText(t, d, receipt.New(), 0) // for its slots; the payload is nothing
	const all, slice = 64 << 20, 8 << 20
	size := item.PayloadSize(item.Padme(all))
	p := hand(t, d, "POST", s.upload(), "", nil, "Upload-Length", fmt.Sprint(size), "Upload-Complete", "?0")
	tells(t, "begin", p, 201, "0", "?0")
	least := allocated(func() {
		for at := 0; at < all; at += slice {
			p, err := tryHand(d, "PATCH", s.upload(), partial, sized{io.LimitReader(zero{}, slice), slice},
				"Upload-Offset", fmt.Sprint(at), "Upload-Complete", "?0")
			if err != nil || p.Status != http.StatusNoContent {
				t.Fatalf("a slice: status %d, %v", p.Status, err)
			}
		}
	})
	hand(t, d, "DELETE", s.upload(), "", nil)
	s.head.Size = size
	begun := s.head.Append(nil)
	least = max(least, allocated(func() {
		body := sized{io.MultiReader(strings.NewReader(string(begun)), io.LimitReader(zero{}, size)), int64(len(begun)) + size}
		p, err := tryHand(d, "POST", "/v1/items", octets, body)
		if err != nil || p.Status != http.StatusCreated {
			t.Errorf("a parcel: status %d, %v, %s", p.Status, err, p.Body)
		}
	}))
	if least > all/4 {
		t.Errorf("64 MiB took %d MiB of memory", least>>20)
	}
}

// sized is a body that says its length.
type sized struct {
	io.Reader
	n int64
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// allocated returns how many bytes are allocated meanwhile, by everyone.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestALargeRosterIsNoFlood: the parcel of a text under a roster of a hundred, twice
// as long as an ordinary form, takes no place of long forms.
func TestALargeRosterIsNoFlood(t *testing.T) {
	limits := hurried()
	limits.LongForms = 0
	d := servertest.New(t, servertest.Options{Reviewers: 100, Limits: limits})
	s := sealText(t, d, receipt.New(), 0)
	if n := int64(len(s.parcel())); n < 200_000 || n > 256_280 {
		t.Errorf("it has %d bytes", n)
	}
	sendSealed(t, d, s)
	a := readMailbox(t, d, receipt.New(), 1<<31)
	if a.States != (parcel.Answer{}).States || !a.Ends {
		t.Error("an unknown code has states")
	}
}
