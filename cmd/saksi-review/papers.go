package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"saksi/crypto/paper"
)

func paperRead(flags *flag.FlagSet) action {
	out := flags.String("out", "", "`file` for the secret")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		papers, err := readPapers(c, args)
		if err != nil {
			return err
		}
		secret, err := paper.Join(papers)
		if err != nil {
			return err
		}
		if err := writeNew(*out, secretMode, string(secret)); err != nil {
			return fmt.Errorf("writing secret: %w", err)
		}
		if part, shared := papers[0].Part(); shared && distinct(papers) == part.Need {
			c.warn("with %d papers a false one cannot be told: use %q once before the papers go back", part.Need, *out)
		}
		return nil
	}
}

// readPapers reads all papers, and says of each what it is, or what is wrong with it:
// whoever mends one may as well mend them all.
func readPapers(c *console, paths []string) (papers []paper.Paper, err error) {
	for _, path := range paths {
		p, wrong := readPaper(c, path)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("%q: %w", path, wrong))
			continue
		}
		papers = append(papers, p)
		c.say("%s: %s", path, p.Kind)
	}
	if errors.As(err, new(*paper.LinesError)) || errors.Is(err, paper.ErrSum) {
		c.warn("hold these lines against the paper, mend them in the file, and read again: nothing was written")
	}
	return papers, err
}

func readPaper(c *console, path string) (paper.Paper, error) {
	text, err := "", error(nil)
	if path == "-" {
		text, err = readAll(c.stdin)
	} else {
		text, err = readText(path)
	}
	if err != nil {
		return paper.Paper{}, err
	}
	return paper.Parse(text)
}

// distinct is how many papers there are, each counted once.
func distinct(papers []paper.Paper) int {
	kinds := map[string]bool{}
	for _, p := range papers {
		kinds[p.Kind] = true
	}
	return len(kinds)
}
