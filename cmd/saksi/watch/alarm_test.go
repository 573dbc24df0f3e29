package watch_test

import (
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/cmd/saksi/errand/sockstest"
	"saksi/cmd/saksi/watch"
	"saksi/crypto/partytest"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// alarms returns the notes that were kept as a proof.
func (w *world) alarms() (names []string) {
	w.t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.dog.Dir, "alarms"))
	check(w.t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestARosterOfOthersIsAnAlarm: signed by nobody, by other roots, or cut.
func TestARosterOfOthersIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	text, _, _ := strings.Cut(string(w.Roster.Note), "\n— ")
	stranger, err := sign.Generate("akar")
	check(t, err)
	own, err := sign.Note(w.Roster.Text, stranger)
	check(t, err)
	for what, note := range map[string]string{
		"nobody": text, "a stranger": string(own), "no roster": "<!doctype html>", "nothing": "",
		"one letter": strings.Replace(string(w.Roster.Note), "Penelaah 1", "Penelaah 9", 1),
		"a terminal": "\x1b[2J\x1b]0;x\a" + text,
	} {
		w.lie("/roster.note", says(note))
		if alarm := w.look(watch.Unsigned).Alarm; strings.ContainsFunc(alarm.Error(), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%s: the alarm has what a terminal obeys: %q", what, alarm)
		}
	}
	if len(w.alarms()) != 0 {
		t.Error("what the roots did not sign was kept")
	}
}

// TestTwoRostersOfOneNumberAreAnAlarm, and the second is kept as a proof.
func TestTwoRostersOfOneNumberAreAnAlarm(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	fork := w.next(func(d *reviewer.Draft) { d.Previous = nil; other(d) }, asItIs[roster.Roster])
	w.lie("/roster.note", says(fork))
	w.look(watch.Fork)
	w.look(watch.Fork)
	names := w.alarms()
	if len(names) != 1 {
		t.Fatalf("kept: %q", names)
	}
	if kept, err := os.ReadFile(filepath.Join(w.dog.Dir, "alarms", names[0])); err != nil || string(kept) != fork {
		t.Errorf("the proof is not what was shown: %v", err)
	}
	w.lie("/roster.note", nil)
	w.look(watch.OK)
}

// TestAnOlderRosterIsAnAlarm, though it is signed and was in force.
func TestAnOlderRosterIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	first := w.Roster
	w.Admit(other)
	w.look(watch.OK)
	w.lie("/roster.note", says(string(first.Note)))
	w.look(watch.Back)
	// Also for one who came later, and does not have it.
	w.dog.Dir = filepath.Join(t.TempDir(), "lain")
	w.lie("/roster.note", nil)
	w.look(watch.OK)
	w.lie("/roster.note", says(string(first.Note)))
	w.look(watch.Back)
}

// TestAGapIsAnAlarm: a roster in between is not shown, or another in its place.
// Who gets the note in another way lays it down, and the watch goes on.
func TestAGapIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	w.Admit(other)
	second := string(w.Roster.Note)
	w.Admit(asItIs[reviewer.Draft])
	w.lie("/rosters/2.note", func(_ int, a answer) answer { a.status = http.StatusNotFound; return a })
	w.look(watch.Gap)
	w.lie("/rosters/2.note", says(string(w.Roster.Note)))
	w.look(watch.Gap)
	check(t, os.WriteFile(filepath.Join(w.dog.Dir, "rosters", "2.note"), []byte(second), 0o600))
	w.look(watch.OK)
	far := w.next(asItIs[reviewer.Draft], func(r *roster.Roster) { r.Sequence += 1000 })
	w.lie("/roster.note", says(far))
	if alarm := w.look(watch.Gap).Alarm; !strings.Contains(alarm.Detail, "at once") {
		t.Errorf("the alarm says %q", alarm.Detail)
	}
}

// TestARosterThatDoesNotFollowIsAnAlarm: it names another one before it, or takes
// back a revocation.
func TestARosterThatDoesNotFollowIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	w.lie("/roster.note", says(w.next(asItIs[reviewer.Draft], func(r *roster.Roster) { r.Previous[0]++ })))
	w.look(watch.Chain)
	w.lie("/roster.note", nil)
	w.Admit(func(d *reviewer.Draft) {
		d.Revoked = []roster.Revocation{{Key: w.Reviewers[0].Line.Key, From: 2}}
	})
	w.look(watch.OK)
	w.lie("/roster.note", says(w.next(asItIs[reviewer.Draft], func(r *roster.Roster) { r.Revoked = nil })))
	w.look(watch.Chain)
}

// TestARosterThatIsOverIsAnAlarm, and one that has not begun, by the watchdog's clock.
func TestARosterThatIsOverIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	w.dog.Now = func() time.Time { return w.Roster.Until.Add(49 * time.Hour) }
	w.look(watch.Expired)
	w.dog.Now = func() time.Time { return w.Roster.From.Add(-25 * time.Hour) }
	w.look(watch.Early)
	w.dog.Now = time.Now
	w.look(watch.OK)
}

// TestAPageThatSaysOtherwiseIsAnAlarm: another fingerprint, another reviewer, one
// more or one less, or what a browser might show in another way than we read it.
func TestAPageThatSaysOtherwiseIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	fingerprint := w.Trusted.Fingerprint()
	first := "<li>Penelaah 1, Organisasi Uji, "
	for what, l := range map[string]lie{
		"another fingerprint":   replaces("<span>"+fingerprint[2]+"</span>", "<span>aaaa</span>"),
		"a group less":          replaces("<span>"+fingerprint[2]+"</span>", ""),
		"two fingerprints":      replaces("<h2>", `<p class="fingerprint"><span>aaaa</span> bbbb cccc dddd eeee</p><h2>`),
		"a second one behind":   replaces("</main>", `<p class="fingerprint">aaaa bbbb cccc dddd eeee</p></main>`),
		"one as plain text":     replaces("<h2>", `<p>aaaa bbbb cccc dddd eeee</p><h2>`),
		"another reviewer":      replaces("Penelaah 2", "Penelaah 7"),
		"another organisation":  replaces(first, "<li>Penelaah 1, Organisasi Lain, "),
		"one more":              replaces(first, "<li>Penelaah 0, Organisasi Uji, seluruh Indonesia</li>\n"+first),
		"another order":         replaces("Penelaah 1", "Penelaah 2"),
		"hidden":                replaces(first, `<li hidden>Penelaah 1, Organisasi Uji, `),
		"hidden by style":       replaces(first, `<li style="display:none">Penelaah 1, Organisasi Uji, `),
		"a style sheet":         replaces("<h2>", "<style>li{display:none}</style><h2>"),
		"a script":              replaces("</body>", "<script>x</script></body>"),
		"a comment":             replaces(first, "<!-- "+first),
		"a picture of text":     replaces("<h2>", "<svg></svg><h2>"),
		"another tag's shape":   replaces("<li>", "<li\n>"),
		"an attribute unquoted": replaces("<h1>", "<h1 id=x>"),
		"nothing":               says(""),
		"a text":                says("Penelaah 1"),
	} {
		path := []string{"/", "/en/"}[len(what)%2]
		w.lie(path, l)
		if alarm := w.look(watch.Page).Alarm; t.Failed() {
			t.Fatalf("%s on %s: %v", what, path, alarm)
		}
		w.lie(path, nil)
	}
	w.lie("/info", replaces("<h2>", `<p>aaaa bbbb cccc dddd eeee</p><h2>`))
	w.look(watch.Page)
}

// TestOtherKeysAreAnAlarm: for files that are sealed beforehand, and for this week.
func TestOtherKeysAreAnAlarm(t *testing.T) {
	w := newWorld(t)
	stranger := partytest.Reviewer(t, 1)
	w.lie("/recipients.txt", replaces(w.Reviewers[0].Line.Direct.String(), stranger.Line.Direct.String()))
	w.look(watch.Direct)
	w.lie("/recipients.txt", says(""))
	w.look(watch.Direct)
	w.lie("/recipients.txt", nil)
	w.lie("/roster.recipients", replaces(w.Recipients[0].Keys[0].String(), stranger.Line.Direct.String()))
	w.look(watch.Recipients)
	w.lie("/roster.recipients", w.closed())
	if alarm := w.look(watch.Recipients).Alarm; !strings.Contains(alarm.Detail, "closed, and roster 1 is in force") {
		t.Errorf("the alarm says %q", alarm.Detail)
	}
	w.lie("/roster.recipients", nil)
	w.look(watch.OK)
}

// TestAPageOfBeforeAVisitBrokeOffIsAnAlarm: a server that notices whom it has, by what is
// asked for last, takes nothing back by being busy then.
func TestAPageOfBeforeAVisitBrokeOffIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	once := func(n int, honest answer) answer {
		if n == 1 {
			honest.body = strings.ReplaceAll(honest.body, w.Trusted.Fingerprint()[2], "aaaa")
		}
		return honest
	}
	for _, at := range []string{"/roster.note", "/style.css"} {
		w.lie(at, busy(http.StatusServiceUnavailable))
		w.lie("/", nil)
		w.look(watch.OK)
		w.lie("/", once)
		w.look(watch.Page)
	}
	w.lie("/", nil)
	w.lie("/recipients.txt", func(n int, a answer) answer {
		if n == 1 {
			a.body = strings.Replace(a.body, "age1pq1", "age1pq1q", 1)
		}
		return a
	})
	w.look(watch.Direct)
	w.lie("/recipients.txt", nil)
	w.lie("/roster.recipients", func(n int, a answer) answer {
		if n == 1 {
			a.body = strings.Replace(a.body, w.Recipients[0].Keys[0].String(), partytest.Reviewer(t, 1).Line.Direct.String(), 1)
		}
		return a
	})
	w.lie("/roster.note", busy(http.StatusServiceUnavailable))
	w.look(watch.Recipients)
}

// TestAVisitThatCameToNothingTakesNothingBack: neither of the one before it, nor what it
// showed itself.
func TestAVisitThatCameToNothingTakesNothingBack(t *testing.T) {
	w := newWorld(t)
	for honest, path := range []string{"/info", "/"} { // after so many visits
		w.lie("/roster.note", func(n int, a answer) answer {
			if n > honest {
				a.status = http.StatusServiceUnavailable
			}
			return a
		})
		w.look(watch.Missed)
		w.lie(path, replaces("<h2>", `<p>aaaa bbbb cccc dddd eeee</p><h2>`))
		w.look(watch.Page)
		w.lie(path, nil)
	}
}

// TestARosterOfBeforeAVisitBrokeOffIsAnAlarm: of two with one number there is a proof, and
// a server that is busy with something else takes none back.
func TestARosterOfBeforeAVisitBrokeOffIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	first := string(w.Roster.Note)
	fork := w.next(func(d *reviewer.Draft) { d.Previous = nil; other(d) }, asItIs[roster.Roster])
	shows := func(note string, statuses ...int) {
		t.Helper()
		w.lie("/roster.recipients", busy(statuses...))
		w.lie("/roster.note", func(n int, a answer) answer {
			if n == 1 {
				a.body = note
			}
			return a
		})
	}
	shows(fork, http.StatusServiceUnavailable)
	w.look(watch.Fork)
	shows(fork, http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusServiceUnavailable)
	w.look(watch.Fork)
	if len(w.alarms()) != 1 {
		t.Errorf("kept: %q", w.alarms())
	}
	next := w.next(asItIs[reviewer.Draft], asItIs[roster.Roster])
	shows(next, http.StatusServiceUnavailable)
	w.look(watch.Back)
	w.lie("/roster.note", nil)
	w.Admit(other)
	w.look(watch.OK)
	shows(first, http.StatusServiceUnavailable)
	w.look(watch.Back)
	shows(string(w.Roster.Note), http.StatusServiceUnavailable)
	w.look(watch.OK)
}

// TestAPageThatBrokeOffIsAnAlarm, if it was another: a browser shows what came of it.
func TestAPageThatBrokeOffIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/info"} {
		w.lie(path, short(func(body string) string { return body[:len(body)-40] }))
		w.look(watch.OK)
		w.lie(path, short(func(body string) string { return strings.Replace(body, "<main>", "<main><p>Hubungi kami.</p>", 1) }))
		w.look(watch.Page)
		w.lie(path, nil)
	}
}

// TestADropThatIsBusyIsNotTakenForClosed: the visit is made anew, and who is always busy
// is not reached. A roster that is over is an alarm all the same.
func TestADropThatIsBusyIsNotTakenForClosed(t *testing.T) {
	w := newWorld(t)
	w.lie("/roster.recipients", busy(
		http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusOK, http.StatusInternalServerError))
	w.look(watch.OK)
	w.lie("/roster.recipients", alwaysBusy)
	w.look(watch.Missed)
	w.look(watch.Missed)
	w.look(watch.Unreachable)
	w.dog.Now = func() time.Time { return w.Roster.Until.Add(49 * time.Hour) }
	w.look(watch.Expired)
}

// TestClassicRecipientsAreAnAlarm, though the roots have signed them.
func TestClassicRecipientsAreAnAlarm(t *testing.T) {
	w := newWorld(t)
	const classic = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
	text := strings.Replace(w.Recipients[0].Text(), w.Recipients[0].Keys[0].String(), classic, 1)
	note := w.next(func(d *reviewer.Draft) { d.Previous = nil }, func(r *roster.Roster) {
		for i := range r.Recipients {
			r.Recipients[i].File = sha256.Sum256([]byte(text))
		}
	})
	w.lie("/roster.note", says(note))
	w.lie("/roster.recipients", says(text))
	if alarm := w.look(watch.Recipients).Alarm; !strings.Contains(alarm.Detail, "line 3") {
		t.Errorf("the alarm says %q", alarm.Detail)
	}
}

// TestTwoCircuitsThatSeeTwoRostersAreAnAlarm: of one number, or the second an older one.
func TestTwoCircuitsThatSeeTwoRostersAreAnAlarm(t *testing.T) {
	w := newWorld(t)
	fork := w.next(func(d *reviewer.Draft) { d.Previous = nil; other(d) }, asItIs[roster.Roster])
	second := func(note string) lie {
		return func(n int, a answer) answer {
			if n%2 == 0 {
				a.body = note
			}
			return a
		}
	}
	w.lie("/roster.note", second(fork))
	report := w.look(watch.Views)
	if report.Roster.Hash == w.Roster.Hash || len(w.alarms()) != 1 {
		t.Errorf("the report has roster %s, and %q was kept", report.Roster.Hash, w.alarms())
	}
	old := string(w.Roster.Note)
	w.lie("/roster.note", nil)
	w.Admit(asItIs[reviewer.Draft])
	w.look(watch.OK)
	w.lie("/roster.note", second(old))
	w.look(watch.Views)
}

// TestAnAnswerThatIsNoneIsAnAlarm: what a drop never says, and what would fill this
// machine. Nothing is followed.
func TestAnAnswerThatIsNoneIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	header := func(status int, pairs ...string) lie {
		return func(_ int, a answer) answer {
			a.status = status
			for i := 0; i < len(pairs); i += 2 {
				a.header.Set(pairs[i], pairs[i+1])
			}
			return a
		}
	}
	for _, path := range []string{"/", "/roster.note", "/style.css"} {
		for what, l := range map[string]lie{
			"missing":       header(http.StatusNotFound),
			"turned away":   header(http.StatusMisdirectedRequest),
			"a redirect":    header(http.StatusFound, "Location", "http://"+w.onion.String()+"/en/"),
			"compressed":    header(http.StatusOK, "Content-Encoding", "gzip"),
			"too long":      says(strings.Repeat("a", 1<<20+1)),
			"a long header": header(http.StatusOK, "X", strings.Repeat("a", 3<<20)),
		} {
			w.lie(path, l)
			if alarm := w.look(watch.Answer).Alarm; t.Failed() {
				t.Fatalf("%s on %s: %v", what, path, alarm)
			}
			w.lie(path, nil)
		}
	}
	addresses, _ := w.proxy.Asked()
	for _, a := range addresses {
		if a != w.onion.String()+":80" {
			t.Errorf("%q was asked for", a)
		}
	}
}

// raw has the watchdog meet a server that says what it wants on each connection.
func (w *world) raw(say func(net.Conn)) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(w.t, err)
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				say(conn)
			}()
		}
	}()
	w.relay(l.Addr().String())
}

// relay has the onion address lead to another server.
func (w *world) relay(address string) {
	w.t.Helper()
	proxy, err := sockstest.Listen(w.onion.String(), func() (net.Conn, error) { return net.Dial("tcp", address) })
	check(w.t, err)
	w.t.Cleanup(proxy.Close)
	w.dog.Socks = proxy.Addr
}

// TestAnEndlessServerIsAnAlarm: a body, a header or a status line without end.
func TestAnEndlessServerIsAnAlarm(t *testing.T) {
	for _, begin := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 ", "",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
	} {
		w := newWorld(t)
		var sent atomic.Int64
		w.raw(func(conn net.Conn) {
			io.WriteString(conn, begin)
			for block := strings.Repeat("a", 1<<16); ; {
				n, err := io.WriteString(conn, block)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
		w.look(watch.Answer)
		if n := sent.Load(); n > 64<<20 {
			t.Errorf("after %q it took %d bytes", begin, n)
		}
	}
}

// TestADropThatIsNotReachedIsAnAlarmInTheEnd: after three looks, and no more once
// it is back. It is told from one that answers.
func TestADropThatIsNotReachedIsAnAlarmInTheEnd(t *testing.T) {
	w := newWorld(t)
	w.look(watch.OK)
	for range 2 {
		w.proxy.Refuse(4)
		w.look(watch.Missed)
		w.look(watch.Missed)
		w.look(watch.Unreachable)
		w.look(watch.Unreachable)
		w.proxy.Refuse(0)
		w.look(watch.OK)
	}
	w.lie("/", func(_ int, a answer) answer { a.status = http.StatusTooManyRequests; return a })
	w.look(watch.Missed)
	w.dog.Socks = "127.0.0.1:9"
	if missed := w.look(watch.Missed).Missed; !strings.Contains(missed.Error(), "no tor answers") {
		t.Errorf("without a tor it says %q", missed)
	}
}

// TestABrokenCircuitIsLeftBehind: the visit begins again on another one.
func TestABrokenCircuitIsLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.proxy.Cut(100, 2000)
	w.look(watch.OK)
	_, users := w.proxy.Asked()
	if len(users) != 4 || len(unique(users)) != 4 {
		t.Errorf("the circuits are those of %q, want four", users)
	}
}

// TestAConnectionThatEndsGoesOnByTheSameCircuit: servers end connections, and that
// gives nobody a second first page.
func TestAConnectionThatEndsGoesOnByTheSameCircuit(t *testing.T) {
	w := newWorld(t)
	w.proxy.Cut(20_000)
	w.look(watch.OK)
	if _, users := w.proxy.Asked(); len(users) != 3 || users[0] != users[1] || users[1] == users[2] {
		t.Errorf("the circuits are those of %q, want the first twice", users)
	}
	if n := strings.Count(strings.Join(w.asked, " ")+" ", "/ "); n != 2 {
		t.Errorf("the front pages were asked for %d times: %q", n, w.asked)
	}
}
