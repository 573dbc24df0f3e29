package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

func rosterNew(flags *flag.FlagSet) action {
	f := &rosterFlags{}
	flags.StringVar(&f.origin, "origin", "", "`name` of the drop, such as demo.saksi")
	flags.StringVar(&f.roots, "roots", "", "`file` with the roots, from root set or root keygen")
	flags.StringVar(&f.server, "server", "", "`file` with the server's verifier key")
	flags.StringVar(&f.previous, "previous", "", "`file` with the signed roster before this one, if any")
	flags.StringVar(&f.from, "from", "", "first `day`, such as 2026-11-22; today if empty")
	flags.IntVar(&f.weeks, "weeks", 13, "how many weeks it is valid")
	flags.StringVar(&f.out, "out", "", "`file` for the unsigned roster; the recipients files go beside it")
	f.policyFlags.define(flags)
	return func(_ context.Context, c *console, cards []string) error {
		draft, err := f.draft(cards)
		if err != nil {
			return err
		}
		if err := f.decide(c, draft); err != nil {
			return err
		}
		r, recipients, err := draft.Roster()
		if err != nil {
			return err
		}
		for _, file := range recipients {
			side := filepath.Join(filepath.Dir(f.out), file.From.String()+roster.RecipientsSuffix)
			if err := writeRecipients(side, file.Text()); err != nil {
				return err
			}
		}
		if err := writeNew(f.out, publicMode, r.Text()); err != nil {
			return fmt.Errorf("writing roster: %w", err)
		}
		c.describe(r)
		if draft.Previous != nil {
			c.describeChange(&draft.Previous.Roster, r, recipientsBeside(f.previous, f.out))
		}
		c.say("\nwritten: %s, still unsigned, and %s beside it", f.out, plural(len(recipients), "recipients file"))
		return nil
	}
}

// writeRecipients writes the file, unless it is there with this content.
func writeRecipients(path, text string) error {
	err := writeNew(path, publicMode, text)
	if errors.Is(err, os.ErrExist) {
		if old, readErr := readText(path); readErr == nil && old == text {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("writing recipients: %w", err)
	}
	return nil
}

type rosterFlags struct {
	origin, roots, server, previous, from, out string
	weeks                                      int
	policyFlags
}

// draft reads all the files that a new roster is made of.
func (f *rosterFlags) draft(cards []string) (*reviewer.Draft, error) {
	if err := need("origin", f.origin, "roots", f.roots, "server", f.server, "out", f.out); err != nil {
		return nil, err
	}
	if f.weeks < 1 {
		return nil, fmt.Errorf("%w: -weeks is 1 or more", errUsage)
	}
	d := &reviewer.Draft{Origin: f.origin, Weeks: f.weeks, From: time.Now()}
	if f.from != "" {
		day, err := time.Parse(time.DateOnly, f.from)
		if err != nil {
			return nil, fmt.Errorf("%w: -from %q: want a form such as 2026-11-22", errUsage, f.from)
		}
		d.From = day
	}
	if err := f.readRoots(d); err != nil {
		return nil, err
	}
	if err := f.readServer(d); err != nil {
		return nil, err
	}
	return d, readCards(d, cards)
}

// readRoots reads the roots, and with a previous roster also what it hands
// down: later root sets, and revocations, which must never lapse.
func (f *rosterFlags) readRoots(d *reviewer.Draft) error {
	set, err := readRoots(f.roots)
	if err != nil {
		return err
	}
	d.Roots = []roster.RootSet{set}
	if f.previous == "" {
		return nil
	}
	if d.Previous, err = verifiedRoster(f.previous, set); err != nil {
		return err
	}
	if d.Previous.Origin != d.Origin {
		return fmt.Errorf("reading %q: it is a roster of %q", f.previous, d.Previous.Origin)
	}
	d.Roots, d.Revoked, d.Quorum = d.Previous.RootSets, d.Previous.Revoked, d.Previous.Quorum
	return nil
}

func (f *rosterFlags) readServer(d *reviewer.Draft) error {
	text, err := readText(f.server)
	if err != nil {
		return err
	}
	if d.Server, err = sign.ParseKey(strings.TrimSpace(text)); err != nil {
		return fmt.Errorf("reading %q: %w", f.server, err)
	}
	if d.Server.Name() != d.Origin {
		return fmt.Errorf("reading %q: it is the key of server %q, not of %q", f.server, d.Server.Name(), d.Origin)
	}
	return nil
}

func readCards(d *reviewer.Draft, paths []string) error {
	for _, path := range paths {
		text, err := readText(path)
		if err != nil {
			return err
		}
		card, err := reviewer.ParseCard(text)
		if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
		d.Cards = append(d.Cards, card)
	}
	return nil
}

func rosterVerify(flags *flag.FlagSet) action {
	root := flags.String("root", "", "`file` with the roots that you trust")
	cards := cardFlag(flags)
	return func(_ context.Context, c *console, args []string) error {
		if err := need("root", *root); err != nil {
			return err
		}
		trusted, err := readRoots(*root)
		if err != nil {
			return err
		}
		signed, err := verifiedRoster(args[0], trusted)
		if err != nil {
			return err
		}
		c.describe(&signed.Roster)
		files, err := c.verifyRecipients(signed, filepath.Dir(args[0]))
		if err != nil {
			return err
		}
		if err := c.compareCards(&signed.Roster, files, *cards); err != nil {
			return err
		}
		return c.verifyTime(signed)
	}
}

// recipientsIn reads the recipients files of a folder, by their hash, and their names.
func recipientsIn(folder string) (files recipientsFiles, found map[roster.Hash]string, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*"+roster.RecipientsSuffix))
	if err != nil {
		return nil, nil, err
	}
	files, found = recipientsFiles{}, map[roster.Hash]string{}
	for _, path := range paths {
		text, err := readText(path)
		if err != nil {
			return nil, nil, err
		}
		hash := roster.Hash(sha256.Sum256([]byte(text)))
		files[hash], found[hash] = text, filepath.Base(path)
	}
	return files, found, nil
}

// verifyRecipients looks in the roster's folder for the files that it pins.
func (c *console) verifyRecipients(s *roster.Signed, folder string) (recipientsFiles, error) {
	files, found, err := recipientsIn(folder)
	if err != nil {
		return nil, err
	}
	if err := s.Complete(week.Week{}, files); err != nil {
		return nil, err
	}
	for _, p := range s.Recipients {
		c.say("recipients of weeks %s to %s: %s fits", p.From, p.To, found[p.File])
	}
	return files, nil
}

func (c *console) verifyTime(s *roster.Signed) error {
	err := s.ValidAt(time.Now())
	if errors.Is(err, roster.ErrNotYet) {
		c.say("verified; not valid yet")
		return nil
	}
	if err != nil {
		return err
	}
	if soon := s.RunsOut(time.Now(), func(roster.Hash) bool { return true }); soon != "" {
		c.warn("%s: let the roots sign the next one in time", soon)
	}
	c.say("verified; valid today")
	return nil
}
