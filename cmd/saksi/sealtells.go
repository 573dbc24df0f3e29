package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/letter"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/sealed/deliver"
	"saksi/web/evidence"
)

// agreed asks whether to send, if somebody is at a terminal to be asked. Nothing has
// been sent by then.
func (s *sealing) agreed(ctx context.Context) (bool, error) {
	terminal, ok := s.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return true, nil
	}
	fmt.Fprint(s.stderr, s.say.text("ask")+" ")
	answer, err := readLine(ctx, terminal)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "ya", "yes":
		return true, nil
	}
	s.tellTo("nothing_sent")
	return false, nil
}

// readLine reads a line, or nothing once the context ends: Ctrl-C does not end a read.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // without a line it is no
		lines <- line
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line := <-lines:
		return line, nil
	}
}

// failed says why a try came to nothing, and what can be done, when it is said for the
// first time. The program goes on by itself.
func (s *sealing) failed(err error) {
	reason, hint := s.say.reason(err)
	if reason == s.reason {
		return
	}
	if s.sending {
		hint = s.say.text("let_run") // who begins again may send it twice
	}
	if s.reason == "" {
		defer s.tellTo("keeps_trying", int(deliver.Patience.Hours()))
	}
	s.reason = reason
	s.tellTo("reason", reason)
	if hint != "" {
		s.tellTo("reason_hint", hint)
	}
}

// pause says that it waits, so that nobody thinks that it stands still.
func (s *sealing) pause(ctx context.Context, d time.Duration) error {
	s.tellTo("waiting", d.Round(time.Second))
	return errand.Sleep(ctx, d)
}

// progress is told for each slice; a line is printed for each tenth.
func (s *sealing) progress(acknowledged, size int64) {
	const slice = 1 << 20
	s.reason = ""
	if now, before := 10*acknowledged/size, 10*max(0, acknowledged-slice)/size; now != before {
		s.tellTo("progress", 10*now)
	}
}

func (s *sealing) tellTo(key string, args ...any) { fmt.Fprintln(s.stderr, s.say.text(key, args...)) }
func (s *sealing) print(key string, args ...any)  { s.show(s.say.text(key, args...) + "\n") }

// show prints what may be shown this once: where it was asked for, and from when that
// takes no more, such as a file on a full disk or a pager that was left, on the screen.
func (s *sealing) show(text string) {
	if s.unshown == nil {
		if _, s.unshown = io.WriteString(s.stdout, text); s.unshown == nil {
			return
		}
	}
	if _, err := io.WriteString(s.stderr, text); err == nil {
		return
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		io.WriteString(terminal, text)
		terminal.Close()
	}
}

// outlive has the program go on when nobody reads its output any more, until undo. Else
// the first write to a closed pipe would end it, with words that were never shown. Before
// anything is sent or written that is as it should be: who leaves the list of readers
// sends nothing.
func outlive() (undo func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}

// allShown returns an error if not all was printed where it was asked for, after what
// was to be done is done.
func (s *sealing) allShown(text, hint string) error {
	if s.unshown == nil {
		return nil
	}
	return notShown{s.unshown, text, hint}
}

// words shows the words as a bare list, as the page does: without a title. They are
// shown nowhere else.
func (s *sealing) words(code receipt.Code) {
	var list strings.Builder
	for i, word := range code.Words() {
		fmt.Fprintf(&list, "%2d. %s\n", i+1, word)
	}
	s.show("\n" + list.String() + "\n" + s.say.text("write_down") + "\n")
}

// tellReaders says who can read it.
func (s *sealing) tellReaders(circle *roster.Circle, r item.Readers) {
	s.tellTo("readers", circle.Sequence, circle.Origin, circle.Quorum.Needed)
	for _, v := range circle.Reviewers {
		line := "reader"
		for _, id := range r.Withheld {
			if id == v.ID {
				line = "not_reader"
			}
		}
		s.tellTo(line, v.ID, v.Label, v.Organisation)
	}
}

// tell says what the files reveal.
func (s *sealing) tell(folder *letter.Folder) {
	s.tellTo("folder", len(folder.Text), len(folder.Files))
	for _, f := range folder.Files {
		s.tellFile(f)
	}
}

func (s *sealing) tellFile(f letter.File) {
	told := s.reveals(f.Finding.Reveals)
	what := s.say.text("reveals_nothing")
	switch {
	case told != "":
		what = s.say.text("reveals", told)
	case f.Finding.Unknown:
		what = s.say.text("reveals_unknown")
	}
	s.tellTo("file", f.Name, f.Finding.Type, f.Size, what)
	switch {
	case f.Strip:
		s.tellStripped(f)
	case f.Finding.Strippable:
		s.tellTo("kept_metadata")
	default:
		s.tellTo("cannot_strip")
	}
}

// tellStripped says what is taken off a picture, and what is not: a colour profile stays.
func (s *sealing) tellStripped(f letter.File) {
	goes := slices.ContainsFunc(f.Finding.Reveals, func(r evidence.Reveal) bool { return !slices.Contains(f.Stays, r) })
	switch stays := s.reveals(f.Stays); {
	case goes && stays != "":
		s.tellTo("stripped_but", stays)
	case goes:
		s.tellTo("stripped")
	case stays != "":
		s.tellTo("stays", stays)
	}
	if slices.ContainsFunc(f.Stays, isProfile) {
		s.tellTo("profile")
	}
}

// isProfile reports whether a thing that is told is that there is a colour profile.
func isProfile(r evidence.Reveal) bool {
	return r == evidence.Reveal{What: evidence.Other, Value: "ICC"}
}

// reveals lists what is told.
func (s *sealing) reveals(all []evidence.Reveal) string {
	var told []string
	for _, r := range all {
		if isProfile(r) {
			told = append(told, s.say.text("reveal.profile"))
			continue
		}
		told = append(told, strings.TrimSpace(s.say.text("reveal."+string(r.What))+" "+quoted(r.Value)))
	}
	return strings.Join(told, ", ")
}

func quoted(value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf("%.80q", value)
}
