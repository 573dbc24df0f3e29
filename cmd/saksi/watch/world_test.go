package watch_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saksi/cmd/saksi/errand/sockstest"
	"saksi/cmd/saksi/watch"
	"saksi/crypto/onionname"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
	"saksi/server"
	"saksi/server/servertest"
	"saksi/web"
	"saksi/web/client"
)

// An answer is what a server says to one request.
type answer struct {
	status int
	header http.Header
	body   string
	short  bool // and then the connection breaks off
}

// A world is a drop, a server in front of it that may lie, a proxy in the place of
// tor, and a watchdog.
type world struct {
	*servertest.Drop
	dog   *watch.Watchdog
	t     *testing.T
	proxy *sockstest.Proxy
	onion onionname.Name

	mu    sync.Mutex
	lies  map[string]lie
	asked []string
	off   atomic.Int64 // nanoseconds by which the drop's clock is ahead
}

// A lie changes the n-th answer, from 1, about one path.
type lie func(n int, honest answer) answer

func newWorld(t *testing.T) *world { return newWorldWith(t, web.Site{}) }

// newWorldWith makes a world whose drop has words of its own.
func newWorldWith(t *testing.T, site web.Site) *world {
	t.Helper()
	onion := onionname.New(sha256.Sum256([]byte("drop")))
	hosts, err := server.NewHosts(onion.String())
	check(t, err)
	w := &world{t: t, onion: onion, lies: map[string]lie{}}
	w.Drop = servertest.New(t, servertest.Options{Hosts: hosts, Site: site, Script: client.Script(), Now: w.now})
	front := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(front.Close)
	w.proxy, err = sockstest.Listen(onion.String(), func() (net.Conn, error) {
		return net.Dial("tcp", front.Listener.Addr().String())
	})
	check(t, err)
	t.Cleanup(w.proxy.Close)
	w.dog = w.watchdog()
	return w
}

// now is the time of the drop, and of whoever holds it against a release.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.off.Load())) }

// year is longer than a roster is in force.
const year = 365 * 24 * time.Hour

func (w *world) watchdog() *watch.Watchdog {
	return &watch.Watchdog{
		Onion: w.onion, Roots: w.Trusted, Dir: filepath.Join(w.t.TempDir(), "jaga"), Socks: w.proxy.Addr,
		Misses: 3, Now: time.Now,
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve asks the drop, and lies where it should.
func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	q, err := http.NewRequest(r.Method, w.URL+r.URL.Path, nil)
	if err != nil {
		panic(err)
	}
	q.Host, q.Header = r.Host, r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		panic(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.Path)
	n := strings.Count(strings.Join(w.asked, "\n")+"\n", r.URL.Path+"\n")
	lie := w.lies[r.URL.Path]
	w.mu.Unlock()
	if lie != nil {
		a = lie(n, a)
		a.header.Del("Content-Length")
	}
	out.Header()["Date"] = nil // net/http would add it, and a drop says none
	for name, values := range a.header {
		out.Header()[name] = values
	}
	if a.short {
		out.Header().Set("Content-Length", strconv.Itoa(len(a.body)+1))
	}
	out.WriteHeader(a.status)
	io.WriteString(out, a.body)
}

// lie has the server lie about a path from now on; counting begins anew.
func (w *world) lie(path string, l lie) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lies[path], w.asked = l, nil
}

func says(body string) lie {
	return func(_ int, a answer) answer {
		a.status, a.body = http.StatusOK, body
		return a
	}
}

// busy gives the first answers these statuses.
func busy(statuses ...int) lie {
	return func(n int, a answer) answer {
		if n <= len(statuses) {
			a.status = statuses[n-1]
		}
		return a
	}
}

// alwaysBusy says so with the status that a closed drop has, too.
func alwaysBusy(_ int, a answer) answer {
	a.status = http.StatusServiceUnavailable
	return a
}

// closed says in place of the week's keys what the drop says when its roster is over.
func (w *world) closed() lie {
	w.t.Helper()
	defer w.off.Store(w.off.Load())
	w.off.Store(int64(year))
	p := w.Get("/roster.recipients")
	return func(int, answer) answer { return answer{status: p.Status, header: p.Header.Clone(), body: p.Body} }
}

func replaces(old, with string) lie {
	return func(_ int, a answer) answer {
		a.body = strings.ReplaceAll(a.body, old, with)
		return a
	}
}

// look looks once, and holds what comes of it.
func (w *world) look(want watch.Verdict) *watch.Report {
	w.t.Helper()
	got, err := w.dog.Look(w.t.Context())
	check(w.t, err)
	verdict := watch.OK
	switch {
	case got.Alarm != nil:
		verdict = got.Alarm.Reason
	case got.Missed != nil:
		verdict = watch.Missed
	}
	if verdict != want {
		w.t.Fatalf("the look ends with %q, want %q: %v, %v", verdict, want, got.Alarm, got.Missed)
	}
	entries := w.log().Entries
	if last := entries[len(entries)-1]; last.Verdict != want {
		w.t.Errorf("the log ends with %q, want %q", last.Verdict, want)
	}
	return got
}

func (w *world) log() *watch.Log {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dog.Dir, "monitor.log"))
	check(w.t, err)
	l, err := watch.ParseLog(string(text))
	check(w.t, err)
	return l
}

// next returns a roster that the roots sign and that is not taken in: the one after
// the present one, unless the edits make it another.
func (w *world) next(draft func(*reviewer.Draft), after func(*roster.Roster)) string {
	w.t.Helper()
	d := w.Draft(time.Now())
	draft(&d)
	r, _, err := d.Roster()
	check(w.t, err)
	after(r)
	note, err := sign.Note(r.Text(), w.signers()...)
	check(w.t, err)
	return string(note)
}

// signers are the roots' private keys.
func (w *world) signers() []sign.Signer { return w.Roots }

// other changes a draft so that it is another roster.
func other(d *reviewer.Draft) { d.Cards = d.Cards[:len(d.Cards)-1] }

func asItIs[T any](*T) {}

func TestAnHonestDropPasses(t *testing.T) {
	w := newWorld(t)
	for n := range 2 {
		report := w.look(watch.OK)
		if len(report.Warnings) > 0 || report.Roster.Hash != w.Roster.Hash {
			t.Errorf("look %d: %+v", n, report)
		}
	}
	_, users := w.proxy.Asked()
	if len(users) != 4 || len(unique(users)) != 4 {
		t.Errorf("the circuits are those of %q, want four", users)
	}
	entries := w.log().Entries
	if len(entries) != 2 || entries[1].Hash != w.Roster.Hash || entries[1].Origin != w.Roster.Origin {
		t.Errorf("the log has %+v", entries)
	}
	info, err := os.Stat(w.dog.Dir)
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	kept, err := os.ReadFile(filepath.Join(w.dog.Dir, "rosters", "1.note"))
	if err != nil || string(kept) != string(w.Roster.Note) {
		t.Errorf("the roster was not kept: %v", err)
	}
}

func unique(all []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range all {
		set[s] = true
	}
	return set
}

// TestPagesComeBeforeTheRoster: when the front page is sent, the server cannot know
// that a roster will be asked for. What belongs to a page comes with it, and the script
// once, as a browser keeps it for a day.
func TestPagesComeBeforeTheRoster(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	want := "/ /style.css /saksi.js /info /style.css /recipients.txt /roster.recipients /roster.note " +
		"/en/ /style.css /saksi.js /en/info /style.css /recipients.txt /roster.recipients /roster.note"
	if got := regexp.MustCompile("/saksi-[0-9a-f]{16}").ReplaceAllString(strings.Join(w.asked, " "), "/saksi"); got != want {
		t.Errorf("asked for\n%s, want\n%s", got, want)
	}
}

// TestANewRosterIsFollowed, also over some that came between two looks.
func TestANewRosterIsFollowed(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	for range 3 {
		w.Admit(asItIs[reviewer.Draft])
	}
	if report := w.look(watch.OK); report.Roster.Sequence != 4 {
		t.Errorf("roster %d", report.Roster.Sequence)
	}
	for n := 1; n <= 4; n++ {
		if _, err := os.Stat(filepath.Join(w.dog.Dir, "rosters", fmt.Sprint(n)+".note")); err != nil {
			t.Error(err)
		}
	}
}

// TestARosterThatComesDuringALookIsNoAlarm: the page is of the old one, and what
// follows of the new one.
func TestARosterThatComesDuringALookIsNoAlarm(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	old := w.Get("/").Body
	w.Admit(other)
	w.lie("/", func(n int, a answer) answer {
		if n == 1 {
			a.body = old
		}
		return a
	})
	w.look(watch.OK)
	w.lie("/", says(old))
	w.look(watch.Page)
	// Without a new roster there is no excuse, not even for once.
	w.lie("/", func(n int, a answer) answer {
		if n == 1 {
			a.body = old
		}
		return a
	})
	w.look(watch.Page)
}

// TestTheEndIsAnnounced: three weeks before it, and it is no alarm.
func TestTheEndIsAnnounced(t *testing.T) {
	w := newWorld(t)
	w.dog.Now = func() time.Time { return w.Roster.Until.Add(-19 * 24 * time.Hour) }
	if report := w.look(watch.OK); len(report.Warnings) == 0 || !strings.Contains(report.Warnings[0], "roster 1 ends on") {
		t.Errorf("warnings: %q", report.Warnings)
	}
	w.dog.Now = func() time.Time { return w.Roster.Until.Add(-24 * 24 * time.Hour) }
	if report := w.look(watch.OK); len(report.Warnings) != 0 {
		t.Errorf("warnings: %q", report.Warnings)
	}
}

// TestTheEndOfTheKeysIsAnnounced, though the roster itself goes on.
func TestTheEndOfTheKeysIsAnnounced(t *testing.T) {
	w := newWorld(t)
	text := ""
	note := w.next(func(d *reviewer.Draft) { d.Previous = nil }, func(r *roster.Roster) {
		short := *w.Recipients[0]
		short.To = week.Of(time.Now().AddDate(0, 0, 14))
		text = short.Text()
		r.Recipients = []roster.Period{{From: short.From, To: short.To, File: short.Hash()}}
	})
	w.lie("/roster.note", says(note))
	w.lie("/roster.recipients", says(text))
	warnings := w.look(watch.OK).Warnings
	if len(warnings) != 1 || !strings.Contains(warnings[0], "no keys for the week") {
		t.Errorf("warnings: %q", warnings)
	}
}
