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
// are interpreted, as in Tor Browser at its level Safer.
func TestVectorsInBrowsers(t *testing.T) {
	script := bundle(t, "tests.js")
	inEach(t, func(t *testing.T, p *browser.Page) {
		s := newStage(t, p, script, map[string]string{"/vectors.json": "../../crypto/testdata/vectors.json"})
		var r report
		s.call(&r, 5*time.Minute, "vectors", "/vectors.json")
		if r.Checks < 400 || len(r.Failed) > 0 {
			t.Errorf("%d checks, of which failed %q", r.Checks, r.Failed)
		}
	})
}
