package hybrid

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const phrase = "saksi mata dua belas kata dan lagi"

// lightly seals with little work: what is tested is not the work.
func lightly(t testing.TB, plain string) []byte {
	t.Helper()
	sealed, err := sealPassphrase([]byte(plain), phrase, 1)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestPassphraseOpensWhatItSealed, and no other does; and the file asks for the
// work that is promised.
func TestPassphraseOpensWhatItSealed(t *testing.T) {
	sealed, err := SealPassphrase([]byte("rahasia\n"), phrase)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := OpenPassphrase(sealed, phrase)
	if err != nil || string(plain) != "rahasia\n" {
		t.Errorf("got %q, %v", plain, err)
	}
	in, _ := unarmored(sealed)
	header, err := in.Peek(80)
	if err != nil || !bytes.Contains(header, []byte(" 18\n")) {
		t.Errorf("its header is %q", header)
	}
	for _, wrong := range []string{"", phrase + " ", strings.ToUpper(phrase)} {
		if _, err := OpenPassphrase(lightly(t, "rahasia"), wrong); !errors.Is(err, ErrPassphrase) {
			t.Errorf("with %q: %v, want ErrPassphrase", wrong, err)
		}
	}
	if _, err := SealPassphrase(nil, ""); err == nil {
		t.Error("sealed under nothing")
	}
}

// TestArmoredFilePrints: nothing in it but what a printer and a person can copy.
func TestArmoredFilePrints(t *testing.T) {
	for _, b := range lightly(t, "rahasia") {
		if b != '\n' && (b < ' ' || b > '~') {
			t.Fatalf("it holds the byte %d", b)
		}
	}
}

// TestDamagedFileIsNoWrongPassphrase: a person who is told so would look for
// another passphrase, and not for another copy. A file that was cut, at whatever
// place, never opens.
func TestDamagedFileIsNoWrongPassphrase(t *testing.T) {
	sealed := lightly(t, strings.Repeat("rahasia", 100))
	for n := range len(sealed) - 1 {
		if plain, err := OpenPassphrase(sealed[:n], phrase); err == nil || errors.Is(err, ErrPassphrase) || plain != nil {
			t.Fatalf("cut after %d of %d bytes: %q, %v", n, len(sealed), plain, err)
		}
	}
}

// TestTooMuchWorkIsRefused at once: the file says how much, and anybody may have
// written it.
func TestTooMuchWorkIsRefused(t *testing.T) {
	to, err := age.NewScryptRecipient(phrase)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(10)
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, to)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for _, work := range []string{"21", "30", "99"} {
		more := bytes.Replace(buf.Bytes(), []byte(" 10\n"), []byte(" "+work+"\n"), 1)
		if _, err := OpenPassphrase(more, phrase); err == nil || errors.Is(err, ErrPassphrase) {
			t.Errorf("work %s: %v", work, err)
		}
	}
}

func TestIsSealed(t *testing.T) {
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := SealBytes([]byte("x"), id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content            []byte
		sealed, passphrase bool
	}{
		"a passphrase": {lightly(t, "x"), true, true},
		"a recipient":  {hybrid, true, false},
		"a key file":   {[]byte("# Saksi reviewer\n"), false, false},
		"nothing":      {nil, false, false},
		"armor alone":  {[]byte(armor.Header + "\n"), true, false},
	} {
		if sealed, passphrase := IsSealed(test.content); sealed != test.sealed || passphrase != test.passphrase {
			t.Errorf("%s: %v, %v", name, sealed, passphrase)
		}
	}
}
