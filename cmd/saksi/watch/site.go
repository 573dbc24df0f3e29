package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/release"
	"saksi/crypto/roster"
	"saksi/web"
)

// visits is how many circuits look at a site: a server may show one visitor another
// page than the next.
const visits = 2

// A Site is a drop whose pages are held against a release.
type Site struct {
	Release *release.Manifest
	Address errand.Address
	Socks   string   // address of tor's SOCKS proxy, unless the drop is on this machine
	Own     web.Site // the operator's words and questions, if there are some
	Now     func() time.Time
}

// Seen is what came of looking at a site.
type Seen struct {
	Fingerprint []string // of the roots by whose roster the pages were compared
	Roster      *roster.Signed
	Pages       int      // that were compared, on each visit
	Closed      bool     // the drop said that it is, so that there was no form to compare
	Findings    []string // what differs; nil if nothing does
}

// ErrOtherRelease is returned when this program makes other pages than the release.
var ErrOtherRelease = errors.New("this program is not of the release that the note describes")

// Look visits the site on two circuits, and compares. Its error is of this machine,
// or of the way to the drop; what was found until then comes with it.
func (s *Site) Look(ctx context.Context) (*Seen, error) {
	fits, err := s.Release.Fits()
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, ErrOtherRelease
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	seen := &Seen{}
	for n := range visits {
		found, err := s.visit(ctx, n, seen)
		for _, f := range found {
			seen.Findings = append(seen.Findings, fmt.Sprintf("visit %d: %s", n+1, f))
		}
		if err != nil {
			return seen, err
		}
	}
	return seen, nil
}

// A journey is one visit with all that came on it, also over connections that broke: when
// one breaks is the server's choice, too, and it must take nothing back by that.
type journey struct {
	attempts []*attempt
	found    []string
	compared bool // with what a roster says that they should be
}

// say adds what was found, each thing once.
func (j *journey) say(found ...string) {
	for _, one := range found {
		if !slices.Contains(j.found, one) {
			j.found = append(j.found, one)
		}
	}
}

// An attempt is what came by one connection, or by two of one circuit.
type attempt struct {
	came      map[string]release.Answer
	cut, busy []piece
	files     map[roster.Hash]string // recipients of this week
	closed    bool                   // the drop said so in place of that
}

// visit makes one visit and compares what it saw. A connection that broke is made
// anew, on another circuit.
func (s *Site) visit(ctx context.Context, n int, seen *Seen) (found []string, err error) {
	j := &journey{}
	for range tries {
		err = s.visitOnce(ctx, n, seen, j)
		if err == nil || errors.Is(err, errand.ErrNoTor) || ctx.Err() != nil {
			break
		}
		err = why(err)
	}
	if !j.compared {
		j.say(s.ofFiles(j)...)
	}
	return j.found, err
}

func (s *Site) visitOnce(ctx context.Context, n int, seen *Seen, j *journey) error {
	v := &visitor{host: s.Address.Host, dial: s.Address.Way(s.Socks)}
	defer v.hangUp()
	a := &attempt{came: map[string]release.Answer{}}
	j.attempts = append(j.attempts, a)
	if err := s.collect(ctx, v, n, j); err != nil {
		return err
	}
	if err := a.recipients(ctx, v, j); err != nil {
		return err
	}
	note, err := v.within(ctx, "/roster.note", typed, maxText)
	if alarm := new(Alarm); errors.As(err, &alarm) {
		j.say(alarm.Error())
		return nil
	}
	if err != nil {
		return err
	}
	seen.Closed = seen.Closed || a.closed
	signed, roots, err := release.OwnWord(note)
	if err != nil {
		j.say("its roster is none: " + errand.Plain(err.Error()))
		return nil
	}
	if s.Address.Fingerprint != "" && !s.Address.Fits(roots.Fingerprint()) {
		j.say("its roster is signed by other roots than those of the address: " + strings.Join(roots.Fingerprint(), " "))
		return nil
	}
	if seen.Roster != nil && seen.Roster.Hash != signed.Hash {
		j.say("it shows another roster than on the visit before")
	}
	seen.Roster, seen.Fingerprint, seen.Pages = signed, roots.Fingerprint(), len(a.came)
	different, err := s.compare(j, release.Site{Roster: signed, Roots: roots, Files: a.files, Own: s.Own})
	j.say(different...)
	j.compared = err == nil
	return err
}

// recipients fetches the recipients file of this week. A drop that is closed has none, and
// its pages say so.
func (a *attempt) recipients(ctx context.Context, v *visitor, j *journey) error {
	text, err := v.within(ctx, "/roster.recipients", typed, maxPage)
	if errors.Is(err, errClosed) {
		a.closed = true
		return nil
	}
	if alarm := new(Alarm); errors.As(err, &alarm) {
		j.say(alarm.Detail)
		return nil
	}
	if err != nil {
		return err
	}
	file, err := roster.ParseRecipients(string(text))
	if err != nil {
		j.say("its recipients file of this week is none: " + errand.Plain(err.Error()))
		return nil
	}
	a.files = map[roster.Hash]string{file.Hash(): string(text)}
	return nil
}

// collect fetches whatever can be had, as a browser would: each language by itself,
// a page with what belongs to it. What came before an error is in the journey, too.
func (s *Site) collect(ctx context.Context, v *visitor, n int, j *journey) error {
	a := j.attempts[len(j.attempts)-1]
	defer func() { a.cut, a.busy = v.cut, v.busy }()
	for _, path := range s.order(n) {
		k := kindOf(path, a.came)
		h, body, err := v.withHeader(ctx, path, k, maxPage)
		if alarm := new(Alarm); errors.As(err, &alarm) {
			j.say(alarm.Detail)
			continue
		}
		if err != nil {
			return err
		}
		a.came[path] = release.Answer{Header: h, Body: body}
	}
	return nil
}

// order is that of one visit: the pages of one language, then those of the other.
func (s *Site) order(n int) (paths []string) {
	languages := []string{"", "/en"}
	if n%2 == 1 {
		slices.Reverse(languages)
	}
	for i, language := range languages {
		for _, page := range []string{"/", "/info", "/write", "/open", "/client"} {
			if !s.Release.Has(language + page) {
				continue
			}
			paths = append(paths, language+page)
			if i == 0 && page == "/" {
				paths = append(paths, release.StylePath)
				if s.Release.Script.Name != "" {
					paths = append(paths, s.Release.Script.Name)
				}
			}
		}
	}
	if s.Release.Script.Name != "" {
		paths = append(paths, release.Questions()...)
	}
	return paths
}

func kindOf(path string, came map[string]release.Answer) kind {
	switch {
	case path == release.StylePath:
		return part
	case strings.HasSuffix(path, ".js"):
		return program
	case strings.HasSuffix(path, "/client"), slices.Contains(release.Questions(), path):
		return loaded
	case len(came) == 0:
		return typed
	}
	return followed
}

// compare holds what came against what this release would have answered. Which
// months the form offers, and which keys are the week's, depends on the hour, and the
// server's clock may be a little off: what would be right an hour before or after is no
// difference. Otherwise those by our own clock count.
func (s *Site) compare(j *journey, of release.Site) (found []string, err error) {
	now := s.Now()
	for _, off := range []time.Duration{0, -time.Hour, time.Hour} {
		of.Now = now.Add(off)
		different, err := s.compareAt(j, of)
		if err != nil {
			return nil, err
		}
		if len(different) == 0 {
			return nil, nil
		}
		if off == 0 {
			found = different
		}
	}
	return found, nil
}

// compareAt compares what came on each attempt.
func (s *Site) compareAt(j *journey, of release.Site) (found []string, err error) {
	should, err := of.Answers()
	if err != nil {
		return nil, err
	}
	for _, a := range j.attempts {
		busy, err := ofBusy(of, should, a.busy)
		if err != nil {
			return nil, err
		}
		of.Files = a.files
		found = slices.Concat(found, ofKeys(of, a.closed), s.differences(should, a.came), ofCut(should, a.cut), busy)
	}
	return found, nil
}

// ofKeys holds this week's keys against the roster, and a drop's word that it is closed:
// that takes in nothing, which somebody may want.
func ofKeys(of release.Site, closed bool) []string {
	_, wrong := of.Roster.CircleAt(of.Now, of.Files)
	_, has := of.Roster.Period(weekOf(of.Now))
	switch {
	case len(of.Files) > 0 && wrong != nil:
		return []string{"this week's keys are not those of a roster in force: " + errand.Plain(wrong.Error())}
	case closed && has && of.Roster.ValidAt(of.Now) == nil:
		return []string{fmt.Sprintf("it says that it is closed, and roster %d is in force to %s, with keys for this week",
			of.Roster.Sequence, of.Roster.Until.Format(time.DateOnly))}
	}
	return nil
}

func (s *Site) differences(should, came map[string]release.Answer) (found []string) {
	for _, path := range s.order(0) {
		got, ok := came[path]
		if !ok {
			continue // why it did not come was said
		}
		var said []string
		switch {
		case path == release.StylePath || path == s.Release.Script.Name:
			said = s.ofFile(path, got.Body)
		case !slices.Contains(release.Questions(), path):
			said = release.OfPage(should[path].Body, got.Body)
		case !bytes.Equal(should[path].Body, got.Body):
			said = []string{"these are not the questions or regions of the release, or of the operator's file"}
		}
		for _, one := range append(said, release.OfHeaders(should[path].Header, got.Header)...) {
			found = append(found, path+": "+one)
		}
	}
	return found
}

// ofCut holds what broke off against what should have come. A browser obeys its header.
func ofCut(should map[string]release.Answer, cut []piece) (found []string) {
	for _, c := range cut {
		want, ok := should[c.path]
		if !ok {
			continue
		}
		said := release.OfHeaders(want.Header, c.header)
		if !release.Begins(want.Body, c.body) {
			said = append(said, "it broke off, and what came until then is not the release's")
		}
		for _, one := range said {
			found = append(found, c.path+": "+one)
		}
	}
	return found
}

// ofBusy holds pages that say that the server is busy against those of the release. They
// are pages, too, and who asks once more is no browser.
func ofBusy(of release.Site, should map[string]release.Answer, busy []piece) (found []string, err error) {
	for _, b := range busy {
		want, ok := should[b.path]
		if !ok || !slices.Contains(release.Paths(), b.path) {
			continue
		}
		header, minutes := comeBack(b.header)
		pages, err := of.Failing(b.path, minutes)
		if err != nil {
			return nil, err
		}
		fits := func(page []byte) bool {
			return bytes.HasPrefix(page, b.body) && (!b.whole || len(page) == len(b.body))
		}
		said := release.OfHeaders(want.Header, header)
		if !slices.ContainsFunc(pages, fits) {
			said = append(said, "it says that it is busy, on a page that is not the release's")
		}
		for _, one := range said {
			found = append(found, b.path+": "+one)
		}
	}
	return found, nil
}

// comeBack takes from a header in how many minutes a busy server is to be asked again,
// which is 0 if it does not say that as a drop does.
func comeBack(h http.Header) (rest http.Header, minutes int) {
	rest = h.Clone()
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err == nil && seconds > 0 && seconds%60 == 0 && len(h["Retry-After"]) == 1 {
		rest.Del("Retry-After")
		return rest, seconds / 60
	}
	return rest, 0
}

// ofFiles holds style sheets and scripts that came against the note itself: no roster is
// needed for that.
func (s *Site) ofFiles(j *journey) (found []string) {
	for _, a := range j.attempts {
		for _, path := range []string{release.StylePath, s.Release.Script.Name} {
			if got, ok := a.came[path]; ok {
				for _, one := range s.ofFile(path, got.Body) {
					found = append(found, path+": "+one)
				}
			}
		}
	}
	return found
}

// ofFile holds the style sheet and the script against the note itself.
func (s *Site) ofFile(path string, body []byte) []string {
	want := s.Release.Style
	if path == s.Release.Script.Name {
		want = s.Release.Script.Hash
	}
	if release.HashOf(body) != want {
		return []string{"it is not the release's: every byte of it has to be"}
	}
	return nil
}
