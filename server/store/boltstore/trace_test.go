//go:build !race

package boltstore_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"saksi/server/store/boltstore"
)

// An event is one system call of the workload that changes or syncs a file.
// Begin and end are lines of the trace: of two events, the first happened before
// the second if its end is below the other's begin.
type event struct {
	call       string
	begin, end int
	path, to   string // absolute; to for rename and link
	data       []byte // of writes
	at         int64  // offset of a write, or new size
	create     bool
	failed     bool
}

// traced are the calls by which a Go program can change what is on disk.
const traced = "openat,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,truncate," +
	"rename,renameat,renameat2,unlink,unlinkat,mkdirat,link,linkat,symlinkat,fallocate,copy_file_range,sendfile,splice"

// A run is a workload that came to its end under strace.
type run struct {
	dir     string // the store's folder, as the workload left it
	journal string // file
	events  []event
	planted int // errors that strace planted
}

// newStore makes a store for a workload, and returns its files.
func newStore(t *testing.T) (dir string, before map[string][]byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	if err := boltstore.Create(dir); err != nil {
		t.Fatal(err)
	}
	if s, err := boltstore.Open(dir, now); err != nil || s.Close() != nil { // takes its ballast in
		t.Fatal(err)
	}
	return dir, readFiles(t, dir)
}

// runWorkload runs the workload on a fresh store under strace, with more
// arguments for strace, and returns the store's files as they were before.
func runWorkload(t *testing.T, straceArgs ...string) (r run, before map[string][]byte) {
	t.Helper()
	dir, before := newStore(t)
	r, err := runMode(t, "", dir, straceArgs...)
	if err != nil {
		t.Fatalf("the workload: %v", err)
	}
	return r, before
}

// runMode runs one mode of the workload on a store under strace. The error is
// that of the process, which strace may have been told to kill.
func runMode(t *testing.T, mode, dir string, straceArgs ...string) (r run, exit error) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: apt-get install strace")
	}
	base := t.TempDir()
	r = run{dir: dir, journal: filepath.Join(base, "journal")}
	trace := filepath.Join(base, "trace")
	args := append([]string{"-f", "-y", "-qq", "-xx", "-s", "20000000", "-o", trace, "-e", "trace=" + traced}, straceArgs...)
	cmd := exec.Command("strace", append(args, os.Args[0])...)
	cmd.Env = append(os.Environ(), envFolder+"="+dir, envJournal+"="+r.journal, envMode+"="+mode)
	out, exit := cmd.CombinedOutput()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer os.Remove(trace)
	defer f.Close()
	if r.events, r.planted, err = parseTrace(f); err != nil {
		t.Fatal(err)
	}
	return r, exit
}

// readFiles reads a store's files by their paths.
func readFiles(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"*", "payloads/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err != nil || info.IsDir() {
				continue
			}
			if files[name], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files
}

// records reads the journal, whole.
func (r run) records(t *testing.T) map[key]record {
	t.Helper()
	text, err := os.ReadFile(r.journal)
	if err != nil {
		t.Fatal(err)
	}
	records, err := readJournal(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

var (
	traceLine   = regexp.MustCompile(`^(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$`)
	traceFD     = regexp.MustCompile(`^\d+<([^>]*)>`)
	traceText   = regexp.MustCompile(`"([^"]*)"`)
	traceResult = regexp.MustCompile(`\) += `)
	traceNums   = regexp.MustCompile(`, (\d+)(?:, (\d+))?$`)
)

// parseTrace reads what strace wrote, line by line, as it is four times as long as
// all that was written. A call that another thread's lines interrupt has two lines.
func parseTrace(r io.Reader) (events []event, planted int, err error) {
	open := map[string]event{} // by thread
	arguments := map[string]string{}
	lines := bufio.NewReader(r)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			return events, planted, endOf(err)
		}
		line = strings.TrimRight(line, "\n")
		if strings.Contains(line, "(INJECTED)") {
			planted++
		}
		m := traceLine.FindStringSubmatch(line)
		if m == nil || strings.HasSuffix(line, "= ?") {
			continue // a signal, an exit, a call that a kill cut off
		}
		thread, args := m[1], m[5]
		e := event{call: m[4], begin: n}
		if m[2] != "" {
			e, args = open[thread], arguments[thread]+m[3]
		} else if rest, ok := strings.CutSuffix(args, " <unfinished ...>"); ok {
			open[thread], arguments[thread] = e, rest
			continue
		}
		e.end = n
		ok, err := e.read(args)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d of the trace: %w", n+1, err)
		}
		if ok {
			events = append(events, e)
		}
	}
}

// endOf is nil where a reader came to its end.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// read takes a call's arguments and result apart, and reports whether it is one
// that matters.
func (e *event) read(text string) (bool, error) {
	cut := traceResult.FindStringIndex(text)
	if cut == nil {
		return false, fmt.Errorf("no result in %.200q", text)
	}
	args, result := text[:cut[0]], text[cut[1]:]
	e.failed = strings.HasPrefix(result, "-1")
	var texts []string
	for _, m := range traceText.FindAllStringSubmatch(args, -1) {
		texts = append(texts, unescape(m[1]))
	}
	if m := traceFD.FindStringSubmatch(args); m != nil {
		e.path = unescape(m[1])
	}
	switch e.call {
	case "openat":
		e.path, e.create = texts[0], strings.Contains(args, "O_CREAT") && !e.failed
		return e.create, nil
	case "write", "pwrite64", "pwritev":
		return true, e.readWrite(args, result, texts)
	case "ftruncate":
		_, err := fmt.Sscanf(args[strings.LastIndex(args, ", ")+2:], "%d", &e.at)
		return !e.failed, err
	case "fsync", "fdatasync":
		return true, nil
	case "renameat", "renameat2", "rename", "linkat":
		e.path, e.to = texts[0], texts[1]
		return !e.failed, nil
	case "unlinkat", "unlink":
		e.path = texts[0]
		return !e.failed, nil
	default:
		return false, fmt.Errorf("%s is not expected here: %.200q", e.call, args)
	}
}

// readWrite takes as much of the data as was written.
func (e *event) readWrite(args, result string, texts []string) error {
	if e.failed {
		return nil
	}
	var written int
	if _, err := fmt.Sscanf(result, "%d", &written); err != nil || len(texts) != 1 || written > len(texts[0]) {
		return fmt.Errorf("%s of %d bytes, %d of them seen: %v", e.call, written, len(strings.Join(texts, "")), err)
	}
	e.data = []byte(texts[0][:written])
	if m := traceNums.FindStringSubmatch(args); e.call == "pwrite64" && m != nil {
		at, err := strconv.ParseInt(m[2], 10, 64)
		e.at = at
		return err
	}
	return nil
}

// unescape reads a text in which every byte is written \xHH.
func unescape(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		return s
	}
	return string(b)
}
