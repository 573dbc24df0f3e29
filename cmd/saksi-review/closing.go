package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"saksi/cmd/saksi-review/desk"
)

func closeCase(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	yes := flags.Bool("yes", false, "do it; without it the command says what would be gone")
	return func(_ context.Context, c *console, args []string) error {
		return f.thread(c, args[0], func(d *desk.Desk, t *desk.Thread) error {
			name := d.Names().Of(t.Mailbox)
			if t.Case == "" {
				return fmt.Errorf("closing thread %s: %w", name, desk.ErrClosed)
			}
			c.sayLoss(name, t)
			if !*yes {
				c.say("nothing was changed; with -yes before the thread it is done, and nobody can undo it")
				return nil
			}
			if err := d.CloseCase(t); err != nil {
				return err
			}
			c.say("the case of thread %s is closed", name)
			c.warn("what you extracted, and each bundle and copy of the desk elsewhere, is as it was: destroy those too")
			return nil
		})
	}
}

// sayLoss says what closing a case takes away.
func (c *console) sayLoss(name string, t *desk.Thread) {
	loss := t.Loss()
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(loss.Items)) {
		kinds = append(kinds, plural(loss.Items[kind], string(kind)))
	}
	c.say("closing thread %s: gone from this desk: %s, %s bytes; and the texts of %s of yours", name,
		strings.Join(kinds, ", "), number(loss.Bytes), plural(len(t.Replies), "reply"))
	if loss.Waiting > 0 {
		c.say("  %s still to be sent: the next outbox takes them", plural(loss.Waiting, "reply"))
	}
}
