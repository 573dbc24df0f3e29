package inbox_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/server/inbox"
)

// A thief has a copy of the whole data folder, a code, and all reviewers' keys.
// He does not ask bbolt: he searches every byte of its file, pages in use and
// freed ones alike.
type thief struct {
	index []byte
	keys  [][]byte // the first 32 bytes of every sector
	code  receipt.Code
	ids   []*hybrid.Identity
	slots int
}

func (d *drop) thief(t *testing.T, code receipt.Code) *thief {
	t.Helper()
	th := &thief{code: code, slots: len(d.Reviewers)}
	var err error
	if th.index, err = os.ReadFile(filepath.Join(d.dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	sectors, err := os.ReadFile(filepath.Join(d.dir, "keys.slots"))
	if err != nil {
		t.Fatal(err)
	}
	for sector := range slices.Chunk(sectors, 512) {
		th.keys = append(th.keys, sector[:chacha20poly1305.KeySize])
	}
	for _, k := range d.Reviewers {
		th.ids = append(th.ids, k.SlotIdentities()...)
	}
	return th
}

// after returns what follows every place where key stands in the index. A leaf
// page has each value right after its key.
func (th *thief) after(key []byte, size int) (values [][]byte) {
	for from := 0; ; {
		at := bytes.Index(th.index[from:], key)
		if at < 0 {
			return values
		}
		from += at + len(key)
		if from+size <= len(th.index) {
			values = append(values, th.index[from:from+size])
		}
	}
}

// unseal tries every sector on a sealed value.
func (th *thief) unseal(sealed, name []byte) []byte {
	for _, key := range th.keys {
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			panic(err)
		}
		nonce := aead.NonceSize()
		if plain, err := aead.Open(nil, sealed[:nonce], sealed[nonce:], name); err == nil {
			return plain
		}
	}
	return nil
}

const sealedMore = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// item returns E for the n-th item, and in how many places he looked.
func (th *thief) item(n int) (e *hybrid.Identity, places int) {
	const head = 6 // count and size
	id := th.code.ItemID(n)
	found := th.after(id[:], sealedMore+head+th.slots*int(item.SlotSize(roster.Quorum{Needed: 1})))
	for _, sealed := range found {
		packed := th.unseal(sealed, id[:])
		if packed == nil {
			continue
		}
		for slot := range slices.Chunk(packed[head:], int(item.SlotSize(roster.Quorum{Needed: 1}))) {
			if e, err := item.OpenSlot(slot, th.ids...); err == nil {
				return e, len(found)
			}
		}
	}
	return nil, len(found)
}

// reply returns the text of the first answer in the mailbox.
func (th *thief) reply(rosters reply.Rosters) (text string, places int) {
	keys := th.code.Keys()
	m := keys.Mailbox()
	key := binary.BigEndian.AppendUint64(m[:], 1)
	hashes := th.after(key, 32)
	found := th.after(key, sealedMore+int(reply.SealedSize()))
	for _, hash := range hashes {
		for _, sealed := range found {
			plain := th.unseal(sealed, append(m[:], hash...))
			if r, err := reply.Open(plain, keys, rosters); err == nil {
				return r.Text, len(found)
			}
		}
	}
	return "", len(found)
}

// TestWhatWasDeletedStaysShut: before the deletion the thief opens the item and
// the answer, so he knows his trade. Afterwards he still finds the bytes in free
// pages, and no key for them; whether the reporter deleted, or time did.
func TestWhatWasDeletedStaysShut(t *testing.T) {
	for name, remove := range map[string]func(*testing.T, *drop, receipt.Code) error{
		"by the reporter": func(_ *testing.T, d *drop, code receipt.Code) error {
			if err := d.Burn(code.ItemID(0), code.Burn(0)); err != nil {
				return err
			}
			if err := d.Burn(code.ItemID(1), code.Burn(1)); err != nil {
				return err
			}
			keys := code.Keys()
			return d.Empty(keys.Token, keys.KeyHash())
		},
		"by time": func(t *testing.T, d *drop, _ receipt.Code) error {
			d.weeks(inbox.KeepAtMost + 1)
			d.renew(t)
			_, err := d.Expire()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { testDeletedStaysShut(t, remove) })
	}
}

func testDeletedStaysShut(t *testing.T, remove func(*testing.T, *drop, receipt.Code) error) {
	d := newDrop(t, 3)
	code := receipt.New()
	d.sendFile(t, code)
	d.send(t, code, 1)
	file := d.outbox(0, outbox.Outbox{Number: 1, Replies: []outbox.Reply{d.answer(t, 0, code, 1, "jawaban")}})
	if _, err := d.Import(file); err != nil {
		t.Fatal(err)
	}
	before := d.thief(t, code)
	for n := range 2 {
		if e, places := before.item(n); e == nil {
			t.Fatalf("item %d: the thief opens nothing in %d places: he can show nothing", n, places)
		}
	}
	if text, _ := before.reply(d); text != "jawaban" {
		t.Fatalf("the thief reads %q: he can show nothing", text)
	}

	if err := remove(t, d, code); err != nil {
		t.Fatal(err)
	}
	after := d.thief(t, code)
	for n := range 2 {
		if e, places := after.item(n); e != nil || places == 0 {
			t.Errorf("item %d: opened %v, found in %d places", n, e != nil, places)
		}
	}
	if text, places := after.reply(d); text != "" || places == 0 {
		t.Errorf("the answer: read %q, found in %d places", text, places)
	}
	if files, err := os.ReadDir(filepath.Join(d.dir, "payloads")); err != nil || len(files) > 0 {
		t.Errorf("payloads are left: %v, %v", files, err)
	}
}
