package errand_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/cmd/saksi/errand"
)

// TestADamagedBundleIsFetchedAnew: one that was cut, or changed, is not what the server
// has, although its name says so.
func TestADamagedBundleIsFetchedAnew(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(100_000)
	budi := w.hire("budi")
	name := budi.fetches(t, bundle).Path
	changed := bytes.Clone(bundle)
	changed[len(changed)-3000]++
	for what, content := range map[string][]byte{"cut": bundle[:50_000], "empty": nil, "changed": changed} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		budi.said = nil
		got := budi.fetches(t, bundle)
		if said := strings.Join(budi.said, "\n"); got.Already || got.Path != name || !strings.Contains(said, "is damaged") {
			t.Errorf("%s: %+v, said %q", what, got, budi.said)
		}
	}
}

// TestTwoFetchesDoNotShareAFolder: each would write over what the other has.
func TestTwoFetchesDoNotShareAFolder(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(0)
	budi := w.hire("budi")
	other, err := os.Open(budi.dir)
	if err == nil {
		err = syscall.Flock(int(other.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := budi.Fetch(t.Context(), budi.dir); !errors.Is(err, errand.ErrTwice) {
		t.Errorf("%v, want ErrTwice", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	budi.fetches(t, bundle)
}

// TestAFetchThatIsStoppedSaysSo: once, and in words.
func TestAFetchThatIsStoppedSaysSo(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(0)
	budi := w.hire("budi")
	ctx, stop := context.WithCancel(t.Context())
	budi.Pause = func(ctx context.Context, _ time.Duration) error {
		stop()
		return ctx.Err()
	}
	w.proxy.Cut(3000)
	for range 2 { // while it waits, and before anything came
		if _, err := budi.Fetch(ctx, budi.dir); err == nil || err.Error() != errand.ErrStopped.Error() {
			t.Errorf("%q, want ErrStopped", err)
		}
	}
	budi.fetches(t, bundle)
}
