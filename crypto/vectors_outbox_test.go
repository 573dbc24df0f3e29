package crypto_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/canary"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
)

type outboxSection struct {
	About    []string       `json:"about"`
	Outboxes []outboxVector `json:"outboxes"`
	Refused  []replacement  `json:"refused"`
	Foreign  []foreignFile  `json:"foreign"`
}

type outboxVector struct {
	Reviewer   string        `json:"reviewer"`
	Roster     uint64        `json:"roster"`
	RosterHash hexBytes      `json:"roster_hash"`
	Number     uint64        `json:"number"`
	Acks       []ackVector   `json:"acknowledge,omitempty"`
	Canaries   []canaryLine  `json:"canaries,omitempty"`
	Replies    []replyInside `json:"replies,omitempty"`
	File       string        `json:"file"`
}

type ackVector struct {
	Sequence uint64   `json:"sequence"`
	Batch    hexBytes `json:"batch"`
}

type canaryLine struct {
	Month  string   `json:"month"`
	Answer hexBytes `json:"answer"`
}

type replyInside struct {
	Mailbox hexBytes `json:"mailbox"`
	Sealed  []byte   `json:"sealed_base64"`
}

// A foreignFile is opened with the two rosters, and with a third one if Next
// is not 0: the place in the next rosters, from 1.
type foreignFile struct {
	About string `json:"about"`
	File  string `json:"file"`
	Next  int    `json:"next_roster,omitempty"`
	Error string `json:"error"`
}

func makeOutboxes(t *testing.T, p *party, batches batchSection, replies replySection) outboxSection {
	s := outboxSection{About: []string{
		"outboxes: the file follows from the values and the reviewer's signing key, to the byte.",
		"refused: the second outbox after a replacement. foreign: whole files, some of them well signed; with next_roster, the",
		"newest roster is the one at that place, from 1, in roster.next. An empty error means that it is taken.",
	}}
	mailbox := p.thread().Mailbox
	inside := []replyInside{{mailbox[:], replies.Replies[1].Sealed}}
	full := outboxVector{Reviewer: "r1", Roster: 2, Number: 1, Replies: inside}
	short := outboxVector{Reviewer: "r3", Roster: 1, Number: 7, Canaries: []canaryLine{
		{"2026-11", sum([]byte("satu"))}, {"2026-12", sum([]byte("dua"))},
	}}
	for i, b := range batches.Batches {
		ack := ackVector{uint64(i + 1), b.SHA256}
		full.Acks, short.Acks = append(full.Acks, ack), append(short.Acks, ack)
	}
	for _, v := range []outboxVector{full, short, {Reviewer: "r1", Roster: 1, Number: 2}} {
		v.RosterHash = p.rosters[v.Roster-1].Hash[:]
		v.File = string(v.outbox().Sign(p.reviewers[v.Reviewer[1]-'1'].Signer))
		s.Outboxes = append(s.Outboxes, v)
	}
	s.Refused = badOutboxes(p)
	s.Foreign = foreignOutboxes(p)
	return s
}

func (v outboxVector) outbox() *outbox.Outbox {
	o := &outbox.Outbox{
		Reviewer: v.Reviewer, Roster: v.Roster, RosterHash: roster.Hash(v.RosterHash), Number: v.Number,
	}
	for _, a := range v.Acks {
		o.Acks = append(o.Acks, outbox.Ack{Sequence: a.Sequence, Batch: roster.Hash(a.Batch)})
	}
	for _, c := range v.Canaries {
		o.Canaries = append(o.Canaries, outbox.Canary{Month: canary.Month(c.Month), Answer: canary.Answer(c.Answer)})
	}
	for _, r := range v.Replies {
		o.Replies = append(o.Replies, outbox.Reply{Mailbox: receipt.Mailbox(r.Mailbox),
			Sealed: r.Sealed})
	}
	return o
}

func badOutboxes(p *party) []replacement {
	first, second := p.rosters[0].Hash.String(), p.rosters[1].Hash.String()
	return slices.Concat(badOutboxLines(first), []replacement{
		{"another number", "number 7", "number 8", "outbox_signature"},
		{"another month", "canary 2026-12 ", "canary 2027-01 ", "outbox_signature"},
		{"another batch", "acknowledge 2 ", "acknowledge 3 ", "outbox_signature"},
		{"a colleague's name", "reviewer r3", "reviewer r1", "outbox_signature"},
		{"an unknown reviewer", "reviewer r3", "reviewer r9", "unknown_reviewer"},
		{"a reviewer who is not in that roster", "reviewer r3\nroster 1 " + first,
			"reviewer r4\nroster 2 " + second, "unknown_reviewer"},
		{"a reviewer who is not in the newest roster", "reviewer r3", "reviewer r4",
			"unknown_reviewer"},
		{"an unknown roster", "roster 1 ", "roster 3 ", "unknown_reviewer"},
		{"another roster of that number", first, strings.Repeat("0", 64), "unknown_reviewer"},
		{"the hash of another roster", first, second, "unknown_reviewer"},
	})
}

// badOutboxLines are refused before anybody asks who signed them.
func badOutboxLines(hash string) []replacement {
	return []replacement{
		{"another label", "saksi/v1/outbox", "saksi/v2/outbox", "refused"},
		{"number 0", "number 7", "number 0", "refused"},
		{"a second spelling of a number", "number 7", "number 07", "refused"},
		{"no hash of the roster", " " + hash, "", "refused"},
		{"a roster's hash in upper case", hash, strings.ToUpper(hash), "refused"},
		{"a batch acknowledged twice", "acknowledge 2 ", "acknowledge 1 ", "refused"},
		{"batches in another order", "acknowledge 1 ", "acknowledge 3 ", "refused"},
		{"batch 0", "acknowledge 1 ", "acknowledge 0 ", "refused"},
		{"an acknowledgement after the signature", "signature ", "signature AAAA\nsignature ",
			"refused"},
		{"a month answered twice", "canary 2026-12 ", "canary 2026-11 ", "refused"},
		{"months in another order", "canary 2026-11 ", "canary 2027-11 ", "refused"},
		{"a month that is none", "canary 2026-12 ", "canary 2026-13 ", "refused"},
		{"a second spelling of a month", "canary 2026-11 ", "canary 2026-011 ", "refused"},
		{"a canary before an acknowledgement", "acknowledge 1 ", "canary 2026-10 " + hash + "\nacknowledge 1 ", "refused"},
		{"an unknown line", "acknowledge 1 ", "received 1 ", "refused"},
		{"a carriage return", "number 7\n", "number 7\r\n", "refused"},
		{"no signature", "\nsignature ", "\nsignatures ", "refused"},
	}
}

func foreignOutboxes(p *party) []foreignFile {
	by := func(id string, signer int) string {
		o := &outbox.Outbox{Reviewer: id, Roster: 1, RosterHash: p.rosters[0].Hash, Number: 1}
		return string(o.Sign(p.reviewers[signer].Signer))
	}
	forged := &outbox.Outbox{Reviewer: "r1", Roster: 1, RosterHash: p.rosters[1].Hash, Number: 1}
	none := &outbox.Outbox{Reviewer: "r1", Roster: 1, RosterHash: p.rosters[0].Hash}
	twice := &outbox.Outbox{Reviewer: "r1", Roster: 1, RosterHash: p.rosters[0].Hash, Number: 1,
		Acks: []outbox.Ack{{Sequence: 1}, {Sequence: 1}}}
	short := &outbox.Outbox{Reviewer: "r1", Roster: 1, RosterHash: p.rosters[0].Hash, Number: 1,
		Replies: []outbox.Reply{{Sealed: []byte{0, 0, 0}}}}
	r1 := p.reviewers[0].Signer
	return []foreignFile{
		{"one roster later, r1 is still there", by("r1", 0), 1, ""},
		{"signed by a colleague", by("r1", 2), 0, "outbox_signature"},
		{"by one who has left since", by("r4", 3), 0, "unknown_reviewer"},
		{"the newest roster revokes the key, whenever it signed", by("r1", 0), nextRevokesR1, "revoked"},
		{"the newest roster has another key under the name", by("r1", 0), nextReplacesR1,
			"unknown_reviewer"},
		{"a forged roster", string(forged.Sign(r1)), 0, "unknown_reviewer"},
		{"outbox number 0", string(none.Sign(r1)), 0, "refused"},
		{"a batch acknowledged twice", string(twice.Sign(r1)), 0, "refused"},
		{"a reply of another size", string(short.Sign(r1)), 0, "refused"},
		{"empty", "", 0, "refused"},
	}
}

func (s outboxSection) check(t *testing.T, all vectors) {
	rosters, reviewers := readRosters(t, all.Roster), readReviewers(t, all.Reviewer)
	open := func(file string) error {
		_, err := outbox.Open([]byte(file), rosters)
		return err
	}
	for _, v := range s.Outboxes {
		v.check(t, rosters, reviewers[v.Reviewer])
	}
	refuse(t, s.Outboxes[1].File, s.Refused, open)
	for _, f := range s.Foreign {
		known := rosters
		if f.Next > 0 {
			known = append(slices.Clone(rosters), all.Roster.next(t, f.Next))
		}
		if _, err := outbox.Open([]byte(f.File), known); errorName(err) != f.Error {
			t.Errorf("%s: %v, want %q", f.About, err, f.Error)
		}
	}
}

func (v outboxVector) check(t *testing.T, rosters history, k *reviewer.Keys) {
	o := must(outbox.Open([]byte(v.File), rosters))(t)
	sameText(t, "outbox", string(o.Sign(k.Signer)), v.File)
	sameText(t, "outbox from its values", string(v.outbox().Sign(k.Signer)), v.File)
	text := v.text()
	signature := ed25519.Sign(k.Signer.Private(), []byte(text))
	sameText(t, "outbox by hand",
		text+"signature "+base64.StdEncoding.EncodeToString(signature)+"\n", v.File)
}

// text is the document's words over again.
func (v outboxVector) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "saksi/v1/outbox\nreviewer %s\nroster %d %x\nnumber %d\n", v.Reviewer, v.Roster,
		[]byte(v.RosterHash), v.Number)
	for _, a := range v.Acks {
		fmt.Fprintf(&b, "acknowledge %d %x\n", a.Sequence, []byte(a.Batch))
	}
	for _, c := range v.Canaries {
		fmt.Fprintf(&b, "canary %s %x\n", c.Month, []byte(c.Answer))
	}
	for _, r := range v.Replies {
		fmt.Fprintf(&b, "reply %x %s\n", []byte(r.Mailbox), base64.StdEncoding.EncodeToString(r.Sealed))
	}
	return b.String()
}
