package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

func keygen(flags *flag.FlagSet) action {
	id := flags.String("id", "", "the reviewer's short name on the roster, such as `r1`")
	region := flags.String("region", "", "`code` of a kabupaten such as 73.71, of a province such as 73, or 00")
	org := flags.String("org", "", "the reviewer's `organisation`")
	label := flags.String("label", "", "the `name` that reporters see")
	out := flags.String("out", "", "`file` for the key; weeks file and card go beside it, as .weeks and .card")
	t := &termFlags{}
	t.declare(flags, firstWeeks)
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("id", *id, "region", *region, "org", *org, "label", *label, "out", *out); err != nil {
			return err
		}
		terms, err := t.terms(week.Of(time.Now()).Add(-1))
		if err != nil {
			return err
		}
		keys, err := reviewer.Generate(*id, *region, *org, *label, terms)
		if err != nil {
			return err
		}
		sealed, err := keys.SealWeeks()
		if err != nil {
			return err
		}
		card := beside(*out, ".card")
		err = writeAll(
			newFile{*out, secretMode, keys.File()},
			newFile{beside(*out, weeksSuffix), secretMode, string(sealed)},
			newFile{card, publicMode, keys.Card().Text()},
		)
		if err != nil {
			return fmt.Errorf("writing key: %w", err)
		}
		c.say("%s", card)
		return nil
	}
}

func rootKeygen(flags *flag.FlagSet) action {
	name := flags.String("name", "", "the root's `name`, such as that of its organisation")
	out := flags.String("out", "", "`file` for the key; the root file goes beside it, with the suffix .vkey")
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("name", *name, "out", *out); err != nil {
			return err
		}
		signer, err := sign.Generate(*name)
		if err != nil {
			return err
		}
		secret := "# Saksi root: keep this file offline, and a copy of it in another place.\n" + signer.String() + "\n"
		set := roster.RootSet{Threshold: 1, Keys: []sign.Key{signer.Key()}}
		public := beside(*out, ".vkey")
		err = writeAll(newFile{*out, secretMode, secret}, newFile{public, publicMode, set.Text()})
		if err != nil {
			return fmt.Errorf("writing root key: %w", err)
		}
		c.say("%s", public)
		return nil
	}
}

func rootSet(flags *flag.FlagSet) action {
	threshold := flags.Int("threshold", 0, "how many of the roots must sign a roster")
	out := flags.String("out", "", "`file` for the set")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		if *threshold < 1 {
			return fmt.Errorf("%w: missing -threshold, 1 or more", errUsage)
		}
		set := roster.RootSet{Threshold: *threshold}
		for _, path := range args {
			part, err := readRoots(path)
			if err != nil {
				return err
			}
			set.Keys = append(set.Keys, part.Keys...)
		}
		// In one order, whoever joins them: the fingerprint depends on it.
		slices.SortFunc(set.Keys, func(a, b sign.Key) int { return strings.Compare(a.Name(), b.Name()) })
		// Reading it back finds a threshold out of reach, or a root that
		// stands twice.
		if _, err := roster.ParseRootSet(set.Text()); err != nil {
			return err
		}
		if err := writeNew(*out, publicMode, set.Text()); err != nil {
			return fmt.Errorf("writing roots: %w", err)
		}
		c.say("%d of these %d roots must sign a roster: %s", set.Threshold, len(set.Keys), names(set))
		c.say("fingerprint for posters: %s", strings.Join(set.Fingerprint(), " "))
		return nil
	}
}

func names(set roster.RootSet) string {
	var list []string
	for _, k := range set.Keys {
		list = append(list, k.Name())
	}
	return strings.Join(list, ", ")
}
