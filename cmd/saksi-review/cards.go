package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// errCard is returned when a roster does not have what a reviewer's card has.
var errCard = errors.New("the roster is not as this card")

// cardFlag is of commands that hold a roster against the cards of its reviewers.
func cardFlag(flags *flag.FlagSet) *repeated {
	cards := &repeated{}
	flags.Var(cards, "card", "`file` with the card of a reviewer: the roster must have its line, "+
		"and its recipients files must have its key in this reviewer's place in each week. Several times for several")
	return cards
}

// compareCards holds a roster and its recipients files against cards. What one root
// proposes may have the keys of two reviewers in each other's place: its hash is then
// the same on all screens, and only the cards show it.
func (c *console) compareCards(r *roster.Roster, files recipientsFiles, paths []string) error {
	d := &reviewer.Draft{}
	if err := readCards(d, paths); err != nil {
		return err
	}
	var all error
	for i, card := range d.Cards {
		if err := c.compareCard(card, r, files); err != nil {
			all = errors.Join(all, fmt.Errorf("comparing %q: %w", paths[i], err))
		}
	}
	return all
}

func (c *console) compareCard(card reviewer.Card, r *roster.Roster, files recipientsFiles) error {
	found, err := card.Compare(r, files)
	if err != nil {
		return fmt.Errorf("%w: %w", errCard, err)
	}
	id, compared := card.Line.ID, sortedWeeks(found.Same, found.Others)
	over := len(found.Unknown) - len(notOver(found.Unknown, week.Of(time.Now())))
	c.say("card of %s: %s of the roster compared: %s", id, plural(len(compared), "week"), weekRuns(compared))
	if over > 0 {
		c.say("card of %s: not compared, over and on it no more: %s", id, weekRuns(found.Unknown[:over]))
	}
	if wrong := unlike(card, found, found.Unknown[over:]); len(wrong) > 0 {
		return fmt.Errorf("%w: %s", errCard, strings.Join(wrong, "; "))
	}
	c.say("card of %s: it agrees with all of them", id)
	return nil
}

// unlike says in words what a roster has in another way than a card, which has no keys
// for the weeks in open.
func unlike(card reviewer.Card, found reviewer.Comparison, open []week.Week) (lines []string) {
	id := card.Line.ID
	if fields := otherFields(card.Line, found.Line); len(fields) > 0 {
		lines = append(lines, fmt.Sprintf("%s has another %s there", id, strings.Join(fields, ", ")))
	}
	if n := len(found.Others); n > 0 {
		lines = append(lines, fmt.Sprintf("another key stands in the place of %s in %s: %s",
			id, plural(n, "week"), weekRuns(found.Others)))
	}
	if n := len(open); n > 0 {
		lines = append(lines, fmt.Sprintf("the card has no key for %s: %s", plural(n, "week"), weekRuns(open)))
	}
	if len(lines) == 0 && len(found.Same) == 0 {
		lines = append(lines, "they have no week in common")
	}
	return lines
}

// otherFields names what differs between a card and a roster.
func otherFields(card, line roster.Reviewer) (names []string) {
	for _, f := range lineFields(card, line) {
		if f.old != f.now {
			names = append(names, f.name)
		}
	}
	return names
}

// notOver returns the weeks that are not over. Those that are a newer card may lack: its
// reviewer has destroyed their secrets.
func notOver(weeks []week.Week, now week.Week) []week.Week {
	for i, w := range weeks {
		if !w.Before(now) {
			return weeks[i:]
		}
	}
	return nil
}

func sortedWeeks(lists ...[]week.Week) []week.Week {
	return slices.SortedFunc(slices.Values(slices.Concat(lists...)), week.Week.Compare)
}

// weekRuns writes weeks in their order, those that follow each other as one run.
func weekRuns(weeks []week.Week) string {
	var parts []string
	for i := 0; i < len(weeks); {
		j := i
		for j+1 < len(weeks) && weeks[j].Add(1) == weeks[j+1] {
			j++
		}
		part := weeks[i].String()
		if j > i {
			part += " to " + weeks[j].String()
		}
		parts, i = append(parts, part), j+1
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
