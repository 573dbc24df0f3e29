package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
)

// A region is a run of bytes of a bundle with one meaning.
type region struct {
	member batch.Path
	name   string
	at     int
	size   int
}

// regions takes a bundle apart.
func regions(t *testing.T, bundle []byte) (all []region) {
	t.Helper()
	at := 0
	for bundle[at] != 0 {
		header := bundle[at : at+512]
		path, _, _ := strings.Cut(string(header[:100]), "\x00")
		size, err := strconv.ParseInt(string(header[124:135]), 8, 32)
		if err != nil {
			t.Fatal(err)
		}
		p := parsePath(path)
		for _, f := range headerFields() {
			all = append(all, region{p, "header: " + f.name, at + f.at, f.size})
		}
		at += 512
		for _, c := range contents(p, bundle[at:at+int(size)]) {
			all = append(all, region{p, c.name, at + c.at, c.size})
		}
		at += int(size)
		if pad := -at & 511; pad > 0 {
			all = append(all, region{p, "padding", at, pad})
			at += pad
		}
	}
	return append(all, region{name: "end marker", at: at, size: len(bundle) - at})
}

// headerFields are those of docs/protocol.md.
func headerFields() []region {
	return []region{
		{name: "name", size: 100}, {name: "mode", at: 100, size: 8}, {name: "uid", at: 108, size: 8},
		{name: "gid", at: 116, size: 8}, {name: "size", at: 124, size: 12}, {name: "mtime", at: 136, size: 12},
		{name: "checksum", at: 148, size: 8}, {name: "type", at: 156, size: 1}, {name: "link", at: 157, size: 100},
		{name: "magic", at: 257, size: 8}, {name: "owner", at: 265, size: 64}, {name: "devices", at: 329, size: 16},
		{name: "prefix", at: 345, size: 167},
	}
}

// contents names the parts of a member's content: an age file has several.
func contents(p batch.Path, content []byte) []region {
	if p.Kind != batch.Payload && p.Kind != batch.Slot {
		return []region{{name: "content", size: len(content)}}
	}
	stanza := bytes.IndexByte(content, '\n') + 1
	mac := bytes.Index(content, []byte("\n--- ")) + 1
	body := mac + bytes.IndexByte(content[mac:], '\n') + 1
	return []region{
		{name: "age version", size: stanza}, {name: "age stanza", at: stanza, size: mac - stanza},
		{name: "age MAC", at: mac, size: body - mac}, {name: "age nonce", at: body, size: 16},
		{name: "age body", at: body + 16, size: len(content) - body - 16 - 16},
		{name: "age tag", at: len(content) - 16, size: 16},
	}
}

// places returns at most limit places of a region, both ends among them.
func (r region) places(limit int) (at []int) {
	if r.size <= limit {
		limit = r.size
	}
	for i := range limit {
		at = append(at, r.at+i*(r.size-1)/max(1, limit-1))
	}
	return at
}

// A wreck is a desk with an honest past, to which one good bundle is brought in
// many damaged copies.
type wreck struct {
	*table
	good  []byte
	whole []string          // what the desk reads when all is there
	past  map[string]string // the files of the desk before
	// changed is true when a damaged copy was taken since the desk was put back.
	changed bool
	tries   map[string]int // by what came of it
}

func newWreck(t *testing.T) *wreck {
	s := newDrop(t, 2)
	s.close(s.message(receipt.New(), 0, honest))
	w := &wreck{table: s.sit(0), tries: map[string]int{}}
	w.take(s.bundle(1, 1))
	s.batches[0].items = members{} // the server knows that the desk has it
	w.past = tree(t, w.folder)
	code, gone, expired := receipt.New(), receipt.New(), receipt.New()
	s.close(s.message(code, 0, marker+" dua"), s.seal(code, 1, file("gambar", "x.jpg")),
		s.message(gone, 0, marker), s.message(expired, 0, marker))
	s.newRoster(func(*draft) {})
	s.close(s.message(receipt.New(), 0, marker+" tiga"))
	m := s.bundle(1, 3).without(gone.ItemID(0).String()).without(expired.ItemID(0).String())
	w.good = m.with(burnMark(gone, 0)).with(expiryMark(expired.ItemID(0))).pack(t)
	r, err := w.bring(w.good)
	if err != nil || len(r.New) != 3 || r.Gone != 1 || r.Expired != 1 || !r.Whole() {
		t.Fatalf("the good bundle: %+v, %v", r, err)
	}
	w.whole = w.texts()
	w.reset(t)
	return w
}

func (w *wreck) bring(bundle []byte) (*Report, error) {
	return w.Import(context.Background(), bytes.NewReader(bundle), int64(len(bundle)), w.drop.Trusted)
}

// reset puts the desk back to its past.
func (w *wreck) reset(t *testing.T) {
	t.Helper()
	if err := errors.Join(w.Close(), os.RemoveAll(w.folder)); err != nil {
		t.Fatal(err)
	}
	for name, content := range w.past {
		if err := writeFile(w.path(name), strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	w.changed = false
	w.reopen()
}

// TestCorruptedBundle damages a bundle in every region: it flips a bit, blanks a
// byte, takes one out, cuts the rest off. Either the bundle is refused and the
// desk is as it was, or what is damaged is named and the rest arrives. What was
// on the desk is read all the while, and the good bundle heals everything.
func TestCorruptedBundle(t *testing.T) {
	w := newWreck(t)
	tried := map[string]bool{}
	for _, r := range regions(t, w.good) {
		kind := fmt.Sprint(r.member.Kind, r.name)
		for i, at := range r.places(r.limit(!tried[kind])) {
			w.damage(t, r, at, flip(w.good, at, i))
			if i%4 == 0 {
				w.damage(t, r, at, blank(w.good, at))
			}
		}
		if !tried[kind] {
			for _, at := range r.places(2) {
				w.refused(t, r, at, w.good[:at])
				w.refused(t, r, at, slices.Delete(bytes.Clone(w.good), at, at+1))
			}
		}
		if w.changed || !tried[kind] {
			w.heal(t, r)
		}
		tried[kind] = true
	}
	t.Logf("came of it: %v", w.tries)
	for _, outcome := range []string{"refused", "named", "harmless"} {
		if w.tries[outcome] == 0 {
			t.Errorf("nothing was %s", outcome)
		}
	}
}

// limit returns how many places of a region are tried: every byte of a small
// one, and fewer once a region of its kind was tried.
func (r region) limit(first bool) int {
	switch {
	case !first && (r.name == "padding" || strings.HasPrefix(r.name, "header")):
		return 0
	case !first && r.inItem():
		return 1
	case !first || r.name == "padding":
		return 3
	case r.name == "content":
		return 150
	case r.size > 64:
		return 16
	default:
		return 64
	}
}

// inItem reports whether the region is content of a payload or a slot.
func (r region) inItem() bool { return strings.HasPrefix(r.name, "age ") }

func flip(good []byte, at, bit int) []byte {
	bad := bytes.Clone(good)
	bad[at] ^= 1 << (bit % 8)
	return bad
}

// blank makes a byte zero, or of a zero something else.
func blank(good []byte, at int) []byte {
	bad := bytes.Clone(good)
	if bad[at] = 0; good[at] == 0 {
		bad[at] = 0xff
	}
	return bad
}

// damage brings a bundle with one wrong byte and holds what has to come of it.
func (w *wreck) damage(t *testing.T, r region, at int, bad []byte) {
	t.Helper()
	item := r.inItem() || r.member.Kind == batch.BurnMark && r.name == "content"
	// The checksum of a header is right in several spellings: with a NUL for its
	// first zero, say.
	spelled := r.name == "header: checksum"
	if !item && r.name != "padding" && !spelled {
		w.refused(t, r, at, bad)
		return
	}
	report, err := w.bring(bad)
	if spelled && errors.Is(err, batch.ErrBundle) {
		return
	}
	if err != nil {
		t.Fatalf("%s, %s, byte %d: %v", r.member, r.name, at-r.at, err)
	}
	named := slices.Concat(report.Damaged, report.Withheld)
	arrived := len(report.New)
	if w.changed {
		arrived += w.others(r) // with the first damaged copy
	}
	switch {
	case !item && report.Whole():
		w.tries["harmless"]++
	case item && slices.Equal(named, []string{r.member.ID.String()}) && arrived == w.others(r):
		w.tries["named"]++
	default:
		t.Errorf("%s, %s, byte %d: report is %+v", r.member, r.name, at-r.at, report)
	}
	w.changed = true
	if texts := w.texts(); texts[0] != "0 "+honest || len(texts) != 1+w.others(r) {
		t.Errorf("%s, %s, byte %d: the desk reads %q", r.member, r.name, at-r.at, texts)
	}
}

// others returns how many items arrive when that of the region is damaged.
func (w *wreck) others(r region) int {
	if r.inItem() {
		return 2
	}
	return 3
}

// refused brings a bundle that has to be refused as a whole.
func (w *wreck) refused(t *testing.T, r region, at int, bad []byte) {
	t.Helper()
	before := w.index
	_, err := w.bring(bad)
	known := slices.ContainsFunc([]error{batch.ErrBundle, ErrRoster, ErrUntrusted, ErrOversize},
		func(want error) bool { return errors.Is(err, want) })
	if !known || w.index != before {
		t.Fatalf("%s, %s, byte %d: %v", r.member, r.name, at-r.at, err)
	}
	w.tries["refused"]++
}

// heal brings the good bundle, and puts the desk back.
func (w *wreck) heal(t *testing.T, r region) {
	t.Helper()
	w.reopen()
	report, err := w.bring(w.good)
	if err != nil || !report.Whole() {
		t.Fatalf("%s, %s: the good bundle afterwards: %+v, %v", r.member, r.name, report, err)
	}
	w.check()
	texts := w.texts()
	slices.Sort(texts)
	if !slices.Equal(texts, slices.Sorted(slices.Values(w.whole))) {
		t.Errorf("%s, %s: the desk reads %q", r.member, r.name, texts)
	}
	w.reset(t)
}
