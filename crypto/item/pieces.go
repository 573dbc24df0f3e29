package item

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// piecesLabel begins what the digest of an attachment is the hash of.
const piecesLabel = "saksi/v1/pieces"

// pieceSize is how many bytes of an attachment have a hash of their own; the last
// piece may have fewer. Browsers hash only what they are given at once: pieces let
// them use their own SHA-256 for files that do not fit into memory.
const pieceSize = 256 << 10

// pieces hashes an attachment of a size known beforehand. With the size in front,
// no attachment has the digest of another one's list of hashes.
type pieces struct {
	all   hash.Hash
	piece hash.Hash
	at    int // bytes in piece
}

func newPieces(size int64) *pieces {
	p := &pieces{all: sha256.New(), piece: sha256.New()}
	p.all.Write(binary.BigEndian.AppendUint64([]byte(piecesLabel), uint64(size)))
	return p
}

// Write never fails.
func (p *pieces) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part := b[:min(len(b), pieceSize-p.at)]
		p.piece.Write(part)
		b, p.at = b[len(part):], p.at+len(part)
		if p.at == pieceSize {
			p.close()
		}
	}
	return n, nil
}

func (p *pieces) close() {
	p.all.Write(p.piece.Sum(nil))
	p.piece.Reset()
	p.at = 0
}

// sum returns the digest. Nothing is to be written after it.
func (p *pieces) sum() [32]byte {
	if p.at > 0 {
		p.close()
	}
	return [32]byte(p.all.Sum(nil))
}
