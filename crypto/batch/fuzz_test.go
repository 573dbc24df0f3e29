package batch

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// FuzzParseNote: the text of a batch has one spelling.
func FuzzParseNote(f *testing.F) {
	f.Add(note(1, roster.Hash{}).Text())
	f.Add(note(2, roster.Hash{3}).Text())
	for _, spelling := range fuzztest.Respell(note(2, roster.Hash{3}).Text()) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("\n", 10_000))
	bound := fuzztest.Bound{Base: 4 << 10, PerByte: 8}
	f.Fuzz(func(t *testing.T, text string) { fuzztest.Canonical(t, bound, text, ParseNote, Note.Text) })
}

// FuzzOpenNote: whatever is done to a signed batch, it is the one that the
// server signed, or none.
func FuzzOpenNote(f *testing.F) {
	server, err := sign.Generate("uji.saksi")
	if err != nil {
		f.Fatal(err)
	}
	signed := note(2, roster.Hash{3})
	msg, err := signed.Sign(server)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(25), uint16(1), []byte("x"))
	f.Add(uint16(len(msg)), uint16(0), []byte("— a AAAAAAA=\n"))
	bound := fuzztest.Bound{Base: 16 << 10, PerByte: 32}
	open := func(msg []byte) (Note, error) { return OpenNote(msg, server.Key()) }
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		got, ok := fuzztest.Parse(t, bound, fuzztest.Edit(msg, at, cut, with), open)
		if ok && got != signed {
			t.Errorf("a batch was opened that nobody signed: %q", got.Text())
		}
	})
}

// FuzzParseSums: a list has one spelling. A line of it has 120 bytes and more,
// and takes a place in a map besides.
func FuzzParseSums(f *testing.F) {
	two := Sums{"items/1/07000000000000000000000000000000/payload.age": {1}, "rosters/1.note": {2}}.Text()
	f.Add(two)
	for _, spelling := range fuzztest.Respell(two) {
		f.Add(spelling)
	}
	f.Add(Sums{"canary/2026-12/r1.age": {1}}.Text())
	f.Add(Sums{"gone/07000000000000000000000000000000": {1}}.Text())
	f.Add(roster.Hash{}.String() + "  " + strings.Repeat("/", 10_000))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, text string) { fuzztest.Canonical(t, bound, text, ParseSums, Sums.Text) })
}

// FuzzParsePath: a path has one spelling, and leads nowhere else.
func FuzzParsePath(f *testing.F) {
	for _, kind := range []Kind{
		BatchNote, BatchSums, RosterNote, RecipientsFile, Canary, Payload, Slot, BurnMark, ExpiryMark,
	} {
		f.Add(Path{Kind: kind, Sequence: 3, Month: "2026-12", Reviewer: "r1"}.String())
	}
	f.Add("items/1/../../../../etc/slots/001.age")
	f.Add(strings.Repeat("/", 10_000))
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 1}
	f.Fuzz(func(t *testing.T, path string) { fuzztest.Canonical(t, bound, path, ParsePath, Path.String) })
}

// A listing is what a test read of a bundle.
type listing struct {
	paths    []string
	contents [][]byte
}

func list(bundle []byte) (l listing, err error) {
	err = Read(bytes.NewReader(bundle), func(p Path, size int64, r io.Reader) error {
		content, err := io.ReadAll(r)
		if err == nil && int64(len(content)) != size {
			err = io.ErrNoProgress // no reader of ours returns it
		}
		l.paths, l.contents = append(l.paths, p.String()), append(l.contents, content)
		return err
	})
	return l, err
}

// FuzzRead: whatever is read as a bundle, written again, is the same members
// with the same content.
func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.AddBytes(Path{Kind: BatchNote}, []byte("catatan"))
	w.AddBytes(Path{Kind: BurnMark, ID: receipt.ItemID{1}}, make([]byte, 32))
	w.Close()
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:1024])
	gnu := bytes.Clone(out.Bytes())
	copy(gnu[257:], "ustar  \x00")
	f.Add(gnu)
	f.Add(slices.Concat(out.Bytes()[:1024], out.Bytes()))
	// The buffer that skips a member's end, and the members themselves.
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 8}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = fuzztest.MendTar(b)
		got, ok := fuzztest.Parse(t, bound, b, list, ErrBundle)
		if !ok {
			return
		}
		if !isPlain(b) {
			t.Error("a tar was taken that another program may read in another way")
		}
		var again bytes.Buffer
		w := NewWriter(&again)
		for i, path := range got.paths {
			p, err := ParsePath(path)
			if err != nil {
				t.Fatal(err)
			}
			w.AddBytes(p, got.contents[i])
		}
		w.Close()
		back, err := list(again.Bytes())
		if err != nil || !sameListing(back, got) || again.Len() != len(b) {
			t.Errorf("the bundle does not come back: %v, %q is %q", err, got.paths, back.paths)
		}
	})
}

// isPlain reports whether all members are regular files with USTAR headers,
// under names of their own.
func isPlain(b []byte) bool {
	seen := map[string]bool{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		header, err := r.Next()
		if err != nil {
			return err == io.EOF
		}
		if header.Format != tar.FormatUSTAR || header.Typeflag != tar.TypeReg || seen[header.Name] {
			return false
		}
		seen[header.Name] = true
	}
}

func sameListing(a, b listing) bool {
	for i := range a.paths {
		if len(a.paths) != len(b.paths) || a.paths[i] != b.paths[i] || !bytes.Equal(a.contents[i], b.contents[i]) {
			return false
		}
	}
	return len(a.paths) == len(b.paths)
}

// TestLargeMembersStreamBy: of a member nothing is held but what visit takes.
func TestLargeMembersStreamBy(t *testing.T) {
	var bundle bytes.Buffer
	w := NewWriter(&bundle)
	w.AddBytes(Path{Kind: BatchNote}, make([]byte, 16<<20))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	fuzztest.Bound{Base: 128 << 10}.Check(t, bundle.Len(), func() {
		err := Read(bytes.NewReader(bundle.Bytes()), func(Path, int64, io.Reader) error { return nil })
		if err != nil {
			t.Error(err)
		}
	})
}
