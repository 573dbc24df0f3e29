package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/batch"
)

func compare(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	number := flags.Uint64("batch", 0, "`number` of the last batch; without it the last before which nothing is missing here, "+
		"but what was given up")
	with := flags.String("with", "", "the two `words` that your colleague reads out; without them two are drawn")
	return func(_ context.Context, c *console, _ []string) error {
		drawn := *with == ""
		challenge := batch.NewChallenge()
		var err error
		if !drawn {
			if challenge, err = batch.ParseChallenge(*with); err != nil {
				return err
			}
			if *number == 0 {
				return fmt.Errorf("%w: missing -batch, the second number that your colleague reads out", errUsage)
			}
		}
		d, err := f.open(c, false)
		if err != nil {
			return err
		}
		defer d.Close()
		head, err := d.Head(*number)
		if err != nil {
			return err
		}
		c.warnOfHoles(d, head)
		if newest := d.Newest(); *number == 0 && newest > head.Sequence {
			c.warn("batch %d is missing or incomplete: nothing from it on is compared, and this desk has batch %d; "+
				"ask the operator for it", head.Sequence+1, newest)
		}
		c.say("batches    from %d to %d", head.From, head.Sequence)
		c.say("two words  %s", challenge)
		words := challenge.Compare(head.Sequence, head.Hash)
		c.say("six words  %s", strings.Join(words[:], " "))
		c.say("")
		c.sayHowToCompare(drawn, head.Sequence, challenge)
		return nil
	}
}

// warnOfHoles warns of what equal words would not be about.
func (c *console) warnOfHoles(d *desk.Desk, head desk.Head) {
	gaps, incomplete := d.Holes(head.Sequence)
	c.warnEach(len(gaps), "gaps between batches", func(i int) string {
		return fmt.Sprintf("%s; the words say nothing of what this desk has from before: compare up to batch %d, too",
			missing(gaps[i]), gaps[i].From-1)
	})
	c.warnEach(len(incomplete), "incomplete batches", func(i int) string {
		return fmt.Sprintf("batch %d came incomplete to this desk: the words are those of its list", incomplete[i])
	})
}

// sayHowToCompare says what to do on the telephone.
func (c *console) sayHowToCompare(drawn bool, sequence uint64, challenge batch.Challenge) {
	if drawn {
		c.say("Read both numbers and the two words out, and not the six. Your colleague types")
		c.say("    saksi-review compare -batch %d -with %q, with key and desk,", sequence, challenge)
		c.say("and reads both numbers there and six words to you. Then read yours.")
	} else {
		c.say("Read both numbers here and the six words out. Your colleague has six, too.")
	}
	c.say("All six are the same on both desks: the server showed both the same, up to batch %d.", sequence)
	c.say("That holds from the later of the two first numbers on. What is before it is not compared.")
	c.say("One is another: it showed two histories. Send nothing, keep desk and sticks, tell the roots.")
}
