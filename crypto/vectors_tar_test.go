package crypto_test

import (
	"archive/tar"
	"bytes"
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
	About  string `json:"about"`
	Text   string `json:"text"`
	Repeat int    `json:"repeat"`
	Place  string `json:"place,omitempty"`
	Error  string `json:"error"`
}

func unsealables() []unsealable {
	return []unsealable{
		{"the longest text", "a", 24000, "", ""},
		{"a byte too many", "a", 24001, "", "too_long"},
		{"bytes are counted, not letters", "é", 12001, "", "too_long"},
		{"empty", "", 0, "", "empty"},
		{"white space alone", " \r\n\t\u00a0", 1, "", "empty"},
		{"a NUL", "a\x00", 1, "", "not_text"},
		{"a delete character", "a\x7f", 1, "", "not_text"},
		{"a place of 301 bytes", "a", 1, strings.Repeat("b", 301), "too_long"},
		{"an escape in the place", "a", 1, "\x1b", "not_text"},
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
	hash, other := fmt.Sprintf("%x", f.item.RosterHash), strings.Repeat("0", 64)
	f.add("the author signed it, in another spelling of the JSON", "",
		ustar(f.sign(f.change("manifest.json", "{\n", "{ "))))
	f.add("another text", "forged", ustar(f.change("message.txt", "é", "è")))
	f.add("another signature", "forged", ustar(f.change("author.sig", first, "AAAAAAAA")))
	f.add("another language", "forged", ustar(f.change("manifest.json", `"language": "en"`,
		`"language": "id"`)))
	f.add("another roster hash, not signed anew", "forged", ustar(f.change("manifest.json", hash,
		other)))
	f.add("another id, not signed anew", "forged",
		ustar(f.change("manifest.json", fmt.Sprintf("%x", f.item.ID), other[:32])))
	f.add("another id, signed by the author", "forged",
		ustar(f.signAs(other[:32], f.change("manifest.json", fmt.Sprintf("%x", f.item.ID),
			other[:32]))))
	f.add("another roster sequence, signed by the author", "forged",
		ustar(f.sign(f.change("manifest.json", `"sequence": 1`, `"sequence": 2`))))
	f.add("a slot's hash is another, signed by the author", "forged",
		ustar(f.sign(f.change("manifest.json", fmt.Sprintf("%x", f.item.Slots[2].SHA256), other))))
}

// signAs signs for another item id.
func (f *forger) signAs(id string, members []member) []member {
	other := *f
	fmt.Sscanf(id, "%x", &other.item.ID)
	return other.sign(members)
}

func (f *forger) addMalformed() {
	manifest := func(from, to string) []byte {
		return ustar(f.sign(f.change("manifest.json", from,
			to)))
	}
	f.add("another format", "malformed", manifest("saksi/v1/item", "saksi/v2/item"))
	f.add("an unknown kind", "malformed", manifest(`"kind": "message"`, `"kind": "letter"`))
	f.add("a kind that does not fit the members", "malformed", manifest(`"kind": "message"`,
		`"kind": "attachment"`))
	f.add("item number 128", "malformed", manifest(`"n": 1,`, `"n": 128,`))
	f.add("a mailbox that does not follow from its parts", "malformed",
		manifest(fmt.Sprintf("%x", f.item.Mailbox), strings.Repeat("0", 64)))
	f.add("an id in upper case", "malformed",
		manifest(fmt.Sprintf("%x", f.item.ID), strings.ToUpper(fmt.Sprintf("%x", f.item.ID))))
	f.add("no JSON", "malformed", manifest("{\n", "[\n"))
	f.add("something after the JSON", "malformed", manifest("\"en\"\n}\n", "\"en\"\n}}\n"))
	f.add("a text that is none", "malformed", ustar(f.sign(f.change("message.txt", "é", "\x00"))))
	f.add("a signature that is not base64", "malformed", ustar(f.change("author.sig", "\n", "*\n")))
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
	f.add("it ends early", "refused", f.tar[:10000])
	f.add("a shorter end marker", "malformed", f.tar[:len(f.tar)-512])
	f.add("zeros after the end marker", "malformed", append(bytes.Clone(f.tar), make([]byte, 2048)...))
}

// A refusedFile is an item that is held against other facts than its own.
type refusedFile struct {
	About  string   `json:"about"`
	Item   string   `json:"item"`
	Size   int      `json:"size"`
	Edits  []edit   `json:"edits,omitempty"`
	ID     hexBytes `json:"id"`
	Roster uint64   `json:"roster"`
	Swap   int      `json:"slot_changed,omitempty"` // from 1: its last byte is turned over
	Slots  int      `json:"slots"`                  // how many are handed over
	Error  string   `json:"error"`
}

func refusedFiles(v itemVector) []refusedFile {
	good := refusedFile{Item: v.Name, Size: len(v.Payload), ID: v.ID, Roster: 1, Slots: len(v.Slots)}
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
		change("under another roster", "forged", func(f *refusedFile) { f.Roster = 2 }),
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
	want.ID, want.Roster, want.Slots = receipt.ItemID(r.ID), r.Roster, want.Slots[:r.Slots]
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
		c := item.Content{Kind: item.Testimony, Text: strings.Repeat(u.Text, u.Repeat),
			Form: item.Form{Place: u.Place}}
		if _, err := item.Seal(circle, receipt.Code{}, 0, c); errorName(err) != u.Error {
			t.Errorf("content, %s: %v, want %q", u.About, err, u.Error)
		}
	}
}
