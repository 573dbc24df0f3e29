package sign

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func generate(t testing.TB, name string) Signer {
	t.Helper()
	s, err := Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeysComeBack(t *testing.T) {
	for range 50 { // base64 may hold a plus sign in any place
		s := generate(t, "lbh.contoh/r-1")
		back, err := ParseSigner(s.String())
		if err != nil || back.Key().String() != s.Key().String() {
			t.Fatalf("private key comes back as %v, %v", back.Key(), err)
		}
		key, err := ParseKey(s.Key().String())
		if err != nil || !key.Public().Equal(s.Private().Public()) || key.Name() != "lbh.contoh/r-1" {
			t.Fatalf("public key comes back as %v, %v", key, err)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	for _, name := range []string{"", "a b", "a+b", "a\n", "héé", strings.Repeat("a", 65)} {
		if _, err := Generate(name); err == nil {
			t.Errorf("%q was taken as a name", name)
		}
	}
}

func TestThresholdCountsDistinctKeys(t *testing.T) {
	a, b, stranger := generate(t, "a"), generate(t, "b"), generate(t, "c")
	const text = "saksi/v1/test\n"
	open := func(threshold int, signers ...Signer) error {
		msg, err := Note(text, signers...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(msg, threshold, a.Key(), b.Key())
		if err == nil && got != text {
			t.Fatalf("another text came out: %q", got)
		}
		return err
	}
	if err := open(2, a, b); err != nil {
		t.Errorf("two of two: %v", err)
	}
	for name, err := range map[string]error{
		"one of two":              open(2, a),
		"one and a stranger":      open(2, a, stranger),
		"a stranger alone":        open(1, stranger),
		"the same key once again": open(2, a, a),
	} {
		if !errors.Is(err, ErrSignatures) {
			t.Errorf("%s: %v, want ErrSignatures", name, err)
		}
	}
}

// TestOneKeyUnderTwoNamesIsOne: a root who enters the set twice still has one
// vote.
func TestOneKeyUnderTwoNamesIsOne(t *testing.T) {
	a := generate(t, "a")
	other, err := ParseSigner(renamed(t, a, "b"))
	if err != nil {
		t.Fatal(err)
	}
	msg, err := Note("text\n", a, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(msg, 2, a.Key(), other.Key()); !errors.Is(err, ErrSignatures) {
		t.Errorf("got %v, want ErrSignatures", err)
	}
}

// renamed spells s's key under another name.
func renamed(t *testing.T, s Signer, name string) string {
	t.Helper()
	public, err := note.NewEd25519VerifierKey(name, s.Key().Public())
	if err != nil {
		t.Fatal(err)
	}
	nameAndHash := public[:lastField(public)]
	return signerPrefix + nameAndHash + s.String()[lastField(s.String()):]
}

func TestSplitAndAdd(t *testing.T) {
	a, b := generate(t, "a"), generate(t, "b")
	half, err := Note("text\n", a)
	if err != nil {
		t.Fatal(err)
	}
	text, signatures, err := Split(half)
	if err != nil || text != "text\n" || len(signatures) != 1 {
		t.Fatalf("split: %q, %v, %v", text, signatures, err)
	}
	whole, err := AddSignatures(text, signatures, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(whole, 2, a.Key(), b.Key()); err != nil {
		t.Error(err)
	}
}

func TestChangedTextIsRefused(t *testing.T) {
	a := generate(t, "a")
	msg, err := Note("saksi/v1/test\nk 1\n", a)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		damaged := append([]byte(nil), msg...)
		damaged[i] ^= 1
		if text, err := Open(damaged, 1, a.Key()); err == nil {
			t.Errorf("a change in byte %d was taken as %q", i, text)
		}
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	s := generate(t, "a").String()
	for _, bad := range []string{s[:len(s)-1], s + "A", strings.Replace(s, "+a+", "+b+", 1), strings.ToLower(s)} {
		if _, err := ParseSigner(bad); err == nil || strings.Contains(err.Error(), s[len(s)-20:]) {
			t.Errorf("damaged private key: %v", err)
		}
	}
}
