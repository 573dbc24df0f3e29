package reply

import (
	"bytes"
	"crypto/sha256"
)

const confirmsLabel = "saksi/v1/confirms"

// Confirmer returns which of readers confirms what came in the thread, of itself and
// with [Taken]: the one whose
//
//	SHA-256("saksi/v1/confirms" || SHA-256(reply recipient) (32) || id)
//
// is lowest, as bytes; "" of none. If each of them confirmed, whoever sees the outboxes
// would see who does not. The draw is for the whole thread, as many draws of one thread
// would tell who is never drawn, and nobody can repeat it who cannot open the thread: its
// reply recipient is in its items alone.
func (t Thread) Confirmer(readers []string) string {
	var first string
	var lowest []byte
	for _, id := range readers {
		if drawn := t.draw(id); lowest == nil || bytes.Compare(drawn, lowest) < 0 {
			first, lowest = id, drawn
		}
	}
	return first
}

func (t Thread) draw(id string) []byte {
	recipient := sha256.Sum256([]byte(t.Reply.String()))
	h := sha256.New()
	h.Write([]byte(confirmsLabel))
	h.Write(recipient[:])
	h.Write([]byte(id))
	return h.Sum(nil)
}
