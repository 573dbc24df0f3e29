package watch_test

import (
	"compress/gzip"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/release"
	"saksi/cmd/saksi/watch"
	"saksi/crypto/partytest"
	"saksi/crypto/reviewer"
	"saksi/crypto/week"
	"saksi/web"
)

// site returns one who holds the world's drop against this program.
func (w *world) site() *watch.Site {
	w.t.Helper()
	m, err := release.Make("uji")
	check(w.t, err)
	address, err := errand.ParseAddress("http://" + w.onion.String() + "/#" + strings.Join(w.Trusted.Fingerprint(), "-"))
	check(w.t, err)
	return &watch.Site{Release: m, Address: address, Socks: w.proxy.Addr, Now: w.now}
}

// files are all that a release has to show.
func files(m *release.Manifest) int {
	n := len(m.Pages) + 1
	if m.Script.Name != "" {
		n += 1 + len(release.Questions())
	}
	return n
}

// passes looks, and wants no finding.
func (w *world) passes(s *watch.Site) *watch.Seen {
	w.t.Helper()
	seen, err := s.Look(w.t.Context())
	check(w.t, err)
	if n := len(seen.Findings); n > 0 {
		w.t.Errorf("%d findings, such as %q", n, seen.Findings[0])
	}
	return seen
}

// differs looks, and wants a finding.
func (w *world) differs(s *watch.Site, want string) {
	w.t.Helper()
	seen, err := s.Look(w.t.Context())
	check(w.t, err)
	if said := strings.Join(seen.Findings, "\n"); !strings.Contains(said, want) {
		w.t.Errorf("want %q, found\n%s", want, said)
	}
}

// TestADropOfTheReleasePasses, on two circuits, with each page in both languages.
func TestADropOfTheReleasePasses(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	seen, err := s.Look(t.Context())
	check(t, err)
	if len(seen.Findings) > 0 || seen.Roster.Hash != w.Roster.Hash || seen.Pages != files(s.Release) {
		t.Errorf("%+v", seen)
	}
	if _, users := w.proxy.Asked(); len(users) != 2 || len(unique(users)) != 2 {
		t.Errorf("the circuits are those of %q, want two", users)
	}
	for _, p := range s.Release.Pages {
		if n := strings.Count(" "+strings.Join(w.asked, " ")+" ", " "+p.Path+" "); n != 2 {
			t.Errorf("%s was asked for %d times", p.Path, n)
		}
	}
	if last := w.asked[len(w.asked)-1]; last != "/roster.note" {
		t.Errorf("the visit ends with %s: no reporter asks for the roster", last)
	}
}

// TestAClosedDropPasses: its pages say that nobody should write, and have no form. One
// that says so while it takes texts is found.
func TestAClosedDropPasses(t *testing.T) {
	w := newWorld(t)
	w.off.Store(int64(year))
	if seen := w.passes(w.site()); !seen.Closed {
		t.Error("nobody is told that it is closed")
	}
	w.off.Store(0)
	w.lie("/roster.recipients", w.closed())
	w.differs(w.site(), "/write: ")
}

// TestADropThatIsClosedThoughItsRosterIsInForceIsFound: by our clock. Its clock may be a
// little ahead when the roster ends, or behind.
func TestADropThatIsClosedThoughItsRosterIsInForceIsFound(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	s.Now = time.Now
	w.off.Store(int64(year))
	w.differs(s, "visit 2: it says that it is closed, and roster 1 is in force to "+w.Roster.Until.Format(time.DateOnly))
	end := w.Roster.Until.Add(48 * time.Hour)
	for _, apart := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		s.Now = func() time.Time { return end.Add(apart) }
		w.off.Store(int64(time.Until(end.Add(-apart))))
		if seen := w.passes(s); seen.Closed != (apart < 0) {
			t.Errorf("our clock %s: closed is %v", apart, seen.Closed)
		}
	}
}

// TestASiteThatIsBusyIsVisitedAnew, and one that always is cannot be compared.
func TestASiteThatIsBusyIsVisitedAnew(t *testing.T) {
	w := newWorld(t)
	w.lie("/roster.recipients", busy(http.StatusTooManyRequests, http.StatusServiceUnavailable))
	w.passes(w.site())
	w.lie("/roster.recipients", alwaysBusy)
	if _, err := w.site().Look(t.Context()); !errors.Is(err, watch.ErrServerBusy) {
		t.Errorf("always: %v", err)
	}
}

// TestAWeekThatBeginsLaterForTheServerIsNoDifference: each week has keys of its own, and
// two clocks are minutes apart when one ends.
func TestAWeekThatBeginsLaterForTheServerIsNoDifference(t *testing.T) {
	w := newWorld(t)
	w.Admit(weekly)
	monday := week.Of(time.Now()).Add(1).Monday()
	s := w.site()
	for _, apart := range []struct{ ours, its time.Duration }{
		{2 * time.Minute, -3 * time.Minute}, {-2 * time.Minute, 3 * time.Minute},
	} {
		s.Now = func() time.Time { return monday.Add(apart.ours) }
		w.off.Store(int64(time.Until(monday.Add(apart.its))))
		w.passes(s)
	}
}

// weekly gives each reviewer a key for each week, as saksi-review does.
func weekly(d *reviewer.Draft) {
	for i, c := range d.Cards {
		terms, err := reviewer.Weekly(week.Of(time.Now()).Add(-1), 16)
		if err != nil {
			panic(err)
		}
		d.Cards[i] = (&reviewer.Keys{Line: c.Line, Terms: terms}).Card()
	}
}

// TestWhatIsNotOfTheReleaseIsFound: each fault that a bad server may plant.
func TestWhatIsNotOfTheReleaseIsFound(t *testing.T) {
	w := newWorld(t)
	header := func(name, value string) lie {
		return func(_ int, a answer) answer {
			a.header = a.header.Clone()
			a.header.Set(name, value)
			return a
		}
	}
	redirect := func(_ int, a answer) answer {
		a.status, a.header = http.StatusFound, http.Header{"Location": {"/info"}}
		return a
	}
	w.finds(
		fault{"/write", replaces("</head>", "<script>f()</script></head>"), "/write: it is not written as a drop's pages are: it may have"},
		fault{"/en/write", replaces("</head>", `<script src="/a.js"></script></head>`), "/en/write: a script that is not the release's"},
		fault{"/open", replaces("</main>", `<input name="sandi"></main>`), `/open: it has "<input name=\"sandi\">"`},
		fault{"/info", replaces("</main>", "<p>Hubungi kami.</p></main>"), `/info: it says "Hubungi kami."`},
		fault{"/", header("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'"),
			"/: the header Content-Security-Policy is"},
		fault{"/style.css", replaces("{", "{ "), "/style.css: it is not the release's"},
		fault{"/taxonomy.json", replaces("{", "{ "), "/taxonomy.json: these are not the questions"},
		fault{"/regions.json", replaces("Aceh", "Atjeh"), "/regions.json: these are not the questions"},
	)
	w.finds(
		fault{"/write", replaces(`action="/write"`, `action="/lain"`), `/write: a form is sent to "/lain"`},
		fault{"/open", header("Refresh", "1; url=/x"), "a header that the release has not"},
		fault{"/", replaces("Penelaah 2", "Penelaah Dua"), "neither in the release nor in the roster"},
		fault{"/info", redirect, "/info it answers with status 302"},
	)
	w.finds(fault{"/", replaces(w.Trusted.Fingerprint()[2], "aaaa"), `it says "aaaa"`})
	w.finds(fault{"/open", says(strings.Repeat("a", 2<<20)), "/open has more than"})
	w.finds(fault{"/roster.note", says("x"), "its roster is none"})
	w.finds(fault{"/roster.recipients", says("x"), "its recipients file of this week is none"})
	w.finds(fault{"/roster.recipients",
		replaces(w.Recipients[0].Keys[0].String(), partytest.Reviewer(t, 1).Line.Direct.String()),
		"this week's keys are not those of a roster in force"})
}

// A fault is a lie, and what has to be found.
type fault struct {
	path string
	lie  lie
	want string
}

// finds looks at a server that tells some lies at once.
func (w *world) finds(faults ...fault) {
	w.t.Helper()
	for _, f := range faults {
		w.lie(f.path, f.lie)
		defer w.lie(f.path, nil)
	}
	seen, err := w.site().Look(w.t.Context())
	check(w.t, err)
	said := strings.Join(seen.Findings, "\n")
	for _, f := range faults {
		if !strings.Contains(said, f.want) {
			w.t.Errorf("want %q, found\n%s", f.want, said)
		}
	}
}

// TestAScriptThatABrowserReadsOtherwiseIsFound: Tor Browser takes the first of several
// parts, and none of one with a head that it does not know. Then nothing is sealed in it,
// though all bytes of the release are there.
func TestAScriptThatABrowserReadsOtherwiseIsFound(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	if s.Release.Script.Name == "" {
		t.Fatal("there is no script: run .ci/client first")
	}
	whole := w.Get(s.Release.Script.Name).Body
	unknown := []byte(zipped(t, whole))
	unknown[3] |= 0x80
	for _, lied := range []string{
		zipped(t, whole[:40]) + zipped(t, whole[40:]), zipped(t, whole) + zipped(t, ""), string(unknown),
	} {
		w.lie(s.Release.Script.Name, says(lied))
		w.differs(s, s.Release.Script.Name+" is packed as no drop does it")
	}
	w.lie(s.Release.Script.Name, func(_ int, a answer) answer {
		a.header = a.header.Clone()
		a.header.Add("Content-Encoding", "gzip")
		return a
	})
	w.differs(s, `it has a header twice: "Content-Encoding: gzip"`)
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	check(t, errors.Join(err, w.Close()))
	return out.String()
}

// TestWhatCameBeforeAVisitBrokeOffIsFound: a server that notices whom it has, by what is
// asked for last, takes nothing back by being busy then.
func TestWhatCameBeforeAVisitBrokeOffIsFound(t *testing.T) {
	w := newWorld(t)
	w.lie("/roster.note", busy(http.StatusServiceUnavailable))
	w.lie("/write", func(n int, a answer) answer {
		if n == 1 {
			a.body = strings.Replace(a.body, `action="/write"`, `action="/lain"`, 1)
		}
		return a
	})
	w.differs(w.site(), `/write: a form is sent to "/lain"`)
	w.lie("/write", nil)
	w.lie("/open", func(n int, a answer) answer {
		if n == 1 {
			a.status = http.StatusNotFound
		}
		return a
	})
	w.differs(w.site(), "asked for /open it answers with status 404")
	w.lie("/open", nil)
	w.lie("/roster.recipients", func(n int, a answer) answer {
		if n == 1 {
			a.body = strings.Replace(a.body, w.Recipients[0].Keys[0].String(), partytest.Reviewer(t, 1).Line.Direct.String(), 1)
		}
		return a
	})
	w.differs(w.site(), "this week's keys are not those of a roster in force")
}

// TestWhatIsFoundStaysThoughTheDropIsBusyFromThenOn: on the visit before, and style sheet
// and script, which no roster is needed for.
func TestWhatIsFoundStaysThoughTheDropIsBusyFromThenOn(t *testing.T) {
	w := newWorld(t)
	for honest, f := range []fault{ // after so many visits
		{"/style.css", replaces("{", "{ "), "visit 1: /style.css: it is not the release's"},
		{"/write", replaces("</main>", "<p>x</p></main>"), "visit 1: /write: "},
	} {
		w.lie(f.path, f.lie)
		w.lie("/roster.note", func(n int, a answer) answer {
			if n > honest {
				a.status = http.StatusServiceUnavailable
			}
			return a
		})
		seen, err := w.site().Look(t.Context())
		if !errors.Is(err, watch.ErrServerBusy) || seen == nil || !strings.Contains(strings.Join(seen.Findings, "\n"), f.want) {
			t.Errorf("want %q, found %+v, %v", f.want, seen, err)
		}
		w.lie(f.path, nil)
	}
}

// TestWhatBrokeOffIsFound: a browser shows it, and whoever asks for it again is no
// browser. What is the beginning of the right page is no difference.
func TestWhatBrokeOffIsFound(t *testing.T) {
	w := newWorld(t)
	paths := []string{"/", "/write"} // the first of a connection, and a later one
	for _, path := range paths {
		w.lie(path, short(func(body string) string { return body[:len(body)/2] }))
	}
	w.passes(w.site())
	for _, path := range paths {
		w.lie(path, short(func(body string) string { return strings.Replace(body, "<main>", "<main><p>Hubungi kami.</p>", 1) }))
	}
	seen, err := w.site().Look(t.Context())
	check(t, err)
	for _, path := range paths {
		if want := "visit 1: " + path + ": it broke off, and what came until then is not the release's"; !slices.Contains(seen.Findings, want) {
			t.Errorf("want %q, found %q", want, seen.Findings)
		}
	}
	w.lie("/write", func(n int, a answer) answer {
		if a.short = n == 1; a.short {
			a.header.Set("Refresh", "1; url=/x")
		}
		return a
	})
	w.differs(w.site(), `visit 1: /write: it has a header that the release has not: "Refresh: 1; url=/x"`)
}

// short is a first answer that breaks off.
func short(change func(body string) string) lie {
	return func(n int, a answer) answer {
		if n == 1 {
			a.short, a.body = true, change(a.body)
		}
		return a
	}
}

// TestAPageThatOnlySaysThatItIsBusyIsCompared: a browser shows it, with whatever stands on
// it, and who asks for it again is no browser.
func TestAPageThatOnlySaysThatItIsBusyIsCompared(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	lies := func(path string, change func(*answer)) {
		t.Helper()
		pages, err := release.Site{}.Failing(path, 5)
		check(t, err)
		w.lie(path, func(n int, a answer) answer {
			if n == 1 {
				a.status, a.body, a.header = http.StatusTooManyRequests, string(pages[0]), a.header.Clone()
				a.header.Set("Retry-After", "300")
				change(&a)
			}
			return a
		})
	}
	lies("/", asItIs[answer])
	lies("/en/open", asItIs[answer])
	w.passes(s)
	lies("/", func(a *answer) { a.header.Set("Refresh", "1; url=/x") })
	lies("/en/open", func(a *answer) { a.body = strings.Replace(a.body, "<main>", "<main><p>Hubungi kami.</p>", 1) })
	seen, err := s.Look(t.Context())
	check(t, err)
	for _, want := range []string{
		`visit 1: /: it has a header that the release has not: "Refresh: 1; url=/x"`,
		"visit 1: /en/open: it says that it is busy, on a page that is not the release's",
	} {
		if !slices.Contains(seen.Findings, want) {
			t.Errorf("want %q, found %q", want, seen.Findings)
		}
	}
}

// TestAPageThatOnlyTheSecondVisitorGetsIsFound.
func TestAPageThatOnlyTheSecondVisitorGetsIsFound(t *testing.T) {
	w := newWorld(t)
	w.lie("/write", func(n int, a answer) answer {
		if n > 2 { // of those that end like that: /en/write is one
			a.body = strings.Replace(a.body, "</main>", "<p>x</p></main>", 1)
		}
		return a
	})
	seen, err := w.site().Look(t.Context())
	check(t, err)
	if len(seen.Findings) == 0 {
		t.Fatal("nothing was found")
	}
	for _, f := range seen.Findings {
		if !strings.HasPrefix(f, "visit 2: /write: ") {
			t.Errorf("found %q", f)
		}
	}
}

// TestOtherRootsThanTheAddressSays: the pages fit their roster, and it is the roster
// of somebody else.
func TestOtherRootsThanTheAddressSays(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	s.Address.Fingerprint = "aaaa-aaaa-aaaa-aaaa-aaaa"
	w.differs(s, "other roots than those of the address")
}

// TestOwnWordsAreComparedWithTheOperatorsFile: without it they are differences.
func TestOwnWordsAreComparedWithTheOperatorsFile(t *testing.T) {
	own, err := web.ParseInstance([]byte(`{"format": "saksi/v1/instance", "name": {"id": "Kotak Uji", "en": "Test box"},
		"notice": [{"id": "Hari ini lambat.", "en": "Slow today."}]}`))
	check(t, err)
	w := newWorldWith(t, web.Site{Instance: own})
	s := w.site()
	w.differs(s, `it says "Kotak Uji"`)
	s.Own.Instance = own
	seen, err := s.Look(t.Context())
	check(t, err)
	if len(seen.Findings) > 0 {
		t.Errorf("found %q", seen.Findings)
	}
}

// TestAnotherReleaseIsNoDifference: who compares with pages that the release does
// not have finds what nobody did.
func TestAnotherReleaseIsNoDifference(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	s.Release.Pages[0].Hash[0]++
	if _, err := s.Look(t.Context()); !errors.Is(err, watch.ErrOtherRelease) {
		t.Errorf("%v", err)
	}
	if len(w.asked) > 0 {
		t.Errorf("the drop was asked for %q", w.asked)
	}
}

// TestLoopbackNeedsNoTor.
func TestLoopbackNeedsNoTor(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	var err error
	s.Address, err = errand.ParseAddress(w.URL)
	check(t, err)
	s.Socks = ""
	seen, err := s.Look(t.Context())
	check(t, err)
	if len(seen.Findings) > 0 || !slices.Equal(seen.Fingerprint, w.Trusted.Fingerprint()) {
		t.Errorf("%+v", seen)
	}
}
