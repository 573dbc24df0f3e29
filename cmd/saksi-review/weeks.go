package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/reviewer"
	"saksi/crypto/week"
)

// weeksSuffix ends the name of a weeks file, which lies beside the key file.
const weeksSuffix = ".weeks"

// How many weeks a reviewer gets identities for: two rosters of 13 weeks, with a
// week on both sides and some in hand; later as many as two rosters use up.
const (
	firstWeeks = 34
	moreWeeks  = 26
)

var (
	// errWeeks is returned when a reviewer's weeks file is not there, or not whole.
	errWeeks = errors.New("the weeks file cannot be used")

	// errOthersWeeks is returned when the key file does not open the weeks file. One of
	// the two is in the wrong place, and most likely nothing is lost.
	errOthersWeeks = errors.New("it belongs to another key file")

	// errWeeksThere is returned when a weeks file is to be begun where there is one.
	errWeeksThere = errors.New("there is a weeks file")
)

func readWeeks(keys *reviewer.Keys, path string) (*reviewer.Keys, error) {
	sealed, err := readText(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q is not there", errWeeks, path)
	}
	if err != nil {
		return nil, err
	}
	opened, err := keys.OpenWeeks([]byte(sealed))
	if errors.Is(err, hybrid.ErrNoMatch) {
		return nil, fmt.Errorf("%w: %q: %w", errWeeks, path, errOthersWeeks)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %v", errWeeks, path, err)
	}
	return opened, nil
}

// termFlags say which weeks new identities are for.
type termFlags struct {
	weeks int
	first string
}

func (f *termFlags) declare(flags *flag.FlagSet, weeks int) {
	flags.IntVar(&f.weeks, "weeks", weeks, "for how many `weeks` to make identities, one each")
	flags.StringVar(&f.first, "week", "", "the first `week`, such as 2026-W47; the next that is needed if empty")
}

// terms makes the identities, from the week that was given or else from this one.
func (f *termFlags) terms(from week.Week) ([]reviewer.Term, error) {
	if f.weeks < 1 || f.weeks > reviewer.MaxTerms {
		return nil, fmt.Errorf("%w: -weeks is 1 to %d", errUsage, reviewer.MaxTerms)
	}
	if f.first != "" {
		var err error
		if from, err = week.Parse(f.first); err != nil {
			return nil, fmt.Errorf("%w: -week: %v", errUsage, err)
		}
	}
	return reviewer.Weekly(from, f.weeks)
}

func weeksNew(flags *flag.FlagSet) action {
	key := flags.String("key", "", "your key `file`; the weeks file lies beside it")
	out := flags.String("out", "", "`file` for the new card")
	lost := flags.Bool("lost", false, "begin a new weeks file, because the old one is lost")
	t := &termFlags{}
	t.declare(flags, moreWeeks)
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("key", *key, "out", *out); err != nil {
			return err
		}
		if err := checkNew(*out); err != nil {
			return fmt.Errorf("writing card: %w", err)
		}
		held, err := c.keysForWeeks(*key, c.weeksPath(*key), *lost)
		if err != nil {
			return err
		}
		defer held.Close()
		keys := held.Keys
		now := week.Of(time.Now())
		if err := c.checkClock(keys, now, t.first != ""); err != nil {
			return err
		}
		terms, err := t.terms(nextWeek(keys, now))
		if err != nil {
			return err
		}
		if keys, err = keys.WithTerms(terms...); err != nil {
			return err
		}
		if err := held.write(keys); err != nil {
			return err
		}
		if held.begun {
			c.warn("what was sealed to this reviewer before stays closed, unless the old weeks file is found")
		}
		if err := writeCard(*out, keys); err != nil {
			return fmt.Errorf("%w; the weeks are made: saksi-review rehearse makes a card of them", err)
		}
		c.say("%s", *out)
		return nil
	}
}

// writeCard writes a card that has the present weeks, and the one before: a roster may
// begin in this week, and needs a week on both sides.
func writeCard(out string, keys *reviewer.Keys) error {
	card := keys.CardFrom(week.Of(time.Now()).Add(-1))
	if err := writeNew(out, publicMode, card.Text()); err != nil {
		return fmt.Errorf("writing card: %w", err)
	}
	return nil
}

// weeksPath returns where the weeks file is: beside the key file, unless
// -weeks-file says something else.
func (c *console) weeksPath(key string) string {
	if c.weeksFile != "" {
		return c.weeksFile
	}
	return beside(key, weeksSuffix)
}

// keysForWeeks reads the keys that get more weeks. If the weeks file is lost, it
// begins one: then the key itself came back from a copy, or was not lost with it.
func (c *console) keysForWeeks(key, weeks string, lost bool) (*heldKeys, error) {
	if lost {
		return c.beginWeeks(key, weeks)
	}
	held, err := holdKeys(c, key, weeks)
	if err == nil && held.Rehearsed == (week.Week{}) {
		return nil, errors.Join(fmt.Errorf("making more weeks: %w", errUnrehearsed), held.Close())
	}
	return held, err
}

// beginWeeks holds a weeks file that is not there. It is made once there are weeks in it:
// one without would keep from beginning another.
func (c *console) beginWeeks(key, weeks string) (*heldKeys, error) {
	keys, err := readKey(c, key)
	if err != nil {
		return nil, err
	}
	keys.Rehearsed = week.Of(time.Now())
	held, err := holdWeeks(keys, weeks)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(weeks); !errors.Is(err, fs.ErrNotExist) {
		err = cmp.Or(err, fmt.Errorf("%q: %w", weeks, errWeeksThere))
		return nil, errors.Join(fmt.Errorf("beginning a weeks file: %w", err), held.Close())
	}
	held.begun = true
	return held, nil
}

// How far the newest week may be from the clock's before the clock is doubted.
const (
	lapsedWeeks = 8
	aheadWeeks  = reviewer.MaxTerms
)

// errClock is returned when the clock is so far after all weeks that it is wrong,
// or somebody was away for long.
var errClock = errors.New("the clock and the weeks do not fit")

// checkClock compares the clock of a machine without a network with the weeks
// that it made before. Weeks for a wrong year would fit no roster.
func (c *console) checkClock(keys *reviewer.Keys, now week.Week, told bool) error {
	if len(keys.Terms) == 0 {
		return nil
	}
	newest := keys.Terms[len(keys.Terms)-1].To
	switch {
	case now.Add(aheadWeeks).Before(newest):
		c.warn("by the clock it is week %s, and there are weeks until %s: is the clock right?", now, newest)
	case newest.Add(lapsedWeeks).Before(now) && !told:
		return fmt.Errorf("%w: by the clock it is week %s, and the last of the weeks was %s", errClock, now, newest)
	case newest.Add(lapsedWeeks).Before(now):
		c.warn("by the clock it is week %s, and the last of the weeks was %s: is the clock right?", now, newest)
	}
	return nil
}

// nextWeek returns the week after the last term, or the one before now when that
// is over.
func nextWeek(keys *reviewer.Keys, now week.Week) week.Week {
	next := now.Add(-1)
	if n := len(keys.Terms); n > 0 && next.Before(keys.Terms[n-1].To.Add(1)) {
		next = keys.Terms[n-1].To.Add(1)
	}
	return next
}

func weeksList(flags *flag.FlagSet) action {
	key := flags.String("key", "", "your key `file`; the weeks file lies beside it")
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("key", *key); err != nil {
			return err
		}
		keys, err := readKeys(c, *key, c.weeksPath(*key))
		if err != nil {
			return err
		}
		for _, t := range keys.Terms {
			c.say("%s to %s", t.From, t.To)
		}
		if keys.Rehearsed == (week.Week{}) {
			c.warn("%v", errUnrehearsed)
		} else {
			c.say("a copy of the key was tried in week %s", keys.Rehearsed)
		}
		return nil
	}
}
