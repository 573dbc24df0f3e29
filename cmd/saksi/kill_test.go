package main

import (
	"bytes"
	"context"
	"flag"
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
	"saksi/server/store"
)

var kills = flag.Int("kills", 200, "how often the server is killed under load")

// A ledger is what reporters and a reviewer know: what they sent, and what they
// were told.
type ledger struct {
	mu      sync.Mutex
	items   []*sent
	replies []*sent
}

type sent struct {
	code                    receipt.Code
	n                       int
	told, deleting, deleted bool
	checked                 bool
}

// begin notes something before it is sent.
func (l *ledger) begin(s *sent) *sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, s)
	return s
}

func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// pick chooses something that was acknowledged and that nobody deletes.
func (l *ledger) pick(choose func(*sent)) *sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range 20 {
		if len(l.items) == 0 {
			return nil
		}
		s := l.items[rand.IntN(len(l.items))]
		if s.told && !s.deleting && s.n == 0 {
			choose(s)
			return s
		}
	}
	return nil
}

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
	s := c.begin(&sent{code: receipt.New()})
	status, body := c.post("/write", "code", s.code.Field(), "text", "kesaksian")
	if status == http.StatusOK && strings.Contains(body, s.code.Words()[11]) {
		c.note(func() { s.told = true })
	}
}

func (c *crowd) upload(t *testing.T) {
	first := c.pick(func(*sent) {})
	if first == nil {
		return
	}
	s := c.begin(&sent{code: first.code, n: 1 + rand.IntN(60)})
	body, kind := servertest.Multipart(t, "a.jpg", make([]byte, 100_000+rand.IntN(300_000)),
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
	if report, err := ops.Import(c.party.answer(s.code)); err == nil && report.Replies == 1 {
		c.note(func() { c.replies = append(c.replies, s) })
	}
}

// run lets everyone work until the server is killed.
func (c *crowd) run(t *testing.T) *sync.WaitGroup {
	var wg sync.WaitGroup
	for _, work := range []func(){c.write, c.write, func() { c.upload(t) }, c.remove, c.carry} {
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

func (p *demoParty) answer(code receipt.Code) []byte {
	keys := code.Keys()
	p.number++
	sealed, _, err := reply.Seal(
		reply.Reply{Reviewer: "r1", Roster: p.roster.Sequence, Number: p.number, Status: reply.Reviewed, Text: "jawaban"},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, p.keys.Signer)
	if err != nil {
		panic(err)
	}
	o := outbox.Outbox{Reviewer: "r1", Roster: p.roster.Sequence, RosterHash: p.roster.Hash, Number: p.number,
		Replies: []outbox.Reply{{Mailbox: keys.Mailbox(), Sealed: sealed}}}
	return o.Sign(p.keys.Signer)
}

// TestKilledUnderLoad kills the server at random moments while people write,
// send files at once and in slices, delete and carry. Nothing that anyone was told is ever lost, half
// kept or undone, leftovers are swept, and the store is clean.
func TestKilledUnderLoad(t *testing.T) {
	data := newData(t)
	book := &ledger{}
	party := readParty(t, data)
	slow := &patient{ledger: book, circle: party.circle}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var waiting sync.WaitGroup
	waiting.Go(func() { slow.run(ctx, t) })
	parts := 0
	for n := range *kills {
		p := startProcess(t, "saksi", "serve", "-data", data, "-listen", "127.0.0.1:0", "-reserve", "64MiB",
			"-texts-per-hour", "1000000", "-files-per-hour", "1000GiB")
		c := &crowd{ledger: book, url: p.URL, data: data, party: party, over: make(chan struct{})}
		slow.up(t, p.URL)
		everyone := c.run(t)
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
	waiting.Wait()
	t.Logf("%d files of 1 MiB came in slices", slow.sent)
	if slow.sent == 0 {
		t.Error("no file came in slices")
	}
	book.summary(t, parts)
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

// verify holds the data folder against the ledger, and now and then against
// itself. Who sends in slices waits meanwhile.
func (l *ledger) verify(t *testing.T, data string, whole bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	withBox(t, data, func(box *inbox.Inbox) {
		if n := leftovers(t, data); n > 0 {
			t.Errorf("%d broken uploads were not swept", n)
		}
		for _, s := range l.items {
			l.verifyItem(t, box.Store, s)
		}
		for _, s := range l.replies {
			if replies, err := box.Store.Replies(s.code.Keys().Mailbox(), store.Places(0, 8)); err != nil || len(replies) == 0 {
				t.Errorf("an answer is lost: %v", err)
			}
		}
		if !whole {
			return
		}
		if wrong, err := box.Check(); err != nil || len(wrong) > 0 {
			t.Errorf("check: %q, %v", wrong, err)
		}
	})
}

func (l *ledger) verifyItem(t *testing.T, s store.Store, i *sent) {
	t.Helper()
	id := i.code.ItemID(i.n)
	states, err := s.States([]receipt.ItemID{id})
	if err != nil {
		t.Fatal(err)
	}
	switch state := states[0]; {
	case i.deleted && state.Gone == nil:
		t.Errorf("item %s was deleted, and is there", id)
	case i.told && !i.deleting && state.Item == nil:
		t.Errorf("item %s was acknowledged, and is lost", id)
	case state.Item != nil && !i.checked:
		i.checked = true
		l.verifyContent(t, s, *state.Item)
	}
}

// verifyContent holds that an item is whole, acknowledged or not.
func (l *ledger) verifyContent(t *testing.T, s store.Store, i store.Item) {
	t.Helper()
	if slots, err := s.Slots(i.ID); err != nil || len(slots) != 3 {
		t.Errorf("item %s has %d slots: %v", i.ID, len(slots), err)
	}
	payload, err := s.Payload(i.ID)
	if err != nil {
		t.Errorf("item %s: %v", i.ID, err)
		return
	}
	defer payload.Close()
	if n, err := io.Copy(io.Discard, payload); err != nil || n != i.Size {
		t.Errorf("item %s has %d bytes, want %d: %v", i.ID, n, i.Size, err)
	}
}

// summary says what was shown, and fails if it was too little to show anything.
func (l *ledger) summary(t *testing.T, parts int) {
	t.Helper()
	told, deleted, open := 0, 0, 0
	for _, s := range l.items {
		switch {
		case s.deleted:
			deleted++
		case s.told:
			told++
		default:
			open++
		}
	}
	t.Logf("%d kills: %d items acknowledged, %d deleted, %d answers, %d requests without an answer, %d broken uploads swept",
		*kills, told, deleted, len(l.replies), open, parts)
	if told < *kills || deleted == 0 || len(l.replies) == 0 || open == 0 {
		t.Error("too little happened to show anything")
	}
}
