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

// rosterMerge joins the signatures of copies that were signed in different places.
func rosterMerge(flags *flag.FlagSet) action {
	out := flags.String("out", "", "`file` for the roster with all signatures")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		var first *roster.Roster
		m := &merger{c: c}
		for _, path := range args {
			text, lines, err := readNote(path)
			if err != nil {
				return err
			}
			r, err := roster.Parse(text)
			if err != nil {
				return fmt.Errorf("reading %q: %w", path, err)
			}
			if first == nil {
				first, m.text, m.roots = r, text, r.RootSets[len(r.RootSets)-1]
			}
			if text != m.text {
				c.say("%s differs from %s:", path, args[0])
				c.sayAll(differences(first, r, recipientsBeside(args[0], path)), noWords)
				return fmt.Errorf("merging %q and %q: %w", args[0], path, errDiffer)
			}
			m.add(path, lines)
		}
		if err := m.write(*out); err != nil {
			return err
		}
		c.describe(first)
		return c.describeSignatures(&m.deed, m.msg, *out)
	}
}

// A merger collects the signatures over one text.
type merger struct {
	c *console
	deed
	all []string
	msg []byte
}

// add takes the signatures of a file that count, and says which do not.
func (m *merger) add(path string, lines []string) {
	by, valid, rest := sign.Sort(m.text, lines, m.roots.Keys...)
	for _, line := range rest {
		m.c.warn("in %q the signature of %q does not count: it is not over this text, or not by one of these roots",
			path, signerName(line))
	}
	for _, k := range by {
		m.c.say("%s: signed by %s", path, k.Name())
	}
	if len(by) == 0 {
		m.c.warn("nobody whose signature counts has signed %q", path)
	}
	m.all = append(m.all, valid...)
}

// write writes the text with each root's signature once.
func (m *merger) write(out string) (err error) {
	_, m.lines, _ = sign.Sort(m.text, m.all, m.roots.Keys...)
	if len(m.lines) == 0 {
		return fmt.Errorf("merging: %w", errNobody)
	}
	if m.msg, err = sign.AddSignatures(m.text, m.lines); err != nil {
		return fmt.Errorf("merging: %w", err)
	}
	if err := writeNew(out, publicMode, string(m.msg)); err != nil {
		return fmt.Errorf("writing note: %w", err)
	}
	return nil
}

// describeSignatures says who signed, and how many are still to come.
func (c *console) describeSignatures(p *deed, msg []byte, path string) error {
	_, lines, err := sign.Split(msg)
	if err != nil {
		return err
	}
	by, _, _ := sign.Sort(p.text, lines, p.roots.Keys...)
	var signed, open []string
	for _, k := range p.roots.Keys {
		if slices.ContainsFunc(by, func(b sign.Key) bool { return b.String() == k.String() }) {
			signed = append(signed, k.Name())
		} else {
			open = append(open, k.Name())
		}
	}
	c.say("\n%s has %d of %d signatures: %s", path, len(signed), p.roots.Threshold, strings.Join(signed, ", "))
	if missing := p.roots.Threshold - len(signed); missing > 0 {
		c.say("%s to come, by any of: %s", plural(missing, "signature"), strings.Join(open, ", "))
	} else {
		c.say("it is complete")
	}
	return nil
}
