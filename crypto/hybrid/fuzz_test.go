package hybrid

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age/armor"

	"saksi/crypto/fuzztest"
)

// FuzzParseRecipient: recipients and identities have one spelling, and a
// refusal says nothing of an identity.
func FuzzParseRecipient(f *testing.F) {
	id := generated(f)
	f.Add(id.Recipient().String())
	f.Add(strings.ToUpper(id.Recipient().String()))
	f.Add(id.String())
	f.Add(strings.ToLower(id.String()))
	f.Add("age1pq1")
	bound := fuzztest.Bound{Base: 48 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Canonical(t, bound, s, ParseRecipient, func(r *Recipient) string { return r.age.String() })
		fuzztest.Canonical(t, bound, s, ParseIdentity, func(i *Identity) string { return i.age.String() })
		_, err := ParseIdentity(s)
		fuzztest.Hides(t, err, s)
	})
}

func generated(f *testing.F) *Identity {
	f.Helper()
	id, err := Generate()
	if err != nil {
		f.Fatal(err)
	}
	return id
}

// FuzzReadIdentities: the identities of a file, one a line, are read again.
func FuzzReadIdentities(f *testing.F) {
	a, b := generated(f).String(), generated(f).String()
	f.Add([]byte(a))
	f.Add([]byte("# a\n" + a + "\r\n\n  " + b + "\n"))
	f.Add([]byte(a + b))
	// A key pair takes 16 KiB; its line has 78 bytes.
	bound := fuzztest.Bound{Base: 48 << 10, PerByte: 256}
	read := func(file []byte) (lines []string, err error) {
		ids, err := ReadIdentities(bytes.NewReader(file))
		for _, id := range ids {
			lines = append(lines, id.String())
		}
		return lines, err
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		lines, ok := fuzztest.Parse(t, bound, file, read)
		if !ok {
			return
		}
		again, err := read([]byte(strings.Join(lines, "\n")))
		if err != nil || !slices.Equal(lines, again) {
			t.Errorf("the identities do not come back: %v", err)
		}
	})
}

// FuzzUnwrap: whatever is done to a sealed file, armored or not, it opens to
// what was sealed, or not at all; and what is no age file comes back whole.
func FuzzUnwrap(f *testing.F) {
	id := generated(f)
	const plain = "isi"
	sealed, err := SealBytes([]byte(plain), id.Recipient())
	if err != nil {
		f.Fatal(err)
	}
	armored := armor64(f, sealed)
	f.Add(false, uint16(0), uint16(0), []byte(nil))
	f.Add(true, uint16(0), uint16(0), []byte(nil))
	f.Add(false, uint16(30), uint16(8), []byte("x"))
	f.Add(true, uint16(len(armored)), uint16(0), []byte("\n \n"))
	f.Add(false, uint16(0), uint16(len(sealed)), []byte("age-encryption.org/v1\n-> X25519 a\nAAAA\n--- AAAA\n"))
	f.Add(false, uint16(22), uint16(len(sealed)), []byte(strings.Repeat("-> a\n\n", 1000)))
	f.Add(false, uint16(22), uint16(0), []byte("-> scrypt RAHASIA-RAHASIA-RAHASIA-RAHASIA-RAHASIA"))
	f.Add(false, uint16(22), uint16(0), []byte("RAHASIA-RAHASIA-RAHASIA-RAHASIA-RAHASIA"))
	f.Add(false, uint16(0), uint16(len(sealed)), []byte("%PDF"))
	// A chunk of 64 KiB, twice, the key; and short stanzas of six bytes.
	bound := fuzztest.Bound{Base: 256 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, wrap bool, at, cut uint16, with []byte) {
		file := sealed
		if wrap {
			file = armored
		}
		file = fuzztest.Edit(file, at, cut, with)
		isAge := true
		unwrap := func(file []byte) ([]byte, error) {
			src, ok, err := Unwrap(bytes.NewReader(file), id)
			if isAge = ok; err != nil {
				fuzztest.Hides(t, err, string(with)) // a stranger wrote it
				return nil, err
			}
			return io.ReadAll(src)
		}
		got, ok := fuzztest.Parse(t, bound, file, unwrap)
		if ok && isAge && string(got) != plain {
			t.Errorf("%q was opened, and nobody sealed it", got)
		}
		if !isAge && (!ok || !bytes.Equal(got, file)) {
			t.Error("a file that is no age file does not come back whole")
		}
	})
}

func armor64(f *testing.F, sealed []byte) []byte {
	f.Helper()
	var out bytes.Buffer
	w := armor.NewWriter(&out)
	if _, err := w.Write(sealed); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	return out.Bytes()
}

// TestLargeFilesTakeLittleMemory: a file of identities without an end, and one
// that streams by. Of a header age reads 2 MiB, and takes some twenty times that
// in all.
func TestLargeFilesTakeLittleMemory(t *testing.T) {
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("a", 32<<20)
	fuzztest.Bound{Base: 512 << 10}.Check(t, len(large), func() {
		if _, err := ReadIdentities(strings.NewReader(large)); err == nil {
			t.Error("a line of 32 MiB was taken")
		}
	})
	fuzztest.Bound{Base: 64 << 10}.Check(t, len(large), func() {
		src, ok, _ := Unwrap(strings.NewReader(large), id)
		if n, err := io.Copy(io.Discard, src); ok || err != nil || n != int64(len(large)) {
			t.Errorf("%d bytes came out: %v", n, err)
		}
	})
	for _, header := range []string{"-> " + large, "-> a\n" + strings.Repeat(strings.Repeat("A", 64)+"\n", 500_000)} {
		fuzztest.Bound{Base: 64 << 20}.Check(t, len(header), func() {
			if _, _, err := Unwrap(strings.NewReader("age-encryption.org/v1\n"+header), id); err == nil {
				t.Error("a header of 32 MiB was taken")
			}
		})
	}
}

// FuzzOpenPassphrase: whatever is done to a file, it opens to what was sealed or
// not at all, and its errors repeat nothing of it. It takes the memory of the work that it
// asks for, and none where that is too much, or no number.
func FuzzOpenPassphrase(f *testing.F) {
	sealed := lightly(f, "rahasia")
	f.Add(sealed)
	f.Add(sealed[:len(sealed)/2])
	f.Add(bytes.Replace(sealed, []byte("\n"), []byte("\r\n"), -1))
	for _, work := range []string{"9", "10", "12", "21", "64", "99999999999", "0x9", "09", "-1", "1 9", ""} {
		zeros := strings.Repeat("A", 43)
		f.Add([]byte("age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA " + work + "\n" + zeros + "\n--- " + zeros +
			"\n0123456789abcdef0123456789abcdef"))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		work := workOf(content)
		if work > 12 {
			return // seconds for each: TestTooMuchWorkIsRefused has the end of it
		}
		// Scrypt takes a kilobyte for each unit of work, of which a factor is the logarithm.
		bound := fuzztest.Bound{Base: 256<<10 + 1<<10<<work, PerByte: 48}
		plain, ok := fuzztest.Parse(t, bound, content, func(content []byte) ([]byte, error) {
			plain, err := OpenPassphrase(content, phrase)
			fuzztest.Hides(t, err, string(content))
			return plain, err
		})
		if ok && string(plain) != "rahasia" {
			t.Errorf("opened to %q", plain)
		}
	})
}

// workOf returns the factor of work that a file asks for, 0 for one that is not done.
func workOf(content []byte) int {
	in, ok := unarmored(content)
	if !ok {
		return 0
	}
	in.ReadString('\n')
	stanza, _ := in.ReadString('\n')
	fields := strings.Fields(stanza)
	if len(fields) == 0 {
		return 0
	}
	work, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil || work < 0 || work > readWork {
		return 0
	}
	return work
}
