package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"saksi/server/store"
)

// A step is an operation, and what holds in every copy of the folder from the moment
// in which it has returned.
type step struct {
	name  string
	do    func(s store.Store) error
	holds func(t testing.TB, s store.Store)
	ends  []string // steps of which nothing holds any more
	burnt [][]byte // what no file has any more
}

// A Crash is what was wrong in a copy that was made once a step had returned.
type Crash struct {
	Step  string
	Burns bool // it destroys something
	Wrong []string
}

// Crashes does one operation of each kind after the other. After each it has the
// engine copy its folder as it stands, nothing being closed, and opens the copy: what
// was acknowledged is there, and what was deleted is not, in no file.
func Crashes(t testing.TB, e Engine) (crashes []Crash) {
	t.Helper()
	s := e.Open(t)
	defer s.Close()
	holds := map[string]func(testing.TB, store.Store){}
	for _, step := range steps() {
		if err := step.do(s); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		for _, name := range step.ends {
			delete(holds, name)
		}
		holds[step.name] = step.holds
		crashes = append(crashes, Crash{step.name, step.burnt != nil, Findings(t, func(t testing.TB) {
			dir := t.TempDir()
			copied := e.Copy(t, dir)
			noFileHas(t, dir, step.burnt)
			s := copied.Open(t)
			defer finish(t, s)
			for _, name := range slices.Sorted(maps.Keys(holds)) {
				for _, problem := range Findings(t, func(t testing.TB) { holds[name](t, s) }) {
					t.Errorf("of %s: %s", name, problem)
				}
			}
		})})
	}
	return crashes
}

// testCrashes: nothing waits for the engine to be closed.
func testCrashes(t *testing.T, e Engine) {
	for _, c := range Crashes(t, e) {
		for _, problem := range c.Wrong {
			t.Errorf("in a copy made after %s: %s", c.Step, problem)
		}
	}
}

// noFileHas holds that no file of a folder has any part of a value.
func noFileHas(t testing.TB, dir string, values [][]byte) {
	t.Helper()
	if len(values) == 0 {
		return
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if slices.ContainsFunc(values, func(v []byte) bool { return hasPart(content, v) }) {
			t.Errorf("%q has what was deleted", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func hasPart(content, of []byte) bool {
	const size = 32
	for part := range slices.Chunk(of, max(size, len(of)/4)) {
		if len(part) >= size && bytes.Contains(content, part[:size]) {
			return true
		}
	}
	return false
}

// CopyFolder copies a folder as it stands. Holes stay holes, and a file that nobody writes
// to, once it is there, may be the same one.
func CopyFolder(t testing.TB, to, from string, same ...string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		if slices.Contains(same, d.Name()) {
			return os.Link(path, at)
		}
		return copySparse(at, path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copySparse(to, from string) error {
	const seekData, seekHole = 3, 4
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	size, err := in.Seek(0, io.SeekEnd)
	for at := int64(0); err == nil && at < size; {
		if at, err = in.Seek(at, seekData); errors.Is(err, syscall.ENXIO) {
			break // only a hole is left
		}
		hole, holeErr := in.Seek(at, seekHole)
		_, readErr := in.Seek(at, io.SeekStart)
		_, writeErr := out.Seek(at, io.SeekStart)
		if err = errors.Join(err, holeErr, readErr, writeErr); err == nil {
			_, err = io.CopyN(out, in, hole-at)
		}
		at = hole
	}
	if err != nil && !errors.Is(err, syscall.ENXIO) {
		return err
	}
	return out.Truncate(size)
}

// findings is a test whose failures are gathered.
type findings struct {
	testing.TB
	wrong []string
}

func (f *findings) Error(args ...any) { f.wrong = append(f.wrong, fmt.Sprint(args...)) }

func (f *findings) Errorf(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

func (f *findings) Fatal(args ...any) {
	f.Error(args...)
	runtime.Goexit()
}

func (f *findings) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// Findings returns what a test finds wrong.
func Findings(t testing.TB, test func(t testing.TB)) []string {
	f := &findings{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		test(f)
	}()
	<-ended
	return f.wrong
}
