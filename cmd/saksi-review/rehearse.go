package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/reviewer"
	"saksi/crypto/week"
)

// testSuffix ends the name of what a rehearsal opens. It lies beside the key file.
const testSuffix = ".test"

// Errors about rehearsals.
var (
	// errSameFile is returned when a rehearsal is tried with the key file itself.
	errSameFile = errors.New("it is the key file itself, not a copy of it")
	// errUnrehearsed is returned when no copy of a key was ever tried.
	errUnrehearsed = errors.New("no copy of the key was tried yet")
	// errCopy is returned when a copy does not open what the key was made to open.
	errCopy = errors.New("the copy does not open the test")
)

// rehearsal is what is inside of the test of a key.
func rehearsal(k *reviewer.Keys) string { return "saksi/v1/rehearsal\n" + k.Line.Line() + "\n" }

// sealTest makes the test of a key: a file as a reporter could have sealed it.
func sealTest(k *reviewer.Keys) (string, error) {
	sealed, err := hybrid.SealBytes([]byte(rehearsal(k)), k.Line.Direct)
	return string(sealed), err
}

func rehearse(flags *flag.FlagSet) action {
	key := flags.String("key", "", "a copy of the key `file`, from another stick or from paper")
	out := flags.String("out", "", "`file` for the card, beside the weeks file")
	return func(_ context.Context, c *console, _ []string) error {
		if err := need("key", *key, "out", *out); err != nil {
			return err
		}
		weeks := c.weeksPath(*out)
		if *key == "-" {
			c.warn("whether this is a copy, nobody can see: standard input has no name")
		} else if err := otherFile(*key, beside(weeks, ".key")); err != nil {
			return err
		}
		held, err := holdKeys(c, *key, weeks)
		if err != nil {
			return err
		}
		defer held.Close()
		keys := held.Keys
		if err := checkNew(*out); err != nil {
			return fmt.Errorf("writing card: %w", err)
		}
		if err := c.findTest(keys, beside(weeks, testSuffix)); err != nil {
			return err
		}
		if err := openTest(keys, beside(weeks, testSuffix)); err != nil {
			return err
		}
		keys.Rehearsed = week.Of(time.Now())
		if err := held.write(keys); err != nil {
			return err
		}
		if err := writeCard(*out, keys); err != nil {
			return err
		}
		c.say("the copy opens what was sealed to %s: keep it where the first one is not", keys.Line.ID)
		c.say("%s", *out)
		return nil
	}
}

// otherFile holds that a copy is another file than the one that was copied, by
// whatever name.
func otherFile(copied, original string) error {
	one, err := os.Stat(copied)
	if err != nil {
		return err
	}
	two, err := os.Stat(original)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it may be lost: all the better that there is a copy
	}
	if err != nil {
		return err
	}
	a, errA := filepath.Abs(copied)
	b, errB := filepath.Abs(original)
	if errA != nil || errB != nil || a == b || os.SameFile(one, two) {
		return fmt.Errorf("rehearsing with %q: %w", copied, errSameFile)
	}
	return nil
}

// findTest makes the test anew where there is none, as after a laptop was lost: nobody
// copies it. Whether the copy is of this key, the weeks file has told before: it opened.
func (c *console) findTest(keys *reviewer.Keys, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil // what is wrong with it is found when it is opened
	}
	test, err := sealTest(keys)
	if err != nil {
		return err
	}
	if err := writeNew(path, secretMode, test); err != nil {
		return fmt.Errorf("making a test: %w", err)
	}
	c.say("%s was not there: it was made anew from this copy, which opens the weeks file", path)
	return nil
}

// openTest opens the test with the identity that is in the copy.
func openTest(keys *reviewer.Keys, path string) error {
	sealed, err := readText(path)
	if err != nil {
		return err
	}
	in, err := hybrid.Open(strings.NewReader(sealed), keys.Direct)
	if err != nil {
		return fmt.Errorf("%w: %v", errCopy, err)
	}
	plain, err := io.ReadAll(in)
	if err != nil || string(plain) != rehearsal(keys) {
		return fmt.Errorf("%w: it is damaged, or of another key", errCopy)
	}
	return nil
}
