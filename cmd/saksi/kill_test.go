package main

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/server/courier"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/servertest"
)

var kills = flag.Int("kills", 200, "how often the server is killed under load")

// crowd is everyone who uses the server until it dies.
type crowd struct {
	*ledger
	url, data string
	party     *demoParty
	client    http.Client
	over      chan struct{}
}

func (c *crowd) post(path string, pairs ...string) (status int, body string) {
	resp, err := c.client.PostForm(c.url+path, servertest.Fields(path, pairs...))
	return answer(resp, err)
}

// answer reads an answer to its end; a broken one is none.
func answer(resp *http.Response, err error) (status int, body string) {
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(b)
}

// write sends a testimony, and counts it as acknowledged when the words appear.
func (c *crowd) write() {
	code := receipt.New()
	s := c.begin(&sent{code: code, text: "kesaksian " + code.Field()[:8]})
	status, body := c.post("/write", "code", code.Field(), "text", s.text)
	if status == http.StatusOK && strings.Contains(body, s.code.Words()[11]) {
		c.note(func() { s.told = true })
	}
}

func (c *crowd) upload(t *testing.T) {
	first, n := c.pick(func(*sent) {}), 0
	if first != nil {
		n = c.number(first.code)
	}
	if n == 0 {
		return
	}
	file := make([]byte, 100_000+rand.IntN(300_000))
	_, _ = cryptorand.Read(file) // it never fails
	s := c.begin(&sent{code: first.code, n: n, file: sha256.Sum256(file)})
	body, kind := servertest.Multipart(t, "a.jpg", file,
		"code", s.code.Field(), "n", strconv.Itoa(s.n))
	resp, err := c.client.Post(c.url+"/file", kind, bytes.NewReader(body))
	status, page := answer(resp, err)
	if status == http.StatusOK && strings.Contains(page, "sudah kami terima") {
		c.note(func() { s.told = true })
	}
}

func (c *crowd) remove() {
	s := c.pick(func(s *sent) { s.deleting = true })
	if s == nil {
		return
	}
	if status, _ := c.post("/delete", "code", s.code.Field(), "n", "0", "confirm", "yes"); status == http.StatusOK {
		c.note(func() { s.deleted = true })
	}
}

// carry closes a batch, takes the bundle, and brings an answer to somebody.
func (c *crowd) carry() {
	ops, err := courier.NewClient(c.data)
	if err != nil {
		return
	}
	if _, err := ops.Close(); err != nil {
		return
	}
	if _, err := ops.Bundle(io.Discard); err != nil {
		return
	}
	s := c.pick(func(*sent) {})
	if s == nil {
		return
	}
	box, text := c.party.answer(s.code)
	told := c.answering(s.code, text)
	if report, err := ops.Import(box); err == nil && report.Replies == 1 {
		told()
	}
}

// run lets everyone work until the server is killed.
func (c *crowd) run(t *testing.T, more ...func()) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, work := range append(more, c.write, c.write, func() { c.upload(t) }, c.remove, c.carry) {
		wg.Go(func() {
			for {
				select {
				case <-c.over:
					return
				default:
					work()
				}
			}
		})
	}
	return &wg
}

// demoParty is the first reviewer of the demo.
type demoParty struct {
	keys   *reviewer.Keys
	roster *roster.Signed
	circle *roster.Circle
	number uint64
}

// answer writes an outbox with an answer that no other one is like.
func (p *demoParty) answer(code receipt.Code) (box []byte, text string) {
	keys := code.Keys()
	p.number++
	text = fmt.Sprint("jawaban ", p.number)
	sealed, _, err := reply.Seal(
		reply.Reply{Reviewer: "r1", Roster: p.roster.Sequence, Number: p.number, Status: reply.Reviewed, Text: text},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, p.keys.Signer)
	if err != nil {
		panic(err)
	}
	o := outbox.Outbox{Reviewer: "r1", Roster: p.roster.Sequence, RosterHash: p.roster.Hash, Number: p.number,
		Replies: []outbox.Reply{{Mailbox: keys.Mailbox(), Sealed: sealed}}}
	return o.Sign(p.keys.Signer), text
}

// TestKilledUnderLoad kills the server at random moments while people write,
// send files at once and in slices, delete what is kept and what is on its way, and
// carry. Nothing that anyone was told is ever lost, another, half kept or undone,
// leftovers are swept, and the store is clean.
func TestKilledUnderLoad(t *testing.T) {
	data := newData(t)
	party := readParty(t, data)
	book := newLedger(party)
	slow := &patient{ledger: book}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var waiting sync.WaitGroup
	waiting.Go(func() { slow.run(ctx, t) })
	parts, burns := 0, &burner{}
	for n := range *kills {
		p := startProcess(t, "saksi", "serve", "-data", data, "-listen", "127.0.0.1:0", "-reserve", "64MiB",
			"-texts-per-hour", "1000000", "-files-per-hour", "1000GiB")
		c := &crowd{ledger: book, url: p.URL, data: data, party: party, over: make(chan struct{})}
		slow.up(t, p.URL)
		everyone := c.run(t, func() { burns.sealed(t, c) }, func() { burns.form(t, c) })
		time.Sleep(lifetime())
		p.end(syscall.SIGKILL)
		close(c.over)
		everyone.Wait()
		c.client.CloseIdleConnections()
		parts += leftovers(t, data)
		book.verify(t, data, n%25 == 0 || n == *kills-1)
		if t.Failed() {
			t.Fatalf("after kill %d", n+1)
		}
	}
	cancel()
	waiting.Wait() // to read all of it takes longer than who sends in slices is patient
	book.reread()
	book.verify(t, data, true)
	t.Logf("%d files of 1 MiB came in slices", slow.sent)
	if slow.sent == 0 {
		t.Error("no file came in slices")
	}
	book.summary(t, parts)
	burns.summary(t)
}

// lifetime is mostly short, and sometimes long enough for many answers: those
// about deletions leave on a tick of 250 ms.
func lifetime() time.Duration {
	const shortest, mean, longest = 20 * time.Millisecond, 250 * time.Millisecond, time.Second
	return min(shortest+time.Duration(rand.ExpFloat64()*float64(mean)), longest)
}

func leftovers(t *testing.T, data string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(data, "store", "payloads", "*.part"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func readParty(t *testing.T, data string) *demoParty {
	t.Helper()
	f, err := os.Open(filepath.Join(filepath.Dir(data), "reviewers", "r1.key"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	keys, err := reviewer.ParseFile(f)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(filepath.Join(filepath.Dir(data), "reviewers", "r1.weeks"))
	if err != nil {
		t.Fatal(err)
	}
	if keys, err = keys.OpenWeeks(sealed); err != nil {
		t.Fatal(err)
	}
	party := &demoParty{keys: keys}
	withBox(t, data, func(box *inbox.Inbox) {
		party.roster = box.Newest()
		if party.circle, err = box.Circle(); err != nil {
			t.Fatal(err)
		}
	})
	return party
}

// withBox opens a data folder at rest.
func withBox(t *testing.T, data string, f func(*inbox.Inbox)) {
	t.Helper()
	opened, err := folder.Open(data, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	box, err := opened.Inbox(time.Now, inbox.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f(box)
}
