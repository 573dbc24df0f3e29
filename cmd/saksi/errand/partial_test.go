package errand

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/sign"
)

// TestWhatCannotBeReadIsKept: a stick with a loose contact does not cost the hours that
// a bundle took. One that is not the server's goes.
func TestWhatCannotBeReadIsKept(t *testing.T) {
	for _, c := range []struct {
		err  error
		kept bool
	}{
		{fmt.Errorf("checking: %w", syscall.EIO), true},
		{fmt.Errorf("checking: %w", batch.ErrBundle), false},
		{fmt.Errorf("checking: %w", ErrForged), false},
		{fmt.Errorf("checking: %w", ErrLarge), false},
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, "saksi-x-"+strings.Repeat("0", 32)+".part")
		if err := os.WriteFile(name, []byte("bundle"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := findPartial(dir, "saksi-x-")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.refuse(c.err); !errors.Is(err, c.err) {
			t.Errorf("%v became %v", c.err, err)
		}
		p.close()
		if _, err := os.Stat(name); (err == nil) != c.kept {
			t.Errorf("after %q: %v, want kept %v", c.err, err, c.kept)
		}
	}
}

// TestOneWithoutAReadablePartIsNotForged: what its own disk says comes to the courier.
func TestOneWithoutAReadablePartIsNotForged(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bundle")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600) // cannot be read
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = Check(f, "", sign.Key{})
	if !errors.Is(err, syscall.EBADF) || errors.Is(err, batch.ErrBundle) {
		t.Errorf("checking what cannot be read: %v", err)
	}
}
