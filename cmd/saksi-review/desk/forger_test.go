package desk

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"
	"strings"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A forger signs the members of a tar as crypto/item says.
type forger struct {
	id      receipt.ItemID
	n       byte
	mailbox receipt.Mailbox
	hash    roster.Hash
	author  ed25519.PrivateKey
	signed  []byte
}

// member takes each member in turn and returns its content: that of author.sig
// is made anew.
func (f *forger) member(name string, content []byte) []byte {
	if f.signed == nil {
		f.signed = append([]byte("saksi/v1/item"), f.id[:]...)
		f.signed = append(f.signed, f.n)
		f.signed = append(f.signed, f.mailbox[:]...)
		f.signed = append(f.signed, f.hash[:]...)
	}
	if name == "author.sig" {
		return []byte(base64.StdEncoding.EncodeToString(ed25519.Sign(f.author, f.signed)) + "\n")
	}
	nameHash, contentHash := sum([]byte(name)), sum(content)
	if strings.HasPrefix(name, "attachments/") {
		contentHash = inPieces(content)
	}
	f.signed = append(append(f.signed, nameHash[:]...), contentHash[:]...)
	return content
}

// inPieces is the digest of an attachment.
func inPieces(content []byte) [32]byte {
	all := binary.BigEndian.AppendUint64([]byte("saksi/v1/pieces"), uint64(len(content)))
	for piece := range slices.Chunk(content, 256<<10) {
		hash := sum(piece)
		all = append(all, hash[:]...)
	}
	return sum(all)
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}
