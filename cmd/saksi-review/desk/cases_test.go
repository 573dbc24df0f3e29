package desk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"saksi/crypto/roster"
)

// TestDeskOfAnotherVersionIsNamed, and left as it is.
func TestDeskOfAnotherVersionIsNamed(t *testing.T) {
	l := newLawsuit(t)
	old := strings.Replace(string(l.index.format()), indexLabel, "saksi/v1/desk", 1)
	if err := l.writeSealed(l.path("index.age"), []byte(old)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := Open(l.config); !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}

// TestDeskOfANewerVersionIsNotDamaged: it knows one thing more, of a thread as of all, and
// perhaps has an item where this version wants none.
func TestDeskOfANewerVersionIsNotDamaged(t *testing.T) {
	l := newLawsuit(t)
	known := string(l.index.format())
	for name, newer := range map[string]string{
		"of all":      strings.Replace(known, `"outbox":0`, `"outbox":0,"pinned":true`, 1),
		"of a thread": strings.Replace(known, `"mailbox":`, `"pinned":{"week":"2030-W01"},"mailbox":`, 1),
		"its own rule": strings.Replace(strings.Replace(known, `"outbox":0`, `"outbox":0,"pinned":true`, 1),
			`"case":`, `"cases":["a","b"],"renamed":`, 1),
	} {
		if err := l.writeSealed(l.path(indexFile), []byte(newer)); err != nil || newer == known {
			t.Fatal(err)
		}
		l.Close()
		if _, err := Open(l.config); !errors.Is(err, ErrNewer) || !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want ErrNewer", name, err)
		}
		if text, err := l.readSealed(l.path(indexFile)); err != nil || string(text) != newer {
			t.Errorf("%s: the index was changed, %v", name, err)
		}
	}
	twice := strings.Replace(known, `"outbox":0`, `"outbox":0,"outbox":0`, 1)
	if _, err := parseIndex([]byte(twice)); err == nil || errors.Is(err, ErrVersion) {
		t.Errorf("with a field twice: %v", err)
	}
}

// TestIndexKeepsItsCases: each rule of an index with cases, broken.
func TestIndexKeepsItsCases(t *testing.T) {
	l := newLawsuit(t)
	l.decide()
	zero := roster.Hash{}.String()
	for name, edit := range map[string]func(*index){
		"no secret":              func(x *index) { x.Threads[1].Items[0].Secret = nil },
		"items without a case":   func(x *index) { x.Threads[1].Case = "" },
		"a case without items":   func(x *index) { x.Threads[0].Case = strings.Repeat("0", 32) },
		"a case outside":         func(x *index) { x.Threads[1].Case = "../../../../../../../../etc/xx" },
		"two of a number":        func(x *index) { x.Threads[0].Closed[1].N = x.Threads[0].Closed[0].N },
		"a closed item's id":     func(x *index) { x.Threads[0].Closed[0].ID = "../x" },
		"a closed item twice":    func(x *index) { x.Threads[0].Closed[0].ID = x.Threads[1].Items[0].ID },
		"no payload":             func(x *index) { x.Threads[0].Closed[0].Payload = "" },
		"no hash of a file":      func(x *index) { x.Threads[0].Closed[0].Sealed = []string{zero, "x"} },
		"closing no case":        func(x *index) { x.Closing[0].Case = "index" },
		"closing something else": func(x *index) { x.Closing[0].Items[0] = "../cases" },
	} {
		next := l.index.clone()
		slices.SortFunc(next.Threads, func(a, b *Thread) int { return len(a.Items) - len(b.Items) })
		if err := next.check(); err != nil {
			t.Fatal(err)
		}
		edit(next)
		if next.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if !slices.Contains(l.texts(), "0 "+honest) {
		t.Error("the other case does not read")
	}
}

// TestReadOnlyFilesAreDestroyed: so are those of a desk that was copied from a disc. A case
// whose key stays would keep the desk from being opened, for closing it comes first.
func TestReadOnlyFilesAreDestroyed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key")
	secret := strings.Repeat(marker, 10)
	if err := os.WriteFile(path, []byte(secret), 0o400); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // who may write whatever its mode
		const nobody = 65534
		err := errors.Join(os.Chown(path, nobody, nobody), os.Chmod(filepath.Dir(path), 0o711),
			os.Chmod(filepath.Dir(filepath.Dir(path)), 0o711))
		if err != nil {
			t.Fatal(err)
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer unix.SetfsuidRetUid(unix.Getuid())
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := wipe(path); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(path); err != nil || strings.Contains(string(left), marker) || len(left) != len(secret) {
		t.Errorf("left are %d bytes, %v", len(left), err)
	}
}
