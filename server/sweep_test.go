package server_test

import (
	"sync"
	"testing"
	"time"

	"saksi/server/servertest"
	"saksi/server/store"
)

// TestServingSweepsUploads: when the server keeps house, it asks what is staged, to
// end what has had its time. The inbox's tests say what that is.
func TestServingSweepsUploads(t *testing.T) {
	asked := &askedStore{asked: make(chan struct{})}
	servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store {
		asked.Store = s
		return asked
	}})
	select {
	case <-asked.asked:
	case <-time.After(time.Minute):
		t.Fatal("nobody asked")
	}
}

// askedStore tells when somebody asks for the uploads.
type askedStore struct {
	store.Store
	once  sync.Once
	asked chan struct{}
}

func (a *askedStore) Staged() ([]store.Upload, error) {
	a.once.Do(func() { close(a.asked) })
	return a.Store.Staged()
}
