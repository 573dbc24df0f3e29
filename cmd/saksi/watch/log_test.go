package watch_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi/watch"
	"saksi/crypto/fuzztest"
	"saksi/crypto/onionname"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// logOf returns a log whose looks saw these rosters, each a number and a hash of
// one letter; "-" is a look that reached nothing.
func logOf(t testing.TB, saw ...string) *watch.Log {
	t.Helper()
	l := newLog(t)
	for _, one := range saw {
		e := watch.Entry{Time: time.Date(2026, 11, 22, 10, 4, len(l.Entries), 0, time.UTC), Verdict: watch.Missed}
		if one != "-" {
			e.Verdict, e.Origin = watch.OK, "uji.saksi"
			var letter byte
			_, err := fmt.Sscanf(one, "%d%c", &e.Sequence, &letter)
			check(t, err)
			e.Hash[0] = letter
		}
		l.Entries = append(l.Entries, e)
	}
	read, err := watch.ParseLog(l.Text())
	check(t, err)
	return read
}

// newLog returns a log without looks, of one drop always.
func newLog(t testing.TB) *watch.Log {
	t.Helper()
	l, err := watch.ParseLog((&watch.Log{Onion: onionname.New([32]byte{1}), Roots: "abcd efgh ijkl mnop qrst"}).Text())
	check(t, err)
	return l
}

// FuzzParseLog: a log has one spelling, and whoever reads another's log pays a
// bounded price.
func FuzzParseLog(f *testing.F) {
	text := logOf(f, "1a", "-", "2b").Text()
	f.Add(text)
	for _, spelling := range fuzztest.Respell(text) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("\n", 10_000))
	f.Add(newLog(f).Text() + strings.Repeat("2026-11-22T10:04:05Z - roster - - missed ", 1000))
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, mended(text)} {
			bound := fuzztest.Bound{Base: 32 << 10, PerByte: 24}
			fuzztest.Canonical(t, bound, text, watch.ParseLog, (*watch.Log).Text, watch.ErrLog)
		}
	})
}

// mended returns a log with the right hashes, so that what was changed reaches what
// is behind them.
func mended(text string) string {
	lines := slices.Collect(strings.Lines(text))
	if len(lines) < 4 {
		return text
	}
	before := roster.Hash(sha256.Sum256([]byte(strings.Join(lines[:3], ""))))
	for i, line := range lines[3:] {
		if len(line) > 65 {
			lines[i+3] = line[:len(line)-65] + before.String() + "\n"
		}
		before = sha256.Sum256([]byte(lines[i+3]))
	}
	return strings.Join(lines, "")
}

// TestALogIsOneLineALook, in the form that docs/protocol.md has.
func TestALogIsOneLineALook(t *testing.T) {
	lines := strings.Split(logOf(t, "3a", "-").Text(), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range []string{
		"saksi/v1/watch", "onion " + onionname.New([32]byte{1}).String(), "roots abcd efgh ijkl mnop qrst",
		"2026-11-22T10:04:00Z uji.saksi roster 3 61" + strings.Repeat("0", 62) + " ok ",
		"2026-11-22T10:04:01Z - roster - - missed ", "",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
}

// TestALogThatWasChangedIsRefused: whatever was changed, taken out, put in or cut,
// the line is named.
func TestALogThatWasChangedIsRefused(t *testing.T) {
	text := logOf(t, "1a", "2b", "-", "3c").Text()
	lines := slices.Collect(strings.Lines(text))
	without := func(n int) string { return strings.Join(slices.Delete(slices.Clone(lines), n, n+1), "") }
	for _, row := range []struct{ want, changed string }{
		{"line 7 is cut", strings.TrimSuffix(text, "\n")},
		{"line 4: it does not", without(3)},
		{"line 5: it does not", without(4)},
		{"line 5: it does not", strings.Replace(text, "roster 1 6", "roster 1 5", 1)},
		{"line 7: it does not", strings.Replace(text, "missed", "alarm unreachable", 1)},
		{"line 4: it does not", strings.Replace(text, "abcd", "aaaa", 1)},
		{"line 6: half a roster", strings.Replace(text, "missed", "ok", 1)},
		{"line 6: an alarm that is unknown", strings.Replace(text, "missed", "alarm ok", 1)},
		{"line 4: a roster's number", strings.Replace(text, "roster 1", "roster 0", 1)},
		{"line 4: want a time", strings.Replace(text, "10:04:00", "10:64:00", 1)},
		{"line 4: too long", strings.Replace(text, "ok", strings.Repeat("k", 400), 1)},
		{"line 2", without(1)},
		{"line 3", strings.Replace(text, "abcd", "ABCD", 1)},
		{"three first lines", ""},
	} {
		if _, err := watch.ParseLog(row.changed); !errors.Is(err, watch.ErrLog) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("got %v, want %q", err, row.want)
		}
	}
	if _, err := watch.ParseLog(strings.Repeat("a", watch.MaxLog+1)); !errors.Is(err, watch.ErrLog) {
		t.Errorf("a log that is too long: %v", err)
	}
}

// TestTwoWatchdogsCompare what they saw.
func TestTwoWatchdogsCompare(t *testing.T) {
	a := logOf(t, "1a", "2b", "-", "3c")
	for what, row := range map[string]struct {
		other *watch.Log
		want  watch.Comparison
	}{
		"the same": {a, watch.Comparison{Both: []uint64{1, 2, 3}}},
		"came later": {
			logOf(t, "-", "3c", "4d"), watch.Comparison{Both: []uint64{3}, First: []uint64{1, 2}, Second: []uint64{4}},
		},
		"another":      {logOf(t, "1a", "2x", "3y"), watch.Comparison{Differ: 2}},
		"within one":   {logOf(t, "4d", "4e"), watch.Comparison{Differ: 4}},
		"saw nothing":  {logOf(t), watch.Comparison{First: []uint64{1, 2, 3}}},
		"another last": {logOf(t, "3x"), watch.Comparison{Differ: 3}},
	} {
		got, err := watch.Compare(a, row.other)
		check(t, err)
		same := got.Differ == row.want.Differ && (got.Differ > 0) == (len(got.Hashes) == 2)
		if row.want.Differ == 0 {
			same = same && slices.Equal(got.Both, row.want.Both) && slices.Equal(got.First, row.want.First) &&
				slices.Equal(got.Second, row.want.Second)
		}
		if !same {
			t.Errorf("%s: %+v, want %+v", what, got, row.want)
		}
	}
	strange := logOf(t, "1a")
	strange.Roots = "aaaa bbbb cccc dddd eeee"
	if _, err := watch.Compare(a, strange); !errors.Is(err, watch.ErrCompare) {
		t.Errorf("logs of two drops: %v", err)
	}
}

// TestADamagedMemoryIsNoticed before anything is asked for, and left as it is.
func TestADamagedMemoryIsNoticed(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	w.look(watch.OK)
	dir := w.dog.Dir
	log := read(t, dir, "monitor.log")
	lines := slices.Collect(strings.Lines(log))
	note := read(t, dir, "rosters/1.note")
	fork := w.next(func(d *reviewer.Draft) { d.Previous = nil; other(d) }, asItIs[roster.Roster])
	stray := w.next(asItIs[reviewer.Draft], func(r *roster.Roster) { r.Previous[0]++ })
	for what, row := range map[string]struct {
		name, content string
		want          error
		says          string
	}{
		"half a line":       {"monitor.log", log[:len(log)-10], watch.ErrLog, "line 5 is cut"},
		"a changed line":    {"monitor.log", strings.Replace(log, " ok ", " alarm fork ", 1), watch.ErrLog, "line 5"},
		"all lines less":    {"monitor.log", strings.Join(lines[:3], ""), watch.ErrLog, "after line 3 lines are missing"},
		"nothing left":      {"monitor.log", "", watch.ErrLog, "three first lines"},
		"another roster":    {"rosters/1.note", fork, watch.ErrMemory, "line 4 has roster 1"},
		"a damaged roster":  {"rosters/1.note", note[:100], watch.ErrMemory, ""},
		"a misnamed roster": {"rosters/2.note", note, watch.ErrMemory, "is roster 1"},
		"a stray roster":    {"rosters/2.note", stray, watch.ErrMemory, "names another roster 1"},
		"another head":      {"monitor.head", strings.Repeat("0", 64), watch.ErrLog, "lines are missing"},
	} {
		before, err := os.ReadFile(filepath.Join(dir, row.name))
		check(t, os.WriteFile(filepath.Join(dir, row.name), []byte(row.content), 0o600))
		asked := len(w.asked)
		if _, got := w.dog.Look(t.Context()); !errors.Is(got, row.want) || !strings.Contains(got.Error(), row.says) {
			t.Errorf("%s: %v, want %v, %q", what, got, row.want, row.says)
		}
		if read(t, dir, row.name) != row.content || len(w.asked) != asked {
			t.Errorf("%s: it was written over, or asked for", what)
		}
		if err != nil {
			check(t, os.Remove(filepath.Join(dir, row.name)))
		} else {
			check(t, os.WriteFile(filepath.Join(dir, row.name), before, 0o600))
		}
	}
	check(t, os.Rename(filepath.Join(dir, "monitor.log"), filepath.Join(dir, "away")))
	if _, err := w.dog.Look(t.Context()); !errors.Is(err, watch.ErrLog) {
		t.Errorf("without a log: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "monitor.log")); err == nil {
		t.Error("another log was begun in its place")
	}
	check(t, os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "monitor.log")))
	w.look(watch.OK)
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	check(t, err)
	return string(text)
}

// TestACrashBetweenLineAndHeadIsNone: the line counts.
func TestACrashBetweenLineAndHeadIsNone(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	head := read(t, w.dog.Dir, "monitor.head")
	w.look(watch.OK)
	check(t, os.WriteFile(filepath.Join(w.dog.Dir, "monitor.head"), []byte(head), 0o600))
	w.look(watch.OK)
	if n := len(w.log().Entries); n != 3 {
		t.Errorf("%d lines", n)
	}
	check(t, os.WriteFile(filepath.Join(w.dog.Dir, "monitor.head"), []byte(head), 0o600))
	if _, err := w.dog.Look(t.Context()); !errors.Is(err, watch.ErrLog) {
		t.Errorf("a head two lines behind: %v", err)
	}
}

// TestAFolderIsOneWatchdogs: of one drop, of one set of roots, and of one at a time.
func TestAFolderIsOneWatchdogs(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	strange := w.watchdog()
	strange.Dir, strange.Onion = w.dog.Dir, onionname.New([32]byte{9})
	if _, err := strange.Look(t.Context()); !errors.Is(err, watch.ErrOther) {
		t.Errorf("another address: %v", err)
	}
	strange.Onion, strange.Roots = w.onion, roster.RootSet{Threshold: 1, Keys: []sign.Key{w.Server.Key()}}
	if _, err := strange.Look(t.Context()); !errors.Is(err, watch.ErrOther) {
		t.Errorf("other roots: %v", err)
	}
	w.lie("/", func(_ int, a answer) answer {
		if _, err := w.dog.Look(t.Context()); !errors.Is(err, watch.ErrBusy) {
			t.Errorf("two at a time: %v", err)
		}
		return a
	})
	w.look(watch.OK)
}
