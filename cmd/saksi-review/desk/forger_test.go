package desk

import (
	"crypto/ed25519"
	"encoding/base64"
	"io"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A forger signs the members of a tar as crypto/item says, but for number 0.
type forger struct {
	id     receipt.ItemID
	hash   roster.Hash
	author receipt.Keys
	signed []byte
}

// member takes each member in turn and returns its content: that of author.sig
// is made anew, if the forger has the author's key.
func (f *forger) member(name string, content []byte) []byte {
	if f.author.Author == nil {
		return content
	}
	if f.signed == nil {
		mailbox := f.author.Mailbox()
		f.signed = append([]byte("saksi/v1/item"), f.id[:]...)
		f.signed = append(f.signed, 0)
		f.signed = append(f.signed, mailbox[:]...)
		f.signed = append(f.signed, f.hash[:]...)
	}
	if name == "author.sig" {
		return []byte(base64.StdEncoding.EncodeToString(ed25519.Sign(f.author.Author, f.signed)) + "\n")
	}
	nameHash, contentHash := sum([]byte(name)), sum(content)
	f.signed = append(append(f.signed, nameHash[:]...), contentHash[:]...)
	return content
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}
