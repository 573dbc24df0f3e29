package item

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
)

// reading is what a payload's tar may take, inside the age file: the buffers
// that files go through, and JSON of objects in objects (see strictjson).
var reading = fuzztest.Bound{Base: 256 << 10, PerByte: 192}

// readTar reads what was inside an age file.
func readTar(b []byte) (*opener, error) {
	o := &opener{in: &countingReader{r: bytes.NewReader(b)}}
	o.tar = tar.NewReader(o.in)
	return o, o.read()
}

// plainTar returns what is inside the payload of an item.
func plainTar(f testing.TB, p *partytest.Party, c Content) []byte {
	f.Helper()
	s := seal(f, p, receipt.New(), 0, c)
	e, err := OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()[0])
	if err != nil {
		f.Fatal(err)
	}
	plain, err := hybrid.Open(bytes.NewReader(s.payload), e)
	if err != nil {
		f.Fatal(err)
	}
	b, err := io.ReadAll(plain)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// FuzzOpen: no bytes that a stranger seals are taken for an item of another id
// and roster, and what is refused is refused as no item, or cut short.
func FuzzOpen(f *testing.F) {
	p := partytest.New(f, day, 1)
	for _, c := range []Content{
		{Kind: Testimony, Text: "a"}, {Kind: Message, Text: "b"},
		{Kind: Attachment, File: strings.NewReader("c"), Size: 1, Name: "c.jpg", KeepName: true},
	} {
		f.Add(plainTar(f, p, c)[:8192])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := fuzztest.Parse(t, reading, fuzztest.MendTar(b), readTar, ErrMalformed, io.ErrUnexpectedEOF)
		if !ok {
			return
		}
		if err := o.compare(Expect{Roster: p.Roster}); !errors.Is(err, ErrForged) {
			t.Errorf("a forged item of kind %q: %v", o.opened.Manifest.Kind, err)
		}
	})
}

// FuzzMembers: a manifest, a form and a text that were read, written again, are
// read as the same; and none is taken without its author's signature.
func FuzzMembers(f *testing.F) {
	p := partytest.New(f, day, 1)
	for _, c := range []Content{
		{Kind: Testimony, Text: "a", Form: Form{Answers: map[string][]string{"tempat": {"73", "x y"}, "waktu": {"2026-10"}}}}, {Kind: Message, Text: "b\r\n\tc"},
		{Kind: Attachment, File: strings.NewReader("c"), Size: 1, Name: "c.jpg", KeepName: true},
	} {
		m := membersOf(f, plainTar(f, p, c))
		f.Add(m["manifest.json"], m["testimony.json"], m["testimony.txt"]+m["message.txt"]+m["attachments/001.jpg"])
	}
	f.Fuzz(func(t *testing.T, manifest, form, text string) {
		var o *opener
		for _, order := range [][]string{
			{"testimony.json", form, "testimony.txt", text}, {"message.txt", text}, {"attachments/001.jpg", text},
		} {
			b := packed(t, append([]string{"manifest.json", manifest}, order...)...)
			var got *opener
			var err error
			reading.Check(t, len(manifest)+len(form), func() { got, err = readTar(b) })
			if err != nil {
				fuzztest.Refused(t, err, ErrMalformed)
				fuzztest.Hides(t, err, manifest)
				continue
			}
			if o != nil {
				t.Error("one manifest is of two kinds")
			}
			o = got
		}
		if o != nil {
			checkMembers(t, o, text)
		}
	})
}

func checkMembers(t *testing.T, o *opener, text string) {
	t.Helper()
	m, form := &o.opened.Manifest, &o.opened.Form
	order := []string{"testimony.json", string(marshal(form)), "testimony.txt", text}
	switch m.Kind {
	case Message:
		order = []string{"message.txt", text}
	case Attachment:
		order = []string{"attachments/001.jpg", text}
	}
	again, err := readTar(packed(t, append([]string{"manifest.json", string(marshal(m))}, order...)...))
	if err != nil {
		t.Errorf("an item that was read is not read again: %v", err)
	} else if !sameOpened(again.opened, o.opened) {
		t.Errorf("an item does not come back: %+v is %+v", o.opened, again.opened)
	}
	if m.Kind != Attachment && o.opened.Text != text {
		t.Errorf("the text %q was read as %q", text, o.opened.Text)
	}
	if err := o.compare(Expect{ID: o.parts.id}); !errors.Is(err, ErrForged) {
		t.Errorf("an item that nobody signed: %v", err)
	}
}

func sameOpened(a, b Opened) bool {
	reply := a.Reply.String() == b.Reply.String()
	for _, o := range []*Opened{&a, &b} {
		o.Reply = nil
		if len(o.Form.Answers) == 0 {
			o.Form.Answers = nil
		}
		if len(o.Manifest.Original) == 0 {
			o.Manifest.Original = nil
		}
	}
	return reply && reflect.DeepEqual(a, b)
}

// membersOf returns the members of a tar by their names.
func membersOf(f testing.TB, b []byte) map[string]string {
	f.Helper()
	members := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		header, err := r.Next()
		if err == io.EOF {
			return members
		}
		content, err2 := io.ReadAll(r)
		if err := errors.Join(err, err2); err != nil {
			f.Fatal(err)
		}
		members[header.Name] = string(content)
	}
}

// packed writes a tar of names and contents with a signature of zeros, padded
// as it should be.
func packed(t *testing.T, members ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name, content string) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, content)
	}
	for i := 0; i < len(members); i += 2 {
		add(members[i], members[i+1])
	}
	add("author.sig", base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize))+"\n")
	w.Flush()
	used := int64(out.Len()) + 3*blockSize // the header of the padding, and the end marker
	add(".padding", strings.Repeat("\x00", int(Padme(used)-used)))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzSeal: whatever a reporter writes, it comes out as it went in, or is
// refused with an error that has a page.
func FuzzSeal(f *testing.F) {
	p := partytest.New(f, day, 1)
	code := receipt.New()
	f.Add("isi\r\nbaris", "Kota", "Senin", "foto.jpg", []byte("x"))
	f.Add("\u202e\x1b", "\x00", "\xff", "../../x.\u00e9", []byte(nil))
	f.Add("\ufffd", "\ufffd", "\ufffd", "\ufffd", []byte("\ufffd"))
	known := []error{ErrTooLong, ErrLongField, ErrEmpty, ErrNotText}
	f.Fuzz(func(t *testing.T, text, place, from, name string, file []byte) {
		form := Form{Answers: map[string][]string{"tempat": {place}, "waktu": {from, from}}}
		for _, c := range []Content{
			{Kind: Testimony, Text: text, Form: form},
			{Kind: Attachment, File: bytes.NewReader(file), Size: int64(len(file)), Name: name, KeepName: true},
		} {
			s, err := Seal(p.Circle, code, 1, c)
			if err != nil {
				fuzztest.Refused(t, err, known...)
				continue
			}
			var payload bytes.Buffer
			if _, err := s.WriteTo(&payload); err != nil {
				t.Fatal(err)
			}
			var content []byte
			got, err := (sealed{s, payload.Bytes(), p.Roster}).open(t, p, 0, func(_ File, r io.Reader) error {
				var err error
				content, err = io.ReadAll(r)
				return err
			})
			if err != nil {
				t.Errorf("what was sealed does not open: %v", err)
				continue
			}
			form.Format = got.Form.Format
			if c.Kind == Testimony && (got.Text != text || !reflect.DeepEqual(got.Form, form)) {
				t.Errorf("%q, %+v came out as %q, %+v", text, form, got.Text, got.Form)
			}
			if c.Kind == Attachment && !bytes.Equal(content, file) {
				t.Errorf("a file of %d bytes came out with %d", len(file), len(content))
			}
		}
	})
}

// TestLargeMembersTakeLittleMemory: what is larger than it may be is refused
// before it is read, and what may be large streams by.
func TestLargeMembersTakeLittleMemory(t *testing.T) {
	p := partytest.New(t, day, 1)
	testimony := membersOf(t, plainTar(t, p, Content{Kind: Testimony, Text: "a"}))
	attachment := membersOf(t, plainTar(t, p, Content{Kind: Attachment, File: strings.NewReader("c"), Size: 1}))
	manifest, form := testimony["manifest.json"], testimony["testimony.json"]
	large := strings.Repeat("a", 16<<20)
	for name, b := range map[string][]byte{
		"manifest":   packed(t, "manifest.json", large),
		"form":       packed(t, "manifest.json", manifest, "testimony.json", large),
		"text":       packed(t, "manifest.json", manifest, "testimony.json", form, "testimony.txt", large),
		"attachment": packed(t, "manifest.json", attachment["manifest.json"], "attachments/001.bin", large),
	} {
		fuzztest.Bound{Base: 512 << 10}.Check(t, len(b), func() {
			if _, err := readTar(b); (err == nil) != (name == "attachment") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
