package store_test

import (
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/server/store"
)

// FuzzParseUploadID: a name of an upload has one spelling, of lower-case digits: it is
// in addresses, and in names of files.
func FuzzParseUploadID(f *testing.F) {
	name := store.UploadID{0xab, 15: 0x0c}.String()
	for _, text := range []string{
		name, strings.ToUpper(name), name[:31], name + "0", name + "00", name[:30], "", " " + name, name + "\n",
		"0x" + name[2:], "../" + name[3:], strings.Repeat("g", 32), strings.Repeat("0", 32),
	} {
		f.Add(text)
	}
	// The digits are decoded as long as they are some.
	bound := fuzztest.Bound{Base: 512, PerByte: 4}
	f.Fuzz(func(t *testing.T, text string) {
		u, ok := fuzztest.Parse(t, bound, text, store.ParseUploadID)
		if ok && u.String() != text {
			t.Errorf("%q is written %q again", text, u)
		}
		if digits := strings.Trim(text, "0123456789abcdef") == ""; ok != (digits && len(text) == 32) {
			t.Errorf("%q is taken: %v", text, ok)
		}
	})
}

// TestEveryUploadIDIsRead as it is written.
func TestEveryUploadIDIsRead(t *testing.T) {
	for n := range 256 {
		u := store.UploadID{byte(n), 8: 255 - byte(n), 15: byte(n)}
		if got, err := store.ParseUploadID(u.String()); err != nil || got != u {
			t.Errorf("%q is read as %q, %v", u, got, err)
		}
	}
}
