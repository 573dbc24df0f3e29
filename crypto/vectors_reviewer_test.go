package crypto_test

import (
	"io"
	"strings"
	"testing"

	"saksi/crypto/reviewer"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

type reviewerSection struct {
	About     []string         `json:"about"`
	Reviewers []reviewerVector `json:"reviewers"`
	Refused   []replacement    `json:"cards_refused"`
	BadFiles  []replacement    `json:"key_files_refused"`
}

type reviewerVector struct {
	ID              string   `json:"id"`
	Private         string   `json:"private_key"`
	SlotsIdentity   string   `json:"slots_identity"`
	SlotsRecipient  string   `json:"slots_recipient"`
	DirectIdentity  string   `json:"direct_identity"`
	DirectRecipient string   `json:"direct_recipient"`
	KeyFile         string   `json:"key_file"`
	Card            string   `json:"card"`
	DeskSeed        hexBytes `json:"desk_seed"`
	DeskIdentity    string   `json:"desk_identity"`
}

func makeReviewers(t *testing.T, p *party) reviewerSection {
	s := reviewerSection{About: []string{
		"reviewers: the card is the public half of the key file.",
		"cards_refused, key_files_refused: the first reviewer's card and key file after a replacement.",
	}}
	for _, k := range p.reviewers {
		desk := must(k.Desk())(t)
		s.Reviewers = append(s.Reviewers, reviewerVector{
			ID: k.Line.ID, Private: k.Signer.String(), KeyFile: k.File(), Card: k.Card().Text(),
			SlotsIdentity: k.Slots.String(), SlotsRecipient: k.Slots.Recipient().String(),
			DirectIdentity: k.Direct.String(), DirectRecipient: k.Direct.Recipient().String(),
			DeskSeed: derive(k.Signer.Private().Seed(), "desk", 32), DeskIdentity: desk.String(),
		})
	}
	s.Refused = []replacement{
		{"another label", "saksi/v1/card", "saksi/v2/card", "refused"},
		{"two spaces", "reviewer r1", "reviewer  r1", "refused"},
		{"an id that is not the key's name", "reviewer r1 ", "reviewer r2 ", "refused"},
		{"a region that is none", "| 00 |", "| 0 |", "refused"},
		{"a field too many", "| 00 |", "| 00 | 00 |", "refused"},
		{"a line too many", "saksi/v1/card\n", "saksi/v1/card\n\n", "refused"},
		{"no recipient", "recipient age1pq1", "recipient age1", "refused"},
		{"one recipient for both uses", "recipient " + s.Reviewers[0].SlotsRecipient,
			"recipient " + s.Reviewers[0].DirectRecipient, "refused"},
	}
	s.BadFiles = badKeyFiles(s.Reviewers[0], s.Reviewers[1])
	return s
}

func badKeyFiles(own, other reviewerVector) []replacement {
	slots := "# slots:\n" + own.SlotsIdentity + "\n"
	direct := "# direct:\n" + own.DirectIdentity + "\n"
	return []replacement{
		{"the lines in another order", slots + direct, direct + slots, ""},
		{"one identity for both uses", own.DirectIdentity, own.SlotsIdentity, "refused"},
		{"another reviewer's direct identity", own.DirectIdentity, other.DirectIdentity, "refused"},
		{"another reviewer's signing key", own.Private, other.Private, "refused"},
		{"an identity without a use", "# direct:\n", "", "refused"},
		{"two identities for one use", direct, direct + own.DirectIdentity + "\n", "refused"},
		{"no card", "# card: ", "# curd: ", "refused"},
		{"no slots identity", slots, "", "refused"},
	}
}

func (s reviewerSection) check(t *testing.T) {
	for _, v := range s.Reviewers {
		k := must(reviewer.ParseFile(stringReader(v.KeyFile)))(t)
		sameText(t, "key file", k.File(), v.KeyFile)
		sameText(t, "card", must(reviewer.ParseCard(v.Card))(t).Text(), v.Card)
		sameText(t, "card of the key file", k.Card().Text(), v.Card)
		sameText(t, "signing key", k.Signer.String(), v.Private)
		sameText(t, "slots identity", k.Slots.String(), v.SlotsIdentity)
		sameText(t, "slots recipient", k.Slots.Recipient().String(), v.SlotsRecipient)
		sameText(t, "direct identity", k.Direct.String(), v.DirectIdentity)
		sameText(t, "direct recipient", k.Direct.Recipient().String(), v.DirectRecipient)
		same(t, "desk seed", derive(k.Signer.Private().Seed(), "desk", 32), v.DeskSeed)
		sameText(t, "desk identity", must(k.Desk())(t).String(), v.DeskIdentity)
	}
	refuse(t, s.Reviewers[0].Card, s.Refused, func(text string) error {
		_, err := reviewer.ParseCard(text)
		return err
	})
	refuse(t, s.Reviewers[0].KeyFile, s.BadFiles, func(text string) error {
		_, err := reviewer.ParseFile(stringReader(text))
		return err
	})
}
