package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"saksi/cmd/saksi-review/desk"
	"saksi/cmd/saksi-review/sheet"
	"saksi/web/taxonomy"
)

func writeSheet(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	out := flags.String("out", "", "new `file`, in plaintext: a page to print if it ends in .html; "+
		"without it the sheet goes to standard output")
	internal := flags.Bool("internal", false,
		"make it although it must not be passed on; it says so on top and at its end")
	return func(ctx context.Context, c *console, args []string) error {
		render, err := rendering(*out)
		if err != nil {
			return err
		}
		return f.thread(c, args[0], func(d *desk.Desk, t *desk.Thread) error {
			pages, err := d.Read(ctx, t)
			if err != nil {
				return err
			}
			s, err := sheet.New(sheet.Input{
				Thread: d.Names().Of(t.Mailbox), Pages: pages, Form: d.Form, Today: time.Now(), Internal: *internal,
			})
			if err != nil {
				return err
			}
			if *out == "" {
				return render(s, c.stdout)
			}
			return c.keepSheet(*out, func(w io.Writer) error { return render(s, w) })
		})
	}
}

// rendering returns how a file of that name is written.
func rendering(name string) (func(*sheet.Sheet, io.Writer) error, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".html", ".htm":
		return (*sheet.Sheet).HTML, nil
	case ".txt":
		return (*sheet.Sheet).Text, nil
	}
	if name == "" {
		return (*sheet.Sheet).Text, nil
	}
	return nil, fmt.Errorf("%w: -out wants a name that ends in .html or .txt", errUsage)
}

// keepSheet writes a sheet to a file that must not be there yet.
func (c *console) keepSheet(name string, render func(io.Writer) error) error {
	var text strings.Builder
	if err := render(&text); err != nil {
		return fmt.Errorf("writing sheet: %w", err)
	}
	if err := writeNew(name, secretMode, text.String()); err != nil {
		return fmt.Errorf("writing sheet: %w", err)
	}
	c.say("%s", name)
	c.warn("%q holds plaintext: delete it when you are done", name)
	return nil
}

func keepTaxonomy(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	return func(ctx context.Context, c *console, args []string) error {
		var files [2][]byte
		for i, name := range args {
			content, err := readUpTo(name, taxonomy.MaxFile)
			if err != nil {
				return err
			}
			files[i] = content
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		t, err := d.KeepForm(ctx, files[0], files[1])
		if errors.Is(err, taxonomy.ErrInvalid) {
			return fmt.Errorf("reading %q: %w", args, err)
		}
		if err != nil {
			return err
		}
		c.say("the desk knows the form %s", t.Reference())
		if _, rules := d.Form(t.Reference()); rules != nil {
			c.say("  with rules of %s", rules.Version)
			c.sayConsent(t, rules)
		} else {
			c.say("  without rules: saksi-review sheet makes no sheet of its answers")
		}
		return nil
	}
}

// sayConsent says what each answer lets out: rules from a stranger could make a
// permission of a refusal, and nobody reads JSON.
func (c *console) sayConsent(t *taxonomy.Taxonomy, rules *taxonomy.Rules) {
	means := map[taxonomy.Consent]string{
		taxonomy.Closed: "counted only", taxonomy.Unquoted: "passed on, without the words of the reporter",
		taxonomy.Quotable: "passed on, with the words of the reporter",
	}
	q := t.Question(rules.Permit.Question)
	c.say("compare what the rules make of the answers to %q with what each says:", desk.Clean(q.Label.ID))
	for _, choice := range q.Choices {
		consent := rules.Consent(t, taxonomy.Answers{q.ID: {choice.Code}})
		c.say("  - %s: %s", desk.Clean(choice.Label.ID), means[consent])
	}
}
