package desk

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"saksi/crypto/batch"
	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// FuzzIndex: an index has one spelling, and a copy of it is the same.
func FuzzIndex(f *testing.F) {
	s := newDrop(f, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.seal(code, 1, file("x", "x.pdf")), s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	f.Add(d.index.format())
	d.send()
	f.Add(d.index.format())
	f.Add([]byte(`{"format":"saksi/v1/desk"}`))
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 128}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzztest.Canonical(t, bound, b, parseIndex, (*index).format)
		if x, err := parseIndex(b); err == nil && !bytes.Equal(x.clone().format(), b) {
			t.Error("a copy of an index is another one")
		}
	})
}

// FuzzArriving: a note of what an import moves has one spelling, and names nothing but
// folders of items: what it names is destroyed.
func FuzzArriving(f *testing.F) {
	id := receipt.ItemID{1}.String()
	f.Add(arriving{}.format())
	f.Add(arriving{Index: strings.Repeat("0", 64), Items: []string{id}, Apart: []string{id, id}}.format())
	f.Add([]byte(`{"index":"","items":["../items"]}`))
	f.Add([]byte(`{"index":"","items":["` + strings.ToUpper(receipt.ItemID{0xab}.String()) + `"]}`))
	f.Add([]byte(`{"index":"","items":[]}`))
	f.Add([]byte(`{"index":"","items":[` + strings.Repeat(`"",`, 10_000) + `""]}`))
	bound := fuzztest.Bound{Base: 4 << 10, PerByte: 48}
	f.Fuzz(func(t *testing.T, note []byte) {
		fuzztest.Canonical(t, bound, note, parseArriving, arriving.format)
		a, err := parseArriving(note)
		for _, name := range slices.Concat(a.Items, a.Apart) {
			if id, bad := receipt.ParseItemID(name); err == nil && (bad != nil || id.String() != name) {
				t.Errorf("%q is named", name)
			}
		}
	})
}

// FuzzClean: whatever goes in, what comes out is a line of printable characters, none
// of them blank but spaces, and a clean line is left as it is. Broken, it loses
// nothing but spaces, and no line of it is wider than asked for.
func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\u202eabc\xff\u2028\U000e0041")
	f.Add(strings.Repeat("\u3164", 38) + "  KEPT FROM r2 by its reporter")
	f.Add(strings.Repeat("\u4e2d", 38) + strings.Repeat("e\u0301", 40))
	f.Add("\x00\x00\x00\x00\n\n\n\n\t\t\t\t\r\n")
	// Eight characters may stand for one byte, in a buffer that doubles.
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		var lines []string
		bound.Check(t, len(s), func() { got = Clean(s) })
		bound.Check(t, len(s), func() { lines = CleanLines(s) })
		if !utf8.ValidString(got) || Clean(got) != got {
			t.Errorf("Clean(%q) = %q", s, got)
		}
		for _, r := range got {
			if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) || !unicode.IsPrint(r) || strings.ContainsRune(blanks, r) {
				t.Errorf("Clean(%q) holds %U", s, r)
			}
		}
		for _, line := range lines {
			if Clean(line) != line {
				t.Errorf("CleanLines(%q) holds %q", s, line)
			}
			checkWrapped(t, line)
		}
	})
}

// blanks are printable, says Unicode, and show nothing.
const blanks = "\u115f\u1160\u3164\uffa0\u2800\u034f"

// checkWrapped holds what a broken line satisfies.
func checkWrapped(t *testing.T, line string) {
	t.Helper()
	parts := Wrap(line, 64)
	for _, part := range parts {
		ascii := len(strings.Map(onlyASCII, part))
		if ascii+2*(utf8.RuneCountInString(part)-ascii) > 64 {
			t.Errorf("Wrap(%q) holds %q, which may be wider than 64 columns", line, part)
		}
	}
	if rest := strings.Join(parts, ""); strings.ReplaceAll(rest, " ", "") != strings.ReplaceAll(line, " ", "") {
		t.Errorf("Wrap(%q) is %q", line, parts)
	}
}

func onlyASCII(r rune) rune {
	if r < utf8.RuneSelf {
		return r
	}
	return -1
}

// FuzzImport: a server that has its own key, and edits one member or the whole
// bundle, with the list that it signs or against it, gets no text onto a desk
// but the reporters' own. A bundle that is refused is refused for a reason that
// is documented, and changes nothing.
func FuzzImport(f *testing.F) {
	s := newDrop(f, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.seal(code, 1, file("x", "x.pdf")))
	s.close(s.message(receipt.New(), 0, marker), burnMark(code, 1))
	f.Add(uint8(0), uint16(0), uint16(0), []byte(nil), false)
	bundle := s.bundle(1, 2)
	for which, path := range slices.Sorted(maps.Keys(bundle)) {
		week := bytes.Index(bundle[path], []byte("week 2026-W"))
		f.Add(uint8(which), uint16(week+len("week 2026-W4")), uint16(1), []byte("6"), false)
	}
	for which := range len(bundle) + 1 {
		f.Add(uint8(which), uint16(40), uint16(1), []byte("x"), true)
		f.Add(uint8(which), uint16(40), uint16(1), []byte("x"), false)
	}
	// Copying files takes 32 KiB each, judging an item a key pair and two chunks.
	bound := fuzztest.Bound{Base: 4 << 20, PerByte: 8}
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, with []byte, relist bool) {
		edit := func(b []byte) []byte { return fuzztest.Edit(b, at, cut, with) }
		own := *s
		own.t = t
		bundle, signed := own.edited(int(which), relist, edit)
		var d *table
		var err error
		bound.Check(t, len(bundle), func() {
			d = own.sit(0)
			_, err = d.Import(context.Background(), bytes.NewReader(bundle), int64(len(bundle)), s.Trusted)
		})
		if err != nil {
			fuzztest.Refused(t, err, batch.ErrBundle, ErrFork, ErrRollback, ErrUntrusted, ErrOversize,
				ErrRoster, roster.ErrRoots, roster.ErrChain, sign.ErrSignatures)
			if d.index.Roots != "" {
				t.Error("a bundle that was refused changed the desk")
			}
		}
		if err == nil && !signed {
			t.Error("a list or a batch was taken that the server did not sign")
		}
		d.check()
		for _, text := range d.texts() {
			if text != "0 "+marker && text != "1 " {
				t.Errorf("a text that no reporter wrote: %q", text)
			}
		}
	})
}

// edited is a bundle with one member edited, or all of it. The server signs the
// list and the chain once more, or leaves them as they were. signed is
// false when a list or a batch is another than it signed.
func (s *drop) edited(which int, relist bool, edit func([]byte) []byte) (bundle []byte, signed bool) {
	s.t.Helper()
	m := s.bundle(1, uint64(len(s.batches)))
	paths := slices.Sorted(maps.Keys(m))
	if which >= len(paths) {
		return fuzztest.MendTar(edit(m.pack(s.t))), true
	}
	path, before := paths[which], m[paths[which]]
	m[path] = edit(before)
	if relist {
		s.relist(m, path, edit)
	}
	return m.pack(s.t), relist || bytes.Equal(signedPart(path, m[path]), signedPart(path, before))
}

// signedPart returns what of a member the server signs: a list, or a batch's
// text. Who signs it as well does not matter.
func signedPart(path string, content []byte) []byte {
	text, _, _ := bytes.Cut(content, []byte("\n\n"))
	switch {
	case strings.HasSuffix(path, "SHA256SUMS"):
		return content
	case strings.HasSuffix(path, "BATCH.note"):
		return text
	}
	return nil
}

// relist signs batches that say what is in m. What is edited of a list or of a
// batch is its text, before it is signed.
func (s *drop) relist(m members, path string, edit func([]byte) []byte) {
	s.t.Helper()
	var previous roster.Hash
	for n, b := range s.batches {
		sums := maps.Clone(b.sums)
		if _, listed := sums[path]; listed {
			sums[path] = hash(m[path])
		}
		p := batch.Path{Kind: batch.BatchSums, Sequence: b.note.Sequence}
		if n == len(s.batches)-1 {
			p.Sequence = 0
		}
		list := []byte(sums.Text())
		if p.String() == path {
			list = edit(list)
		}
		m[p.String()] = list
		b.note.Sums, b.note.Previous = hash(list), previous
		text := []byte(b.note.Text())
		if p.Kind = batch.BatchNote; p.String() == path {
			text = edit(text)
		}
		previous = hash(text)
		if msg, err := sign.Note(string(text), s.Server); err == nil {
			m[p.String()] = msg
		}
	}
}
