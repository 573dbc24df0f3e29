package batch

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

func note(sequence uint64, previous roster.Hash) Note {
	return Note{
		Origin: "uji.saksi", Sequence: sequence, Previous: previous,
		Week: week.Week{Year: 2026, Number: 47}, Sums: roster.Hash{1},
	}
}

func TestNoteComesBack(t *testing.T) {
	server, err := sign.Generate("uji.saksi")
	if err != nil {
		t.Fatal(err)
	}
	want := note(2, roster.Hash{9})
	msg, err := want.Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenNote(msg, server.Key()); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	stranger, err := sign.Generate("uji.saksi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenNote(msg, stranger.Key()); !errors.Is(err, sign.ErrSignatures) {
		t.Errorf("another server: %v, want ErrSignatures", err)
	}
}

func TestFollows(t *testing.T) {
	first := note(1, roster.Hash{})
	second := note(2, first.Hash())
	third := note(3, second.Hash())
	if err := errors.Join(second.Follows(first), third.Follows(second)); err != nil {
		t.Error(err)
	}
	elsewhere := second
	elsewhere.Origin = "lain.saksi"
	for name, err := range map[string]error{
		"gap": third.Follows(first), "back": first.Follows(second), "fork": note(2, roster.Hash{5}).Follows(first),
		"same": second.Follows(second), "other origin": elsewhere.Follows(first),
	} {
		if !errors.Is(err, ErrChain) {
			t.Errorf("%s: %v, want ErrChain", name, err)
		}
	}
}

func anyPath(t *rapid.T) Path {
	p := Path{Kind: Kind(rapid.IntRange(0, int(ExpiryMark)).Draw(t, "kind"))}
	switch p.Kind {
	case BatchNote, BatchSums:
		p.Sequence = rapid.Uint64().Draw(t, "sequence")
	case RosterNote:
		p.Sequence = rapid.Uint64Min(1).Draw(t, "sequence")
	case RecipientsFile:
		copy(p.File[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "file"))
	case Canary:
		year, month := rapid.IntRange(2000, 9999).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month")
		p.Month = canary.Month(fmt.Sprintf("%d-%02d", year, month))
		p.Reviewer = rapid.StringMatching(`[a-z][a-z0-9-]{0,15}`).Draw(t, "reviewer")
	default:
		copy(p.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	}
	if p.Kind == Payload || p.Kind == Slot {
		p.Sequence = rapid.Uint64Min(1).Draw(t, "roster")
	}
	if p.Kind == Slot {
		p.Slot = rapid.IntRange(0, 998).Draw(t, "slot")
	}
	return p
}

func TestPathComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPath(t)
		if got, err := ParsePath(p.String()); err != nil || got != p {
			t.Fatalf("%q comes back as %+v, %v", p, got, err)
		}
		if len(p.String()) >= 100 {
			t.Fatalf("%q is too long for USTAR", p)
		}
	})
}

func TestOddPathsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "/", "BATCH.note/", "./BATCH.note", "/BATCH.note", "../BATCH.note", "batch.note", "batches/0/BATCH.note",
		"batches/01/BATCH.note", "batches/1/../BATCH.note", "rosters/x.note", "rosters/0.note", "items/0/00000000000000000000000000000000/payload.age", "rosters/1.note/..", "gone/..",
		"items/1/00000000000000000000000000000000/slots/000.age", "items/1/00000000000000000000000000000000/slots/1.age",
		"items/1/../payload.age", "items/1/0000000000000000000000000000000G/payload.age",
	} {
		if p, err := ParsePath(s); err == nil {
			t.Errorf("%q was taken as %+v", s, p)
		}
	}
}

func TestBundleComesBackAndIsDeterministic(t *testing.T) {
	write := func() []byte {
		var out bytes.Buffer
		w := NewWriter(&out)
		for i, p := range []Path{{Kind: BatchNote}, {Kind: BatchSums}, {Kind: Payload, Sequence: 1, ID: receipt.ItemID{7}}} {
			if err := w.AddBytes(p, bytes.Repeat([]byte{byte(i)}, 1000*i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	bundle := write()
	if !bytes.Equal(bundle, write()) {
		t.Error("two bundles of the same members differ")
	}
	var got []string
	err := Read(bytes.NewReader(bundle), func(p Path, size int64, r io.Reader) error {
		b, err := io.ReadAll(r)
		if int64(len(b)) != size {
			t.Errorf("%q has %d bytes, want %d", p, len(b), size)
		}
		got = append(got, p.String())
		return err
	})
	want := []string{"BATCH.note", "SHA256SUMS", "items/1/07000000000000000000000000000000/payload.age"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	for n := range bundle {
		err := Read(bytes.NewReader(bundle[:n]), func(_ Path, size int64, r io.Reader) error {
			if b, err := io.ReadAll(r); err == nil && int64(len(b)) != size {
				t.Fatalf("a bundle cut to %d bytes gave half a member", n)
			}
			return nil
		})
		if err == nil {
			t.Fatalf("a bundle cut to %d bytes was taken as whole", n)
		}
	}
}

func TestWriterKeepsToAnnouncedSizes(t *testing.T) {
	for name, size := range map[string]int64{"longer": 2, "shorter": 4} {
		w := NewWriter(io.Discard)
		if err := w.Add(Path{Kind: BatchNote}, size, strings.NewReader("abc")); err == nil {
			t.Errorf("content %s than announced was taken", name)
		}
	}
}

func TestHostileBundlesAreRefused(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"empty":   {},
		"escape":  {{Typeflag: tar.TypeReg, Name: "../../etc/cron.d/x"}},
		"link":    {{Typeflag: tar.TypeSymlink, Name: "BATCH.note", Linkname: "/etc/passwd"}},
		"hard":    {{Typeflag: tar.TypeLink, Name: "BATCH.note", Linkname: "SHA256SUMS"}},
		"fifo":    {{Typeflag: tar.TypeFifo, Name: "BATCH.note"}},
		"pax":     {{Typeflag: tar.TypeReg, Name: "BATCH.note", PAXRecords: map[string]string{"SAKSI.x": "y"}}},
		"twice":   {{Typeflag: tar.TypeReg, Name: "BATCH.note"}, {Typeflag: tar.TypeReg, Name: "BATCH.note"}},
		"foreign": {{Typeflag: tar.TypeReg, Name: "autorun.inf"}},
	} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		if err := Read(&out, func(Path, int64, io.Reader) error { return nil }); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v, want ErrBundle", name, err)
		}
	}
}

// TestAReaderThatFailsIsNoBadBundle: wherever it does. Else somebody throws away what
// he fetched for hours because a stick had a loose contact.
func TestAReaderThatFailsIsNoBadBundle(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.AddBytes(Path{Kind: BatchNote}, []byte("catatan"))
	w.AddBytes(Path{Kind: Payload, Sequence: 1, ID: receipt.ItemID{1}}, make([]byte, 700))
	w.Close()
	read := func(_ Path, _ int64, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	}
	pulled := errors.New("pulled out")
	for at := 0; at <= out.Len(); at += 256 {
		r := io.MultiReader(bytes.NewReader(out.Bytes()[:at]), iotest.ErrReader(pulled))
		if err := Read(r, read); !errors.Is(err, pulled) || errors.Is(err, ErrBundle) {
			t.Errorf("after %d bytes: %v", at, err)
		}
	}
}
