package item

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"saksi/crypto/hybrid"
	"saksi/crypto/limittest"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
)

// benchText is a text of 2,000 bytes.
var benchText = strings.Repeat("kesaksian ", 200)

// BenchmarkSealText seals a text of 2,000 bytes for so many reviewers, the keys
// of a new code included. Its limit is the bare KEM and AEAD work: two key pairs
// (E and the one for replies), an encapsulation for each slot and for the
// payload, and the AEAD over what is in them.
func BenchmarkSealText(b *testing.B) {
	for _, reviewers := range []int{1, 5, 20} {
		p := partytest.New(b, day, reviewers)
		b.Run(fmt.Sprint("reviewers=", reviewers), func(b *testing.B) {
			limittest.Compare(b, 1, "texts", func() {
				s, err := Seal(p.Circle, receipt.New(), 0, Content{Kind: Message, Text: benchText})
				if err != nil {
					b.Fatal(err)
				}
				wrote(b, s)
			}, bareSealing(b, reviewers))
		})
	}
}

// wrote writes a sealed item to nowhere, and holds that it has the size it said.
func wrote(b *testing.B, s *Sealed) {
	if n, err := s.WriteTo(io.Discard); err != nil || n != s.Size || !ValidPayloadSize(n) {
		b.Fatalf("%d bytes of %d, %v", n, s.Size, err)
	}
}

// bareSealing returns the cryptography alone of sealing a text.
func bareSealing(b *testing.B, reviewers int) func() {
	recipients := make([]bareRecipient, reviewers)
	for i := range recipients {
		recipients[i] = newBareRecipient(b)
	}
	share, payload := make([]byte, ShareSize), make([]byte, Floor, Floor+chacha20poly1305.Overhead)
	return func() {
		for _, r := range recipients {
			r.wrap(b)
			bareSeal(b, share)
		}
		newBareRecipient(b) // for replies
		newBareRecipient(b).wrap(b)
		bareSeal(b, payload)
	}
}

// A bareRecipient is a hybrid key without age, HPKE or any encoding.
type bareRecipient struct {
	kem *mlkem.EncapsulationKey768
	x   *ecdh.PublicKey
}

func newBareRecipient(b *testing.B) bareRecipient {
	d, err := mlkem.GenerateKey768()
	if err != nil {
		b.Fatal(err)
	}
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return bareRecipient{d.EncapsulationKey(), x.PublicKey()}
}

// wrap encapsulates and seals a file key.
func (r bareRecipient) wrap(b *testing.B) {
	r.kem.Encapsulate()
	e, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.ECDH(r.x); err != nil {
		b.Fatal(err)
	}
	bareSeal(b, make([]byte, 16))
}

// bareSeal is one AEAD with a fresh key.
func bareSeal(b *testing.B, plain []byte) {
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key)
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		b.Fatal(err)
	}
	aead.Seal(nil, make([]byte, aead.NonceSize()), plain, nil)
}

// zeroFile is a file of zero bytes that costs nothing to read.
func zeroFile(size int64) io.Reader { return io.LimitReader(zeros{}, size) }

// BenchmarkSealFile seals 64 MiB. Its limit is age and SHA-256 over the same
// bytes, one after the other: the author signs the hash of the file.
func BenchmarkSealFile(b *testing.B) {
	p := partytest.New(b, day, 3)
	size := limittest.Size[int64](64<<20, 1<<20)
	limittest.Compare(b, int(size>>20), "MiB", func() {
		s, err := Seal(p.Circle, receipt.New(), 0, Content{Kind: Attachment, File: zeroFile(size), Size: size})
		if err != nil {
			b.Fatal(err)
		}
		wrote(b, s)
	}, func() {
		w, err := hybrid.Seal(io.Discard, p.Circle.Keys[0])
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.MultiWriter(w, sha256.New()), zeroFile(size))
		w.Close()
	})
}
