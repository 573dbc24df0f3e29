// Package outbox is what a desk sends back: one small signed text with the
// batches it has and the replies it wrote.
//
//	saksi/v1/outbox
//	reviewer r1
//	roster 2 <64 hex>                     under which it signs, and its hash
//	number 7                              counts this desk's outboxes, from 1
//	acknowledge 4 <64 hex>                all up to batch 4 is on the desk; hash of its text
//	canary 2026-12 <64 hex>               the answer to a canary, by month
//	reply <M, 64 hex> <base64>            one line a sealed reply
//	signature <base64>                    Ed25519 over every byte above
//
// The label at its beginning keeps the signature from being taken for one over
// a roster, a batch or a reply.
package outbox

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// Limits of one outbox.
const (
	MaxReplies = 2000
	MaxAcks    = 2000
	// MaxCanaries is two years of them: a server keeps them for two months.
	MaxCanaries = 24
	// MaxSize bounds the file, in bytes.
	MaxSize = 24 << 20
)

// An Outbox is the content of the file.
type Outbox struct {
	Reviewer   string
	Roster     uint64
	RosterHash roster.Hash
	Number     uint64
	Acks       []Ack    // by sequence
	Canaries   []Canary // by month
	Replies    []Reply
}

// An Ack says that a batch is on the desk, and all before it that the server
// has not retired.
type Ack struct {
	Sequence uint64
	Batch    roster.Hash
}

// A Canary is the answer to the canary of a month.
type Canary struct {
	Month  canary.Month
	Answer canary.Answer
}

// A Reply is a sealed answer to a thread.
type Reply struct {
	Mailbox receipt.Mailbox
	Sealed  []byte // of reply.SealedSize bytes
}

// text writes everything but the signature.
func (o *Outbox) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "saksi/v1/outbox\nreviewer %s\nroster %d %s\nnumber %d\n",
		o.Reviewer, o.Roster, o.RosterHash, o.Number)
	for _, a := range o.Acks {
		fmt.Fprintf(&b, "acknowledge %d %s\n", a.Sequence, a.Batch)
	}
	for _, c := range o.Canaries {
		fmt.Fprintf(&b, "canary %s %x\n", c.Month, c.Answer)
	}
	for _, r := range o.Replies {
		fmt.Fprintf(&b, "reply %s %s\n", r.Mailbox, base64.StdEncoding.EncodeToString(r.Sealed))
	}
	return b.String()
}

// Sign writes the file.
func (o *Outbox) Sign(signer sign.Signer) []byte {
	text := o.text()
	signature := ed25519.Sign(signer.Private(), []byte(text))
	return []byte(text + signatureLine(signature))
}

func signatureLine(signature []byte) string {
	return "signature " + base64.StdEncoding.EncodeToString(signature) + "\n"
}

// Errors that a caller acts on.
var (
	// ErrSignature is returned when the named reviewer did not sign the file.
	ErrSignature = errors.New("the outbox is not signed by its reviewer")
	// ErrUnknown is returned when the roster that is named is not at hand, or it
	// or the newest does not have the reviewer with this key.
	ErrUnknown = errors.New("the roster does not have this reviewer")
	// ErrRevoked is returned when the reviewer's key was revoked.
	ErrRevoked = errors.New("the reviewer's key was revoked")
)

// Open parses a file and checks it against the roster that it names. The newest
// roster must have the reviewer still: who was taken off it brings nothing more.
func Open(file []byte, rosters reply.Rosters) (*Outbox, error) {
	o, text, signature, err := parse(string(file))
	if err != nil {
		return nil, fmt.Errorf("reading outbox: %w", err)
	}
	signed, ok := rosters.At(o.Roster)
	if !ok || signed.Hash != o.RosterHash {
		return nil, fmt.Errorf("reading outbox: roster %d: %w", o.Roster, ErrUnknown)
	}
	author, _, ok := signed.Reviewer(o.Reviewer)
	if !ok {
		return nil, fmt.Errorf("reading outbox: %w", ErrUnknown)
	}
	now, _, ok := rosters.Newest().Reviewer(o.Reviewer)
	if !ok || !now.Key.Public().Equal(author.Key.Public()) {
		return nil, fmt.Errorf("reading outbox of %q: %w", o.Reviewer, ErrUnknown)
	}
	if _, revoked := rosters.Newest().VoidFrom(author.Key); revoked {
		return nil, fmt.Errorf("reading outbox of %q: %w", o.Reviewer, ErrRevoked)
	}
	if !ed25519.Verify(author.Key.Public(), []byte(text), signature) {
		return nil, fmt.Errorf("reading outbox of %q: %w", o.Reviewer, ErrSignature)
	}
	return o, nil
}

// parse takes a file apart, and refuses a second spelling.
func parse(file string) (o *Outbox, text string, signature []byte, err error) {
	if len(file) > MaxSize {
		return nil, "", nil, errors.New("too long")
	}
	at := strings.LastIndex(file, "\nsignature ")
	if at < 0 {
		return nil, "", nil, errors.New("no signature in it")
	}
	text = file[:at+1]
	last := strings.TrimSuffix(strings.TrimPrefix(file[at+1:], "signature "), "\n")
	if signature, err = base64.StdEncoding.DecodeString(last); err != nil {
		return nil, "", nil, errors.New("the signature is not base64")
	}
	if o, err = parseText(text); err != nil {
		return nil, "", nil, err
	}
	if o.text()+signatureLine(signature) != file {
		return nil, "", nil, errors.New("not in the one canonical spelling")
	}
	return o, text, signature, nil
}

func parseText(text string) (*Outbox, error) {
	o := &Outbox{}
	lines := strings.SplitN(strings.TrimSuffix(text, "\n"), "\n", headLines+1)
	if len(lines) < headLines || lines[0] != "saksi/v1/outbox" {
		return nil, errors.New("the first line is not \"saksi/v1/outbox\"")
	}
	o.Reviewer = strings.TrimPrefix(lines[1], "reviewer ")
	var err error
	sequence, hash, _ := strings.Cut(strings.TrimPrefix(lines[2], "roster "), " ")
	if o.Roster, err = strconv.ParseUint(sequence, 10, 64); err != nil {
		return nil, errors.New("line 3: want \"roster\", a number and a hash")
	}
	if o.RosterHash, err = roster.ParseHash(hash); err != nil {
		return nil, fmt.Errorf("line 3: %w", err)
	}
	o.Number, err = strconv.ParseUint(strings.TrimPrefix(lines[3], "number "), 10, 64)
	if err != nil || o.Number == 0 {
		return nil, errors.New("line 4: want \"number\" and a number from 1")
	}
	if len(lines) == headLines {
		return o, nil
	}
	return o, o.parseRest(lines[headLines])
}

// headLines is how many lines stand before acknowledgements, canaries and replies.
const headLines = 4

// parseRest reads line by line: a list of all lines of a hostile file would take
// much more than the file.
func (o *Outbox) parseRest(rest string) error {
	number := headLines
	for line := range strings.SplitSeq(rest, "\n") {
		number++
		if err := o.parseLine(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

// lastAck returns the highest batch that is acknowledged; 0 for none.
func (o *Outbox) lastAck() uint64 {
	if len(o.Acks) == 0 {
		return 0
	}
	return o.Acks[len(o.Acks)-1].Sequence
}

func (o *Outbox) parseLine(line string) error {
	fields := strings.SplitN(line, " ", 4)
	switch {
	case len(fields) == 3 && fields[0] == "acknowledge" && len(o.Acks) < MaxAcks:
		sequence, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil || sequence <= o.lastAck() {
			return errors.New("the batch is no number, or not above the one before")
		}
		hash, err := roster.ParseHash(fields[2])
		if err != nil {
			return err
		}
		o.Acks = append(o.Acks, Ack{sequence, hash})
		return nil
	case len(fields) == 3 && fields[0] == "canary" && len(o.Canaries) < MaxCanaries:
		return o.parseCanary(fields[1], fields[2])
	case len(fields) == 3 && fields[0] == "reply" && len(o.Replies) < MaxReplies:
		mailbox, err := receipt.ParseMailbox(fields[1])
		if err != nil {
			return err
		}
		sealed, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil || int64(len(sealed)) != reply.SealedSize() {
			return errors.New("the reply is damaged")
		}
		o.Replies = append(o.Replies, Reply{mailbox, sealed})
		return nil
	default:
		return errors.New("want \"acknowledge\", \"canary\" or \"reply\", and not too many of them")
	}
}

func (o *Outbox) parseCanary(month, answer string) error {
	m, err := canary.ParseMonth(month)
	if err != nil {
		return err
	}
	if n := len(o.Canaries); n > 0 && m <= o.Canaries[n-1].Month {
		return errors.New("the month is not above the one before")
	}
	hash, err := roster.ParseHash(answer)
	if err != nil {
		return err
	}
	o.Canaries = append(o.Canaries, Canary{m, canary.Answer(hash)})
	return nil
}
