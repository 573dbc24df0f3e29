package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
	"saksi/server/folder"
	"saksi/web/client"
)

// A demo is a whole drop in one folder:
//
//	data/            the server's data folder
//	root.vkey        the root set; root.key its private half
//	roster.note      and the .recipients file beside it
//	reviewers/       r1.key to r3.key, their weeks files and their cards
type demo struct{ dir string }

func runDemo(ctx context.Context, e env, args []string) error {
	fs := flags(e, "demo")
	dir := fs.String("dir", "", "")
	listen := fs.String("listen", "127.0.0.1:0", "")
	if err := parse(e, fs, args, 0); err != nil {
		return err
	}
	if *dir == "" {
		temporary, err := os.MkdirTemp("", "saksi-demo-")
		if err != nil {
			return fmt.Errorf("preparing demo: %w", err)
		}
		defer os.RemoveAll(temporary)
		*dir = temporary
	}
	d := demo{dir: *dir}
	if !folder.Exists(d.path("data")) {
		if err := d.prepare(); err != nil {
			return fmt.Errorf("preparing demo: %w", err)
		}
	}
	return d.serve(ctx, e, *listen)
}

func (d demo) path(name ...string) string { return filepath.Join(append([]string{d.dir}, name...)...) }

// prepare makes a root, three reviewers, a roster and the data folder.
func (d demo) prepare() error {
	if err := os.MkdirAll(d.path("reviewers"), 0o700); err != nil {
		return err
	}
	server, err := folder.Create(d.path("data"), "demo.saksi")
	if err != nil {
		return err
	}
	root, err := sign.Generate("akar-demo")
	if err != nil {
		return err
	}
	trusted := roster.RootSet{Threshold: 1, Keys: []sign.Key{root.Key()}}
	draft := reviewer.Draft{Origin: "demo.saksi", Roots: []roster.RootSet{trusted}, Server: server, From: time.Now()}
	if draft.Cards, err = d.makeReviewers(); err != nil {
		return err
	}
	r, recipients, err := draft.Roster()
	if err != nil {
		return err
	}
	note, err := sign.Note(r.Text(), root)
	if err != nil {
		return err
	}
	files := map[string]string{
		"root.key": root.String() + "\n", "root.vkey": trusted.Text(), "roster.note": string(note),
	}
	for _, f := range recipients {
		files[f.From.String()+roster.RecipientsSuffix] = f.Text()
	}
	for name, text := range files {
		if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	_, _, err = folder.Admit(d.path("data"), d.path("roster.note"), d.path("root.vkey"), time.Now)
	return err
}

// makeReviewers writes the keys of three reviewers.
func (d demo) makeReviewers() ([]reviewer.Card, error) {
	var cards []reviewer.Card
	for _, r := range [...]struct{ id, region, organisation, label string }{
		{"r1", "00", "Redaksi Contoh", "Penelaah Satu"},
		{"r2", "73", "LBH Contoh", "Penelaah Dua"},
		{"r3", "31", "Pemantau Contoh", "Penelaah Tiga"},
	} {
		terms, err := reviewer.Weekly(week.Of(time.Now()).Add(-1), demoWeeks)
		if err != nil {
			return nil, err
		}
		keys, err := reviewer.Generate(r.id, r.region, r.organisation, r.label, terms)
		if err != nil {
			return nil, err
		}
		if err := d.writeKeys(keys); err != nil {
			return nil, err
		}
		cards = append(cards, keys.Card())
	}
	return cards, nil
}

// demoWeeks is how many weeks a reviewer of the demo has an identity for: those of
// its roster, and of a second one.
const demoWeeks = 30

// writeKeys writes what a reviewer holds, without a passphrase: a demo has no
// secrets.
func (d demo) writeKeys(k *reviewer.Keys) error {
	k.Rehearsed = week.Of(time.Now())
	weeks, err := k.SealWeeks()
	if err != nil {
		return err
	}
	for suffix, content := range map[string][]byte{".key": []byte(k.File()), ".weeks": weeks} {
		if err := os.WriteFile(d.path("reviewers", k.Line.ID+suffix), content, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(d.path("reviewers", k.Line.ID+".card"), []byte(k.Card().Text()), 0o644)
}

// serve runs the real server as a process of its own: it gives up the right to
// write outside its data folder, and the demo has to clean up afterwards.
func (d demo) serve(ctx context.Context, e env, listen string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting server: %w", err)
	}
	// The kernel's death signal goes by the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	server := exec.Command(self, "serve",
		"-data", d.path("data"), "-listen", listen, "-host", "localhost", "-reserve", "64MiB")
	server.Stderr = e.stderr
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	stdout, err := server.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting server: %w", err)
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting server: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Process.Signal(syscall.SIGTERM) })
	defer stop()
	address, err := readAddress(stdout)
	if err == nil {
		d.explain(e.stdout, filepath.Dir(self), address, client.Script() != nil)
	}
	return errors.Join(err, server.Wait())
}

// readAddress waits for the line that names the server's address.
func readAddress(stdout io.Reader) (string, error) {
	scanner := bufio.NewScanner(stdout)
	for scanner.Scan() {
		if address, ok := strings.CutPrefix(scanner.Text(), "saksi: serving "); ok {
			return address, nil
		}
	}
	return "", errors.New("starting server: it did not start")
}

// word is path, as a shell reads it back.
func (d demo) word(names ...string) string { return shellWord(d.path(names...)) }

// shellWord quotes a word, if it has what a shell would not take as it stands.
func shellWord(s string) string {
	if regexp.MustCompile(`^[\w./:@%+=,-]+$`).MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// explain prints the address and what to do next, to be copied as it stands.
func (d demo) explain(w io.Writer, bin, address string, script bool) {
	saksi, review := filepath.Join(bin, "saksi"), filepath.Join(bin, "saksi-review")
	if _, err := os.Stat(review); err != nil {
		saksi, review = "saksi", "saksi-review"
	}
	saksi, review = shellWord(saksi), shellWord(review)
	desk := fmt.Sprintf("-key %s -desk %s", d.word("reviewers", "r1.key"), d.word("desk1"))
	if !script {
		fmt.Fprintf(w, "Note: %s.\n\n", withoutScript)
	}
	fmt.Fprintf(w, "A drop is running. Write a testimony and keep the twelve words:\n\n    %s\n\n", address)
	fmt.Fprintf(w, "Then, in another terminal, be the courier and the first reviewer:\n\n")
	for _, line := range []string{
		fmt.Sprintf("%s export -data %s -now -out %s", saksi, d.word("data"), d.word("bundle.tar")),
		fmt.Sprintf("%s open %s -root %s %s", review, desk, d.word("root.vkey"), d.word("bundle.tar")),
		fmt.Sprintf("%s list %s", review, desk),
		fmt.Sprintf("%s show %s newest", review, desk),
		fmt.Sprintf("%s reply %s -status ditelaah -text 'Terima kasih. Sedang kami periksa.' newest", review, desk),
		fmt.Sprintf("%s outbox %s -out %s", review, desk, d.word("r1.outbox")),
		fmt.Sprintf("%s import -data %s %s", saksi, d.word("data"), d.word("r1.outbox")),
	} {
		fmt.Fprintf(w, "    %s\n", line)
	}
	fmt.Fprintf(w, "\nOpen %sopen with the twelve words to read the answer. Ctrl-C ends the drop.\n", address)
}
