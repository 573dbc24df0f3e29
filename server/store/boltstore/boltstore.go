// Package boltstore keeps a drop's data in one folder: an index in bbolt, the
// key sectors in a file of their own, and large payloads as files.
//
//	FORMAT              "saksi/v3/store\n"
//	index.db            bbolt
//	keys.slots          512-byte sectors of random bytes; see [sectors]
//	payloads/<id>.age   payloads above 64 KiB; <id>.<random>.part while they arrive
//	payloads/<id>.<size>.<offset>.staged
//	                    a payload that comes in slices, and how much of it is there
//	ballast             random bytes, given up when there is no room for a deletion
//	sound               empty; not there from a failure of the disk to the next Open
//
// # What makes a deletion real
//
// A page that bbolt frees keeps its bytes: after Delete, nearly all of a value
// can still be read from the file. So slots and replies are stored sealed once
// more, XChaCha20-Poly1305 under a random key, and the key alone lives outside
// of bbolt, in a sector of keys.slots that is overwritten in place with
// fdatasync. With the key dies everything that bbolt may still hold. A payload
// needs no such care: it is sealed to the identity whose shares the slots are.
//
// # Order of writes
//
//	Create   sector, fdatasync; beside it the payload file: write, fsync | rename, fsync folder | index
//	Stage    slice, fsync | rename, fsync folder
//	adopting sector, fdatasync | link, fsync folder | index | unlink
//	Delete   tombstone | sector, fdatasync | index | payload file
//
// Replies have no tombstone: theirs is a mark on the entry. Whatever a crash
// leaves between two of these is recognised at the next Open: a payload file
// without a record, a .part file, an item that has a tombstone, a reply that is
// marked. All are swept. Nothing of it was acknowledged, or its deletion was
// under way. What is staged stays, unless an item has taken it: the bytes that its
// name tells of were acknowledged.
//
// # When the disk fails
//
// A write or a sync that fails for another reason than a full disk leaves open
// what is on disk and what is not: bbolt's newest page may be there or not, and
// Linux forgets after one failed sync that anything was not written. So nothing
// more is written until the next Open ([store.ErrFailed]), keys are neither
// destroyed nor given out again, and Open asks the disk, not the page cache.
//
// # Times
//
// Modification times of all files and folders are set to the Monday of the current
// week after each write, also one that failed or was taken back. Reading a key leaves
// no time either: one is read when somebody looks for answers. What the file system
// notes beside them (ctime, inode numbers, order of blocks) is beyond a program's reach.
package boltstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

const (
	formatText = "saksi/v3/store\n"

	fileMode   = 0o600
	folderMode = 0o700

	// initialMap spares the index from waiting for readers while it grows: 1 GiB
	// of address space, no memory.
	initialMap = 1 << 30
	// lockWait is how long Open waits for another process to let go.
	lockWait = 2 * time.Second
)

// A Store is an open data folder.
type Store struct {
	dir     string
	now     func() time.Time
	db      *bbolt.DB
	commits *commits
	sectors *sectors
	health  *health
	stages  stages
	items   *doubts[receipt.ItemID]
	boxes   *doubts[receipt.Mailbox]
	files   sync.Mutex // held while a large payload is renamed and indexed
	// deleting is held from reading which sectors an entry has until they are
	// released: a sector that was given to another entry meanwhile must not be
	// destroyed.
	deleting sync.Mutex
}

var _ store.Store = (*Store)(nil)

// Create makes an empty store in a folder that does not exist yet or is empty.
func Create(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "payloads"), folderMode); err != nil {
		return fmt.Errorf("creating store: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		return fmt.Errorf("creating store: the folder is not empty: %v", err)
	}
	id, err := createSectors(filepath.Join(dir, "keys.slots"))
	if err != nil {
		return err
	}
	if err := createIndex(filepath.Join(dir, "index.db"), id); err != nil {
		return err
	}
	// Last, so that a folder that is half made is none.
	name := filepath.Join(dir, "FORMAT")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return fmt.Errorf("creating store: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteString(formatText); err != nil {
		return fmt.Errorf("creating store: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("creating store: %w", err)
	}
	return syncFolder(dir)
}

// Open opens a store and sweeps what a crash left behind. The clock is asked
// for nothing but the week. It returns [store.ErrFormat], [store.ErrDamaged] or
// [store.ErrLocked].
func Open(dir string, now func() time.Time) (*Store, error) {
	err := checkFormat(filepath.Join(dir, "FORMAT"))
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	s := &Store{dir: dir, now: now, health: &health{mark: filepath.Join(dir, markName)}}
	s.health.marked = s.blurTimes
	s.stages.all = map[store.UploadID]*stage{}
	if s.db, err = openIndex(filepath.Join(dir, "index.db")); err != nil {
		return nil, err
	}
	s.commits = &commits{db: s.db, health: s.health}
	s.items, s.boxes = newDoubts[receipt.ItemID](s.commits), newDoubts[receipt.Mailbox](s.commits)
	if err = s.view("opening store", s.commits.confirm); err == nil {
		err = s.openKeys(filepath.Join(dir, "keys.slots"))
	}
	if err == nil {
		err = s.recover()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.makeBallast()
	s.blurTimes()
	return s, nil
}

// checkFormat returns [store.ErrFormat] for a file that says another format.
func checkFormat(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	format, err := io.ReadAll(io.LimitReader(f, 100)) // any has less
	switch {
	case err != nil:
		return err
	case len(format) == 0: // as a crash of the machine may leave it
		return fmt.Errorf("FORMAT is empty: %w", store.ErrDamaged)
	case string(format) != formatText:
		return fmt.Errorf("format %.40q: %w", format, store.ErrFormat)
	}
	return nil
}

// openKeys opens the key sectors that belong to the index.
func (s *Store) openKeys(name string) error {
	var id fileID
	err := s.view("opening store", func(tx *bbolt.Tx) error {
		copy(id[:], tx.Bucket(bucketMeta).Get([]byte("keys")))
		return nil
	})
	if err != nil {
		return err
	}
	s.sectors, err = openSectors(name, id, s.health)
	return err
}

// createIndex makes an empty index that belongs to the key sectors with this id.
func createIndex(name string, id fileID) error {
	db, err := bbolt.Open(name, fileMode, nil)
	if err != nil {
		return fmt.Errorf("creating store: index: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := createBuckets(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put([]byte("keys"), id[:])
	})
	return errors.Join(err, db.Close())
}

func openIndex(name string) (*bbolt.DB, error) {
	// The list of free pages is written with each commit. Without, Open would
	// have to walk through all of the index: 1.7 s for 10^5 items.
	var db *bbolt.DB
	err := guarded(func() (err error) {
		db, err = bbolt.Open(name, fileMode, &bbolt.Options{
			Timeout: lockWait, InitialMmapSize: initialMap, FreelistType: bbolt.FreelistMapType, OpenFile: openChecked,
		})
		return err
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("opening store: %w", store.ErrLocked)
	}
	if errors.Is(err, bolterrors.ErrInvalid) || errors.Is(err, bolterrors.ErrChecksum) {
		return nil, fmt.Errorf("opening store: index: %w", store.ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("opening store: index: %w", err)
	}
	if err := guarded(func() error { return checkIndex(db) }); err != nil {
		return nil, errors.Join(fmt.Errorf("opening store: index: %w", err), db.Close())
	}
	return db, nil
}

// openChecked opens an index for bbolt once nobody else has it, all that a start reads is
// what the disk has, and the index is not damaged there. What is large, and read by its
// key alone, is left to Check.
func openChecked(name string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
	if err != nil {
		return nil, err
	}
	large := []string{string(bucketSlots), string(bucketPayloads), string(bucketAnswers)}
	if err = lock(f); err == nil {
		err = settleAll(f, filepath.Dir(name))
	}
	if err == nil {
		err = checkPages(f, func(bucket string) bool { return slices.Contains(large, bucket) })
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lock takes the lock that bbolt asks for again, of the same file.
func lock(f *os.File) error {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		if time.Since(began) > lockWait {
			return bolterrors.ErrTimeout
		}
	}
}

// checkIndex refuses an index that lacks a bucket.
func checkIndex(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		for _, bucket := range allBuckets() {
			if tx.Bucket(bucket) == nil {
				return fmt.Errorf("no bucket %q: %w", bucket, store.ErrDamaged)
			}
		}
		return nil
	})
}

// Close implements [store.Store].
func (s *Store) Close() error {
	var errs []error
	if s.sectors != nil {
		errs = append(errs, s.sectors.close())
	}
	if !s.health.crashed.Load() { // else it would wait for a lock that nobody gives back
		errs = append(errs, s.db.Close())
	}
	s.blurTimes()
	return errors.Join(errs...)
}

// blurTimes sets the times of everything in the folder to this week's Monday.
func (s *Store) blurTimes() {
	for _, name := range []string{"FORMAT", "index.db", "keys.slots", ballastName, markName, "payloads", "."} {
		s.blur(name)
	}
}

// blur sets one file's times to this week's Monday. It is done as well as can
// be: a time that stays exact is no reason to refuse a testimony.
func (s *Store) blur(name string) {
	monday := week.Of(s.now()).Monday()
	_ = os.Chtimes(filepath.Join(s.dir, name), monday, monday)
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing folder: %w", err)
	}
	return nil
}
