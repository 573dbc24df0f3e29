package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
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

// errWeeks is returned when a reviewer's weeks file is not there, or not whole.
var errWeeks = errors.New("the weeks file cannot be used")

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
		return nil, fmt.Errorf("%w: %q belongs to another key file", errWeeks, path)
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
	t := &termFlags{}
	t.declare(flags, moreWeeks)
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("key", *key, "out", *out); err != nil {
			return err
		}
		keys, err := readKeys(c, *key)
		if err != nil {
			return err
		}
		terms, err := t.terms(nextWeek(keys, week.Of(time.Now())))
		if err != nil {
			return err
		}
		if keys, err = keys.WithTerms(terms...); err != nil {
			return err
		}
		if err := c.writeWeeks(keys, beside(*key, weeksSuffix)); err != nil {
			return err
		}
		if err := writeNew(*out, publicMode, keys.Card().Text()); err != nil {
			return fmt.Errorf("writing card: %w", err)
		}
		c.say("%s", *out)
		return nil
	}
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
		keys, err := readKeys(c, *key)
		if err != nil {
			return err
		}
		for _, t := range keys.Terms {
			c.say("%s to %s", t.From, t.To)
		}
		return nil
	}
}
