package client_test

import (
	"testing"
	"time"

	"saksi/server/browser"
)

// A report is what a bundle of tests says.
type report struct {
	Checks int
	Failed []string
}

// TestVectorsInBrowsers: what Go and TypeScript agree on in Node they agree on in the
// browsers that people have, under the policy that the pages have, and where scripts
// are interpreted, as in Tor Browser at its level Safer, which is a Firefox.
func TestVectorsInBrowsers(t *testing.T) {
	script := bundle(t)
	inEach(t, func(t *testing.T, p *browser.Page) {
		s := newStage(t, p, script, map[string]string{
			"/vectors.json": "../../crypto/testdata/vectors.json", "/evidence.json": "../evidence/testdata/vectors.json",
		})
		s.holds(400, "vectors", "/vectors.json")
		s.holds(30, "evidence", "/evidence.json")
		s.holds(30, "digests")
	})
}

// holds calls a bundle of tests, which must be many, and all hold.
func (s *stage) holds(atLeast int, name string, values ...any) {
	s.tb.Helper()
	var r report
	s.call(&r, 5*time.Minute, name, values...)
	if r.Checks < atLeast || len(r.Failed) > 0 {
		s.tb.Errorf("%s: %d checks, of which failed %q", name, r.Checks, r.Failed)
	}
}
