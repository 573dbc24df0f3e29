package item

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"
)

// TestPiecesAreThoseOfTheDocument holds the digest against the document's words, at
// the sizes around a piece's and however the bytes arrive.
func TestPiecesAreThoseOfTheDocument(t *testing.T) {
	seen := map[[32]byte]bool{}
	for _, size := range []int{1, 32, 262143, 262144, 262145, 524288, 1000000} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i % 251)
		}
		want := binary.BigEndian.AppendUint64([]byte("saksi/v1/pieces"), uint64(size))
		for piece := range slices.Chunk(content, 262144) {
			hash := sha256.Sum256(piece)
			want = append(want, hash[:]...)
		}
		for _, each := range []int{1000, 262144, 262145, 1 << 20} {
			p := newPieces(int64(size))
			for b := range slices.Chunk(content, each) {
				if _, err := p.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			if p.sum() != sha256.Sum256(want) {
				t.Errorf("%d bytes by %d have another digest", size, each)
			}
		}
		seen[sha256.Sum256(want)] = true
	}
	if len(seen) != 7 {
		t.Error("two contents have one digest")
	}
}
