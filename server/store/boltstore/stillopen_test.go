//go:build !race

package boltstore_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"saksi/crypto/item"
	"saksi/crypto/roster"
)

// stillOpen looks for what was deleted, as a thief does who takes the disk in the
// moment of a crash: before any sweep. It looks at two entries, as each costs a
// try of every sector.
func stillOpen(dir string, records map[key]record) (wrong []string) {
	tried := 0
	for k, r := range records {
		if !r.done[remove] && !r.done[emptyBox] || tried == 2 {
			continue
		}
		tried++
		if n := openings(dir, k, r.begun[addReply]); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%x: it was deleted, and a key is left for it", k))
		}
	}
	return wrong
}

// openings counts the places in the index, in use or free, where a sealed value
// of k stands that the key of some sector opens.
func openings(dir string, k key, isReply bool) (opened int) {
	index, err := os.ReadFile(filepath.Join(dir, "index.db"))
	if err != nil {
		return 0
	}
	sectors, err := os.ReadFile(filepath.Join(dir, "keys.slots"))
	if err != nil {
		return 0
	}
	needle, size, name := sealedAs(k, isReply)
	for from := 0; ; {
		at := bytes.Index(index[from:], needle)
		if at < 0 {
			return opened
		}
		from += at + len(needle)
		if from+size <= len(index) && openedBySome(sectors, index[from:from+size], name) {
			opened++
		}
	}
}

// sealedAs returns the key under which bbolt has a value, the value's size, and
// the name that it is sealed under.
func sealedAs(k key, isReply bool) (needle []byte, size int, name []byte) {
	const more = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	if !isReply {
		const head = 6
		return k[:], more + head + 2*int(item.SlotSize(roster.Quorum{Needed: 1})), k[:]
	}
	r := k.reply()
	hash := sha256.Sum256(r.Sealed)
	return binary.BigEndian.AppendUint64(slices.Clone(r.Mailbox[:]), 1), more + len(r.Sealed), slices.Concat(r.Mailbox[:], hash[:])
}

func openedBySome(sectors, sealed, name []byte) bool {
	for sector := range slices.Chunk(sectors, 512) {
		aead, err := chacha20poly1305.NewX(sector[:chacha20poly1305.KeySize])
		if err != nil {
			panic(err)
		}
		nonce := aead.NonceSize()
		if _, err := aead.Open(nil, sealed[:nonce], sealed[nonce:], name); err == nil {
			return true
		}
	}
	return false
}
