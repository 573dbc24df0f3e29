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
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/server/inbox"
)

// A thief has a copy of the whole data folder, a code, and all reviewers' keys, and
// perhaps what an older copy had sealed. He does not ask bbolt: he searches every byte
// of every file, pages in use and freed ones alike.
type thief struct {
	files map[string][]byte
	keys  [][]byte // the first 32 bytes of every sector
	code  receipt.Code
	ids   []*hybrid.Identity
	slots int
	older *thief
	found [][]byte // keys that opened something, and what came out
}

func (d *drop) thief(t *testing.T, code receipt.Code) *thief {
	t.Helper()
	th := &thief{code: code, slots: len(d.Reviewers), files: map[string][]byte{}}
	err := filepath.WalkDir(d.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		th.files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for sector := range slices.Chunk(th.files[filepath.Join(d.dir, "keys.slots")], 512) {
		th.keys = append(th.keys, sector[:chacha20poly1305.KeySize])
	}
	for _, k := range d.Reviewers {
		th.ids = append(th.ids, k.SlotIdentities()...)
	}
	return th
}

// after returns what follows every place where key stands in a file. A leaf page of
// the index has each value right after its key.
func (th *thief) after(key []byte, size int) (values [][]byte) {
	for _, content := range th.files {
		for from := 0; ; {
			at := bytes.Index(content[from:], key)
			if at < 0 {
				break
			}
			from += at + len(key)
			if from+size <= len(content) {
				values = append(values, content[from:from+size])
			}
		}
	}
	if th.older != nil {
		values = append(values, th.older.after(key, size)...)
	}
	slices.SortFunc(values, bytes.Compare)
	return slices.CompactFunc(values, bytes.Equal)
}

// has names a file that has a value.
func (th *thief) has(value []byte) (file string) {
	for file, content := range th.files {
		if bytes.Contains(content, value) {
			return file
		}
	}
	return ""
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
			th.found = append(th.found, key, plain)
			return plain
		}
	}
	return nil
}

const sealedMore = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// item returns E for the n-th item, and in how many places he looked.
func (th *thief) item(n int) (e *hybrid.Identity, places int) {
	return th.joined(n, roster.Quorum{Needed: 1})
}

// joined is item of one that was sealed under a quorum.
func (th *thief) joined(n int, q roster.Quorum) (e *hybrid.Identity, places int) {
	const head = 6 // count and size
	id, size := th.code.ItemID(n), int(item.SlotSize(q))
	found := th.after(id[:], sealedMore+head+th.slots*size)
	for _, sealed := range found {
		packed := th.unseal(sealed, id[:])
		if packed == nil {
			continue
		}
		if e := th.open(slices.Collect(slices.Chunk(packed[head:], size)), q); e != nil {
			return e, len(found)
		}
	}
	return nil, len(found)
}

// open returns E from the slots of an item.
func (th *thief) open(slots [][]byte, q roster.Quorum) *hybrid.Identity {
	if q.Alone() {
		for _, slot := range slots {
			if e, err := item.OpenSlot(slot, th.ids...); err == nil {
				return e
			}
		}
		return nil
	}
	var parts []item.Parts
	var handed []item.Handed
	for number, slot := range slots {
		if p, err := item.OpenParts(q, slot, number, th.ids...); err == nil {
			parts, handed = append(parts, p), append(handed, p.Handed)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	e, err := item.Join(q, parts[0], handed, nil)
	if err != nil {
		return nil
	}
	return e
}

// reply returns the text of the first answer in the mailbox.
func (th *thief) reply(rosters reply.Rosters) (text string) {
	keys := th.code.Keys()
	m := keys.Mailbox()
	key := binary.BigEndian.AppendUint64(m[:], 1)
	hashes := th.after(key, 32)
	found := th.after(key, sealedMore+int(reply.SealedSize()))
	for _, hash := range hashes {
		for _, sealed := range found {
			plain := th.unseal(sealed, append(m[:], hash...))
			if r, err := reply.Open(plain, keys, rosters); err == nil {
				return r.Text
			}
		}
	}
	return ""
}

// TestWhatWasDeletedStaysShut: before the deletion the thief opens the items and the
// answer, so he knows his trade: texts, files, what came in slices, and what two have
// to join for. Afterwards he still has what was sealed, in free pages or from before,
// and no key for it in any file; whether the reporter deleted, or time did.
func TestWhatWasDeletedStaysShut(t *testing.T) {
	for name, remove := range map[string]func(*testing.T, *drop, receipt.Code) error{
		"by the reporter": func(_ *testing.T, d *drop, code receipt.Code) error {
			for n := range 4 {
				if err := d.Burn(code.ItemID(n), code.Burn(n)); err != nil {
					return err
				}
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
	code, alone, two := receipt.New(), roster.Quorum{Needed: 1}, roster.Quorum{Needed: 2}
	d.fillForThief(t, code, two)
	under := []roster.Quorum{alone, alone, alone, two}
	before := d.thief(t, code)
	for n, q := range under {
		if e, places := before.joined(n, q); e == nil {
			t.Fatalf("item %d: the thief opens nothing in %d places: he can show nothing", n, places)
		}
	}
	if text := before.reply(d); text != "jawaban" {
		t.Fatalf("the thief reads %q: he can show nothing", text)
	}

	if err := remove(t, d, code); err != nil {
		t.Fatal(err)
	}
	after := d.thief(t, code)
	after.older = before
	for n, q := range under {
		if e, places := after.joined(n, q); e != nil || places == 0 {
			t.Errorf("item %d: opened %v, found in %d places", n, e != nil, places)
		}
	}
	if text := after.reply(d); text != "" {
		t.Errorf("he reads %q", text)
	}
	for _, found := range before.found {
		for _, at := range []int{len(found) / 2, len(found) - 32} { // before is what every header has
			if file := after.has(found[at:min(at+32, len(found))]); file != "" {
				t.Errorf("%q has a key, or what it opened", file)
			}
		}
	}
	if files, err := os.ReadDir(filepath.Join(d.dir, "payloads")); err != nil || len(files) > 0 {
		t.Errorf("payloads are left: %v, %v", files, err)
	}
}

// fillForThief sends a file, a text, and a file in slices, brings an answer, and sends a
// text under a quorum.
func (d *drop) fillForThief(t *testing.T, code receipt.Code, q roster.Quorum) {
	t.Helper()
	d.sendFile(t, code)
	d.send(t, code, 1)
	u := d.upload(t, code, 2)
	d.mustBring(t, u, u.Size)
	d.mustAccept(t, u.Parcel)
	file := d.outbox(0, outbox.Outbox{Number: 1, Replies: []outbox.Reply{d.answer(t, 0, code, 1, "jawaban")}})
	d.mustImport(t, file)
	if _, _, err := d.handIn(d.next(t, func(draft *reviewer.Draft) { draft.Quorum = q })); err != nil {
		t.Fatal(err)
	}
	var err error
	if d.Inbox, err = inbox.New(d.Config); err != nil {
		t.Fatal(err)
	}
	d.send(t, code, 3)
}
