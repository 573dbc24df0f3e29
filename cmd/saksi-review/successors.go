package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// A rootsNow is who may put others in their place: the last root set of a drop, and
// the first, whose fingerprint is on the posters.
type rootsNow struct {
	current, root string // files
	first, last   roster.RootSet
}

func (n *rootsNow) define(flags *flag.FlagSet) {
	flags.StringVar(&n.current, "current", "", "`file` with the newest signed roster, or with the roots if there is none yet")
	flags.StringVar(&n.root, "root", "", "`file` with the roots that you trust: those of the posters")
}

// read finds the set that is in office. A roster says so only with its signatures.
func (n *rootsNow) read() error {
	if err := need("current", n.current); err != nil {
		return err
	}
	text, err := readText(n.current)
	if err != nil {
		return err
	}
	if strings.HasPrefix(text, "saksi/v1/roots\n") {
		n.first, err = readRoots(n.current)
		n.last = n.first
		return err
	}
	if err := need("root", n.root); err != nil {
		return err
	}
	if n.first, err = readRoots(n.root); err != nil {
		return err
	}
	signed, err := verifiedRoster(n.current, n.first)
	if err == nil {
		n.last = signed.RootSets[len(signed.RootSets)-1]
	}
	return err
}

// open reads a proposal for the place of these roots.
func (n *rootsNow) open(path string) (roster.Successor, []string, error) {
	text, lines, err := readNote(path)
	if err != nil {
		return roster.Successor{}, nil, err
	}
	next, err := roster.ParseSuccessor(text)
	if err != nil {
		return roster.Successor{}, nil, fmt.Errorf("reading %q: %w", path, err)
	}
	if next.Before != n.last.Hash() {
		return roster.Successor{}, nil, fmt.Errorf("reading %q: %w", path, roster.ErrSuccessor)
	}
	return next, lines, nil
}

func (c *console) describeSuccessor(n *rootsNow, next roster.Successor) {
	c.say("next roots of a drop")
	c.say("  aloud        %s", strings.Join(roster.Aloud([]byte(next.Text())), " "))
	c.say("  roots        %d of %d must sign a roster: %s", next.Next.Threshold, len(next.Next.Keys), names(next.Next))
	c.say("  fingerprint  %s, as on the posters: it stays", strings.Join(n.first.Fingerprint(), " "))
	c.say("\nagainst the roots of now:")
	c.sayAll(rootChanges(n.last, next.Next), "nothing")
}

func rootPropose(flags *flag.FlagSet) action {
	n := &rootsNow{}
	n.define(flags)
	threshold := flags.Int("threshold", 0, "how many of the next roots must sign a roster")
	out := flags.String("out", "", "`file` for the proposal, unsigned")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		if err := n.read(); err != nil {
			return err
		}
		set, err := joinRoots(*threshold, args)
		if err != nil {
			return err
		}
		next := n.last.Propose(set)
		if err := writeNew(*out, publicMode, next.Text()); err != nil {
			return fmt.Errorf("writing next roots: %w", err)
		}
		c.describeSuccessor(n, next)
		c.say("\nwritten: %s, still unsigned; %d of these must endorse it: %s",
			*out, n.last.Threshold, names(n.last))
		return nil
	}
}

// joinRoots makes one set of several root files.
func joinRoots(threshold int, paths []string) (roster.RootSet, error) {
	if threshold < 1 {
		return roster.RootSet{}, fmt.Errorf("%w: missing -threshold, 1 or more", errUsage)
	}
	set := roster.RootSet{Threshold: threshold}
	for _, path := range paths {
		part, err := readRoots(path)
		if err != nil {
			return roster.RootSet{}, err
		}
		set.Keys = append(set.Keys, part.Keys...)
	}
	// In one order, whoever joins them: the fingerprint depends on it.
	slices.SortFunc(set.Keys, func(a, b sign.Key) int { return strings.Compare(a.Name(), b.Name()) })
	// Reading it back finds a threshold out of reach, or a root that stands twice.
	return roster.ParseRootSet(set.Text())
}

func rootEndorse(flags *flag.FlagSet) action {
	n, s := &rootsNow{}, &signing{}
	s.define(flags)
	flags.StringVar(&n.current, "current", "", "`file` with the newest signed roster, or with the roots if there is none yet")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("key", s.key); err != nil {
			return err
		}
		n.root = s.root
		if err := n.read(); err != nil {
			return err
		}
		next, lines, err := n.open(args[0])
		if err != nil {
			return err
		}
		p := &deed{text: next.Text(), roots: n.last}
		if err := p.take(lines); err != nil {
			return fmt.Errorf("endorsing %q: %w", args[0], err)
		}
		return s.sign(c, args[0], p, func() { c.describeSuccessor(n, next) })
	}
}

func rootMerge(flags *flag.FlagSet) action {
	n := &rootsNow{}
	n.define(flags)
	out := flags.String("out", "", "`file` for the proposal with all signatures")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		if err := n.read(); err != nil {
			return err
		}
		var first roster.Successor
		m := &merger{c: c}
		for _, path := range args {
			next, lines, err := n.open(path)
			if err != nil {
				return err
			}
			if m.text == "" {
				first, m.text, m.roots = next, next.Text(), n.last
			}
			if next.Text() != m.text {
				c.say("%s differs from %s:", path, args[0])
				c.sayAll(rootChanges(first.Next, next.Next), noWords)
				return fmt.Errorf("merging %q and %q: %w", args[0], path, errDiffer)
			}
			m.add(path, lines)
		}
		if err := m.write(*out); err != nil {
			return err
		}
		c.describeSuccessor(n, first)
		return c.describeSignatures(&m.deed, m.msg, *out)
	}
}
