package crypto_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/reviewer"
	"saksi/crypto/week"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

type reviewerSection struct {
	About     []string         `json:"about"`
	Reviewers []reviewerVector `json:"reviewers"`
	Refused   []replacement    `json:"cards_refused"`
	BadFiles  []replacement    `json:"key_files_refused"`
	BadWeeks  []replacement    `json:"weeks_files_refused"`
}

type reviewerVector struct {
	ID              string       `json:"id"`
	Private         string       `json:"private_key"`
	Terms           []termVector `json:"terms"`
	DirectIdentity  string       `json:"direct_identity"`
	DirectRecipient string       `json:"direct_recipient"`
	KeyFile         string       `json:"key_file"`
	WeeksFile       string       `json:"weeks_file"`
	SealedWeeks     []byte       `json:"sealed_weeks_file"`
	Card            string       `json:"card"`
	DeskSeed        hexBytes     `json:"desk_seed"`
	DeskIdentity    string       `json:"desk_identity"`
	WeeksSeed       hexBytes     `json:"weeks_seed"`
	WeeksIdentity   string       `json:"weeks_identity"`
}

type termVector struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Identity  string `json:"identity"`
	Recipient string `json:"recipient"`
}

func makeReviewers(t *testing.T, p *party) reviewerSection {
	s := reviewerSection{About: []string{
		"reviewers: the card is the public half of the key file.",
		"terms: the identities for slots. weeks_file: what sealed_weeks_file has inside.",
		"cards_refused, key_files_refused, weeks_files_refused: the first reviewer's card, key file and weeks file",
		"after a replacement.",
	}}
	p.reviewers[0].Rehearsed = week.Of(firstDay())
	for _, k := range p.reviewers {
		desk := must(k.Desk())(t)
		seed := k.Signer.Private().Seed()
		s.Reviewers = append(s.Reviewers, reviewerVector{
			ID: k.Line.ID, Private: k.Signer.String(), KeyFile: k.File(), Card: k.Card().Text(),
			Terms: termVectors(k), WeeksFile: k.WeeksFile(), SealedWeeks: must(k.SealWeeks())(t),
			DirectIdentity: k.Direct.String(), DirectRecipient: k.Direct.Recipient().String(),
			DeskSeed: derive(seed, "desk", 32), DeskIdentity: desk.String(),
			WeeksSeed: derive(seed, "weeks", 32), WeeksIdentity: k.Weeks().String(),
		})
	}
	own := s.Reviewers[0].Terms[0]
	s.Refused = []replacement{
		{"another label", "saksi/v1/card", "saksi/v2/card", "refused"},
		{"two spaces", "reviewer r1", "reviewer  r1", "refused"},
		{"an id that is not the key's name", "reviewer r1 ", "reviewer r2 ", "refused"},
		{"a region that is none", "| 00 |", "| 0 |", "refused"},
		{"a field too many", "| 00 |", "| 00 | 00 |", "refused"},
		{"a line too many", "saksi/v1/card\n", "saksi/v1/card\n\n", "refused"},
		{"no recipient", " age1pq1", " age1", "refused"},
		{"one recipient for both uses", " " + own.Recipient + "\n",
			" " + s.Reviewers[0].DirectRecipient + "\n", "refused"},
		{"no weeks", "recipient 2026-W46 2026-W53 ", "recipient ", "refused"},
		{"weeks that overlap", "2026-W46 2026-W53", "2026-W46 2027-W01", "refused"},
		{"weeks that end before they begin", "2026-W46 2026-W53", "2026-W46 2026-W45", "refused"},
		{"a week that is none", "2026-W46 2026-W53", "2026-W46 2026-W54", "refused"},
		{"weeks between two terms that have none", "2026-W46 2026-W53", "2026-W46 2026-W50", ""},
		{"one recipient for two terms", s.Reviewers[0].Terms[1].Recipient, own.Recipient, "refused"},
	}
	s.BadFiles = badKeyFiles(s.Reviewers[0], s.Reviewers[1])
	s.BadWeeks = badWeeksFiles(s.Reviewers[0])
	return s
}

func termVectors(k *reviewer.Keys) (list []termVector) {
	for _, term := range k.Terms {
		list = append(list, termVector{
			term.From.String(), term.To.String(), term.Identity.String(), term.Identity.Recipient().String(),
		})
	}
	return list
}

func badWeeksFiles(own reviewerVector) []replacement {
	first, second := own.Terms[0], own.Terms[1]
	return []replacement{
		{"carriage returns", "\n", "\r\n", ""},
		{"another comment", "# term 2027", "# something\n# term 2027", ""},
		{"no title", "# Saksi weeks", "# Saksi", "refused"},
		{"an identity without weeks", "# term 2026-W46 2026-W53\n", "", "refused"},
		{"weeks without an identity", first.Identity + "\n", "", "refused"},
		{"the last weeks without an identity", own.Terms[3].Identity + "\n", "", "refused"},
		{"two identities for some weeks", first.Identity, first.Identity + "\n" + second.Identity, "refused"},
		{"one identity for two terms", second.Identity, first.Identity, "refused"},
		{"weeks that overlap", "2026-W46 2026-W53", "2026-W46 2027-W01", "refused"},
		{"weeks that end before they begin", "2026-W46 2026-W53", "2026-W46 2026-W45", "refused"},
		{"a week that is none", "rehearsed 2026-W47", "rehearsed 2026-W54", "refused"},
	}
}

func badKeyFiles(own, other reviewerVector) []replacement {
	weeks := "# weeks:\n" + own.WeeksIdentity + "\n"
	direct := "# direct:\n" + own.DirectIdentity + "\n"
	return []replacement{
		{"the lines in another order", weeks + direct, direct + weeks, ""},
		{"one identity for both uses", own.DirectIdentity, own.WeeksIdentity, "refused"},
		{"another reviewer's direct identity", own.DirectIdentity, other.DirectIdentity, "refused"},
		{"another reviewer's signing key", own.Private, other.Private, "refused"},
		{"an identity without a use", "# direct:\n", "", "refused"},
		{"two identities for one use", direct, direct + own.DirectIdentity + "\n", "refused"},
		{"no card", "# card: ", "# curd: ", "refused"},
		{"no identity for weeks", weeks, "", "refused"},
		{"another identity for weeks", own.WeeksIdentity, other.WeeksIdentity, "refused"},
	}
}

func (s reviewerSection) check(t *testing.T) {
	for _, v := range s.Reviewers {
		k := v.read(t)
		sameText(t, "key file", k.File(), v.KeyFile)
		sameText(t, "card", must(reviewer.ParseCard(v.Card))(t).Text(), v.Card)
		sameText(t, "card of the key file", k.Card().Text(), v.Card)
		sameText(t, "signing key", k.Signer.String(), v.Private)
		sameText(t, "weeks file", k.WeeksFile(), v.WeeksFile)
		if got := termVectors(k); !slices.Equal(got, v.Terms) {
			t.Errorf("terms are %v, want %v", got, v.Terms)
		}
		sameText(t, "direct identity", k.Direct.String(), v.DirectIdentity)
		sameText(t, "direct recipient", k.Direct.Recipient().String(), v.DirectRecipient)
		same(t, "desk seed", derive(k.Signer.Private().Seed(), "desk", 32), v.DeskSeed)
		sameText(t, "desk identity", must(k.Desk())(t).String(), v.DeskIdentity)
		same(t, "weeks seed", derive(k.Signer.Private().Seed(), "weeks", 32), v.WeeksSeed)
		sameText(t, "weeks identity", k.Weeks().String(), v.WeeksIdentity)
	}
	refuse(t, s.Reviewers[0].Card, s.Refused, func(text string) error {
		_, err := reviewer.ParseCard(text)
		return err
	})
	refuse(t, s.Reviewers[0].KeyFile, s.BadFiles, func(text string) error {
		_, err := reviewer.ParseFile(stringReader(text))
		return err
	})
	refuse(t, s.Reviewers[0].WeeksFile, s.BadWeeks, func(text string) error {
		_, _, err := reviewer.ParseWeeks(stringReader(text))
		return err
	})
}

// read returns the reviewer's keys, with the terms of the sealed weeks file.
func (v reviewerVector) read(t *testing.T) *reviewer.Keys {
	t.Helper()
	k := must(reviewer.ParseFile(stringReader(v.KeyFile)))(t)
	return must(k.OpenWeeks(v.SealedWeeks))(t)
}
