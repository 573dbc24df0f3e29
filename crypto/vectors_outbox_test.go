package crypto_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

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
	Reviewer string        `json:"reviewer"`
	Roster   uint64        `json:"roster"`
	Number   uint64        `json:"number"`
	Acks     []ackVector   `json:"acknowledge,omitempty"`
	Replies  []replyInside `json:"replies,omitempty"`
	File     string        `json:"file"`
}

type ackVector struct {
	Sequence uint64   `json:"sequence"`
	Batch    hexBytes `json:"batch"`
}

type replyInside struct {
	Mailbox hexBytes `json:"mailbox"`
	Sealed  []byte   `json:"sealed_base64"`
}

type foreignFile struct {
	About string `json:"about"`
	File  string `json:"file"`
	Error string `json:"error"`
}

func makeOutboxes(t *testing.T, p *party, batches batchSection, replies replySection) outboxSection {
	s := outboxSection{About: []string{
		"outboxes: the file follows from the values and the reviewer's signing key, to the byte.",
		"refused: the second outbox after a replacement. foreign: files that are well formed and must not be acted on.",
	}}
	mailbox := p.thread().Mailbox
	inside := []replyInside{{mailbox[:], replies.Replies[1].Sealed}}
	full := outboxVector{Reviewer: "r1", Roster: 2, Number: 1, Replies: inside}
	short := outboxVector{Reviewer: "r3", Roster: 1, Number: 7}
	for i, b := range batches.Batches {
		ack := ackVector{uint64(i + 1), b.SHA256}
		full.Acks, short.Acks = append(full.Acks, ack), append(short.Acks, ack)
	}
	for _, v := range []outboxVector{full, short, {Reviewer: "r1", Roster: 1, Number: 2}} {
		v.File = string(v.outbox().Sign(p.reviewers[v.Reviewer[1]-'1'].Signer))
		s.Outboxes = append(s.Outboxes, v)
	}
	s.Refused = badOutboxes()
	s.Foreign = foreignOutboxes(p)
	return s
}

func (v outboxVector) outbox() *outbox.Outbox {
	o := &outbox.Outbox{Reviewer: v.Reviewer, Roster: v.Roster, Number: v.Number}
	for _, a := range v.Acks {
		o.Acks = append(o.Acks, outbox.Ack{Sequence: a.Sequence, Batch: roster.Hash(a.Batch)})
	}
	for _, r := range v.Replies {
		o.Replies = append(o.Replies, outbox.Reply{Mailbox: receipt.Mailbox(r.Mailbox),
			Sealed: r.Sealed})
	}
	return o
}

func badOutboxes() []replacement {
	return []replacement{
		{"another label", "saksi/v1/outbox", "saksi/v2/outbox", "refused"},
		{"another number", "number 7", "number 8", "outbox_signature"},
		{"a second spelling of a number", "number 7", "number 07", "refused"},
		{"another batch", "acknowledge 1 ", "acknowledge 3 ", "outbox_signature"},
		{"an acknowledgement after the signature", "signature ", "signature AAAA\nsignature ",
			"refused"},
		{"an unknown line", "acknowledge 1 ", "received 1 ", "refused"},
		{"a carriage return", "number 7\n", "number 7\r\n", "refused"},
		{"no signature", "\nsignature ", "\nsignatures ", "refused"},
		{"an unknown reviewer", "reviewer r3", "reviewer r9", "unknown_reviewer"},
		{"a reviewer who is not in that roster", "reviewer r3\nroster 1", "reviewer r4\nroster 2",
			"unknown_reviewer"},
		{"an unknown roster", "roster 1", "roster 3", "unknown_reviewer"},
		{"a colleague's name", "reviewer r3", "reviewer r1", "outbox_signature"},
	}
}

func foreignOutboxes(p *party) []foreignFile {
	by := func(id string, signer int) string {
		o := &outbox.Outbox{Reviewer: id, Roster: 1, Number: 1}
		return string(o.Sign(p.reviewers[signer].Signer))
	}
	damaged := fmt.Sprintf("saksi/v1/outbox\nreviewer r1\nroster 1\nnumber 1\nreply %064d AAAA\n", 0)
	signature := ed25519.Sign(p.reviewers[0].Signer.Private(), []byte(damaged))
	return []foreignFile{
		{"signed by a colleague", by("r1", 2), "outbox_signature"},
		{"a key that was revoked, whenever it signed", by("r4", 3), "revoked"},
		{"a reply of another size",
			damaged + "signature " + base64.StdEncoding.EncodeToString(signature) + "\n", "refused"},
		{"empty", "", "refused"},
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
		if got := errorName(open(f.File)); got != f.Error {
			t.Errorf("%s: error %q, want %q", f.About, got, f.Error)
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
	fmt.Fprintf(&b, "saksi/v1/outbox\nreviewer %s\nroster %d\nnumber %d\n", v.Reviewer, v.Roster,
		v.Number)
	for _, a := range v.Acks {
		fmt.Fprintf(&b, "acknowledge %d %x\n", a.Sequence, []byte(a.Batch))
	}
	for _, r := range v.Replies {
		fmt.Fprintf(&b, "reply %x %s\n", []byte(r.Mailbox), base64.StdEncoding.EncodeToString(r.Sealed))
	}
	return b.String()
}
