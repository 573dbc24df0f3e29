package inbox_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/boltstore"
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

// sweep expires everything in a store, as if its time had come.
func sweep(dir string) error {
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
	box, err := inbox.New(inbox.Config{Store: s, Trusted: trusted, Signer: signer, Now: late})
	if err != nil {
		return err
	}
	if _, err := box.Expire(); err != nil {
		return err
	}
	return s.Close()
}

// TestKilledSweepsComeToTheirEnd kills sweeps at random moments. Every item is
// whole or gone, never half, and the sweep that is let alone leaves none.
func TestKilledSweepsComeToTheirEnd(t *testing.T) {
	d := newDrop(t, 1)
	codes := d.fillForSweep(t)
	if d.closed = true; d.faulty.Close() != nil {
		t.Fatal("the store does not close")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"root.vkey": d.Trusted.Text(), "server.key": d.Server.String() + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "store"), os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	kills, left := 0, len(codes)
	for left > 0 {
		if runSweep(t, dir, time.Duration(10+rand.IntN(60))*time.Millisecond) {
			kills++
		}
		left = wholeOrGone(t, filepath.Join(dir, "store"), codes)
	}
	if runSweep(t, dir, time.Minute) {
		t.Error("the last sweep did not come to its end")
	}
	empty(t, filepath.Join(dir, "store"))
	if t.Logf("%d sweeps were killed", kills); kills < 5 {
		t.Errorf("only %d sweeps were killed: too few to show anything", kills)
	}
}

// fillForSweep sends texts, files and answers.
func (d *drop) fillForSweep(t *testing.T) (codes []receipt.Code) {
	t.Helper()
	for n := range 60 {
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

// runSweep starts a sweep and kills it after its lifetime, unless it ends
// before; it reports whether it was killed.
func runSweep(t *testing.T, dir string, lifetime time.Duration) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envSweep+"="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(lifetime, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if timer.Stop() && err != nil {
		t.Fatalf("a sweep ended by itself: %v", err)
	}
	return err != nil
}

// wholeOrGone returns how many items are still there.
func wholeOrGone(t *testing.T, dir string, codes []receipt.Code) (left int) {
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
			left++
		}
	}
	return left
}
