package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// FuzzParseKey: a key has one spelling, and nothing of a private key is in the
// words that refuse it.
func FuzzParseKey(f *testing.F) {
	s := generated(f)
	f.Add(s.Key().String())
	f.Add(s.String())
	f.Add("# kunci\n\n" + s.String() + "\n")
	f.Add("a+2b8d1c4f+AQ==")
	for _, key := range []string{s.Key().String(), s.String()} {
		f.Add(key[:len(key)-9] + "\n" + key[len(key)-9:])
		hash := strings.LastIndexByte(key[:lastField(key)-1], '+') + 1
		f.Add(key[:hash] + strings.ToUpper(key[hash:lastField(key)]) + key[lastField(key):])
	}
	f.Add(strings.Repeat("\n", 10_000))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Canonical(t, bound, s, ParseKey, spell)
		fuzztest.Canonical(t, bound, s, ParseSigner, spellPrivate)
		_, publicErr := ParseKey(s)
		_, privateErr := ParseSigner(s)
		fuzztest.Hides(t, publicErr, s) // somebody gave the wrong one of two files
		fuzztest.Hides(t, privateErr, s)
		signer, ok := fuzztest.Parse(t, bound, []byte(s), readSigner)
		if !ok {
			return
		}
		if again, err := readSigner([]byte(signer.String())); err != nil || again.String() != signer.String() {
			t.Errorf("a key that was read does not come back: %v", err)
		}
	})
}

// spell writes a key from its parts: a Key keeps the text that it was read from.
func spell(k Key) string {
	id := sha256.Sum256(slices.Concat([]byte(k.Name()+"\n\x01"), k.Public()))
	return fmt.Sprintf("%s+%x+%s", k.Name(), id[:4], encode(k.Public()))
}

func spellPrivate(s Signer) string {
	public := spell(s.Key())
	return signerPrefix + public[:lastField(public)] + encode(s.Private().Seed())
}

func encode(raw []byte) string { return base64.StdEncoding.EncodeToString(append([]byte{1}, raw...)) }

func readSigner(file []byte) (Signer, error) { return ReadSigner(bytes.NewReader(file)) }

func generated(f *testing.F) Signer {
	f.Helper()
	s, err := Generate("a")
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// FuzzSplit: a note that was taken apart has its text and signatures as they
// stood, and put together again it is the same text with no more signatures.
func FuzzSplit(f *testing.F) {
	msg, err := Note("text\n", generated(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	// The last bits of base64 say nothing: 68 bytes end in one more letter.
	f.Add(append(bytes.Clone(msg[:len(msg)-3]), msg[len(msg)-3]+1, '=', '\n'))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 32}
	type note struct {
		text       string
		signatures []string
	}
	split := func(msg []byte) (n note, err error) {
		n.text, n.signatures, err = Split(msg)
		return n, err
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		n, ok := fuzztest.Parse(t, bound, msg, split)
		if !ok {
			return
		}
		if !bytes.HasPrefix(msg, []byte(n.text+"\n")) {
			t.Errorf("%q has the text %q", msg, n.text)
		}
		for _, line := range n.signatures {
			_, encoded, _ := strings.Cut(line, " ")
			_, err := base64.StdEncoding.Strict().DecodeString(encoded)
			if err != nil || !bytes.Contains(msg, []byte("— "+line+"\n")) {
				t.Errorf("a signature that is another one, or spelled in another way: %q", line)
			}
		}
		again, err := AddSignatures(n.text, n.signatures)
		if err != nil {
			fuzztest.Refused(t, err) // a signature line that is damaged
			return
		}
		if back, err := split(again); err != nil || back.text != n.text || len(back.signatures) > len(n.signatures) {
			t.Errorf("a note does not come back: %v", err)
		}
	})
}

// FuzzOpen: whatever is done to a signed note, it opens to the text that was
// signed, or not at all.
func FuzzOpen(f *testing.F) {
	a, b := generated(f), generated(f)
	const text = "saksi/v1/uji\nisi\n"
	msg, err := Note(text, a, b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(len(text)-2), uint16(1), []byte("I"))
	f.Add(uint16(len(text)+1), uint16(100), []byte(nil))
	f.Add(uint16(len(msg)), uint16(0), []byte("— a AAAAAAA=\n"))
	bound := fuzztest.Bound{Base: 32 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		edited := fuzztest.Edit(msg, at, cut, with)
		open := func(msg []byte) (string, error) { return Open(msg, 2, a.Key(), b.Key()) }
		got, ok := fuzztest.Parse(t, bound, edited, open)
		if ok && got != text {
			t.Errorf("%q was opened, and nobody signed it", got)
		}
		if one, err := Open(edited, 1, a.Key()); err == nil && one != text {
			t.Errorf("%q was opened, and nobody signed it", one)
		} else if errors.Is(err, ErrSignatures) && ok {
			t.Error("two keys signed it, and one of them did not")
		}
	})
}

// TestLargeKeyFileTakesLittleMemory: a key file is read up to 64 KiB.
func TestLargeKeyFileTakesLittleMemory(t *testing.T) {
	large := strings.Repeat("a", 16<<20)
	fuzztest.Bound{Base: 1 << 20}.Check(t, len(large), func() {
		if _, err := ReadSigner(strings.NewReader(large)); err == nil {
			t.Error("a line of 16 MiB was taken")
		}
	})
}
