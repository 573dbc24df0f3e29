package reviewer

import (
	"errors"
	"fmt"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// MaxTerms bounds the terms of a card: four rosters of 13 weeks.
const MaxTerms = 60

// A Card is a reviewer's public half.
type Card struct {
	Line  roster.Reviewer
	Terms []PublicTerm // in the order of weeks; none overlaps another
}

// A PublicTerm is whom slots of some weeks are sealed to.
type PublicTerm struct {
	From, To  week.Week
	Recipient *hybrid.Recipient
}

// Card returns the public half of k. Where there are more terms than a card
// takes, it has the last ones.
func (k *Keys) Card() Card { return k.card(len(k.Terms)) }

// CardFrom returns the public half of k. Where there are more terms than a card
// takes, it has as many as it takes from week w on: a roster needs those of its first
// weeks, however many were made ahead.
func (k *Keys) CardFrom(w week.Week) Card {
	n := 0
	for n < len(k.Terms) && k.Terms[n].To.Before(w) {
		n++
	}
	return k.card(n)
}

// card has as many terms as a card takes, from the n-th on or an earlier one.
func (k *Keys) card(n int) Card {
	c := Card{Line: k.Line}
	n = min(n, max(0, len(k.Terms)-MaxTerms))
	for _, t := range k.Terms[n:min(n+MaxTerms, len(k.Terms))] {
		c.Terms = append(c.Terms, PublicTerm{t.From, t.To, t.Identity.Recipient()})
	}
	return c
}

// in returns whom slots of week w are sealed to, or nil.
func (c Card) in(w week.Week) *hybrid.Recipient {
	for _, t := range c.Terms {
		if !w.Before(t.From) && !t.To.Before(w) {
			return t.Recipient
		}
	}
	return nil
}

// Text writes the card in its one spelling.
func (c Card) Text() string {
	var b strings.Builder
	b.WriteString("saksi/v1/card\nreviewer " + c.Line.Line() + "\n")
	for _, t := range c.Terms {
		fmt.Fprintf(&b, "recipient %s %s %s\n", t.From, t.To, t.Recipient)
	}
	return b.String()
}

// ParseCard reads what Text wrote.
func ParseCard(text string) (Card, error) {
	c, err := parseCard(text)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return Card{}, fmt.Errorf("parsing card: %w", err)
	}
	if c.Text() != text {
		return Card{}, errors.New("parsing card: not in the one canonical spelling")
	}
	return c, nil
}

func parseCard(text string) (c Card, err error) {
	lines := strings.SplitN(text, "\n", MaxTerms+4)
	if n := len(lines); n < 4 || n > MaxTerms+3 || lines[0] != "saksi/v1/card" {
		return c, fmt.Errorf("want \"saksi/v1/card\", a reviewer and 1 to %d recipients", MaxTerms)
	}
	if c.Line, err = roster.ParseReviewer(strings.TrimPrefix(lines[1], "reviewer ")); err != nil {
		return c, err
	}
	for _, line := range lines[2 : len(lines)-1] {
		fields := strings.SplitN(line, " ", 5)
		if len(fields) != 4 {
			return c, errors.New("want \"recipient FROM TO RECIPIENT\"")
		}
		var t PublicTerm
		if t.From, t.To, err = parseWeeks(fields[1] + " " + fields[2]); err != nil {
			return c, err
		}
		if t.Recipient, err = hybrid.ParseRecipient(fields[3]); err != nil {
			return c, err
		}
		c.Terms = append(c.Terms, t)
	}
	return c, nil
}

// check holds that terms are in order, and each recipient has one use.
func (c Card) check() error {
	seen := map[string]bool{c.Line.Direct.String(): true}
	for i, t := range c.Terms {
		if err := follows(i, t.From, t.To, func() week.Week { return c.Terms[i-1].To }); err != nil {
			return err
		}
		if seen[t.Recipient.String()] {
			return fmt.Errorf("the recipient of %s has another use", t.From)
		}
		seen[t.Recipient.String()] = true
	}
	return nil
}
