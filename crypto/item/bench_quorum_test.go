package item

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/limittest"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A policy is a number of reviewers and what they need to open.
type policy struct {
	name      string
	reviewers int
	quorum    roster.Quorum
}

func policies() []policy {
	return []policy{
		{"1of1", 1, roster.Quorum{Needed: 1}}, {"1of5", 5, roster.Quorum{Needed: 1}}, {"1of20", 20, roster.Quorum{Needed: 1}},
		{"2of5", 5, roster.Quorum{Needed: 2}}, {"2of5nested", 5, roster.Quorum{Needed: 2, Outside: 1}},
		{"2of20nested", 20, roster.Quorum{Needed: 2, Outside: 1}},
	}
}

func (p policy) party(b *testing.B) *partytest.Party {
	return circleOf(b, p.quorum, slices.Repeat([]string{"00"}, p.reviewers)...)
}

// BenchmarkSealQuorum seals a text of 2,000 bytes under a policy. Its limit is that
// of BenchmarkSealText: the KEM and AEAD work, without any sharing.
func BenchmarkSealQuorum(b *testing.B) {
	for _, policy := range policies() {
		p := policy.party(b)
		b.Run(policy.name, func(b *testing.B) {
			limittest.Compare(b, 1, "texts", func() {
				s, err := Seal(p.Circle, receipt.New(), 0, Content{Kind: Message, Text: benchText})
				if err != nil {
					b.Fatal(err)
				}
				wrote(b, s)
			}, bareSealing(b, policy.reviewers))
		})
	}
}

// BenchmarkOpenQuorum opens a text: each of those who are needed opens a slot, one
// joins the shares and reads the payload. Its limit is the bare decapsulations and
// the AEAD, as many as there are of both.
func BenchmarkOpenQuorum(b *testing.B) {
	for _, policy := range policies() {
		p := policy.party(b)
		s := seal(b, p, receipt.New(), 0, Content{Kind: Message, Text: benchText})
		b.Run(policy.name, func(b *testing.B) {
			limittest.Compare(b, 1, "texts", func() { openTogether(b, p, s) }, bareOpening(b, policy.quorum.Needed))
		})
	}
}

func openTogether(b *testing.B, p *partytest.Party, s sealed) {
	q := p.Roster.Quorum
	e, err := OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()...)
	if !q.Alone() {
		var parts []Parts
		var handed []Handed
		for n := range q.Needed {
			own, err := OpenParts(q, s.Slots[n], n, p.Reviewers[n].SlotIdentities()...)
			if err != nil {
				b.Fatal(err)
			}
			parts, handed = append(parts, own), append(handed, own.Handed)
		}
		e, err = Join(q, parts[0], handed, nil)
	}
	if err != nil {
		b.Fatal(err)
	}
	if o, err := Open(bytes.NewReader(s.payload), e, s.expect(), nil); err != nil || o.Text != benchText {
		b.Fatal("not what was sealed: ", err)
	}
}

// bareOpening returns the cryptography alone of opening so many slots and a
// payload: a decapsulation and a Diffie-Hellman for each, and the AEAD.
func bareOpening(b *testing.B, slots int) func() {
	key, err := mlkem.GenerateKey768()
	if err != nil {
		b.Fatal(err)
	}
	_, sealed := key.EncapsulationKey().Encapsulate()
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	theirs := newBareRecipient(b).x
	payload := make([]byte, Floor, Floor+32)
	return func() {
		for range slots + 1 {
			if _, err := key.Decapsulate(sealed); err != nil {
				b.Fatal(err)
			}
			if _, err := own.ECDH(theirs); err != nil {
				b.Fatal(err)
			}
		}
		bareSeal(b, payload)
	}
}

// TestPoliciesAreMeasuredAsTheyAreNamed: a benchmark that measured another quorum
// would not be noticed.
func TestPoliciesAreMeasuredAsTheyAreNamed(t *testing.T) {
	for _, p := range policies() {
		if !strings.HasPrefix(p.name, fmt.Sprintf("%dof%d", p.quorum.Needed, p.reviewers)) ||
			strings.HasSuffix(p.name, "nested") != (p.quorum.Outside > 0) {
			t.Errorf("%+v", p)
		}
	}
}
