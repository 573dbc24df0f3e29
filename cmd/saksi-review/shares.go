package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/share"
	"saksi/crypto/week"
)

func shareItems(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	to := flags.String("to", "", "the `id` of the colleague who is to open what waits")
	out := flags.String("out", "", "new `file` for the shares")
	p := &portionFlags{}
	p.declare(flags)
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("to", *to, "out", *out); err != nil {
			return err
		}
		portion, err := p.portion()
		if err != nil {
			return err
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		var sum desk.Shared
		err = fillNew(*out, func(w io.Writer) error {
			sum, err = d.SharePortion(*to, portion, w)
			return err
		})
		switch {
		case errors.Is(err, desk.ErrNothing):
			c.say("nothing%s waits that %s could open", p.within(), *to)
		case err != nil:
			return fmt.Errorf("writing shares: %w", err)
		default:
			c.say("shares of %s for %s: %s", plural(sum.Items, "item"), *to, *out)
		}
		c.sayLeftOut(sum, *to)
		if sum.More > 0 {
			c.warn("without the oldest %s: the file is full; the same command with -part %d, and another file behind -out, "+
				"writes those", plural(sum.More, "item"), max(portion.Part, 1)+1)
		}
		return nil
	}
}

// portionFlags say of which items shares are handed over, where one file cannot hold
// them all.
type portionFlags struct {
	batches string
	part    int
}

func (f *portionFlags) declare(flags *flag.FlagSet) {
	flags.StringVar(&f.batches, "batch", "", "only what came in these `batches`, such as 3-12 or 7")
	flags.IntVar(&f.part, "part", 1,
		fmt.Sprintf("which `file` of %s items to write, the newest items first", number(share.MaxItems)))
}

// portion returns what the flags say.
func (f *portionFlags) portion() (p desk.Portion, err error) {
	if f.part < 1 || f.part > maxParts {
		return p, fmt.Errorf("%w: -part is 1 to %d", errUsage, maxParts)
	}
	p.Part = f.part
	if f.batches == "" {
		return p, nil
	}
	var ok bool
	if p.Batches, ok = parseBatches(f.batches); !ok {
		return p, fmt.Errorf("%w: -batch has a form such as 3-12 or 7", errUsage)
	}
	return p, nil
}

// parseBatches reads 3-12, or 7.
func parseBatches(text string) (r desk.Range, ok bool) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	var errFrom, errTo error
	r.From, errFrom = strconv.ParseUint(from, 10, 64)
	r.To, errTo = strconv.ParseUint(to, 10, 64)
	return r, errFrom == nil && errTo == nil && r.From >= 1 && r.To >= r.From
}

// maxParts is more than any desk has items for.
const maxParts = 1000

// within says what the flags leave of all items.
func (f *portionFlags) within() (in string) {
	if f.batches != "" {
		in = " in batches " + f.batches
	}
	if f.part > 1 {
		in += fmt.Sprintf(" in part %d", f.part)
	}
	return in
}

// sayLeftOut says what is not in a file of shares, and what is in doubt.
func (c *console) sayLeftOut(sum desk.Shared, to string) {
	if sum.Kept > 0 {
		c.say("  with %s that the reporter keeps from %s: there it opens with no shares, and left out it would tell of itself",
			plural(sum.Kept, "item"), to)
	}
	if sum.Claimed > 0 {
		c.say("  with %s that the server says its reporter deleted: whether that is so is seen when it opens",
			plural(sum.Claimed, "item"))
	}
	if sum.Lost > 0 {
		c.warn("without %s: the keys of their cases are not on this desk, or damaged; bring back a copy of the desk's folder",
			plural(sum.Lost, "item"))
	}
	if sum.Deleted > 0 {
		c.say("  without %s that the reporter deleted", plural(sum.Deleted, "item"))
	}
}

func joinShares(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	return func(ctx context.Context, c *console, paths []string) error {
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		defer outlive()()
		for _, path := range paths {
			file, err := readUpTo(path, share.MaxSize)
			if err != nil {
				return err
			}
			joined, err := d.Join(ctx, file)
			if joined != nil {
				c.sayJoined(joined)
			}
			if err != nil {
				return fmt.Errorf("reading %q: %w", path, err)
			}
		}
		c.sayPending(d)
		c.sayWaiting(d)
		return nil
	}
}

// sayJoined says what a file of shares brought, and what opened with it.
func (c *console) sayJoined(j *desk.Joined) {
	c.say("from %s, %s: shares of %s that wait here", j.From.ID, j.From.Label, plural(j.Taken, "item"))
	if j.Unknown > 0 {
		c.say("  and of %s that are not here, or open already: if a bundle is still to come, take it in and join again",
			plural(j.Unknown, "item"))
	}
	if j.Another > 0 {
		c.warn("and of %s that wait here under another roster than there: the server lists them under both, or %s changed "+
			"the file; keep your bundles, and tell the roots", plural(j.Another, "item"), j.From.ID)
	}
	if j.Refused > 0 {
		c.warn("%s of %s do not fit the place on the roster: tell the roots", plural(j.Refused, "share"), j.From.ID)
	}
	c.report(j.Report)
}

// sayPending says how many items wait for colleagues.
func (c *console) sayPending(d *desk.Desk) {
	if n := d.Pending(); n > 0 {
		c.say("%s for shares of colleagues, or for others: see saksi-review share", waits(n))
	}
}

func waits(n int) string {
	if n == 1 {
		return "1 item waits"
	}
	return plural(n, "item") + " wait"
}

func forgetWaiting(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	yes := flags.Bool("yes", false, "do it; without it the command says how many there are")
	return func(_ context.Context, c *console, args []string) error {
		before, err := week.Parse(args[0])
		if err != nil {
			return fmt.Errorf("%w: WEEK has a form such as 2026-W47", errUsage)
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		if n := d.PendingBefore(before); n == 0 || !*yes {
			c.say("%s from before week %s; nothing was changed", waits(n), before)
			return nil
		}
		n, err := d.Forget(before)
		if err != nil {
			return err
		}
		c.say("forgotten: %s from before week %s", plural(n, "item"), before)
		return nil
	}
}
