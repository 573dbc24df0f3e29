package main

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"saksi/server/servertest"
)

// folderToSeal makes a folder with a testimony and a file.
func folderToSeal(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "kesaksian.txt"), []byte("Kami diminta."), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "rapat.mp4"), []byte("isi rapat"), 0o600))
	return dir
}

// carryTo is how a folder is sealed into a file, for the roster of a drop.
func carryTo(t *testing.T, d *servertest.Drop) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"roster.note": string(d.Roster.Note), "minggu": d.Recipients[0].Text(), "root.vkey": d.Trusted.Text(),
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	return []string{
		"seal", "-carry", at("titip"), "-roster", at("roster.note"), "-recipients", at("minggu"), "-roots", at("root.vkey"),
		folderToSeal(t),
	}
}

// TestWhatIsShownOnceComesToTheScreen: where it should go is a pipe that nobody reads any
// more, or a disk without room. Then nothing of it is lost, the work goes on, and the exit
// status says that something went wrong, in words that lead nobody to do it twice.
func TestWhatIsShownOnceComesToTheScreen(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	id := speaker("id")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	defer full.Close()
	closed, stdout, err := os.Pipe()
	must(t, err)
	must(t, closed.Close())
	defer stdout.Close()
	arrived, _, _ := strings.Cut(id["not_arrived"], "%")
	for name, to := range map[string]*os.File{"a closed pipe": stdout, "a full disk": full} {
		for _, c := range []struct {
			args  []string
			words int
			says  []string
		}{
			{sealTo(d.URL, d, folderToSeal(t)), 12, []string{id["kept"], "(1 dari 1)", id["folder_stays"], id["err.sent_unshown"], id["hint.sent_unshown"]}},
			{carryTo(t, d), 12, []string{arrived, id["folder_stays"], id["err.written_unshown"], id["hint.written_unshown"]}},
			{[]string{"seal", "-send", carriedFor(t, d), "-to", d.URL}, 0, []string{"Bagian 1 dari 1", id["err.carried_unshown"], id["hint.carried_unshown"]}},
		} {
			var screen bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "saksi", c.args...)
			cmd.Stdout, cmd.Stderr = to, &screen
			err := cmd.Run()
			if cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("%s: %q ends with %v", name, c.args, err)
			}
			if words := shownWord.FindAllString(screen.String(), -1); len(words) != c.words {
				t.Errorf("%s: %d words are on the screen", name, len(words))
			}
			for _, want := range c.says {
				if want == "" || !strings.Contains(screen.String(), want) {
					t.Errorf("%s: the screen lacks %q: %s", name, want, screen.String())
				}
			}
		}
	}
}

// TestWordsComeToTheTerminalItself: a pager that took all that is said was left after the
// question was answered.
func TestWordsComeToTheTerminalItself(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	keyboard, terminal := openTerminal(t)
	pager, said, err := os.Pipe()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "saksi", sealTo(d.URL, d, folderToSeal(t))...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start())
	must(t, said.Close())
	asked := bufio.NewReader(pager)
	for line := ""; !strings.HasSuffix(line, speaker("id")["ask"]); {
		b, err := asked.ReadByte()
		must(t, err)
		line += string(b)
	}
	must(t, pager.Close())
	_, err = io.WriteString(keyboard, "y\n")
	must(t, err)
	cmd.Wait()
	must(t, terminal.Close())
	shown, _ := io.ReadAll(keyboard) // ends in an error, as its other side is closed
	if words := shownWord.FindAllString(strings.ReplaceAll(string(shown), "\r", ""), -1); len(words) != 12 {
		t.Errorf("%d words are on the terminal: %q", len(words), shown)
	}
	if status, err := d.Inbox.Status(); err != nil || status.Items != 2 {
		t.Errorf("%d items are kept, %v", status.Items, err)
	}
}

// TestWhoLeavesBeforeAnythingIsSentSendsNothing: whoever closes the list of readers does
// not like what it has.
func TestWhoLeavesBeforeAnythingIsSentSendsNothing(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	closed, said, err := os.Pipe()
	must(t, err)
	must(t, closed.Close())
	defer said.Close()
	cmd := exec.CommandContext(t.Context(), "saksi", sealTo(d.URL, d, folderToSeal(t))...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err == nil {
		t.Error("it ended well")
	}
	if status, err := d.Inbox.Status(); err != nil || status.Items != 0 {
		t.Errorf("%d items are kept, %v", status.Items, err)
	}
}

// TestWhatStaysInAPictureIsSaid: a colour profile stays, and may name a screen or whose it
// is. Nobody reads that it is taken off.
func TestWhatStaysInAPictureIsSaid(t *testing.T) {
	const author = "tEXtAuthor\x00Budi Santoso"
	profile := "iCCPlayar Budi\x00\x00" + packed("\x00DELL U2412M 6XJ1234")
	for _, lang := range []string{"id", "en"} {
		say := speaker(lang)
		icc := say["reveal.profile"]
		for name, c := range map[string]struct {
			chunks, args []string
			says         []string
		}{
			"a name":             {[]string{author}, nil, []string{say["stripped"]}},
			"a profile":          {[]string{profile}, nil, []string{fmt.Sprintf(say["stays"], icc), say["profile"]}},
			"both":               {[]string{profile, author}, nil, []string{fmt.Sprintf(say["stripped_but"], icc), say["profile"]}},
			"nothing":            {nil, nil, nil},
			"both as they stand": {[]string{profile, author}, []string{"-keep-metadata"}, []string{say["kept_metadata"]}},
		} {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "kesaksian.txt"), []byte("Kami."), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "foto.png"), pictureWith(c.chunks...), 0o600))
			var out bytes.Buffer
			if code := run(t.Context(), env{nil, &out, &out}, append(append([]string{"seal", "-look", "-lang", lang}, c.args...), dir)); code != 0 {
				t.Errorf("%s: status %d", name, code)
			}
			_, after, _ := strings.Cut(out.String(), `"foto.png"`)
			_, after, _ = strings.Cut(after, "\n")
			told, _, _ := strings.Cut(after, say["look_readers"])
			if want := strings.Join(append(c.says, ""), "\n"); told != want {
				t.Errorf("%s: it says %q, want %q", name, told, want)
			}
		}
	}
}

func packed(text string) string {
	var b strings.Builder
	z := zlib.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}
