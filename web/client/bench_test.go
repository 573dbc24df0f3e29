package client_test

import (
	"slices"
	"testing"
	"time"

	"saksi/crypto/limittest"
	"saksi/server/browser"
)

// BenchmarkSeal seals a file in each browser as the page does, and with age-encryption
// alone, its limit, in turn. Beside both it reports how fast the file is hashed in
// pieces without encryption, and read.
//
//	go test -run '^$' -bench Seal ./web/client
func BenchmarkSeal(b *testing.B) {
	script := bundle(b)
	for _, c := range []struct {
		name   string
		size   int
		rounds int
		start  func() *browser.Page
	}{
		{"Chromium", limittest.Size(100_000_000, 1_000_000), limittest.Size(5, 1), func() *browser.Page { return browser.Chromium(b, browser.Options{JavaScript: true}).Page }},
		{"Firefox", limittest.Size(100_000_000, 1_000_000), limittest.Size(5, 1), func() *browser.Page { return browser.Firefox(b, browser.Options{JavaScript: true}) }},
		{"Chromium/interpreted", limittest.Size(8_000_000, 100_000), 1, func() *browser.Page {
			return browser.Chromium(b, browser.Options{JavaScript: true, Interpreted: true}).Page
		}},
		{"Firefox/interpreted", limittest.Size(8_000_000, 100_000), 1, func() *browser.Page {
			return browser.Firefox(b, browser.Options{JavaScript: true, Interpreted: true})
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newStage(b, c.start(), script, map[string]string{"/vectors.json": "../../crypto/testdata/vectors.json"})
			defer s.Close()
			for b.Loop() {
				var taken map[string][]float64
				s.call(&taken, 15*time.Minute, "bench", "/vectors.json", c.size, c.rounds)
				if len(taken) != 4 || len(taken["ours"]) != c.rounds || len(taken["limit"]) != c.rounds {
					b.Fatalf("not what was asked for: %v", taken)
				}
				measured(b, float64(c.size)/1e6, taken)
			}
		})
	}
}

// measured reports the best round of each way: what else the machine does only adds.
func measured(b *testing.B, megabytes float64, taken map[string][]float64) {
	best := map[string]float64{}
	for way, seconds := range taken {
		best[way] = slices.Min(seconds)
		b.ReportMetric(megabytes/best[way], way+"-MB/s")
	}
	b.ReportMetric(best["limit"]/best["ours"], "of-limit")
	b.ReportMetric(0, "ns/op")
}
