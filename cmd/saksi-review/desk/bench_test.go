package desk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/receipt"
)

// deskItems is how many texts come in and are opened.
func deskItems() int { return limittest.Size(1000, 3) }

// many seals n texts, each of another reporter, in one batch.
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

// BenchmarkImport takes a bundle with 1,000 texts in, on one core. Beside the
// time it reports the seconds of the processor outside the kernel, which a busy machine
// and a slow disk change little.
func BenchmarkImport(b *testing.B) {
	s := newDrop(b, 3)
	s.many(deskItems())
	bundle := s.bundle(1, 1).pack(b)
	onOneCore(b)
	var times, cores []time.Duration
	for b.Loop() {
		d := s.sit(0)
		start, busy := time.Now(), processor(b)
		report, err := d.Import(context.Background(), bytes.NewReader(bundle), int64(len(bundle)), s.Trusted)
		if err != nil || len(report.New) != deskItems() {
			b.Fatalf("%+v, %v", report, err)
		}
		times, cores = append(times, time.Since(start)), append(cores, processor(b)-busy)
	}
	b.ReportMetric(limittest.Median(times).Seconds(), "s")
	b.ReportMetric(limittest.Median(cores).Seconds(), "cpu-s")
}

// processor is how long this process was at work, outside the kernel.
func processor(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano())
}

// BenchmarkOpen opens 1,000 texts for reading, on one core. Its limit is age
// alone: this reviewer's slot and the payload of each.
func BenchmarkOpen(b *testing.B) {
	s := newDrop(b, 3)
	s.many(deskItems())
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	d.texts() // so that both find the files in the kernel's cache
	onOneCore(b)
	limittest.Compare(b, deskItems(), "items", func() {
		if got := len(d.texts()); got != deskItems() {
			b.Fatalf("%d texts", got)
		}
	}, func() {
		for _, t := range d.Threads() {
			d.age(b, t.Items[0].ID)
		}
	})
}

// age decrypts an item as the stock program does.
func (d *table) age(b *testing.B, id string) {
	slot, err := os.ReadFile(d.path("items", id, "slots", "001.age"))
	if err != nil {
		b.Fatal(err)
	}
	e, err := item.OpenSlot(slot, d.keys.SlotIdentities()...)
	if err != nil {
		b.Fatal(err)
	}
	payload, err := os.Open(d.path("items", id, "payload.age"))
	if err != nil {
		b.Fatal(err)
	}
	defer payload.Close()
	plain, err := hybrid.Open(payload, e)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		b.Fatal(err)
	}
}
