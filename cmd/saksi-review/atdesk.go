package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
)

// deskFlags are those of every command at the desk.
type deskFlags struct{ key, folder string }

func (f *deskFlags) declare(flags *flag.FlagSet) {
	flags.StringVar(&f.key, "key", "", "your key `file`")
	flags.StringVar(&f.folder, "desk", "", "the desk's `folder`")
}

// open opens the desk.
func (f *deskFlags) open(c *console, create bool) (*desk.Desk, error) {
	if err := need("key", f.key, "desk", f.folder); err != nil {
		return nil, err
	}
	keys, err := readKeys(c, f.key, c.weeksPath(f.key))
	if err != nil {
		return nil, err
	}
	return f.openWith(c, keys, create)
}

func (f *deskFlags) openWith(c *console, keys *reviewer.Keys, create bool) (*desk.Desk, error) {
	d, err := desk.Open(desk.Config{Folder: f.folder, Keys: keys, Create: create, Progress: c.progress()})
	if err == nil && d.Loose() {
		c.warn("others on this machine may look into %q: chmod 700 closes it", f.folder)
	}
	return d, err
}

// thread opens the desk and runs what is asked of one of its threads.
func (f *deskFlags) thread(c *console, name string, run func(*desk.Desk, *desk.Thread) error) error {
	d, err := f.open(c, false)
	if err != nil {
		return err
	}
	defer d.Close()
	t, err := d.Thread(name)
	if err != nil {
		return err
	}
	return run(d, t)
}

func openBundle(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	root := flags.String("root", "", "`file` with the roots that you trust")
	grace := flags.Int("grace", desk.DefaultGrace,
		fmt.Sprintf("for how many `weeks` after a week its secret is kept, 1 to %d", desk.MaxGrace))
	return func(ctx context.Context, c *console, args []string) error {
		if err := need("root", *root, "key", f.key, "desk", f.folder); err != nil {
			return err
		}
		if *grace < 1 || *grace > desk.MaxGrace {
			return fmt.Errorf("%w: -grace is 1 to %d", errUsage, desk.MaxGrace)
		}
		trusted, err := readRoots(*root)
		if err != nil {
			return err
		}
		bundle, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer bundle.Close()
		info, err := bundle.Stat()
		if err != nil {
			return err
		}
		held, err := holdKeys(c, f.key, c.weeksPath(f.key))
		if err != nil {
			return err
		}
		defer held.Close()
		d, err := f.openWith(c, held.Keys, true)
		if err != nil {
			return err
		}
		defer d.Close()
		defer outlive()()
		report, err := d.Import(ctx, bundle, info.Size(), trusted)
		if report == nil {
			return err
		}
		c.report(report)
		c.sayPending(d)
		c.sayWaiting(d)
		if err != nil {
			return err
		}
		if err := c.destroyWeeks(d, held, *grace); err != nil {
			return fmt.Errorf("%w: %w", desk.ErrTakenIn, err)
		}
		return nil
	}
}

func list(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	return func(_ context.Context, c *console, _ []string) error {
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		c.listThreads(d.Threads(), d.Copied())
		if len(d.Threads()) == 0 {
			c.say("no threads")
		}
		for _, a := range d.Apart() {
			c.say("%s  item %s of batch %d: %s", apartName(a), a.ID, a.Batch, a.Reason)
		}
		if n := d.NotOurs(); n > 0 {
			c.say("%s not for this desk", plural(n, "item"))
		}
		c.sayPending(d)
		c.sayWaiting(d)
		return nil
	}
}

func show(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	lang := flags.String("lang", "id", "`language` of questions and choices: id or en")
	return func(ctx context.Context, c *console, args []string) error {
		if err := checkLang(*lang); err != nil {
			return err
		}
		return f.thread(c, args[0], func(d *desk.Desk, t *desk.Thread) error {
			pages, err := d.Read(ctx, t)
			if err != nil && pages == nil {
				return err
			}
			looks := answersIn{*lang, d.Form, func(i *desk.Item) (desk.Tells, error) { return d.Look(ctx, i) }}
			if err := c.showThread(t, pages, looks); err != nil {
				return err
			}
			return d.MarkSeen(t)
		})
	}
}

func checkLang(lang string) error {
	if lang != "id" && lang != "en" {
		return fmt.Errorf("%w: -lang is id or en", errUsage)
	}
	return nil
}

func extract(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	out := flags.String("out", "", "new `folder` for the files, in plaintext")
	lang := flags.String("lang", "id", "`language` of what is said of the files: id or en")
	return func(ctx context.Context, c *console, args []string) error {
		if err := cmp.Or(need("out", *out), checkLang(*lang)); err != nil {
			return err
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		t, one, err := d.Find(args[0])
		if err != nil {
			return err
		}
		items := t.Items
		if one != nil {
			items = []*desk.Item{one}
		}
		extracted, err := d.Extract(ctx, items, *out)
		if err != nil {
			return err
		}
		for _, x := range extracted {
			c.sayExtracted(*out, x, *lang)
		}
		c.warn("%q holds plaintext: delete it when you are done", *out)
		return nil
	}
}

func replyTo(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	a := &answerFlags{}
	a.declare(flags)
	return func(_ context.Context, c *console, args []string) error {
		if err := need("status", a.status); err != nil {
			return err
		}
		if reply.Status(a.status) == reply.Taken {
			return fmt.Errorf("%w: status %q is given by open itself, when a bundle arrives", errUsage, a.status)
		}
		return f.thread(c, args[0], func(d *desk.Desk, t *desk.Thread) error {
			text, err := a.read(c, flags)
			if err != nil {
				return err
			}
			if s := reply.Status(a.status); text == "" && (s == reply.Reviewed || s == reply.NeedsMore) {
				return fmt.Errorf("%w: status %q needs a text: its reporter would see an empty answer", errUsage, s)
			}
			own, err := d.Reply(t, desk.Answer{Status: reply.Status(a.status), Forwarded: a.forwarded, Text: text})
			if err != nil {
				return err
			}
			c.say("reply %d to thread %s is sealed, with status %s", own.Number, d.Names().Of(t.Mailbox), own.Status)
			c.sayWaiting(d)
			return nil
		})
	}
}

type answerFlags struct{ status, forwarded, text, file string }

func (a *answerFlags) declare(flags *flag.FlagSet) {
	var known []string
	for _, s := range reply.Statuses() {
		if s != reply.Taken {
			known = append(known, string(s))
		}
	}
	flags.StringVar(&a.status, "status", "", "`status` of the thread: "+strings.Join(known, ", "))
	flags.StringVar(&a.forwarded, "forwarded", "", "to `whom`, with status diteruskan")
	flags.StringVar(&a.text, "text", "", "the `text`; may be empty")
	flags.StringVar(&a.file, "f", "", "`file` with the text; without -text and -f it is read from standard input")
}

// read returns the text, from where the flags say.
func (a *answerFlags) read(c *console, flags *flag.FlagSet) (string, error) {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var text string
	var err error
	switch {
	case given["text"] && given["f"]:
		return "", fmt.Errorf("%w: -text and -f exclude each other", errUsage)
	case given["text"]:
		text = a.text
	case given["f"]:
		text, err = readText(a.file)
	default:
		text, err = readAll(c.stdin)
	}
	return strings.TrimRight(text, "\r\n"), err
}

func writeOutbox(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	again := flags.Uint64("again", 0, "write outbox `number` once more, byte for byte")
	out := flags.String("out", "", "new `file` for the outbox")
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		sent, err := outboxFile(*out, func(w io.Writer) (desk.Sent, error) { return fillOutbox(d, w, *again) })
		if err == nil {
			err = d.Written(max(sent.Number, *again))
		}
		switch {
		case errors.Is(err, desk.ErrNothing):
			c.sayNothing(d)
		case err != nil:
			return err
		case *again > 0:
			c.say("outbox %d, once more: %s", *again, *out)
		default:
			c.saySent(sent, *out)
		}
		c.warnOfUnwritten(d)
		return nil
	}
}

// warnOfUnwritten names outboxes of which a command broke off: they count as sent, and
// no later one has what is in them.
func (c *console) warnOfUnwritten(d *desk.Desk) {
	numbers, err := d.Unwritten()
	if err != nil {
		c.warn("%v", err)
	}
	c.warnEach(len(numbers), "such outboxes", func(i int) string {
		return fmt.Sprintf("outbox %d counts as sent, and was never written to its end: "+
			"saksi-review outbox -again %d writes it, and it has to travel as well", numbers[i], numbers[i])
	})
}

// outboxFile has an outbox written to a new file. It counts as sent before its first
// byte is written, and a stick may fail at the last one: whatever went wrong with it,
// the error says how to have it once more.
func outboxFile(path string, write func(io.Writer) (desk.Sent, error)) (sent desk.Sent, err error) {
	err = fillNew(path, func(w io.Writer) (err error) {
		sent, err = write(w)
		return err
	})
	if err != nil && sent.Number > 0 {
		err = fmt.Errorf("%w; -again %d writes it once more", err, sent.Number)
	}
	return sent, err
}

// fillOutbox writes the next outbox to w, or one that was written before.
func fillOutbox(d *desk.Desk, w io.Writer, again uint64) (desk.Sent, error) {
	if again > 0 {
		return desk.Sent{}, d.OutboxAgain(again, w)
	}
	return d.Outbox(w)
}

func (c *console) saySent(sent desk.Sent, name string) {
	c.say("outbox %d: %s", sent.Number, name)
	c.say("  %s, %s%s", plural(sent.Acks, "acknowledgement"), plural(sent.Replies, "reply"), canaries(sent.Canaries))
	if sent.More {
		c.say("  it is full; run outbox again for the rest")
	}
}

// sayNothing names the last outbox: if the command that made it broke off, it counts
// as sent and is nowhere.
func (c *console) sayNothing(d *desk.Desk) {
	c.say("nothing to send")
	if last := d.LastOutbox(); last > 0 {
		c.say("the last was outbox %d; -again %d writes it once more", last, last)
	}
}
