package scribe

import (
	"strings"
	"sync"

	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// A decoy is an answer in a thread of its own, by a reviewer of its own.
//
// A mailbox page has eight entries, of which some are answers and the others are
// filler. An answer takes longer to open than filler takes to be refused. So for
// each entry both is done: for filler the decoy is opened with the decoy's keys,
// for an answer the decoy is refused by the reader's keys. How many answers a
// mailbox has then changes the order of the work, and not its amount.
type decoy struct {
	sealed []byte
	keys   receipt.Keys
	signed *roster.Signed
}

// At implements [reply.Rosters].
func (d *decoy) At(uint64) (*roster.Signed, bool) { return d.signed, true }

// Newest implements [reply.Rosters].
func (d *decoy) Newest() *roster.Signed { return d.signed }

// theDecoy is made anew by each process, and never changes.
var theDecoy = sync.OnceValue(func() *decoy {
	signer, err := sign.Generate("decoy")
	if err != nil {
		panic("scribe: internal error: " + err.Error())
	}
	author := roster.Reviewer{ID: "r1", Key: signer.Key()}
	d := &decoy{
		keys:   receipt.New().Keys(),
		signed: &roster.Signed{Roster: roster.Roster{Sequence: 1, Reviewers: []roster.Reviewer{author}}},
	}
	d.sealed, _, err = reply.Seal(
		reply.Reply{
			Reviewer: author.ID, Roster: 1, Number: 1, Status: reply.Reviewed, Text: strings.Repeat("a", reply.MaxText),
		},
		reply.Thread{Mailbox: d.keys.Mailbox(), Reply: d.keys.Reply.Recipient()}, signer)
	if err != nil {
		panic("scribe: internal error: " + err.Error())
	}
	return d
})

// accept opens the decoy, as an answer is opened.
func (d *decoy) accept() { _, _ = reply.Open(d.sealed, d.keys, d) }

// refuse tries to open the decoy with a reader's keys, as filler is.
func (d *decoy) refuse(keys receipt.Keys) { _, _ = reply.Open(d.sealed, keys, d) }
