package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A vault is a secret file, and a link to its blocks as the disk keeps them.
type vault struct {
	t             *testing.T
	path, disk    string
	fresh, former string // names of a replacement under way
}

var oldSecret, newSecret = bytes.Repeat([]byte("lama"), 2000), bytes.Repeat([]byte("baru"), 1000)

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{t: t, path: filepath.Join(t.TempDir(), "r1.weeks"), disk: filepath.Join(t.TempDir(), "disk")}
	v.fresh, v.former = replacingNames(v.path)
	v.write(v.path, oldSecret)
	v.do(os.Link(v.path, v.disk))
	return v
}

func (v *vault) do(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) write(path string, content []byte) { v.do(os.WriteFile(path, content, secretMode)) }

// holds compares what is in force, and whether the disk has the old secret.
func (v *vault) holds(want []byte, old bool) {
	v.t.Helper()
	got, err := os.ReadFile(v.path)
	v.do(err)
	disk, err := os.ReadFile(v.disk)
	v.do(err)
	if !bytes.Equal(got, want) || bytes.Contains(disk, oldSecret[:16]) != old || len(disk) != len(oldSecret) {
		v.t.Errorf("in force is %.8q of %d bytes; on the disk is %.8q", got, len(got), disk)
	}
	entries, err := os.ReadDir(filepath.Dir(v.path))
	v.do(err)
	if len(entries) != 1 {
		v.t.Errorf("left behind: %v", entries)
	}
}

// TestReplacedSecretIsOverwritten: not only another file under its name.
func TestReplacedSecretIsOverwritten(t *testing.T) {
	v := newVault(t)
	v.do(replaceSecret(v.path, newSecret))
	v.holds(newSecret, false)
}

// TestReplacingLeavesAPersonsFilesAlone: names that somebody gives to a copy that was
// put out of the way.
func TestReplacingLeavesAPersonsFilesAlone(t *testing.T) {
	v := newVault(t)
	mine := []string{".old", ".new", ".bak", "~", ".part", ".replaced"}
	for _, suffix := range mine {
		v.write(v.path+suffix, oldSecret)
	}
	v.do(replaceSecret(v.path, newSecret))
	v.do(finishReplacing(v.path))
	for _, suffix := range mine {
		content, err := os.ReadFile(v.path + suffix)
		if err != nil || !bytes.Equal(content, oldSecret) {
			t.Errorf("%s is gone: %v", suffix, err)
		}
		v.do(os.Remove(v.path + suffix))
	}
	v.holds(newSecret, false)
}

// TestKilledReplacingLeavesNoSecret stops after each step. What is in force stays,
// and the next command destroys what is not.
func TestKilledReplacingLeavesNoSecret(t *testing.T) {
	for name, test := range map[string]struct {
		steps func(*vault)
		want  []byte
	}{
		"new file": {func(v *vault) {
			v.write(v.fresh, newSecret)
		}, oldSecret},
		"old name": {func(v *vault) {
			v.write(v.fresh, newSecret)
			v.do(os.Link(v.path, v.former))
		}, oldSecret},
		"new name": {func(v *vault) {
			v.write(v.fresh, newSecret)
			v.do(os.Link(v.path, v.former))
			v.do(os.Rename(v.fresh, v.path))
		}, newSecret},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t)
			test.steps(v)
			v.do(finishReplacing(v.path))
			v.holds(test.want, bytes.Equal(test.want, oldSecret))
		})
		t.Run(name+", and once more", func(t *testing.T) {
			v := newVault(t)
			test.steps(v)
			v.do(replaceSecret(v.path, newSecret[:400]))
			v.holds(newSecret[:400], false)
		})
	}
}

// TestHalfANewSecretIsDestroyed: it may hold what is in force, which will be
// destroyed one day.
func TestHalfANewSecretIsDestroyed(t *testing.T) {
	v := newVault(t)
	v.do(os.Remove(v.disk))
	v.write(v.fresh, oldSecret)
	v.do(os.Link(v.fresh, v.disk))
	v.do(finishReplacing(v.path))
	v.holds(oldSecret, false)
}

// TestSecretThatCannotBeReplacedStays as it is, and on the disk.
func TestSecretThatCannotBeReplacedStays(t *testing.T) {
	v := newVault(t)
	v.do(os.Mkdir(v.fresh, 0o700))
	v.do(os.Mkdir(v.fresh+"/x", 0o700))
	if err := replaceSecret(v.path, newSecret); err == nil {
		t.Error("replaced, without a place for the new one")
	}
	v.do(os.RemoveAll(v.fresh))
	v.holds(oldSecret, true)
}
