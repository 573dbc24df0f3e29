package leaks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// FindTimes looks for moments of the test's own time, as programs write them: as text
// to the day, as digits, and in binary.
func (s *Secrets) FindTimes(where string, content []byte) (wrong []string) {
	since, now := s.since, time.Now()
	for _, found := range [][]string{
		days(content, since, now), clocks(content), digits(content, since, now), binaries(content, since, now),
	} {
		for _, what := range found {
			wrong = append(wrong, fmt.Sprintf("%s holds %s", where, what))
		}
	}
	return wrong
}

// firstDay stands before the one day that is written down: on which a roster begins. It
// is public, and signed before anybody comes.
const firstDay = "valid "

// days looks for the days of the test, in UTC and in this machine's zone.
func days(content []byte, since, now time.Time) (found []string) {
	for _, at := range []time.Time{since.UTC(), now.UTC(), since.Local(), now.Local()} {
		for _, layout := range []string{
			"2006-01-02", "2006/01/02", "20060102", "02/01/2006", "2/1/2006", "02-01-2006", "02.01.2006",
			"02 Jan 2006", "2 Jan 2006", "02-Jan-06", "Jan _2 2006", "Jan 2, 2006", "02 January 2006", "2 January 2006",
		} {
			if day := at.Format(layout); len(day) >= shortest && holdsDay(content, day) {
				found = append(found, "a day of the test: "+strconv.Quote(day))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func holdsDay(content []byte, day string) bool {
	for {
		at := bytes.Index(content, []byte(day))
		if at < 0 {
			return false
		}
		if !bytes.HasSuffix(content[:at], []byte(firstDay)) {
			return true
		}
		content = content[at+len(day):]
	}
}

// dated is a day, whichever, with a time to the minute.
var dated = regexp.MustCompile(`20[0-9]{2}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}`)

// clocks looks for times of day, of whatever day.
func clocks(content []byte) (found []string) {
	if m := dated.Find(content); m != nil {
		found = append(found, fmt.Sprintf("a time: %q", m))
	}
	for at := 0; ; at++ {
		next := bytes.IndexByte(content[at:], ':')
		if next < 0 {
			return found
		}
		if at += next; at < 2 || at+6 > len(content) || content[at+3] != ':' {
			continue
		}
		if clock := string(content[at-2 : at+6]); isClock(clock) {
			return append(found, fmt.Sprintf("a time of day: %q", clock))
		}
	}
}

func isClock(text string) bool {
	_, err := time.Parse(time.TimeOnly, text)
	return err == nil
}

// digits looks for seconds since 1970 in decimal, also as the beginning of finer ones.
func digits(content []byte, since, now time.Time) (found []string) {
	first, last := strconv.FormatInt(since.Unix(), 10), strconv.FormatInt(now.Unix(), 10)
	same := 0
	for same < len(first) && first[same] == last[same] {
		same++
	}
	for rest := content; ; {
		at := bytes.Index(rest, []byte(first[:same]))
		if at < 0 {
			return found
		}
		if rest = rest[at:]; len(rest) >= len(first) && first <= string(rest[:len(first)]) && string(rest[:len(first)]) <= last {
			return append(found, fmt.Sprintf("a second of the test in decimal: %s", rest[:len(first)]))
		}
		rest = rest[1:]
	}
}

// A form is how programs write a moment in binary.
type form struct {
	name string
	bits int
	at   func(time.Time) uint64
}

// ofYearOne is how Go counts seconds, and the one that Unix begins with.
const ofYearOne = 62135596800

func forms() []form {
	return []form{
		{"seconds in 32 bits", 32, func(t time.Time) uint64 { return uint64(t.Unix()) }},
		{"seconds", 64, func(t time.Time) uint64 { return uint64(t.Unix()) }},
		{"milliseconds", 64, func(t time.Time) uint64 { return uint64(t.UnixMilli()) }},
		{"microseconds", 64, func(t time.Time) uint64 { return uint64(t.UnixMicro()) }},
		{"nanoseconds", 64, func(t time.Time) uint64 { return uint64(t.UnixNano()) }},
		{"seconds since the year one", 64, func(t time.Time) uint64 { return uint64(t.Unix() + ofYearOne) }},
		{"seconds as a number with a point", 64, func(t time.Time) uint64 {
			return math.Float64bits(float64(t.UnixNano()) / 1e9)
		}},
	}
}

// binaries looks for moments in binary, from either end.
func binaries(content []byte, since, now time.Time) (found []string) {
	for _, f := range forms() {
		first, last := f.at(since), f.at(now)
		expected := float64(len(content)) * float64(last-first+1) / math.Pow(2, float64(f.bits))
		for _, little := range []bool{false, true} {
			if n, example := f.count(content, first, last, little); n >= beyondChance(expected) {
				found = append(found, fmt.Sprintf("%d moments of the test as %s: %x", n, f.name, example))
			}
		}
	}
	return found
}

// bytes are a number's, the highest first.
func (f form) bytes(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v)[8-f.bits/8:] }

// count counts the places that hold a moment, by the bytes that all moments have in
// common. A database has old copies of its pages: places with the same bytes around
// them are one. Four letters are a word.
func (f form) count(content []byte, first, last uint64, little bool) (n int, example []byte) {
	from, to, same, size := f.bytes(first), f.bytes(last), 0, f.bits/8
	for same < size && from[same] == to[same] {
		same++
	}
	common, before, seen := slices.Clone(from[:same]), 0, map[string]bool{}
	if little {
		slices.Reverse(common)
		before = size - same
	}
	for at := before; ; at++ {
		next := bytes.Index(content[min(at, len(content)):], common)
		if next < 0 {
			return len(seen), example
		}
		at += next
		i := at - before
		if i+size > len(content) {
			continue
		}
		v := slices.Clone(content[i : i+size])
		if little {
			slices.Reverse(v)
		}
		if bytes.Compare(v, from) < 0 || bytes.Compare(v, to) > 0 || size == 4 && isText(v) {
			continue
		}
		seen[string(content[max(0, i-4):min(len(content), i+size+4)])] = true
		example = v
	}
}

func isText(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// beyondChance is how often something has to be there to be no chance, if chance makes
// it so often on average: chance alone comes to it once in ten million searches (Poisson).
func beyondChance(expected float64) (n int) {
	const never = 1e-7
	term, below := math.Exp(-expected), 0.0
	for n = 1; ; n++ {
		below += term // fewer than n times
		if 1-below < never {
			return n
		}
		term *= expected / float64(n)
	}
}
