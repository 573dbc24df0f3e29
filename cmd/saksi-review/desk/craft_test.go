package desk

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

// A craft makes an item by hand, as who writes a client of their own can:
// everything in it fits and is signed, but for what a test bends.
type craft struct {
	drop     *drop
	id       receipt.ItemID
	keys     receipt.Keys
	e        *hybrid.Identity
	slots    [][]byte
	manifest item.Manifest
}

func (s *drop) craft(code receipt.Code, n int, kind item.Kind) *craft {
	s.t.Helper()
	keys, token, burn := code.Keys(), code.Keys().Token.Hash(), code.Burn(n).Hash()
	c := &craft{drop: s, id: code.ItemID(n), keys: keys, e: identity(s.t)}
	for _, key := range s.Circle.Keys {
		c.slots = append(c.slots, sealedTo(s.t, c.e.String(), key))
	}
	c.manifest = item.Manifest{
		Format: "saksi/v1/item", Kind: kind, ID: c.id.String(), N: n, Language: "id",
		Mailbox: keys.Mailbox().String(), TokenHash: hex.EncodeToString(token[:]),
		Author: hex.EncodeToString(keys.AuthorPublic()), ReplyRecipient: keys.Reply.Recipient().String(),
		Burn:   hex.EncodeToString(burn[:]),
		Roster: item.ManifestRoster{Sequence: s.Roster.Sequence, Hash: s.Roster.Hash.String()},
	}
	s.burns[c.id] = burn
	return c
}

func identity(t testing.TB) *hybrid.Identity {
	t.Helper()
	e, err := hybrid.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func sealedTo(t testing.TB, plain string, to *hybrid.Recipient) []byte {
	t.Helper()
	sealed, err := hybrid.SealBytes([]byte(plain), to)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// An entry is a member of a tar.
type entry struct {
	tar.Header
	content string
}

func regular(name, content string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content))}, content}
}

// tar writes the manifest, the entries as they are, and a right signature over
// all of it. What comes behind is the padding.
func (c *craft) tar(entries ...entry) []byte {
	c.drop.t.Helper()
	all := slices.Concat([]entry{regular("manifest.json", c.manifestText())}, entries,
		[]entry{regular("author.sig", string(make([]byte, 89)))})
	mailbox, err := receipt.ParseMailbox(c.manifest.Mailbox)
	if err != nil {
		c.drop.t.Fatal(err)
	}
	f := forger{id: c.id, n: byte(c.manifest.N), mailbox: mailbox, hash: c.drop.Roster.Hash, author: c.keys.Author}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range all {
		e.content = string(f.member(e.Name, []byte(e.content)))
		c.drop.write(w, e)
	}
	c.drop.write(w, regular(".padding", string(c.padding(&out))))
	w.Close()
	return out.Bytes()
}

func (c *craft) manifestText() string {
	c.drop.t.Helper()
	c.manifest.Slots = nil
	for _, slot := range c.slots {
		c.manifest.Slots = append(c.manifest.Slots, hash(slot).String())
	}
	manifest, err := json.Marshal(c.manifest)
	if err != nil {
		c.drop.t.Fatal(err)
	}
	return string(manifest)
}

// manifestTar returns the beginning of a tar.
func (c *craft) manifestTar() []byte {
	var out bytes.Buffer
	c.drop.write(tar.NewWriter(&out), regular("manifest.json", c.manifestText()))
	return out.Bytes()
}

// padding returns what has to follow a tar without its end marker.
func (c *craft) padding(out *bytes.Buffer) []byte {
	const rest = 3 * 512 // its own header, and the end marker
	return make([]byte, item.Padme(int64(out.Len()+rest))-int64(out.Len()+rest))
}

func (s *drop) write(w *tar.Writer, e entry) {
	s.t.Helper()
	e.Mode, e.Format = 0o600, tar.FormatUSTAR
	if err := w.WriteHeader(&e.Header); err != nil {
		s.t.Fatalf("%q: %v", e.Name, err)
	}
	if _, err := io.WriteString(w, e.content); err != nil {
		s.t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

// item returns the members of an item with these entries.
func (c *craft) item(entries ...entry) members { return c.around(c.tar(entries...)) }

// around returns the members of an item with this for a tar, filled with zeros
// to a size that a tar may have.
func (c *craft) around(content []byte) members {
	c.drop.t.Helper()
	size := item.Padme(int64(len(content)))
	content = append(content, make([]byte, size-int64(len(content)))...)
	payload := sealedTo(c.drop.t, string(content), c.e.Recipient())
	return c.slotMembers().with(members{c.path(batch.Payload, 0): payload})
}

func (c *craft) slotMembers() members {
	m := members{}
	for n, slot := range c.slots {
		m[c.path(batch.Slot, n)] = slot
	}
	return m
}

func (c *craft) path(k batch.Kind, slot int) string { return c.drop.path(k, c.id, slot) }
