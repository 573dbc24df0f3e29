package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/scribe"
	"saksi/server/store"
)

// manyItems is how many items a large drop has; SAKSI_BENCH_ITEMS sets another
// number. Each takes 75 KB of the disk.
func manyItems(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("SAKSI_BENCH_ITEMS"))
	if os.Getenv("SAKSI_BENCH_ITEMS") == "" {
		return limittest.Size(100_000, 20)
	}
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// A running server is the real program, as a process of its own.
type running struct {
	b   *testing.B
	cmd *exec.Cmd
	url string // with a slash at the end
}

// launch starts the server on a data folder.
func launch(b *testing.B, data string) *running {
	r := &running{b: b, cmd: exec.Command("saksi", "serve", "-data", data, "-listen", "127.0.0.1:0",
		"-files-per-hour", "100GiB")}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.stop)
	if r.url, err = servingAt(stdout); err != nil {
		b.Fatal(err)
	}
	return r
}

// servingAt reads what a server prints, up to its address.
func servingAt(printed io.Reader) (url string, err error) {
	lines := bufio.NewScanner(printed)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "saksi: serving "); ok {
			return url, nil
		}
	}
	return "", fmt.Errorf("the server did not say where it serves: %v", lines.Err())
}

// TestTheAddressIsFoundBehindOtherLines: without a script the server says that first,
// and benchmarks took it for the address.
func TestTheAddressIsFoundBehindOtherLines(t *testing.T) {
	const serving = "saksi: serving http://127.0.0.1:4711/\n"
	for _, printed := range []string{serving, withoutScript + "\n" + serving + "more\n"} {
		if url, err := servingAt(strings.NewReader(printed)); url != "http://127.0.0.1:4711/" || err != nil {
			t.Errorf("%q: %q, %v", printed, url, err)
		}
	}
	if url, err := servingAt(strings.NewReader(withoutScript + "\n")); err == nil {
		t.Errorf("%q of a server that serves nowhere", url)
	}
}

// get fetches the front page on a new connection.
func (r *running) get() {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(r.url)
	if err != nil {
		r.b.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(page, []byte(`href="/write"`)) {
		r.b.Fatal("no front page: ", resp.Status, err)
	}
}

// memory returns a line of the process's status, in MB.
func (r *running) memory(line string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		r.b.Fatal(err)
	}
	found := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(status)
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		r.b.Fatal(err)
	}
	return float64(kb) * 1024 / 1e6
}

// stop ends the server, if it runs, and waits.
func (r *running) stop() {
	if r.cmd.ProcessState == nil {
		r.cmd.Process.Signal(syscall.SIGTERM)
		r.cmd.Wait()
	}
}

// BenchmarkIdle starts a new drop, fetches one page and reports its memory.
func BenchmarkIdle(b *testing.B) {
	data := newData(b)
	var most float64
	for b.Loop() {
		r := launch(b, data)
		r.get()
		most = max(most, r.memory("VmRSS"))
		r.stop()
	}
	b.ReportMetric(most, "MB-idle")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// BenchmarkLargeDrop holds a drop with very many items against one with 1,000:
// of-limit is 1 when nothing grows. In "states" the states of a receipt's items
// are asked for, as by every page that follows a receipt; "mailbox" is all the
// work behind the page of a conversation; "start" is the time from the start of
// the program to the end of its first page.
func BenchmarkLargeDrop(b *testing.B) {
	n := manyItems(b)
	little, much := largeDrop(b, limittest.Size(1000, 10)), largeDrop(b, n)
	b.Run(fmt.Sprint("start/items=", n), func(b *testing.B) {
		var long, short []time.Duration
		for b.Loop() {
			long, short = append(long, much.start(b)), append(short, little.start(b))
		}
		b.ReportMetric(limittest.Median(long).Seconds()*1000, "ms-to-first-answer")
		b.ReportMetric(limittest.Median(short).Seconds()*1000, "ms-with-1000-items")
	})
	b.Run(fmt.Sprint("states/items=", n), func(b *testing.B) {
		limittest.Compare(b, 1, "reads", much.states(b), little.states(b))
	})
	b.Run(fmt.Sprint("mailbox/items=", n), func(b *testing.B) {
		limittest.Compare(b, 1, "reads", much.mailbox(b), little.mailbox(b))
	})
}

// start returns how long the program takes to its first page.
func (l *large) start(b *testing.B) time.Duration {
	start := time.Now()
	r := launch(b, l.data)
	defer r.stop()
	r.get()
	return time.Since(start)
}

func (l *large) states(b *testing.B) func() {
	s := l.scribe(b)
	return func() {
		states, err := s.States(l.codes[rand.IntN(len(l.codes))])
		if err != nil || states[0].Stand != parcel.Waiting || states.Next() != 1 {
			b.Fatal(states, err)
		}
	}
}

func (l *large) mailbox(b *testing.B) func() {
	s := l.scribe(b)
	return func() {
		c, err := s.Read(l.codes[rand.IntN(len(l.codes))], 0)
		if err != nil || c.States[0].Stand != parcel.Waiting || c.States.Next() != 1 {
			b.Fatal(c, err)
		}
	}
}

// A large drop has items, and an answer to each tenth, that nobody could open: what is
// measured does not look inside.
type large struct {
	data  string
	codes []receipt.Code // of some items, all with an answer
}

func largeDrop(b *testing.B, n int) *large {
	b.Helper()
	l := &large{data: newData(b)}
	f, err := folder.Open(l.data, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var next atomic.Int64
	var group sync.WaitGroup
	codes := make([]receipt.Code, n)
	for range 64 {
		group.Go(func() {
			for at := next.Add(1) - 1; at < int64(n); at = next.Add(1) - 1 {
				codes[at] = receipt.New()
				if err := fill(f.Store, codes[at], at%10 == 0); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	for at := 0; at < n && len(l.codes) < 100; at += 10 {
		l.codes = append(l.codes, codes[at])
	}
	return l
}

// fill gives a code one item, and perhaps an answer.
func fill(s store.Store, code receipt.Code, answered bool) error {
	slots := make([][]byte, 3)
	for n := range slots {
		slots[n] = make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))
	}
	i := store.Item{
		ID: code.ItemID(0), Roster: 1, Week: week.Of(time.Now()), Burn: code.Burn(0).Hash(),
		Size: item.PayloadSize(item.Floor),
	}
	err := s.Create(i, slots, func(w io.Writer) error {
		_, err := io.CopyN(w, zeros{}, i.Size)
		return err
	})
	if err != nil || !answered {
		return err
	}
	sealed := make([]byte, reply.SealedSize())
	copy(sealed, code[:]) // no two are the same
	return s.AddReply(store.Reply{Mailbox: code.Keys().Mailbox(), Sealed: sealed, Reviewer: "r1"})
}

// scribe opens the drop in this process.
func (l *large) scribe(b *testing.B) *scribe.Scribe {
	f, err := folder.Open(l.data, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	box, err := f.Inbox(time.Now, inbox.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	return &scribe.Scribe{Inbox: box}
}

// BenchmarkExport lets the operator's command take a bundle of 4,000 texts off
// a running server. Its limit is a plain copy of that bundle, with fsync.
func BenchmarkExport(b *testing.B) {
	l := largeDrop(b, limittest.Size(4000, 20))
	r := launch(b, l.data)
	defer r.stop()
	dir := b.TempDir()
	first := filepath.Join(dir, "first.tar")
	export := func(to string, more ...string) {
		args := append([]string{"export", "-data", l.data, "-out", to}, more...)
		if out, err := exec.Command("saksi", args...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	export(first, "-now")
	info, err := os.Stat(first)
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	limittest.Compare(b, int(info.Size()>>20), "MiB", func() {
		n++
		out := filepath.Join(dir, strconv.Itoa(n))
		export(out)
		if again, err := os.Stat(out); err != nil || again.Size() != info.Size() {
			b.Fatal("another bundle: ", again, err)
		}
	}, func() {
		n++
		copyFile(b, first, filepath.Join(dir, strconv.Itoa(n)))
	})
}

func copyFile(b *testing.B, from, to string) {
	in, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 1<<20)); err != nil {
		b.Fatal(err)
	}
	if err := out.Sync(); err != nil {
		b.Fatal(err)
	}
}
