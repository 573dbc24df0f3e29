package main

import (
	"context"
	"flag"
	"fmt"
	"os"
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
	out := flags.String("out", "", "`file` for the key; weeks file and test go beside it, as .weeks and .test")
	t, under := &termFlags{}, &newKeyFlags{}
	t.declare(flags, firstWeeks)
	under.declare(flags)
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
		if err := writeKeys(c, keys, under, *out); err != nil {
			return err
		}
		c.say("written: %s, the weeks file %s and a test, %s", *out, beside(*out, weeksSuffix), beside(*out, testSuffix))
		c.say("Copy %s, and nothing else, to another stick. Then try the copy, which makes the card:", *out)
		c.say("    saksi-review rehearse -key COPY -out %s", beside(*out, ".card"))
		return nil
	}
}

// writeKeys writes the key file, the weeks file and the test of new keys, or
// none of them.
func writeKeys(c *console, keys *reviewer.Keys, under *newKeyFlags, out string) error {
	weeks, err := keys.SealWeeks()
	if err != nil {
		return err
	}
	test, err := sealTest(keys)
	if err != nil {
		return err
	}
	files := []newFile{
		{out, secretMode, ""}, {beside(out, weeksSuffix), secretMode, string(weeks)},
		{beside(out, testSuffix), secretMode, test},
	}
	// Before anybody is asked for a passphrase.
	for _, f := range files {
		if _, err := os.Lstat(f.path); err == nil {
			return fmt.Errorf("writing key: %q: %w", f.path, os.ErrExist)
		}
	}
	if files[0].content, err = under.seal(c, keys.File()); err != nil {
		return err
	}
	if err := writeAll(files...); err != nil {
		return fmt.Errorf("writing key: %w", err)
	}
	return nil
}

func rootKeygen(flags *flag.FlagSet) action {
	name := flags.String("name", "", "the root's `name`, such as that of its organisation")
	out := flags.String("out", "", "`file` for the key; the root file goes beside it, with the suffix .vkey")
	under := &newKeyFlags{}
	under.declare(flags)
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("name", *name, "out", *out); err != nil {
			return err
		}
		signer, err := sign.Generate(*name)
		if err != nil {
			return err
		}
		secret := "# Saksi root: keep this file offline, and a copy of it in another place.\n" + signer.String() + "\n"
		if secret, err = under.seal(c, secret); err != nil {
			return err
		}
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
		set, err := joinRoots(*threshold, args)
		if err != nil {
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
