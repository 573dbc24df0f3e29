package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
	"saksi/server/folder"
)

// FuzzHealth: what was read of health.json, written again, is read as the same; and what
// is refused is told in a line.
func FuzzHealth(f *testing.F) {
	h := reachable()
	h.Written, h.Since = time.Unix(0, 0).UTC(), time.Unix(60, 0).UTC()
	text, err := json.Marshal(h)
	must(f, err)
	f.Add(string(text))
	f.Add(`{"state":"reachable","pow_effort":7,"unanswered_canaries":[{}]}`)
	f.Add(`{"written":"` + strings.Repeat("a", 3000) + `"}`)
	f.Add(`{"written":"` + strings.Repeat("\x82", 3000) + `"}`)
	f.Add(`{"tor_starts":` + strings.Repeat("1", 3000) + `}`)
	f.Add(`{"written":"\x1b[2J\u202e"}`)
	f.Add("{\"written\":\"[2\xff\x7f\"}")
	f.Add(strings.Repeat("[", 20_000))
	f.Add(`{"unanswered_canaries":[` + strings.Repeat("{},", 20_000) + `{}]}`)
	dir := f.TempDir()
	name := filepath.Join(dir, folder.HealthName)
	bound := fuzztest.Bound{Base: 32 << 10, PerByte: 128}
	f.Fuzz(func(t *testing.T, text string) {
		must(t, os.WriteFile(name, []byte(text), 0o600))
		h, ok := fuzztest.Parse(t, bound, text, func(string) (*health, error) { return readHealth(dir) })
		if !ok {
			return
		}
		first, err := json.Marshal(h)
		must(t, err)
		if len(first) > maxSmall/4 {
			return // with space around it there is no room
		}
		must(t, h.write(dir))
		again, err := readHealth(dir)
		must(t, err)
		if second, err := json.Marshal(again); err != nil || string(second) != string(first) {
			t.Errorf("%s has become %s, %v", first, second, err)
		}
	})
}

// TestALargeHealthIsNotRead: a file in its place that has no end.
func TestALargeHealthIsNotRead(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, folder.HealthName)
	must(t, os.WriteFile(name, nil, 0o600))
	must(t, os.Truncate(name, 64<<20))
	fuzztest.Bound{Base: 8 * maxSmall}.Check(t, 0, func() {
		if _, err := readHealth(dir); err == nil {
			t.Error("a file of 64 MiB was taken")
		}
	})
}

// FuzzSizes: a flag that is a number has the value that is written, in its range, and
// what it shows of itself it takes.
func FuzzSizes(f *testing.F) {
	for _, text := range []string{
		"100", "64KiB", "7GiB", "8GiB", "1000GiB", "1001GiB", "0", "-1", "9223372036854775807", "2147483648KiB", "1KiBMiB",
		"KiB", "1 KiB", "1_0",
	} {
		f.Add(text, uint32(3), uint8(1))
	}
	f.Add("", uint32(4294967295), uint8(30))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, text string, number uint32, unit uint8) {
		for most, set := range map[int64]func() flag.Value{
			7 << 30:    func() flag.Value { return new(size) },
			1000 << 30: func() flag.Value { return new(volume) },
			1_000_000:  func() flag.Value { return new(perHour) },
		} {
			value, again := set(), set()
			var err error
			bound.Check(t, len(text), func() { err = value.Set(text) })
			if err != nil {
				fuzztest.Refused(t, err)
				continue
			}
			var n int64
			if _, err := fmt.Sscan(value.String(), &n); err != nil || n < 1 || n > most {
				t.Errorf("%q is read as %s, of %d at most", text, value, most)
			}
			if err := again.Set(value.String()); err != nil || again.String() != value.String() {
				t.Errorf("%s comes back as %s: %v", value, again, err)
			}
		}
		written, factor := fmt.Sprintf("%d%s", number, []string{"", "KiB", "MiB", "GiB"}[unit%4]), int64(1)<<(unit%4*10)
		want := int64(number) * factor
		got, err := parseSize(written, 7<<30)
		if fits := want >= 1 && want <= 7<<30; fits != (err == nil) || fits && got != want {
			t.Errorf("%s is read as %d: %v", written, got, err)
		}
	})
}
