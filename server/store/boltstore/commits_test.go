package boltstore

import (
	"errors"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"saksi/server/store"
)

// TestRefusedOnlyByWhatIsOnDisk: of twins that share a transaction, the second is
// refused because of the first. It must not hear so before the first is on disk.
func TestRefusedOnlyByWhatIsOnDisk(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), fileMode, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	bucket, key := []byte("b"), []byte("k")
	create := func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		if b.Get(key) != nil {
			return store.ErrExists
		}
		return b.Put(key, key)
	}
	var second, third *write
	onDisk := func() (is bool) {
		db.View(func(tx *bbolt.Tx) error { is = tx.Bucket(bucket) != nil; return nil })
		return is
	}
	first := &write{done: make(chan struct{}), run: func(tx *bbolt.Tx) error {
		select {
		case <-second.done:
			if !onDisk() {
				t.Error("the second was told before the first was on disk")
			}
		default:
		}
		return create(tx)
	}}
	second = &write{done: make(chan struct{}), run: create}
	third = &write{done: make(chan struct{}), run: func(*bbolt.Tx) error { return nil }}
	c := &commits{db: db, health: &health{}, waiting: []*write{first, second, third}}
	c.lead()
	for _, w := range []*write{first, second, third} {
		<-w.done
	}
	if first.err != nil || !errors.Is(second.err, store.ErrExists) || third.err != nil || !onDisk() {
		t.Errorf("%v, %v, %v", first.err, second.err, third.err)
	}
}
