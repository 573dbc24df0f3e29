package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/letter"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/web/taxonomy"
)

type sealFlags struct {
	*flag.FlagSet
	to, socks, roots, roster, recipients, taxonomy, carry, send, province, answers, lang *string
	keep, look                                                                           *bool
	not                                                                                  []string
}

func newSealFlags(e env) *sealFlags {
	fs := flags(e, "seal")
	f := &sealFlags{
		FlagSet: fs, to: fs.String("to", "", ""), socks: fs.String("socks", defaultSocks, ""),
		roots: fs.String("roots", "", ""), roster: fs.String("roster", "", ""),
		recipients: fs.String("recipients", "", ""), taxonomy: fs.String("taxonomy", "", ""),
		carry: fs.String("carry", "", ""), send: fs.String("send", "", ""), province: fs.String("province", "", ""),
		answers: fs.String("answers", "", ""), lang: fs.String("lang", "id", ""),
		keep: fs.Bool("keep-metadata", false, ""), look: fs.Bool("look", false, ""),
	}
	fs.Func("not", "", func(id string) error {
		f.not = append(f.not, id)
		return nil
	})
	return f
}

// runSeal seals a folder and hands it in; or writes a file to carry; or hands such a
// file in. What it prints names files of the folder, and never a word of the text.
func runSeal(ctx context.Context, e env, args []string) error {
	f := newSealFlags(e)
	if err := f.Parse(args); err != nil {
		return errUsage
	}
	rest := 1
	if *f.send != "" {
		rest = 0
	}
	if err := parse(e, f.FlagSet, args, rest); err != nil {
		return err
	}
	say := speaker(*f.lang)
	if say == nil {
		return hinted{errors.New("seal: no such language"), "-lang id or -lang en"}
	}
	s := &sealing{sealFlags: f, env: e, say: say}
	return say.explain(s.run(ctx))
}

// A sealing is one run of the command.
type sealing struct {
	*sealFlags
	env
	say     speech
	anchor  letter.Anchor
	drop    *letter.Drop // nil if nothing goes over the network
	reason  string       // why it waits, as it was said last
	sending bool         // a letter, of which something may be kept
	unshown error        // why not all was printed where it was asked for
}

func (s *sealing) run(ctx context.Context) error {
	if err := s.mode(); err != nil {
		return err
	}
	if *s.send != "" {
		return s.handIn(ctx)
	}
	if err := s.prepare(); err != nil {
		return notSent{err}
	}
	folder, err := letter.Read(s.Arg(0), *s.keep)
	if err != nil {
		return notSent{err}
	}
	s.tell(folder)
	switch {
	case *s.look && s.drop == nil && !s.offline():
		s.tellTo("look_readers")
		return nil
	case s.offline():
		return s.write(folder)
	}
	return s.post(ctx, folder)
}

// offline is whether the roster is in files of this machine.
func (s *sealing) offline() bool { return *s.roster != "" }

// mode holds the arguments against each other. Of -carry, -send and neither, each has
// its own; -look goes with all that has a folder.
func (s *sealing) mode() error {
	files := *s.roster != "" || *s.recipients != "" || *s.taxonomy != ""
	switch {
	case *s.send != "" && (*s.carry != "" || *s.look || files), *s.carry == "" && !*s.look && files:
		return errSealMode
	case *s.carry == "" && !*s.look && *s.to == "":
		return errSealWhere
	case (*s.carry != "" || files) && (*s.roster == "" || *s.recipients == ""):
		return errSealFiles
	case files && *s.to == "" && *s.roots == "":
		return errSealTo
	}
	return nil
}

// prepare finds out who is trusted and where it goes, before anything is read.
func (s *sealing) prepare() (err error) {
	if *s.to == "" && *s.roots == "" {
		return nil // -look at the files alone
	}
	if s.anchor, err = s.trusted(); err == nil && !s.offline() && *s.to != "" {
		s.drop, err = s.goesTo()
	}
	return err
}

var (
	errSealMode  = errors.New("seal: these arguments do not go together")
	errSealWhere = errors.New("seal: where to is missing")
	errSealFiles = errors.New("seal: -roster and -recipients are missing")
	errSealTo    = errors.New("seal: no fingerprint is given")
)

// goesTo returns the drop of -to.
func (s *sealing) goesTo() (*letter.Drop, error) {
	address, err := errand.ParseAddress(*s.to)
	if err != nil {
		return nil, err
	}
	if !address.Loopback {
		if err := checkSocks(*s.socks); err != nil {
			return nil, err
		}
	}
	return &letter.Drop{Address: address, Socks: *s.socks, Pause: s.pause, Failed: s.failed, Progress: s.progress}, nil
}

// trusted says which roots are.
func (s *sealing) trusted() (a letter.Anchor, err error) {
	if *s.roots != "" {
		text, err := readSmall(*s.roots, 64<<10)
		if err != nil {
			return a, fmt.Errorf("reading -roots: %w", err)
		}
		set, err := roster.ParseRootSet(string(text))
		if err != nil {
			return a, fmt.Errorf("reading -roots: %w", err)
		}
		a.Roots = &set
	}
	if *s.to != "" {
		address, err := errand.ParseAddress(*s.to)
		if err != nil {
			return a, err
		}
		if address.Fingerprint != "" {
			a.Fits = address.Fits
		}
	}
	if a.Roots == nil && a.Fits == nil {
		return a, errSealTo
	}
	return a, nil
}

// post shows who will read it; and then it seals and hands in.
func (s *sealing) post(ctx context.Context, folder *letter.Folder) error {
	l, err := s.fetched(ctx, folder)
	if err != nil {
		return notSent{err}
	}
	if *s.look {
		s.tellTo("nothing_sent")
		return nil
	}
	yes, err := s.agreed(ctx)
	if err != nil {
		return notSent{err}
	}
	if !yes {
		return nil
	}
	return s.sendAll(ctx, l)
}

// fetched makes the letter with what the drop says of its readers.
func (s *sealing) fetched(ctx context.Context, folder *letter.Folder) (*letter.Letter, error) {
	note, err := s.drop.Fetch(ctx, "/roster.note")
	if err != nil {
		return nil, err
	}
	recipients, err := s.drop.Fetch(ctx, "/roster.recipients")
	if err != nil {
		return nil, err
	}
	questions, err := s.drop.Questions(ctx)
	if err != nil {
		return nil, err
	}
	return s.letter(folder, note, string(recipients), questions)
}

// letter makes the letter, and says who will read it.
func (s *sealing) letter(
	folder *letter.Folder, note []byte, recipients string, questions *taxonomy.Taxonomy,
) (*letter.Letter, error) {
	circle, err := letter.Trust(note, recipients, s.anchor, time.Now())
	if err != nil {
		return nil, err
	}
	var answers taxonomy.Answers
	if *s.answers != "" {
		text, err := readSmall(*s.answers, 64<<10)
		if err != nil {
			return nil, fmt.Errorf("reading -answers: %w", err)
		}
		if answers, err = letter.ParseAnswers(text, questions); err != nil {
			return nil, err
		}
	}
	readers, err := letter.Choose(circle, s.not, *s.province, answers, questions)
	if err != nil {
		return nil, err
	}
	s.tellReaders(circle, readers)
	return &letter.Letter{
		Circle: circle, Code: receipt.New(), Folder: folder, Readers: readers, Language: *s.lang,
		Answers: answers, Taxonomy: questions,
	}, nil
}

// sendAll hands in the testimony, shows the words, and then hands in the files.
func (s *sealing) sendAll(ctx context.Context, l *letter.Letter) error {
	defer outlive()()
	s.sending = true
	err := s.drop.Send(ctx, l, 0)
	switch {
	case err == nil:
		s.print("kept")
	case mayBeKept(err): // nobody else could delete it
		s.print("kept_perhaps")
	default:
		return notKept{err}
	}
	s.words(l.Code)
	if err != nil {
		return notKept{err}
	}
	for n, file := range l.Folder.Files {
		if err := s.drop.Send(ctx, l, n+1); err != nil {
			return fileNotKept{err, file.Name}
		}
		s.print("file_kept", file.Name, n+1, len(l.Folder.Files))
	}
	s.print("folder_stays")
	return s.allShown("err.sent_unshown", "hint.sent_unshown")
}

// write seals into a file that another machine hands in.
func (s *sealing) write(folder *letter.Folder) error {
	l, err := s.given(folder)
	if err != nil {
		return notSent{err}
	}
	if *s.look {
		s.tellTo("nothing_sent")
		return nil
	}
	defer outlive()()
	if err := writeCarried(*s.carry, l); err != nil {
		return notWritten{err}
	}
	s.words(l.Code)
	s.print("not_arrived", *s.carry)
	s.print("folder_stays")
	return s.allShown("err.written_unshown", "hint.written_unshown")
}

// given makes the letter with the files that say who its readers are.
func (s *sealing) given(folder *letter.Folder) (*letter.Letter, error) {
	note, err := readSmall(*s.roster, 2<<20)
	if err != nil {
		return nil, fmt.Errorf("reading -roster: %w", err)
	}
	recipients, err := readSmall(*s.recipients, 2<<20)
	if err != nil {
		return nil, fmt.Errorf("reading -recipients: %w", err)
	}
	questions := taxonomy.Current()
	if *s.taxonomy != "" {
		text, err := readSmall(*s.taxonomy, taxonomy.MaxFile)
		if err != nil {
			return nil, fmt.Errorf("reading -taxonomy: %w", err)
		}
		if questions, err = taxonomy.Parse(text); err != nil {
			return nil, fmt.Errorf("reading -taxonomy: %w", err)
		}
	}
	return s.letter(folder, note, string(recipients), questions)
}

// writeCarried writes a new file, whole and on disk, or none.
func writeCarried(name string, l *letter.Letter) (err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(name)
		}
	}()
	if err := l.Carry(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return f.Close()
}

// handIn hands in a carried file, parcel by parcel: in whatever order connections
// break, each is kept once.
func (s *sealing) handIn(ctx context.Context) error {
	drop, err := s.goesTo()
	if err != nil {
		return err
	}
	f, err := os.Open(*s.send)
	if err != nil {
		return fmt.Errorf("reading -send: %w", err)
	}
	defer f.Close()
	count, err := letter.CountCarried(f)
	if err != nil {
		return err
	}
	defer outlive()()
	for n := range count {
		if err := drop.SendCarried(ctx, f, n); err != nil {
			return partCarried{err, n, count}
		}
		s.print("carried_kept", n+1, count)
	}
	s.print("carried_done", *s.send)
	return s.allShown("err.carried_unshown", "hint.carried_unshown")
}
