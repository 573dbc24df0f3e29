package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// Errors of the roots' ceremony.
var (
	// errDamaged is returned for a file that is not as it was written.
	errDamaged = errors.New("it was cut or changed on the way")
	// errUnsure is returned when the person did not say yes.
	errUnsure = errors.New("nothing was signed")
	// errDiffer is returned when files to be merged are not the same text.
	errDiffer = errors.New("these are not the same text")
	// errNobody is returned when no signature of a file counts.
	errNobody = errors.New("no root has signed it")
)

// A deed is what roots sign together: a text, the signatures that it has so far,
// and whose count.
type deed struct {
	text  string
	lines []string // valid ones, one a root
	roots roster.RootSet
}

// readNote reads a text with or without signatures, as files come that were carried
// on sticks and typed from screens. Nothing is checked but that it is whole.
func readNote(path string) (text string, lines []string, err error) {
	content, err := readText(path)
	if err != nil {
		return "", nil, err
	}
	switch {
	case content == "":
		return "", nil, fmt.Errorf("reading %q: %w: it is empty", path, errDamaged)
	case strings.Contains(content, "\r"):
		return "", nil, fmt.Errorf("reading %q: %w: its lines end as Windows writes them", path, errDamaged)
	case !strings.HasSuffix(content, "\n"):
		return "", nil, fmt.Errorf("reading %q: %w: its last line does not end", path, errDamaged)
	case !strings.Contains(content, "\n\n"):
		return content, nil, nil
	}
	text, lines, err = sign.Split([]byte(content))
	if err != nil {
		return "", nil, fmt.Errorf("reading %q: %w: half a signature is in it", path, errDamaged)
	}
	return text, lines, nil
}

// openRoster reads a roster, signed by some or by nobody, and holds that all its
// signatures are over this text and by its roots.
func openRoster(path string) (*roster.Roster, *deed, error) {
	text, lines, err := readNote(path)
	if err != nil {
		return nil, nil, err
	}
	r, err := roster.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	if err := r.VerifyRoots(); err != nil {
		return nil, nil, err
	}
	p := &deed{text: text, roots: r.RootSets[len(r.RootSets)-1]}
	return r, p, p.take(lines)
}

// take keeps signatures that are there already. One that does not count means that
// the text or the signature was changed: nobody adds a signature to that.
func (p *deed) take(lines []string) error {
	_, valid, rest := sign.Sort(p.text, lines, p.roots.Keys...)
	if len(rest) > 0 {
		return fmt.Errorf("%w: the signature of %q is not over this text, or not by these roots",
			errDamaged, signerName(rest[0]))
	}
	p.lines = valid
	return nil
}

// spoiled returns the name of a root of a roster whose signature is not over its text, if
// there is one.
func spoiled(text string, lines []string) string {
	r, err := roster.Parse(text)
	if err != nil {
		return ""
	}
	roots := r.RootSets[len(r.RootSets)-1]
	_, _, rest := sign.Sort(text, lines, roots.Keys...)
	for _, line := range rest {
		for _, k := range roots.Keys {
			if k.Name() == signerName(line) {
				return k.Name()
			}
		}
	}
	return ""
}

func signerName(line string) string {
	name, _, _ := strings.Cut(line, " ")
	return name
}

// A signing is how a root signs a paper.
type signing struct {
	key, out, root string
	yes            bool
}

func (s *signing) define(flags *flag.FlagSet) {
	flags.StringVar(&s.key, "key", "", "the root's key `file`")
	flags.StringVar(&s.out, "out", "", "`file` for the signed text; the same name with the suffix .note if empty")
	flags.StringVar(&s.root, "root", "", "`file` with the roots that you trust: those of the posters")
	flags.BoolVar(&s.yes, "yes", false, "sign without asking, in a script")
}

// sign shows the deed, asks, signs it and writes it.
func (s *signing) sign(c *console, path string, p *deed, show func()) error {
	signer, err := readSigner(c, s.key)
	if err != nil {
		return err
	}
	if !isRoot(p.roots, signer.Key()) {
		return fmt.Errorf("signing %q: %q is none of its roots: %s", path, signer.Key().Name(), names(p.roots))
	}
	show()
	if !s.yes {
		if err := c.confirm("Type yes if this is what you want to answer for as " + signer.Key().Name() + ": "); err != nil {
			return fmt.Errorf("signing %q: %w", path, err)
		}
	}
	msg, err := sign.AddSignatures(p.text, p.lines, signer)
	if err != nil {
		return fmt.Errorf("signing %q: %w", path, err)
	}
	out := s.out
	if out == "" {
		out = beside(path, ".note")
	}
	if err := putNote(path, out, msg); err != nil {
		return err
	}
	return c.describeSignatures(p, msg, out)
}

func readSigner(c *console, path string) (sign.Signer, error) {
	f, err := readSecret(c, path)
	if err != nil {
		return sign.Signer{}, err
	}
	defer f.Close()
	return sign.ReadSigner(f)
}

func isRoot(set roster.RootSet, key sign.Key) bool {
	for _, k := range set.Keys {
		if k.String() == key.String() {
			return true
		}
	}
	return false
}

// confirm returns [errUnsure] unless the person types yes. It reads one line and not a
// byte more: another question may follow.
func (c *console) confirm(question string) error {
	fmt.Fprintf(c.stdout, "\n%s", question)
	line, err := firstLine(c.stdin)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsure, err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "yes", "ya":
		c.say("")
		return nil
	}
	return errUnsure
}

// putNote writes the note to a new file, or in the place of the note that it
// has one signature more than.
func putNote(in, out string, msg []byte) error {
	if in != out {
		if err := writeNew(out, publicMode, string(msg)); err != nil {
			return fmt.Errorf("writing note: %w", err)
		}
		return nil
	}
	temporary := out + ".new"
	if err := writeNew(temporary, publicMode, string(msg)); err != nil {
		return fmt.Errorf("writing note: %w", err)
	}
	return os.Rename(temporary, out)
}

// lastRoster returns the roster that r claims to follow, verified, or nil for the
// first one. It returns [roster.ErrChain] when r does not follow it.
func (s *signing) lastRoster(path string, r *roster.Roster) (*roster.Roster, error) {
	if r.Sequence > 1 {
		if err := need("previous", path, "root", s.root); err != nil {
			return nil, fmt.Errorf("roster %d is compared with roster %d before it is signed: %w",
				r.Sequence, r.Sequence-1, err)
		}
	}
	if s.root == "" {
		return nil, nil
	}
	trusted, err := readRoots(s.root)
	if err != nil {
		return nil, err
	}
	if r.RootSets[0].Text() != trusted.Text() {
		return nil, roster.ErrRoots
	}
	if path == "" {
		return nil, nil
	}
	last, err := verifiedRoster(path, trusted)
	if err != nil {
		return nil, err
	}
	if err := (&roster.Signed{Roster: *r}).Follows(last); err != nil {
		return nil, err
	}
	return &last.Roster, nil
}

func verifiedRoster(path string, trusted roster.RootSet) (*roster.Signed, error) {
	text, lines, err := readNote(path)
	if err != nil {
		return nil, err
	}
	msg, err := readText(path)
	if err != nil {
		return nil, err
	}
	signed, err := roster.Verify([]byte(msg), trusted)
	if name := spoiled(text, lines); err != nil && name != "" {
		return nil, fmt.Errorf("reading %q: %w: the signature of %q does not fit the text", path, errDamaged, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return signed, nil
}

func rosterSign(flags *flag.FlagSet) action {
	s := &signing{}
	s.define(flags)
	previous := flags.String("previous", "", "`file` with the signed roster before this one, if any")
	cards := cardFlag(flags)
	return func(_ context.Context, c *console, args []string) error {
		if err := need("key", s.key); err != nil {
			return err
		}
		r, p, err := openRoster(args[0])
		if err != nil {
			return fmt.Errorf("signing %q: %w", args[0], err)
		}
		last, err := s.lastRoster(*previous, r)
		if err != nil {
			return fmt.Errorf("signing %q: %w", args[0], err)
		}
		files := recipientsBeside(args[0], *previous)
		c.warnMissing(r, files)
		if err := c.compareCards(r, files, *cards); err != nil {
			return fmt.Errorf("signing %q: %w", args[0], err)
		}
		if len(*cards) == 0 {
			c.warn("no -card was given: whether each key stands in its reviewer's place was not compared")
		}
		return s.sign(c, args[0], p, func() {
			c.describe(r)
			if last != nil {
				c.describeChange(last, r, files)
			} else {
				c.say("\nthis is the first roster: there is none to compare it with")
			}
		})
	}
}

// recipientsBeside reads the recipients files that lie beside some rosters. What
// cannot be read is not there.
func recipientsBeside(paths ...string) recipientsFiles {
	files := recipientsFiles{}
	for _, path := range paths {
		if path == "" {
			continue
		}
		if found, _, err := recipientsIn(filepath.Dir(path)); err == nil {
			maps.Copy(files, found)
		}
	}
	return files
}

// warnMissing warns of recipients files that nobody could look at.
func (c *console) warnMissing(r *roster.Roster, files recipientsFiles) {
	for _, p := range r.Recipients {
		if _, ok := files[p.File]; !ok {
			c.warn("the .recipients file of weeks %s to %s is not beside it: ask for it, "+
				"it says to whom testimonies are sealed", p.From, p.To)
		}
	}
}
