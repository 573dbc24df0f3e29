package boltstore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// inNamespace says that this process has a mount namespace of its own.
const inNamespace = "SAKSI_TEST_NAMESPACE"

// onSmallDisk runs a test on a disk of its own, in a mount namespace that nobody else
// sees and that leaves nothing behind.
func onSmallDisk(t *testing.T, options string, test func(t *testing.T, dir string)) {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,"+options); err != nil {
			t.Fatalf("mounting a small disk: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
		test(t, dir)
		return
	}
	args := []string{"--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	cmd := exec.Command("unshare", append(args, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a namespace: %v\n%s", err, out)
	}
}

// TestTombstonesFindRoomOnAFullDisk: who burns hears that everything is deleted, be it
// here or on its way in, also when another program has filled the disk.
func TestTombstonesFindRoomOnAFullDisk(t *testing.T) {
	onSmallDisk(t, "size=64m", tombstonesOnAFullDisk)
}

func tombstonesOnAFullDisk(t *testing.T, dir string) {
	data := filepath.Join(dir, "store")
	if err := Create(data); err != nil {
		t.Fatal(err)
	}
	s := open(t, data)
	defer s.Close()
	var kept []store.Item
	for range 80 {
		kept = append(kept, create(t, s, sizes()[0], ""))
	}
	n := 0
	for name, leave := range map[string]func() error{
		"burying": func() error { return s.Bury(tombstone(receipt.ItemID{1, byte(n >> 8), byte(n)})) },
		"deleting": func() error {
			i := kept[0]
			kept = kept[1:]
			return s.Delete(tombstone(i.ID))
		},
	} {
		empty := fillDisk(t, s, filepath.Join(dir, "foreign"))
		for n = 0; hasBallast(data); n++ {
			if err := leave(); err != nil {
				t.Fatalf("%s on a full disk: %v, after %d", name, err, n)
			}
		}
		mondays(t, data, name+" on a full disk")
		if empty(); n == 0 {
			t.Errorf("%s: there was no ballast on the full disk: nothing is shown", name)
		}
		if err := leave(); err != nil || !hasBallast(data) {
			t.Errorf("%s with room: %v, and there is no ballast again", name, err)
		}
		mondays(t, data, name+" with room")
	}
	if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("check: %q, %v", wrong, err)
	}
}

func tombstone(id receipt.ItemID) store.Tombstone {
	return store.Tombstone{ID: id, Week: week.Of(noon), Reason: store.Deleted}
}

func hasBallast(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ballastName))
	return err == nil
}

// fillDisk takes all the room that is left, in a foreign file and in the index.
func fillDisk(t *testing.T, s *Store, foreign string) (empty func()) {
	t.Helper()
	f, err := os.Create(foreign)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, rand.Reader); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	for size := 8 << 10; size > 0; size /= 2 { // ever smaller, until no page is free
		for err = nil; err == nil; {
			sealed := make([]byte, size)
			rand.Read(sealed)
			err = s.AddReply(store.Reply{Sealed: sealed, Reviewer: "r1", Week: week.Of(noon)})
		}
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("filling the index: %v", err)
		}
	}
	return func() { os.Remove(foreign) }
}

// TestNoRoomForANameIsAFullDisk, and no failed one: what is staged stays, and is an item
// when there is room again.
func TestNoRoomForANameIsAFullDisk(t *testing.T) {
	onSmallDisk(t, "size=64m,nr_inodes=20", noRoomForANameOn)
}

func noRoomForANameOn(t *testing.T, dir string) {
	data := filepath.Join(dir, "store")
	if err := Create(data); err != nil {
		t.Fatal(err)
	}
	s := open(t, data)
	defer s.Close()
	u, payload := halfway(t, s)
	if now, err := s.Stage(u.ID, u.Size, u.Offset, bytes.NewReader(payload[u.Offset:])); err != nil || now != u.Size {
		t.Fatal(now, err)
	}
	u.Offset = u.Size
	foreign := filepath.Join(dir, "foreign")
	if err := os.Mkdir(foreign, folderMode); err != nil {
		t.Fatal(err)
	}
	var err error
	for n := 0; err == nil; n++ {
		err = os.WriteFile(filepath.Join(foreign, strconv.Itoa(n)), nil, fileMode)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk with names: %v", err)
	}
	adopt := func() error {
		i := store.Item{ID: receipt.ItemID{1}, Roster: 1, Week: week.Of(noon), Size: u.Size}
		return s.CreateStaged(i, [][]byte{{1}}, u.ID)
	}
	if err := adopt(); !errors.Is(err, store.ErrFull) || s.Sound() != nil {
		t.Errorf("adopting without room for a name: %v, sound %v, want ErrFull", err, s.Sound())
	}
	_, err = s.Stage(store.UploadID{1}, u.Size, 0, bytes.NewReader(payload))
	if !errors.Is(err, store.ErrFull) || s.Sound() != nil {
		t.Errorf("beginning without room for a name: %v, sound %v, want ErrFull", err, s.Sound())
	}
	isStaged(t, s, u)
	mondays(t, data, "without room for a name")
	if err := errors.Join(os.RemoveAll(foreign), adopt()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	isStaged(t, s)
}

// TestAFullDiskIsToldFromAFailedOne by what failed and how: a write or a name that found
// no room took nothing. What a sync says for want of room leaves open what is there.
func TestAFullDiskIsToldFromAFailedOne(t *testing.T) {
	for _, test := range []struct {
		err  error
		full bool
	}{
		{&os.PathError{Op: "write", Path: "00aa", Err: syscall.ENOSPC}, true},
		{&os.PathError{Op: "open", Path: "00aa", Err: syscall.EDQUOT}, true},
		{&os.LinkError{Op: "rename", Old: "00aa", New: "00bb", Err: syscall.ENOSPC}, true},
		{&os.LinkError{Op: "link", Old: "00aa", New: "00bb", Err: syscall.EDQUOT}, true},
		{fmt.Errorf("placing: %w", &os.LinkError{Op: "link", Old: "00aa", New: "00bb", Err: syscall.ENOSPC}), true},
		{&os.PathError{Op: "sync", Path: "00aa", Err: syscall.ENOSPC}, false},
		{fmt.Errorf("syncing folder: %w", &os.PathError{Op: "sync", Path: "00aa", Err: syscall.EDQUOT}), false},
		{syscall.ENOSPC, false}, // fdatasync
		{&os.PathError{Op: "write", Path: "00aa", Err: syscall.EIO}, false},
		{&os.LinkError{Op: "rename", Old: "00aa", New: "00bb", Err: syscall.EIO}, false},
		{&os.LinkError{Op: "link", Old: "00aa", New: "00bb", Err: syscall.EROFS}, false},
	} {
		h := &health{}
		writing, said := h.writing(test.err), fail("placing", test.err)
		if full(test.err) != test.full || errors.Is(said, store.ErrFull) != test.full || (h.check() == nil) != test.full {
			t.Errorf("%v: full is %v, said is %v, the health is %v after %v", test.err, full(test.err), said, h.check(), writing)
		}
		if text := said.Error(); strings.Contains(text, "00aa") || strings.Contains(text, "00bb") {
			t.Errorf("the error names a file: %q", text)
		}
	}
}
