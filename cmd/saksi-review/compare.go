package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"saksi/crypto/batch"
)

func compare(flags *flag.FlagSet) action {
	f := &deskFlags{}
	f.declare(flags)
	number := flags.Uint64("batch", 0, "`number` of the batch; without it the newest that this desk has complete")
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
				return fmt.Errorf("%w: missing -batch, the number that your colleague reads out", errUsage)
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
		if !head.Complete {
			c.warn("batch %d came incomplete to this desk: the words are those of its list", head.Sequence)
		}
		c.say("batch      %d", head.Sequence)
		c.say("two words  %s", challenge)
		words := challenge.Compare(head.Sequence, head.Hash)
		c.say("six words  %s", strings.Join(words[:], " "))
		c.say("")
		c.sayHowToCompare(drawn, head.Sequence, challenge)
		return nil
	}
}

// sayHowToCompare says what to do on the telephone.
func (c *console) sayHowToCompare(drawn bool, sequence uint64, challenge batch.Challenge) {
	if drawn {
		c.say("Read the number and the two words out, and not the six. Your colleague types")
		c.say("    saksi-review compare -batch %d -with %q, with key and desk,", sequence, challenge)
		c.say("and reads six words to you. Then read yours.")
	} else {
		c.say("Read the six words out. Your colleague has six, too.")
	}
	c.say("All six are the same on both desks: the server showed both the same, up to this batch.")
	c.say("One is another: it showed two histories. Send nothing, keep desk and sticks, tell the roots.")
}
