package folder_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/pass"
	"saksi/server/folder"
)

func card(t *testing.T, dir, name string) pass.Card {
	t.Helper()
	key, err := folder.ServerKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pass.New("uji.saksi", name, strings.Repeat("a", 56)+".onion", key)
	if err != nil {
		t.Fatal(err)
	}
	return p.Card()
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := (&folder.Couriers{Dir: dir}).Couriers()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

// TestCouriersComeAndGo: a name is given once, taken away at once, and may be
// given again; each change is told.
func TestCouriersComeAndGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := folder.Create(dir, "uji.saksi"); err != nil {
		t.Fatal(err)
	}
	told := 0
	c := &folder.Couriers{Dir: dir, OnChange: func() { told++ }}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("a new folder has couriers %q", got)
	}
	for _, err := range []error{c.AddCourier(card(t, dir, "citra")), c.AddCourier(card(t, dir, "budi"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.AddCourier(card(t, dir, "budi")); !errors.Is(err, pass.ErrTaken) {
		t.Errorf("a second budi: %v, want ErrTaken", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"budi", "citra"}) {
		t.Errorf("couriers %q", got)
	}
	if err := errors.Join(c.RemoveCourier("budi"), c.AddCourier(card(t, dir, "budi"))); err != nil {
		t.Errorf("a removed name is not given again: %v", err)
	}
	if err := c.RemoveCourier("dewi"); !errors.Is(err, pass.ErrNoCourier) {
		t.Errorf("removing nobody: %v, want ErrNoCourier", err)
	}
	if told != 4 {
		t.Errorf("%d changes were told, want 4", told)
	}
	if info, err := os.Stat(filepath.Join(dir, "couriers")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the list's mode: %v, %v", info, err)
	}
	if foreign, err := folder.Foreign(dir); err != nil || len(foreign) > 0 {
		t.Errorf("foreign files %q, %v", foreign, err)
	}
}

// TestADamagedListIsNotWrittenOver: it may hold whom somebody removed by hand.
func TestADamagedListIsNotWrittenOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := folder.Create(dir, "uji.saksi"); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "couriers")
	for _, text := range []string{"", "saksi/v2/couriers\n", "saksi/v1/couriers\nbudi\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := &folder.Couriers{Dir: dir}
		if _, err := c.Couriers(); err == nil {
			t.Errorf("%q was read as a list", text)
		}
		if err := c.AddCourier(card(t, dir, "budi")); err == nil {
			t.Errorf("%q was written over", text)
		}
		if kept, err := os.ReadFile(name); err != nil || string(kept) != text {
			t.Errorf("the list is %q now, %v", kept, err)
		}
	}
}
