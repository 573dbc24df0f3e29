package item

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

var day = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// sealed is an item as the server keeps it.
type sealed struct {
	*Sealed
	payload []byte
	roster  *roster.Signed
}

func seal(t testing.TB, p *partytest.Party, code receipt.Code, n int, c Content, excluded ...string) sealed {
	t.Helper()
	c.Readers.Withheld = append(c.Readers.Withheld, excluded...)
	s, err := Seal(p.Circle, code, n, c)
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	if int64(payload.Len()) != s.Size {
		t.Fatalf("payload has %d bytes, Size says %d", payload.Len(), s.Size)
	}
	return sealed{s, payload.Bytes(), p.Roster}
}

func (s sealed) expect() Expect { return Expect{ID: s.ID, Roster: s.roster, Slots: s.Slots} }

func (s sealed) open(t testing.TB, p *partytest.Party, r int, extract func(File, io.Reader) error) (*Opened, error) {
	t.Helper()
	e, err := OpenSlot(s.Slots[r], p.Reviewers[r].SlotIdentities()[0])
	if err != nil {
		return nil, err
	}
	return Open(bytes.NewReader(s.payload), e, s.expect(), extract)
}

func TestTestimonyComesBack(t *testing.T) {
	p := partytest.New(t, day, 3)
	code := receipt.New()
	want := Content{
		Kind: Testimony, Language: "id", Text: "Kami diminta hadir.\nBaju bebas.",
		Form: Form{Answers: map[string][]string{"tempat": {"73.02"}, "tindakan": {"hadir", "medsos"}}}, Taxonomy: "asn 2026",
	}
	s := seal(t, p, code, 0, want)
	for r := range p.Reviewers {
		got, err := s.open(t, p, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		form := got.Form
		form.Format = ""
		if got.Text != want.Text || !reflect.DeepEqual(form, want.Form) || got.Manifest.Taxonomy != want.Taxonomy || got.Mailbox != code.Keys().Mailbox() || got.ID != code.ItemID(0) {
			t.Errorf("reviewer %d reads %+v", r, got)
		}
		if !got.BurnedBy(code.Burn(0)) || got.BurnedBy(code.Burn(1)) {
			t.Error("the burn token is not the item's")
		}
	}
}

func TestAttachmentComesBack(t *testing.T) {
	p := partytest.New(t, day, 2)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 300_000).Draw(rt, "size")
		content := make([]byte, size)
		rand.Read(content)
		s := seal(t, p, receipt.New(), 1, Content{
			Kind: Attachment, File: bytes.NewReader(content), Size: int64(size), Name: "IMG-20241122-WA0007.JPG",
		})
		var got []byte
		o, err := s.open(t, p, 1, func(f File, r io.Reader) (err error) {
			if f.Path != "attachments/001.jpg" || f.Original != "" || f.Size != int64(size) {
				rt.Errorf("file is %+v", f)
			}
			got, err = io.ReadAll(r)
			return err
		})
		if err != nil || len(o.Attachments) != 1 || !bytes.Equal(got, content) {
			rt.Fatalf("attachment of %d bytes does not come back: %v", size, err)
		}
		if !ValidPayloadSize(s.Size) {
			rt.Fatalf("%d is no valid payload size", s.Size)
		}
	})
}

// TestSizesTellNothing: texts of any length, with or without fields, for one
// reviewer or many, give items that look the same.
func TestSizesTellNothing(t *testing.T) {
	p := partytest.New(t, day, 20)
	for name, c := range map[string]Content{
		"one letter":    {Kind: Testimony, Text: "a"},
		"longest":       {Kind: Testimony, Text: strings.Repeat("\"", MaxText), Form: longestForm()},
		"message":       {Kind: Message, Text: strings.Repeat("é", MaxText/2)},
		"small file":    {Kind: Attachment, File: strings.NewReader("x"), Size: 1, Name: "x"},
		"with its name": {Kind: Attachment, File: strings.NewReader("x"), Size: 1, Name: strings.Repeat("\"", 4000), KeepName: true},
	} {
		s := seal(t, p, receipt.New(), 127, c, "r4", "r8")
		if s.Size != PayloadSize(Floor) {
			t.Errorf("%s: payload of %d bytes, want %d", name, s.Size, PayloadSize(Floor))
		}
		for i, slot := range s.Slots {
			if int64(len(slot)) != SlotSize(p.Roster.Quorum) {
				t.Errorf("%s: slot %d has %d bytes, want %d", name, i, len(slot), SlotSize(p.Roster.Quorum))
			}
		}
		if _, err := s.open(t, p, 0, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExcludedReviewerLearnsNothing(t *testing.T) {
	p := partytest.New(t, day, 3)
	s := seal(t, p, receipt.New(), 0, Content{Kind: Testimony, Text: "rahasia"}, "r2")
	if _, err := s.open(t, p, 1, nil); !errors.Is(err, ErrNotForUs) {
		t.Errorf("the excluded reviewer: %v, want ErrNotForUs", err)
	}
	if _, err := s.open(t, p, 2, nil); err != nil {
		t.Errorf("another reviewer: %v", err)
	}
	for other := range p.Reviewers {
		for slot := range s.Slots {
			if other == slot {
				continue
			}
			if _, err := OpenSlot(s.Slots[slot], p.Reviewers[other].SlotIdentities()[0]); !errors.Is(err, hybrid.ErrNoMatch) {
				t.Errorf("reviewer %d opens slot %d: %v", other, slot, err)
			}
		}
	}
	for want, withheld := range map[error][]string{ErrFewReaders: {"r1", "r2", "r3"}, ErrNoReader: {"r9"}} {
		c := Content{Kind: Testimony, Text: "x", Readers: Readers{Withheld: withheld}}
		if _, err := Seal(p.Circle, receipt.New(), 0, c); !errors.Is(err, want) {
			t.Errorf("without %q: %v, want %v", withheld, err, want)
		}
	}
}

// longestForm has about as many bytes in JSON as a form can have.
func longestForm() Form {
	answers := map[string][]string{}
	for n := range MaxQuestions {
		value := strings.Repeat("\"", MaxAnswers/MaxValues)
		answers[fmt.Sprintf("a%031d", n)] = slices.Repeat([]string{value}, MaxValues/MaxQuestions)
	}
	return Form{Answers: answers}
}

// answering is a testimony with one question answered.
func answering(values ...string) Content {
	return Content{Kind: Testimony, Text: "a", Form: Form{Answers: map[string][]string{"q": values}}}
}

func TestContentLimits(t *testing.T) {
	p := partytest.New(t, day, 1)
	for name, test := range map[string]struct {
		content Content
		want    error
	}{
		"empty":         {Content{Kind: Testimony}, ErrEmpty},
		"spaces":        {Content{Kind: Message, Text: " \r\n\t"}, ErrEmpty},
		"one too many":  {Content{Kind: Testimony, Text: strings.Repeat("a", MaxText+1)}, ErrTooLong},
		"long answer":   {answering(strings.Repeat("a", MaxField+1)), ErrLongField},
		"many answers":  {answering(slices.Repeat([]string{"a"}, MaxValues+1)...), ErrLongField},
		"long answers":  {answering(slices.Repeat([]string{strings.Repeat("<", 101)}, MaxAnswers/100)...), ErrLongField},
		"blank answer":  {answering(""), ErrEmpty},
		"invalid UTF-8": {Content{Kind: Testimony, Text: "a\xff"}, ErrNotText},
		"binary":        {Content{Kind: Testimony, Text: "a\x00"}, ErrNotText},
		"binary answer": {answering("\x1b"), ErrNotText},
		"empty file":    {Content{Kind: Attachment, File: strings.NewReader("")}, ErrEmpty},
	} {
		if _, err := Seal(p.Circle, receipt.New(), 0, test.content); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestLyingFileSizeIsRefused(t *testing.T) {
	p := partytest.New(t, day, 1)
	for name, size := range map[string]int64{"shorter": 99_999, "longer": 100_001, "by a lot": 200_000} {
		s, err := Seal(p.Circle, receipt.New(), 0, Content{
			Kind: Attachment, File: bytes.NewReader(make([]byte, 100_000)), Size: size,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.WriteTo(io.Discard); !errors.Is(err, ErrSize) {
			t.Errorf("%s than announced: %v, want ErrSize", name, err)
		}
	}
}

// TestForgeries lets a reviewer, who knows E, make of an item what its author
// did not sign.
func TestForgeries(t *testing.T) {
	p := partytest.New(t, day, 2)
	code := receipt.New()
	s := seal(t, p, code, 0, Content{Kind: Message, Text: "asli"})
	other := seal(t, p, receipt.New(), 0, Content{Kind: Message, Text: "lain"})
	e, err := OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()[0])
	if err != nil {
		t.Fatal(err)
	}
	reseal := func(edit func(name string, content []byte) []byte) []byte { return retar(t, s.payload, e, edit) }
	swap := func(member, from, to string) []byte {
		return reseal(func(name string, content []byte) []byte {
			if name == member {
				return bytes.Replace(content, []byte(from), []byte(to), 1)
			}
			return content
		})
	}
	forged := partytest.New(t, day, 2).Roster // the same sequence, by other roots
	p.Sign(t, p.Draft(day))
	next := p.Roster
	swapped := [][]byte{s.Slots[0], other.Slots[1]}
	for name, test := range map[string]struct {
		payload []byte
		expect  Expect
		want    error
	}{
		"as it was":      {swap("", "", ""), s.expect(), nil},
		"another text":   {swap("message.txt", "asli", "ubah"), s.expect(), ErrForged},
		"another number": {swap("manifest.json", `"n": 0`, `"n": 1`), s.expect(), ErrForged},
		"another thread": {swap("manifest.json", code.Keys().Mailbox().String(), other.ID.String()+other.ID.String()), s.expect(), ErrMalformed},
		"another id":     {s.payload, Expect{other.ID, s.roster, s.Slots}, ErrForged},
		"another roster": {s.payload, Expect{s.ID, next, s.Slots}, ErrForged},
		"a forged one":   {s.payload, Expect{s.ID, forged, s.Slots}, ErrForged},
		"other slots":    {s.payload, Expect{s.ID, s.roster, swapped}, ErrForged},
		"fewer slots":    {s.payload, Expect{s.ID, s.roster, s.Slots[:1]}, ErrForged},
	} {
		if _, err := Open(bytes.NewReader(test.payload), e, test.expect, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// retar opens a payload, edits its members and seals it to E again.
func retar(t testing.TB, payload []byte, e *hybrid.Identity, edit func(string, []byte) []byte) []byte {
	t.Helper()
	plain, err := hybrid.Open(bytes.NewReader(payload), e)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r, w := tar.NewReader(plain), tar.NewWriter(&out)
	for {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		content = edit(header.Name, content)
		header.Size = int64(len(content))
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	w.Close()
	sealed, err := hybrid.SealBytes(out.Bytes(), e.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestOddTarsAreRefused: members that do not belong, links, devices and
// paddings of another size.
func TestOddTarsAreRefused(t *testing.T) {
	p := partytest.New(t, day, 1)
	s := seal(t, p, receipt.New(), 0, Content{Kind: Message, Text: "asli"})
	e, err := OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()[0])
	if err != nil {
		t.Fatal(err)
	}
	grow := func(name string, content []byte) []byte {
		if name == ".padding" {
			return append(content, make([]byte, 512)...)
		}
		return content
	}
	if _, err := Open(bytes.NewReader(retar(t, s.payload, e, grow)), e, s.expect(), nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("a longer padding: %v, want ErrMalformed", err)
	}
	for name, header := range map[string]tar.Header{
		"symlink":      {Typeflag: tar.TypeSymlink, Name: "manifest.json", Linkname: "/etc/passwd"},
		"device":       {Typeflag: tar.TypeChar, Name: "manifest.json", Devmajor: 1},
		"folder":       {Typeflag: tar.TypeDir, Name: "manifest.json"},
		"escape":       {Typeflag: tar.TypeReg, Name: "../manifest.json"},
		"pax":          {Typeflag: tar.TypeReg, Name: "manifest.json", PAXRecords: map[string]string{"SAKSI.x": "y"}},
		"huge":         {Typeflag: tar.TypeReg, Name: "manifest.json", Size: 1 << 40},
		"second first": {Typeflag: tar.TypeReg, Name: "message.txt"},
	} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		header.Mode = 0o600
		if err := w.WriteHeader(&header); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.Flush()
		payload, err := hybrid.SealBytes(out.Bytes(), e.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(bytes.NewReader(payload), e, s.expect(), nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestTruncatedPayloadIsRefused(t *testing.T) {
	p := partytest.New(t, day, 1)
	s := seal(t, p, receipt.New(), 0, Content{Kind: Attachment, File: bytes.NewReader(make([]byte, 200_000)), Size: 200_000})
	e, err := OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()[0])
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(s.payload); n += 997 {
		if _, err := Open(bytes.NewReader(s.payload[:n]), e, s.expect(), nil); err == nil {
			t.Fatalf("a payload cut to %d bytes was taken", n)
		}
	}
}

func TestExtension(t *testing.T) {
	for name, want := range map[string]string{
		"foto.JPG": "jpg", "a.b.pdf": "pdf", "": "bin", "x": "bin", "\u212a": "bin", "x.\u212a": "k", ".": "bin", "a.": "bin",
		"a.toolong": "bin", "a.p d": "bin", "a.é": "bin", "../../etc/x.so": "so", "a.mp4\x00": "bin",
	} {
		if got := extension(name); got != want {
			t.Errorf("extension(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPadme(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 1<<36).Draw(t, "size")
		padded := Padme(size)
		if padded < size || padded < Floor || padded%512 != 0 || Padme(padded) != padded {
			t.Fatalf("Padme(%d) = %d", size, padded)
		}
		if size > Floor && float64(padded) > 1.12*float64(size) {
			t.Fatalf("Padme(%d) = %d wastes more than 12 %%", size, padded)
		}
		if !ValidPayloadSize(PayloadSize(padded)) || ValidPayloadSize(PayloadSize(padded)+1) || ValidPayloadSize(PayloadSize(padded)-1) {
			t.Fatalf("ValidPayloadSize is wrong around %d", PayloadSize(padded))
		}
	})
}
