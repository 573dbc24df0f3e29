package hybrid

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"pgregory.net/rapid"
)

func newIdentity(t *testing.T) *Identity {
	t.Helper()
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSealedSizeIsExact(t *testing.T) {
	id := newIdentity(t)
	for _, recipients := range []int{1, 3, 20} {
		to := make([]*Recipient, recipients)
		for i := range to {
			to[i] = id.Recipient()
		}
		for _, plain := range []int{0, 1, 77, 65535, 65536, 65537, 200000} {
			sealed, err := SealBytes(make([]byte, plain), to...)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := int64(len(sealed)), SealedSize(int64(plain), recipients); got != want {
				t.Errorf("%d bytes for %d recipients: %d, SealedSize says %d", plain, recipients, got, want)
			}
		}
	}
}

func TestFromSeedAgreesWithAge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seed [32]byte
		copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		id, err := FromSeed(seed)
		if err != nil {
			t.Fatal(err)
		}
		stock, err := age.ParseHybridIdentity(id.String())
		if err != nil {
			t.Fatalf("age does not read our spelling: %v", err)
		}
		if stock.String() != id.String() || stock.Recipient().String() != id.Recipient().String() {
			t.Fatal("age spells this identity in another way")
		}
	})
}

func TestOnlyHybridKeysAreTaken(t *testing.T) {
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseRecipient(classic.Recipient().String()); err == nil {
		t.Error("a classic recipient was taken")
	}
	if _, err := ParseIdentity(classic.String()); err == nil {
		t.Error("a classic identity was taken")
	}
	if _, err := ReadIdentities(strings.NewReader(classic.String() + "\n")); err == nil {
		t.Error("an identity file with a classic identity was taken")
	}
}

// TestNoRecipientOfSmallOrder: age takes these strings and cannot seal to them.
func TestNoRecipientOfSmallOrder(t *testing.T) {
	good := newIdentity(t).Recipient().String()
	key := bech32Data(good)
	if bech32("age1pq", key) != good {
		t.Fatal("the bytes of a recipient do not come back")
	}
	for name, half := range map[string][]byte{
		"zero": make([]byte, 32), "one": append([]byte{1}, make([]byte, 31)...),
		"zero with the high bit": append(make([]byte, 31), 0x80),
	} {
		bad := bech32("age1pq", append(bytes.Clone(key[:len(key)-32]), half...))
		if _, err := age.ParseHybridRecipient(bad); err != nil {
			t.Fatalf("%s: age does not read it: %v", name, err)
		}
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	id := newIdentity(t)
	broken := id.String()[:40] + "Q" + id.String()[41:]
	if broken == id.String() {
		broken = id.String()[:40] + "P" + id.String()[41:]
	}
	_, err := ReadIdentities(strings.NewReader("# comment\n" + broken + "\n"))
	if err == nil {
		t.Fatal("a damaged identity was taken")
	}
	if strings.Contains(err.Error(), broken[20:40]) {
		t.Error("the error repeats the secret")
	}
	if !strings.Contains(err.Error(), "line 2") {
		t.Errorf("the error names no line: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	id, other := newIdentity(t), newIdentity(t)
	sealed, err := SealBytes([]byte("isi"), id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBytes(sealed, 3, other); !errors.Is(err, ErrNoMatch) {
		t.Errorf("another identity: got %v, want ErrNoMatch", err)
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := OpenBytes(damaged, 3, id); err == nil {
			t.Fatalf("a flipped bit in byte %d went unnoticed", i)
		}
	}
	for n := range sealed {
		if _, err := OpenBytes(sealed[:n], 3, id); err == nil {
			t.Fatalf("a file cut to %d bytes went unnoticed", n)
		}
	}
	if _, err := OpenBytes(sealed, 2, id); err == nil {
		t.Error("a longer plaintext than promised was taken")
	}
}

func TestUnwrap(t *testing.T) {
	id := newIdentity(t)
	plain := make([]byte, 100000)
	rand.Read(plain)
	sealed, err := SealBytes(plain, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	var armored bytes.Buffer
	w := armor.NewWriter(&armored)
	w.Write(sealed)
	w.Close()
	for name, in := range map[string][]byte{"binary": sealed, "armor": armored.Bytes()} {
		r, wrapped, err := Unwrap(bytes.NewReader(in), id)
		if err != nil || !wrapped {
			t.Fatalf("%s: wrapped %v, err %v", name, wrapped, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: other bytes came out, err %v", name, err)
		}
		if header := Header(bytes.NewReader(in)); !bytes.Equal(header, sealed[:headerSize+stanzaSize]) {
			t.Errorf("%s: the header has %d bytes", name, len(header))
		}
	}
	for _, in := range [][]byte{plain, nil, sealed[:1000], armored.Bytes()[:1000]} {
		if header := Header(bytes.NewReader(in)); header != nil {
			t.Errorf("a file without a header has one of %d bytes", len(header))
		}
	}
	r, wrapped, err := Unwrap(bytes.NewReader(plain), id)
	if err != nil || wrapped {
		t.Fatalf("plain bytes: wrapped %v, err %v", wrapped, err)
	}
	if got, _ := io.ReadAll(r); !bytes.Equal(got, plain) {
		t.Error("plain bytes were not handed back whole")
	}
}
