package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/week"
	"saksi/web/evidence"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"saksi-review": main})
}

func TestScripts(t *testing.T) {
	tools := stockAge(t)
	samples, err := filepath.Abs("../../web/evidence/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": server, "names": threadNames, "mode": fileMode, "keygen": keygenAll,
			"signingkey": signingKey, "unheard": unheard,
		},
		Setup: func(env *testscript.Env) error {
			for name, n := range map[string]int{"LONGAGO": -8, "GONE": -5, "KEPT": -4, "NOW": 0} {
				env.Setenv(name, week.Of(time.Now()).Add(n).String())
			}
			env.Setenv("AGE", filepath.Join(tools, "age"))
			env.Setenv("SAMPLES", samples)
			env.Setenv("PRIVATE", private())
			env.Defer(func() {
				if left, err := os.ReadDir(filepath.Join(env.WorkDir, ".tmp")); err != nil || len(left) > 0 {
					t.Errorf("%s: the folder for temporary files has %v, %v", filepath.Base(env.WorkDir), left, err)
				}
			})
			env.Setenv("PATH", env.Getenv("PATH")+string(filepath.ListSeparator)+tools)
			return nil
		},
	})
}

// private begins a command that may mount disks which nobody else sees.
func private() string {
	if os.Getuid() != 0 {
		return "unshare --mount --user --map-root-user"
	}
	return "unshare --mount"
}

// stockAge builds the age program of the version that the module asks for, and a
// plugin of it that needs no hardware, in a folder: a system's own may be too old
// for post-quantum files.
func stockAge(t *testing.T) string {
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", folder+string(filepath.Separator),
		"filippo.io/age/cmd/age", "filippo.io/age/cmd/age-plugin-batchpass")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building age: %v\n%s", err, out)
	}
	return folder
}

// TestNoNetwork: the air-gapped side has no code that could open a connection.
func TestNoNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		harmless := dep == "net/url" || dep == "net/netip"
		if dep == "net" || strings.HasPrefix(dep, "net/") && !harmless || strings.HasPrefix(dep, "crypto/tls") ||
			dep == "crypto/x509" || strings.HasPrefix(dep, "saksi/server") || strings.HasPrefix(dep, "golang.org/x/net") {
			t.Errorf("saksi-review links %s", dep)
		}
	}
	if !strings.Contains(string(out), "saksi/crypto/batch\n") {
		t.Error("the list of dependencies is not what it should be")
	}
}

// TestUsageNamesEveryCommand, and each command has help of its own.
func TestUsageNamesEveryCommand(t *testing.T) {
	for _, cmd := range commands() {
		if !regexp.MustCompile(`(?m)^    ` + cmd.name + `  +\w`).MatchString(usage) {
			t.Errorf("usage does not name %q", cmd.name)
		}
		var out, errs bytes.Buffer
		if status := run(append(strings.Fields(cmd.name), "-h"), strings.NewReader(""), &out, &errs); status != 0 || errs.Len() > 0 {
			t.Errorf("%s -h: status %d, %s", cmd.name, status, errs.String())
		}
		flags := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
		cmd.setup(flags)
		flags.VisitAll(func(f *flag.Flag) {
			if f.Usage == "" || !strings.Contains(out.String(), "-"+f.Name) {
				t.Errorf("%s -%s has no help", cmd.name, f.Name)
			}
		})
	}
}

func TestHintsSayWhatToDo(t *testing.T) {
	for _, row := range hints() {
		if row.err == nil || row.hint == "" || strings.HasSuffix(row.hint, ".") || hintFor(row.err) != row.hint {
			t.Errorf("hint for %v: %q", row.err, row.hint)
		}
	}
	if hint := hintFor(syscall.EFBIG); !strings.Contains(hint, "formatting this one erases") {
		t.Errorf("a stick with evidence on it is to be formatted: %q", hint)
	}
	if hint := hintFor(errors.Join(desk.ErrTakenIn, syscall.ENOSPC)); !strings.Contains(hint, "make room there") ||
		!strings.Contains(hint, "it is done") || strings.Contains(hint, "as it was") {
		t.Errorf("of a disk that was full when the bundle was in: %q", hint)
	}
	if hintFor(io.EOF) != "" {
		t.Error("a hint for anything")
	}
}

// TestHostileTextIsCleaned renders everything that a reporter can write.
func TestHostileTextIsCleaned(t *testing.T) {
	const evil = "a\x1b[2J\u202e\x07\nitem 9  forged"
	page := desk.Page{Item: &desk.Item{Attachments: []desk.Attachment{{Original: evil}}}, Text: evil}
	page.Taxonomy = evil
	page.Form.Answers = map[string][]string{evil: {evil, evil}}
	thread := &desk.Thread{Replies: []*desk.OwnReply{{Forwarded: evil, Text: evil}}}
	var out bytes.Buffer
	c := &console{stdout: &out, stderr: &out}
	told := desk.Tells{"": {Type: evidence.JPEG, Reveals: []evidence.Reveal{{What: evidence.Author, Value: evil}}}}
	look := func(*desk.Item) (desk.Tells, error) { return told, nil }
	if err := c.showThread(thread, []desk.Page{page}, answersIn{"id", (&desk.Desk{}).Form, look}); err != nil {
		t.Fatal(err)
	}
	c.sayExtracted("hasil", desk.Extracted{Item: &desk.Item{}, Tells: told}, "en")
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if desk.Clean(line) != line || strings.HasPrefix(line, "item 9") {
			t.Errorf("printed %q", line)
		}
	}
	if n := strings.Count(out.String(), "<U+001B>[2J<U+202E><U+0007>"); n != 10 {
		t.Errorf("hostile text is shown %d times:\n%s", n, out.String())
	}
}

// TestProgressIsCalm: at most five lines a second, none for short work, and
// the last is wiped away.
func TestProgressIsCalm(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	show := newProgress(&out, func() time.Time { return now })
	show("reading", 5, 10)
	show("reading", 10, 10)
	show("checking", 0, 0)
	if out.Len() > 0 {
		t.Errorf("short work shows %q", out.String())
	}
	for done := int64(0); done <= 2_000_000; done += 1000 {
		now = now.Add(time.Millisecond)
		show("reading", done, 2_000_000)
	}
	lines := strings.Split(out.String(), "\r\x1b[K")
	if n := len(lines); n < 10 || n > 13 || lines[n-1] != "" || lines[2] != "reading: 399,000 of 2,000,000 bytes, 19 %" {
		t.Errorf("shown: %q", lines)
	}
}

func TestProgressNeedsATerminal(t *testing.T) {
	for _, w := range []io.Writer{&bytes.Buffer{}, os.NewFile(^uintptr(0), "closed")} {
		if c := (&console{stderr: w}); c.progress() != nil {
			t.Errorf("progress is shown on %T", w)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1234567): "1,234,567",
		plural(1, "item"): "1 item", plural(2, "reply"): "2 replies", plural(2000, "new batch"): "2,000 new batches",
		runs([]uint64{1, 3, 4, 5, 9, 10}): "1, 3-5, 9-10",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestWhatIsPrintedNowhereIsAnError, but for a pager that was left.
func TestWhatIsPrintedNowhereIsAnError(t *testing.T) {
	for failure, status := range map[error]int{syscall.ENOSPC: 1, syscall.EPIPE: 0} {
		for _, args := range [][]string{{"version"}, {"help"}, {"list", "-h"}} {
			said := new(bytes.Buffer)
			if code := run(args, nil, refusing{failure}, said); code != status || strings.Contains(said.String(), "printed: no space") != (status == 1) {
				t.Errorf("%s, %v: it ends with %d and says %q", args, failure, code, said)
			}
		}
	}
}

// refusing takes nothing.
type refusing struct{ error }

func (r refusing) Write([]byte) (int, error) { return 0, r.error }
