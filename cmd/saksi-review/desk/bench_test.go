package desk

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/receipt"
)

// deskItems is how many texts come in and are opened.
const deskItems = 1000

// texts seals n texts, each of another reporter, in one batch.
func (s *drop) many(n int) {
	s.t.Helper()
	var items []members
	for i := range n {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("kesaksian ", 200))
		items = append(items, s.seal(receipt.New(), 0, item.Content{Kind: item.Testimony, Language: "id", Text: text}))
	}
	s.close(items...)
}

// onOneCore lets the rest of the benchmark have one core alone.
func onOneCore(b *testing.B) {
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// BenchmarkDesk takes 1,000 texts in and opens them all for reading, on one
// core, for a roster of three reviewers.
func BenchmarkDesk(b *testing.B) {
	s := newDrop(b, 3)
	s.many(deskItems)
	bundle := s.bundle(1, 1).pack(b)
	onOneCore(b)
	var imports, reads []time.Duration
	for b.Loop() {
		d := s.sit(0)
		start := time.Now()
		report, err := d.Import(context.Background(), bytes.NewReader(bundle), int64(len(bundle)), s.Trusted)
		if err != nil || len(report.New) != deskItems {
			b.Fatalf("%+v, %v", report, err)
		}
		imports = append(imports, time.Since(start))
		start = time.Now()
		if got := len(d.texts()); got != deskItems {
			b.Fatalf("%d texts", got)
		}
		reads = append(reads, time.Since(start))
	}
	b.ReportMetric(limittest.Median(imports).Seconds(), "s-import")
	b.ReportMetric(limittest.Median(reads).Seconds(), "s-open")
}
