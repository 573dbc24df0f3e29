// Package release has what a release of this program gives to a reporter without
// being sent anything: pages, style sheet, script and headers. It writes their
// hashes into a manifest that is signed, makes the pages that a drop should have
// once more, and says in words where those that came differ.
//
// # How a drop is compared
//
// A page follows from the release, the roster, the operator's own words and
// questions, and the day; the code of an empty form alone is drawn. So the page
// that a drop should show is made here, by the very handlers that the server has,
// over a mirror of the roster that the drop published ([inbox.Mirror]). Then there
// is nothing to be understood about a page that came: it is the same to the byte
// but for the code, or it is not. Its [Shape] is read to say what differs.
//
// The manifest proves that this program makes the pages of the release: it has the
// hashes of all pages for one roster that is part of this package
// ([Manifest.Fits]).
package release

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server"
	"saksi/server/inbox"
	"saksi/web"
	"saksi/web/client"
)

// An Answer is what is given to a request for a page.
type Answer struct {
	Header http.Header
	Body   []byte
}

// A Site is what a drop's pages follow from, beside the release.
type Site struct {
	Roster *roster.Signed
	Roots  roster.RootSet
	Files  map[roster.Hash]string // recipients files at hand
	Own    web.Site               // the operator's words and questions, if there are some
	Now    time.Time
}

// Paths are the pages that can be had without sending anything.
func Paths() []string {
	return []string{
		"/", "/client", "/en/", "/en/client", "/en/info", "/en/open", "/en/write", "/info", "/open", "/write",
	}
}

// Questions are what the script asks for beside a page: the questions and the regions.
func Questions() []string { return []string{"/regions.json", "/taxonomy.json"} }

// StylePath is where the style sheet is.
const StylePath = "/style.css"

// Answers returns what this release answers, by path: those of the pages that it
// has, of the style sheet and, if there is one, of the script and what it asks for.
func (s Site) Answers() (map[string]Answer, error) {
	srv, err := server.New(server.Config{
		Inbox: inbox.Mirror(s.Roster, s.Files, s.Roots, func() time.Time { return s.Now }), Site: s.Own,
		Script: client.Script(),
	})
	if err != nil {
		return nil, err
	}
	handler := srv.Reporters()
	all := map[string]Answer{}
	for _, path := range append(Paths(), StylePath) {
		if a, ok := ask(handler, path); ok {
			all[path] = a
		}
	}
	if script := scriptOf(all["/"].Body); script != "" {
		for _, path := range append(Questions(), script) {
			a, ok := ask(handler, path)
			if !ok {
				return nil, fmt.Errorf("making pages: there is no %s", path)
			}
			all[path] = a
		}
	}
	if len(all["/"].Body) == 0 || len(all[StylePath].Body) == 0 {
		return nil, fmt.Errorf("making pages: a page is missing")
	}
	return all, nil
}

// Failing returns the pages that this release may give in place of one that it cannot
// give now, where it says to come back in so many minutes, or 0.
func (s Site) Failing(path string, minutes int) (all [][]byte, err error) {
	s.Own.Script = server.ScriptPath(client.Script())
	pages, err := web.New(s.Own)
	if err != nil {
		return nil, err
	}
	lang := web.ID
	if strings.HasPrefix(path, web.Prefix(web.EN)+"/") {
		lang = web.EN
	}
	again := strings.TrimPrefix(path, web.Prefix(web.EN))
	for _, key := range []string{"busy", "closed", "internal", "unread", "store", "files_full", "disk"} {
		for _, retry := range []string{again, ""} {
			page, err := pages.Page(lang, web.Failure{Key: key, Minutes: minutes, Retryat: retry})
			if err != nil {
				return nil, err
			}
			all = append(all, page)
		}
	}
	return all, nil
}

// scriptOf returns the address of the script of a page, or "".
func scriptOf(page []byte) string {
	shape, err := ReadShape(page)
	if err != nil {
		return ""
	}
	for _, t := range shape.Tags {
		if src, ok := t.Value("src"); ok && t.Name == "script" {
			return src
		}
	}
	return ""
}

// ask asks a handler as a visitor of this machine does.
func ask(h http.Handler, path string) (Answer, bool) {
	w := &recorder{header: http.Header{}}
	h.ServeHTTP(w, &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path}, Host: "127.0.0.1", RequestURI: path, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Accept-Encoding": {"gzip, deflate, br, zstd"}},
	})
	body, err := unpacked(w)
	return Answer{w.header, body}, w.status == http.StatusOK && err == nil
}

// unpacked returns what a browser makes of an answer: the script comes compressed.
func unpacked(w *recorder) ([]byte, error) {
	if w.header.Get("Content-Encoding") != "gzip" {
		return w.body.Bytes(), nil
	}
	plain, err := gzip.NewReader(&w.body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

// A recorder takes an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header             { return r.header }
func (r *recorder) WriteHeader(status int)          { r.status = cmp.Or(r.status, status) }
func (r *recorder) Write(p []byte) (int, error)     { return r.body.Write(p) }
func (r *recorder) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: nobody waits.
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

// headerLines are the lines "Name: value" of an answer, in order, but what belongs
// to its size and to the connection.
func headerLines(h http.Header) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch name {
		case "Content-Length", "Connection", "Transfer-Encoding", "Keep-Alive":
			continue
		}
		for _, value := range h[name] {
			lines = append(lines, name+": "+value)
		}
	}
	return lines
}

// Make returns the manifest of this program, without files.
func Make(version string) (*Manifest, error) {
	answers, err := Reference()
	if err != nil {
		return nil, err
	}
	m := &Manifest{
		Version: version, Style: HashOf(answers[StylePath].Body),
		Headers: HashOf([]byte(strings.Join(headerLines(answers["/"].Header), "\n") + "\n")),
	}
	if path := scriptOf(answers["/"].Body); path != "" {
		m.Script = Entry{HashOf(answers[path].Body), path}
	}
	for _, path := range Paths() {
		a, ok := answers[path]
		if !ok {
			continue
		}
		page := Masked(a.Body)
		shape, err := ReadShape(page)
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", path, err)
		}
		m.Pages = append(m.Pages, PageEntry{HashOf(page), shape.Hash(), path})
	}
	return m, nil
}

// Fits reports whether this program makes the pages of a release.
func (m *Manifest) Fits() (bool, error) {
	own, err := Make(m.Version)
	if err != nil {
		return false, err
	}
	own.Files = m.Files
	return own.Text() == m.Text(), nil
}

// The roster of no drop: its keys were thrown away when it was made.
var (
	//go:embed reference/roster.note
	referenceNote []byte
	//go:embed reference/week.recipients
	referenceRecipients string
)

// Reference returns what this release answers with the roster of the manifests, on
// its first day.
func Reference() (map[string]Answer, error) {
	signed, roots, err := OwnWord(referenceNote)
	if err != nil {
		return nil, fmt.Errorf("making pages: %w", err)
	}
	recipients, err := roster.ParseRecipients(referenceRecipients)
	if err != nil {
		return nil, fmt.Errorf("making pages: %w", err)
	}
	files := map[roster.Hash]string{recipients.Hash(): referenceRecipients}
	return Site{Roster: signed, Roots: roots, Files: files, Now: signed.From}.Answers()
}

// OwnWord verifies a roster by the roots that it names itself. Whoever calls it
// compares their fingerprint with the poster's.
func OwnWord(note []byte) (*roster.Signed, roster.RootSet, error) {
	text, _, err := sign.Split(note)
	if err != nil {
		return nil, roster.RootSet{}, err
	}
	parsed, err := roster.Parse(text)
	if err != nil {
		return nil, roster.RootSet{}, err
	}
	roots := parsed.RootSets[0]
	signed, err := roster.Verify(note, roots)
	return signed, roots, err
}
