package inbox_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/boltstore"
	"saksi/server/store/storetest"
)

// A sweep that is to be killed needs a process of its own: this test program,
// started again.
const envSweep = "SAKSI_SWEEP_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envSweep); dir != "" {
		if err := sweep(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sweep expires everything in a store, as if its time had come. All of it is on one
// thread: a kill counts the calls of each thread by itself.
func sweep(dir string) error {
	runtime.LockOSThread()
	late := func() time.Time { return start.AddDate(0, 0, 7*(inbox.KeepAtMost+1)) }
	s, err := boltstore.Open(filepath.Join(dir, "store"), late)
	if err != nil {
		return err
	}
	roots, err := os.ReadFile(filepath.Join(dir, "root.vkey"))
	if err != nil {
		return err
	}
	trusted, err := roster.ParseRootSet(string(roots))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(dir, "server.key"))
	if err != nil {
		return err
	}
	signer, err := sign.ReadSigner(strings.NewReader(string(key)))
	if err != nil {
		return err
	}
	box, err := inbox.New(inbox.Config{Store: s, Trusted: trusted, Signer: signer, Now: late, Decoys: noDecoys})
	if err != nil {
		return err
	}
	if _, err := box.Expire(); err != nil {
		return err
	}
	return s.Close()
}

// TestKilledSweepsComeToTheirEnd kills sweeps at each of their writes and syncs.
// Every item is whole or gone, never half, and the sweep that is let alone leaves
// none.
func TestKilledSweepsComeToTheirEnd(t *testing.T) {
	d := newDrop(t, 1)
	codes := d.fillForSweep(t)
	d.weeks(inbox.KeepAtMost + 1)
	d.renew(t) // the clock is believed only as far as the roster reaches
	if d.closed = true; d.faulty.Close() != nil {
		t.Fatal("the store does not close")
	}
	kills := 0
	for _, call := range []string{"pwrite64", "fdatasync", "unlinkat", "fsync"} {
		for when, killed := 1, true; killed; when++ {
			dir := d.copy(t)
			if killed = runSweep(t, dir, fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, when)); killed {
				kills++
			}
			wholeOrGone(t, filepath.Join(dir, "store"), codes)
			if runSweep(t, dir, "") {
				t.Error("a sweep that was let alone did not come to its end")
			}
			empty(t, filepath.Join(dir, "store"))
		}
	}
	if t.Logf("%d sweeps were killed", kills); kills < 40 {
		t.Errorf("only %d sweeps were killed: too few to show anything", kills)
	}
}

// TestKilledBetweenTwoPortions: more items and answers expire than one deletion takes.
// Killed at each of its syncs, a sweep leaves a portion whole and one gone, among others,
// and comes to its end as well.
func TestKilledBetweenTwoPortions(t *testing.T) {
	const portion, more = 256, 5
	d := newDrop(t, 1)
	codes := d.crowd(t, portion+more)
	d.weeks(inbox.KeepAtMost + 1)
	d.renew(t)
	if d.closed = true; d.faulty.Close() != nil {
		t.Fatal("the store does not close")
	}
	items, replies := map[int]bool{}, map[int]bool{}
	for when, killed := 1, true; killed; when++ {
		dir := d.copy(t)
		killed = runSweep(t, dir, fmt.Sprintf("fdatasync:signal=SIGKILL:when=%d", when))
		i, r := wholeOrGone(t, filepath.Join(dir, "store"), codes)
		items[i], replies[r] = true, true
		if runSweep(t, dir, "") {
			t.Error("a sweep that was let alone did not come to its end")
		}
		empty(t, filepath.Join(dir, "store"))
	}
	for of, left := range map[string]map[int]bool{"items": items, "answers": replies} {
		if !left[portion+more] || !left[more] || !left[0] {
			t.Errorf("killed sweeps left %v %s: the boundary was not crossed", left, of)
		}
	}
}

// crowd keeps many items at once, of a byte each, and as many answers: nobody opens them.
func (d *drop) crowd(t *testing.T, n int) (codes []receipt.Code) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		code := receipt.New()
		codes = append(codes, code)
		all.Go(func() {
			i := store.Item{ID: code.ItemID(0), Roster: 1, Week: week.Of(start), Size: 1}
			created := d.Store.Create(i, [][]byte{{1}}, func(w io.Writer) error {
				_, err := w.Write([]byte{1})
				return err
			})
			added := d.Store.AddReply(store.Reply{Mailbox: code.Keys().Mailbox(), Sealed: []byte{1}, Week: i.Week})
			if err := errors.Join(created, added); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return codes
}

// copy copies a drop that is closed, with what a sweep needs.
func (d *drop) copy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"root.vkey": d.Trusted.Text(), "server.key": d.Server.String() + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	storetest.CopyFolder(t, filepath.Join(dir, "store"), d.dir, "ballast")
	return dir
}

// fillForSweep sends texts, files and answers.
func (d *drop) fillForSweep(t *testing.T) (codes []receipt.Code) {
	t.Helper()
	for n := range 12 {
		code := receipt.New()
		codes = append(codes, code)
		if n%3 == 0 {
			d.sendFile(t, code)
		} else {
			d.send(t, code, 0)
		}
		file := d.outbox(0, outbox.Outbox{Number: uint64(n + 1), Replies: []outbox.Reply{d.answer(t, 0, code, 1, "a")}})
		if _, err := d.Import(file); err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

// empty holds that no item and no reply is left.
func empty(t *testing.T, dir string) {
	t.Helper()
	s, err := boltstore.Open(dir, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if u, err := s.Usage(); err != nil || u.Items > 0 || u.Replies > 0 {
		t.Errorf("usage %+v, %v", u, err)
	}
}

// runSweep runs a sweep, and reports whether it was killed: where a rule of strace
// says so.
func runSweep(t *testing.T, dir, kill string) bool {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: apt-get install strace")
	}
	cmd := exec.Command(os.Args[0])
	if kill != "" {
		call, _, _ := strings.Cut(kill, ":")
		cmd = exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+kill, os.Args[0])
	}
	cmd.Env = append(os.Environ(), envSweep+"="+dir)
	var said strings.Builder
	cmd.Stderr = &said
	err := cmd.Run()
	if err != nil && said.Len() > 0 {
		t.Fatalf("a sweep ended by itself: %v: %s", err, said.String())
	}
	return err != nil
}

// wholeOrGone returns how many items and answers are still there.
func wholeOrGone(t *testing.T, dir string, codes []receipt.Code) (items, replies int) {
	t.Helper()
	s, err := boltstore.Open(dir, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
		t.Fatalf("check: %q, %v", wrong, err)
	}
	for _, code := range codes {
		states, err := s.States([]receipt.ItemID{code.ItemID(0)})
		if err != nil || states[0] == (store.State{}) || states[0].Gone != nil && states[0].Gone.Reason != store.Expired {
			t.Fatalf("state %+v, %v", states, err)
		}
		if states[0].Item != nil {
			items++
		}
	}
	u, err := s.Usage()
	if err != nil || u.Items != items {
		t.Errorf("usage %+v, %v, and %d items are there", u, err, items)
	}
	return items, u.Replies
}
