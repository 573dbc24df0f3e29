package crypto_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A member is one file of a tar.
type member struct {
	name    string
	content []byte
}

func untar(t *testing.T, b []byte) []member {
	t.Helper()
	var members []member
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		header, err := r.Next()
		if err == io.EOF {
			return members
		}
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{header.Name, must(io.ReadAll(r))(t)})
	}
}

// ustar writes a tar as the document draws it, without archive/tar.
func ustar(members []member) []byte {
	var b []byte
	for _, m := range members {
		b = append(b, ustarHeader(m.name, len(m.content), '0')...)
		b = append(b, m.content...)
		b = append(b, make([]byte, -len(m.content)&511)...)
	}
	return append(b, make([]byte, 1024)...)
}

func ustarHeader(name string, size int, kind byte) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000600\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	copy(h[148:], "        ")
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	copy(h[329:], "0000000\x000000000\x00")
	total := 0
	for _, c := range h {
		total += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", total))
	return h
}

// An unsealable is a content that Seal refuses. The text is repeated.
type unsealable struct {
	About    string    `json:"about"`
	Kind     item.Kind `json:"kind,omitempty"`
	Text     string    `json:"text"`
	Repeat   int       `json:"repeat"`
	Taxonomy string    `json:"taxonomy,omitempty"`
	FileSize int64     `json:"file_size,omitempty"`
	Excluded []string  `json:"excluded,omitempty"`
	Error    string    `json:"error"`

	Answers map[string][]string `json:"answers,omitempty"`
}

func unsealables() []unsealable {
	text := func(about, text string, repeat int, wantError string) unsealable {
		return unsealable{About: about, Text: text, Repeat: repeat, Error: wantError}
	}
	list := []unsealable{
		text("the longest text", "a", 24000, ""),
		text("a byte too many", "a", 24001, "too_long"),
		text("bytes are counted, not letters", "é", 12001, "too_long"),
		text("length comes before the rest", "\x00", 24001, "too_long"),
		text("empty", "", 0, "empty"),
		text("white space alone", " \r\n\t\u00a0\u2003\u3000", 1, "empty"),
		text("a byte order mark is no white space", "\ufeff", 1, ""),
		text("a NUL", "a\x00", 1, "not_text"),
		text("a delete character", "a\x7f", 1, "not_text"),
		text("a control character beyond ASCII", "a\u0085", 1, "not_text"),
		text("a vertical tab alone is no text first of all", "\v", 1, "not_text"),
	}
	return slices.Concat(list, unsealableAnswers(), unsealableFiles(), unsealableExclusions())
}

func unsealableAnswers() []unsealable {
	answer := func(about, wantError string, values ...string) unsealable {
		return unsealable{
			About: about, Text: "a", Repeat: 1, Answers: map[string][]string{"tempat": values}, Error: wantError,
		}
	}
	return []unsealable{
		answer("an answer of 300 bytes", "", strings.Repeat("b", 300)),
		answer("an answer of 301 bytes", "long_field", strings.Repeat("b", 301)),
		answer("two lines in an answer", "", "a\nb"),
		answer("an empty answer", "empty", ""),
		answer("128 answers", "", slices.Repeat([]string{"b"}, 128)...),
		answer("129 answers", "long_field", slices.Repeat([]string{"b"}, 129)...),
		answer("answers of 5,000 bytes", "", slices.Repeat([]string{strings.Repeat("b", 250)}, 20)...),
		answer("answers of 5,001 bytes", "long_field",
			append(slices.Repeat([]string{strings.Repeat("b", 250)}, 20), "b")...),
		{About: "a long name of a taxonomy", Text: "a", Repeat: 1, Taxonomy: strings.Repeat("b", 301), Error: "long_field"},
		answer("an escape in an answer", "not_text", "\x1b"),
		answer("a control character beyond ASCII in an answer", "not_text", "\u009b"),
	}
}

func unsealableFiles() []unsealable {
	file := func(about string, size int64, wantError string) unsealable {
		return unsealable{About: about, Kind: item.Attachment, FileSize: size, Error: wantError}
	}
	return []unsealable{
		file("a file of nothing", 0, "empty"), file("the longest file", 7<<30, ""),
		file("a file with a byte too many", 7<<30+1, "too_long"),
		{About: "an unknown kind", Kind: "letter", Text: "a", Repeat: 1, Error: "refused"},
	}
}

func unsealableExclusions() []unsealable {
	without := func(about, wantError string, ids ...string) unsealable {
		return unsealable{About: about, Text: "a", Repeat: 1, Excluded: ids, Error: wantError}
	}
	return []unsealable{
		without("one reviewer is left", "", "r1", "r2", "r4"),
		without("one and the same is named twice", "", "r2", "r2"),
		without("a reviewer whom the roster does not have", "no_reader", "r9"),
		without("an id in upper case", "no_reader", "R2"),
		without("nobody is left", "few_readers", "r1", "r2", "r3", "r4"),
	}
}

// A refusedTar is the tar of an item, brought to size bytes and edited.
type refusedTar struct {
	About string `json:"about"`
	Item  string `json:"item"`
	Size  int    `json:"size"`
	Edits []edit `json:"edits,omitempty"`
	Error string `json:"error"`
}

// A forger knows an item's E and the author's key, or signs nothing anew.
type forger struct {
	t       *testing.T
	item    itemVector
	members []member
	tar     []byte
	made    []refusedTar
}

// refusedTars are made from the message: it is the shortest.
func refusedTars(t *testing.T, v itemVector) []refusedTar {
	tar := v.tar(t)
	f := &forger{t: t, item: v, members: untar(t, tar), tar: tar}
	f.add("as it is", "", tar)
	f.addForgeries()
	f.addMalformed()
	f.addJSON()
	f.addSignatures()
	f.addOdd()
	return f.made
}

func (f *forger) add(about, wantError string, tar []byte) {
	f.made = append(f.made, refusedTar{about, f.item.Name, len(tar), diff(f.tar, tar), wantError})
}

// change replaces in one member, and makes the padding fit.
func (f *forger) change(name, from, to string) []member {
	members := slices.Clone(f.members)
	for i, m := range members {
		if m.name == name {
			r := replacement{About: name, Old: from, New: to}
			members[i].content = []byte(r.in(f.t, string(m.content)))
		}
	}
	return pad(members)
}

// pad gives the last member the size that fills the tar.
func pad(members []member) []member {
	last := len(members) - 1
	members[last].content = nil
	used := len(ustar(members))
	members[last].content = make([]byte, int(item.Padme(int64(used)))-used)
	return members
}

// sign signs the members anew, with the author's key.
func (f *forger) sign(members []member) []member {
	v := f.item
	v.Members = nil
	for _, m := range members {
		v.Members = append(v.Members, newMember(m))
	}
	signature := ed25519.Sign(receipt.Code(v.Content.Code).Keys().Author, v.signedBytes())
	for i, m := range members {
		if m.name == "author.sig" {
			members[i].content = []byte(base64.StdEncoding.EncodeToString(signature) + "\n")
		}
	}
	return members
}

func (f *forger) addForgeries() {
	first := base64.StdEncoding.EncodeToString(f.item.Signature)[:8]
	id, hash := fmt.Sprintf("%x", f.item.ID), fmt.Sprintf("%x", f.item.RosterHash)
	slot, other := fmt.Sprintf("%x", f.item.Slots[2].SHA256), strings.Repeat("0", 64)
	forge := func(about, name, from, to string) {
		f.add(about, "forged", ustar(f.change(name, from, to)))
	}
	forge("another text", "message.txt", "é", "è")
	forge("another signature", "author.sig", first, "AAAAAAAA")
	forge("another language", "manifest.json", `"language": "en"`, `"language": "id"`)
	forge("another roster hash, not signed anew", "manifest.json", hash, other)
	forge("another id, not signed anew", "manifest.json", id, other[:32])
	f.add("another id, signed by the author", "forged",
		ustar(f.signAs(other[:32], hash, f.change("manifest.json", id, other[:32]))))
	f.add("another roster hash, signed by the author", "forged",
		ustar(f.signAs(id, other, f.change("manifest.json", hash, other))))
	f.addManifest("another roster sequence, signed by the author", "forged",
		`"sequence": 1`, `"sequence": 2`)
	f.addManifest("a slot's hash is another, signed by the author", "forged", slot, other)
}

// addManifest adds a manifest that is changed and signed by the author.
func (f *forger) addManifest(about, wantError, from, to string) {
	f.add(about, wantError, ustar(f.sign(f.change("manifest.json", from, to))))
}

// signAs signs for another item id and another roster.
func (f *forger) signAs(id, rosterHash string, members []member) []member {
	other := *f
	fmt.Sscanf(id, "%x", &other.item.ID)
	fmt.Sscanf(rosterHash, "%x", &other.item.RosterHash)
	return other.sign(members)
}

func (f *forger) addMalformed() {
	id := fmt.Sprintf("%x", f.item.ID)
	malformed := func(about, from, to string) { f.addManifest(about, "malformed", from, to) }
	malformed("another format", "saksi/v1/item", "saksi/v2/item")
	malformed("an unknown kind", `"kind": "message"`, `"kind": "letter"`)
	malformed("a kind that does not fit the members", `"kind": "message"`, `"kind": "attachment"`)
	malformed("item number 128", `"n": 1,`, `"n": 128,`)
	malformed("a mailbox that does not follow from its parts", fmt.Sprintf("%x", f.item.Mailbox),
		strings.Repeat("0", 64))
	malformed("an id in upper case", id, strings.ToUpper(id))
	f.add("a text that is none", "malformed", ustar(f.sign(f.change("message.txt", "é", "\x00"))))
	f.add("a text with a control character beyond ASCII", "malformed",
		ustar(f.sign(f.change("message.txt", "é", "\u0085"))))
}

// addJSON adds spellings of the manifest, all signed by the author.
func (f *forger) addJSON() {
	f.addManifest("white space in another way", "", "{\n", "{ ")
	f.addManifest("an unknown name", "", `"n": 1,`, `"n": 1, "later": {"a": [{"a": 0}]},`)
	f.addManifest("null", "malformed", `"n": 1,`, `"n": 1, "later": null,`)
	f.addManifest("half a surrogate pair", "malformed", `"n": 1,`, `"n": 1, "later": "\ud800",`)
	f.addManifest("the replacement character", "", `"n": 1,`, `"n": 1, "later": ["\ufffd", "�"],`)
	f.addManifest("a negative number", "malformed", `"n": 1,`, `"n": 1, "later": -1,`)
	f.addManifest("no burn hash", "malformed", `"burn": "`, `"burn": "x`)
	f.addManifest("no language", "malformed", `"language": "`, `"language": "?`)
	f.addManifest("an escape in a name", "", `"n": 1,`, `"\u006e": 1,`)
	malformed := func(about, from, to string) { f.addManifest(about, "malformed", from, to) }
	malformed("no JSON", "{\n", "[\n")
	malformed("a bracket after the JSON", "\"en\"\n}\n", "\"en\"\n}}\n")
	malformed("a second object after the JSON", "\"en\"\n}\n", "\"en\"\n} {}\n")
	malformed("a byte order mark before the JSON", "{\n", "\ufeff{\n")
	malformed("a name twice, with equal values", `"n": 1,`, `"n": 1, "n": 1,`)
	malformed("a name twice, once with an escape", `"n": 1,`, `"n": 1, "\u006e": 1,`)
	malformed("a name twice in an inner object", `"sequence": 1`, `"sequence": 1, "sequence": 1`)
	malformed("a name twice in an unknown object", `"n": 1,`, `"n": 1, "later": {"a": 1, "a": 1},`)
	malformed("a name in upper case", `"language"`, `"LANGUAGE"`)
	malformed("an unknown name in upper case", `"n": 1,`, `"n": 1, "Later": 0,`)
	malformed("a manifest without slots", `"slots"`, `"later"`)
	malformed("a name with a letter outside ASCII", `"slots"`, `"\u017flots"`)
	malformed("a member's name in upper case", `"language": "en"`,
		`"language": "en", "original_names": {"attachments/001.PDF": "a"}`)
	malformed("an integer with a fraction", `"n": 1,`, `"n": 1.0,`)
	malformed("an integer with an exponent", `"n": 1,`, `"n": 1e0,`)
	malformed("an integer as a string", `"n": 1,`, `"n": "1",`)
}

func (f *forger) addSignatures() {
	line := base64.StdEncoding.EncodeToString(f.item.Signature)
	short := base64.StdEncoding.EncodeToString(f.item.Signature[:63])
	malformed := func(about, to string) {
		f.add(about, "malformed", ustar(f.change("author.sig", line+"\n", to)))
	}
	malformed("a signature that is not base64", line+"*\n")
	malformed("a signature without the end of its line", line)
	malformed("a signature with a carriage return", line+"\r\n")
	malformed("a signature with an empty line", line+"\n\n")
	malformed("a signature on two lines", line[:44]+"\n"+line[44:]+"\n")
	malformed("a signature of 63 bytes", short+"\n")
	malformed("a signature without padding", line[:86]+"\n")
	malformed("a second spelling of the signature's base64", line[:85]+nextBase64(line[85:86])+"==\n")
}

// nextBase64 returns the next character of the alphabet, which differs in the
// lowest bit only. In the last character before "==" that bit means nothing.
func nextBase64(c string) string {
	b, _ := base64.StdEncoding.DecodeString("AAA" + c)
	return base64.StdEncoding.EncodeToString([]byte{0, 0, b[2] | 1})[3:]
}

// refusedForms are made from the testimony: spellings of testimony.json.
func refusedForms(t *testing.T, v itemVector) []refusedTar {
	tar := v.tar(t)
	f := &forger{t: t, item: v, members: untar(t, tar), tar: tar}
	form := func(about, wantError, from, to string) {
		f.add(about, wantError, ustar(f.sign(f.change("testimony.json", from, to))))
	}
	answer := func(about, wantError, to string) { form(about, wantError, `"73.02"`, to) }
	form("the form without answers", "", `"answers"`, `"later"`)
	form("the form with an unknown name", "", `"answers"`, `"later": 1, "answers"`)
	form("a question that no taxonomy has", "", `"tempat"`, `"q9"`)
	form("a question with a name in upper case", "malformed", `"tempat"`, `"Tempat"`)
	form("a question with a name of 33 letters", "malformed", `"tempat"`, `"`+strings.Repeat("q", 33)+`"`)
	form("a question twice", "malformed", `"tempat"`, `"tindakan": ["a"], "tempat"`)
	answer("a question without an answer", "malformed", "")
	answer("an empty answer", "malformed", `""`)
	answer("an answer of 300 bytes", "", `"`+strings.Repeat("b", 300)+`"`)
	answer("an answer of 301 bytes", "malformed", `"`+strings.Repeat("b", 301)+`"`)
	answer("an answer on two lines", "", `"a\r\n\tb"`)
	answer("a NUL in an answer", "malformed", `"a\u0000"`)
	answer("a control character beyond ASCII in an answer", "malformed", `"a\u0085"`)
	answer("125 answers beside three", "", `"b"`+strings.Repeat(`,"b"`, 124))
	answer("126 answers beside three", "malformed", `"b"`+strings.Repeat(`,"b"`, 125))
	form("another format of the form", "malformed", "saksi/v1/testimony", "saksi/v2/testimony")
	form("the format of another member", "malformed", "saksi/v1/testimony", "saksi/v1/item")
	form("a name twice in the form", "malformed", `"answers"`, `"answers": {}, "answers"`)
	form("a name in upper case in the form", "malformed", `"answers"`, `"Answers"`)
	answer("a number for an answer", "malformed", "1")
	form("something after the form", "malformed", "}\n", "}\n0\n")
	return f.made
}

func (f *forger) addOdd() {
	kind := func(k byte, name string) []byte {
		tar := bytes.Clone(f.tar)
		copy(tar, ustarHeader(name, len(f.members[0].content), k))
		return tar
	}
	swapped := slices.Clone(f.members)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	twice := pad(slices.Insert(slices.Clone(f.members), 1, f.members[0]))
	broken := bytes.Clone(f.tar)
	broken[148] ^= 1
	f.add("members in another order", "malformed", ustar(swapped))
	f.add("a member twice", "malformed", ustar(twice))
	f.add("no padding member", "malformed", ustar(f.members[:len(f.members)-1]))
	f.add("a symbolic link", "malformed", kind('2', "manifest.json"))
	f.add("a PAX header", "malformed", kind('x', "manifest.json"))
	f.add("a name with a folder before it", "malformed", kind('0', "./manifest.json"))
	f.add("a wrong checksum in a header", "malformed", broken)
	end := len(f.tar) - 1024
	begin := end - len(f.members[len(f.members)-1].content)
	spoiled := func(at int) []byte { return apply(f.tar, len(f.tar), []edit{{at, hexBytes{1}}}) }
	f.add("the first byte of the padding is not zero", "malformed", spoiled(begin))
	f.add("the last byte of the padding is not zero", "malformed", spoiled(end-1))
	f.add("it ends early", "refused", f.tar[:10000])
	f.add("a shorter end marker", "malformed", f.tar[:len(f.tar)-512])
	f.add("zeros after the end marker", "malformed", append(bytes.Clone(f.tar), make([]byte, 2048)...))
}

// A refusedFile is an item that is held against other facts than its own.
type refusedFile struct {
	About      string   `json:"about"`
	Item       string   `json:"item"`
	Size       int      `json:"size"`
	Edits      []edit   `json:"edits,omitempty"`
	ID         hexBytes `json:"id"`
	Roster     uint64   `json:"roster"`
	RosterHash hexBytes `json:"roster_hash"`
	Swap       int      `json:"slot_changed,omitempty"` // from 1: its last byte is turned over
	Slots      int      `json:"slots"`                  // how many are handed over
	Error      string   `json:"error"`
}

func refusedFiles(v itemVector) []refusedFile {
	good := refusedFile{
		Item: v.Name, Size: len(v.Payload), ID: v.ID, Roster: 1, RosterHash: v.RosterHash,
		Slots: len(v.Slots),
	}
	change := func(about, wantError string, by func(*refusedFile)) refusedFile {
		f := good
		f.About, f.Error = about, wantError
		by(&f)
		return f
	}
	middle := len(v.Payload) / 2
	return []refusedFile{
		change("as it is", "", func(*refusedFile) {}),
		change("under another id", "forged", func(f *refusedFile) { f.ID = make([]byte, 16) }),
		change("under a roster of another number", "forged", func(f *refusedFile) { f.Roster = 2 }),
		change("under another roster of that number", "forged",
			func(f *refusedFile) { f.RosterHash = make([]byte, 32) }),
		change("a slot is another", "forged", func(f *refusedFile) { f.Swap = 2 }),
		change("a slot is missing", "forged", func(f *refusedFile) { f.Slots-- }),
		change("cut in the middle", "refused", func(f *refusedFile) { f.Size = middle }),
		change("the last byte is missing", "refused", func(f *refusedFile) { f.Size-- }),
		change("a byte is changed", "refused", func(f *refusedFile) {
			f.Edits = []edit{{middle, hexBytes{v.Payload[middle] ^ 0x80}}}
		}),
	}
}

func (s itemSection) named(name string) itemVector {
	for _, v := range s.Items {
		if v.Name == name {
			return v
		}
	}
	return itemVector{}
}

func (s itemSection) checkRefused(t *testing.T, all vectors) {
	for _, r := range s.RefusedTars {
		v := s.named(r.Item)
		e := must(hybrid.ParseIdentity(v.E))(t)
		payload := must(hybrid.SealBytes(apply(v.tar(t), r.Size, r.Edits), e.Recipient()))(t)
		_, err := item.Open(bytes.NewReader(payload), e, v.expect(), nil)
		if got := errorName(err); got != r.Error {
			t.Errorf("tar, %s: error %q (%v), want %q", r.About, got, err, r.Error)
		}
	}
	for _, r := range s.Payloads {
		r.check(t, s.named(r.Item))
	}
	s.checkUnsealable(t, all)
}

func (r refusedFile) check(t *testing.T, v itemVector) {
	e := must(hybrid.ParseIdentity(v.E))(t)
	want := v.expect()
	want.ID, want.Roster = receipt.ItemID(r.ID), rosterOf(r.Roster, r.RosterHash)
	want.Slots = want.Slots[:r.Slots]
	if r.Swap > 0 {
		slot := bytes.Clone(want.Slots[r.Swap-1])
		slot[len(slot)-1] ^= 0xff
		want.Slots[r.Swap-1] = slot
	}
	_, err := item.Open(bytes.NewReader(apply(v.Payload, r.Size, r.Edits)), e, want, nil)
	if got := errorName(err); got != r.Error {
		t.Errorf("payload, %s: error %q (%v), want %q", r.About, got, err, r.Error)
	}
}

func (s itemSection) checkUnsealable(t *testing.T, all vectors) {
	signed := readRosters(t, all.Roster)[0]
	file := all.Roster.Files[0]
	files := map[roster.Hash]string{roster.Hash(file.SHA256): file.Text}
	circle := must(signed.CircleAt(signed.From.Add(time.Hour), files))(t)
	for _, u := range s.Unsealable {
		c := item.Content{
			Kind: cmp.Or(u.Kind, item.Testimony), Text: strings.Repeat(u.Text, u.Repeat),
			Form: item.Form{Answers: u.Answers}, Taxonomy: u.Taxonomy, Size: u.FileSize,
			Readers: item.Readers{Withheld: u.Excluded},
		}
		if _, err := item.Seal(circle, receipt.Code{}, 0, c); errorName(err) != u.Error {
			t.Errorf("content, %s: %v, want %q", u.About, err, u.Error)
		}
	}
}
