package main

import (
	"context"
	"flag"
	"fmt"

	"saksi/cmd/saksi-review/desk"
)

func giveUpGap(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	yes := flags.Bool("yes", false, "do it; without it the command says what it means")
	return func(_ context.Context, c *console, args []string) error {
		gap, ok := parseBatches(args[0])
		if !ok {
			return fmt.Errorf("%w: BATCHES has a form such as 3-12 or 7", errUsage)
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		if err := d.MissesJust(gap); err != nil {
			return err
		}
		if !*yes {
			c.sayGap(gap)
			return nil
		}
		if err := d.GiveUp(gap); err != nil {
			return err
		}
		c.say("given up: %s; what comes behind is confirmed with the next outbox", batches(gap))
		return nil
	}
}

// sayGap says what giving up a gap means.
func (c *console) sayGap(gap desk.Range) {
	c.say("%s: what came there for you may be in no other place", batches(gap))
	c.say("given up, this desk confirms what came behind, and then the server may bring them to nobody any more")
	c.say("what was sealed in the weeks up to the batch behind it may have come there: the secrets of these weeks are kept for good")
	c.say("nothing was changed; look first for a bundle that has them, on your sticks and those of colleagues: " +
		"it can be opened now as then; with -yes before the number the gap is given up, and nobody can undo it")
}

func batches(r desk.Range) string {
	if r.From == r.To {
		return fmt.Sprintf("batch %d", r.From)
	}
	return fmt.Sprintf("batches %d to %d", r.From, r.To)
}
