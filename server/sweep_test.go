package server_test

import (
	"io"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/servertest"
	"saksi/server/store"
)

// TestServingSweepsUploads: what is staged under an id that an item has taken goes
// when the server keeps house. What may go on stays.
func TestServingSweepsUploads(t *testing.T) {
	var kept store.Store
	size := item.PayloadSize(item.Padme(200_000))
	stale, running := receipt.ItemID{1}, receipt.ItemID{2}
	servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store {
		for _, id := range []receipt.ItemID{stale, running} {
			if now, err := s.Stage(id, size, 0, io.LimitReader(zeros{}, 1000)); err != nil || now != 1000 {
				t.Fatal(now, err)
			}
		}
		i := store.Item{ID: stale, Roster: 1, Week: week.Of(time.Now()), Size: size}
		err := s.Create(i, [][]byte{{1}}, func(w io.Writer) error {
			_, err := io.CopyN(w, zeros{}, size)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		kept = s
		return s
	}})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		uploads, err := kept.Staged()
		if err == nil && len(uploads) == 1 && uploads[0].ID == running {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("staged are %+v, %v", uploads, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
