package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/fuzztest"
	"saksi/crypto/partytest"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
)

// FuzzRevocations: what the flags revoke are keys of the roster before, or those that are
// written, each once, from a roster on that is there; and none is revoked later than it was.
func FuzzRevocations(f *testing.F) {
	p := partytest.New(f, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), 2)
	key := p.Reviewers[0].Line.Key.String()
	f.Add("r1:1", "r1:1", uint64(3))
	f.Add("r1", key+":1", uint64(1))
	f.Add("r1:0", "r1:18446744073709551616", uint64(2))
	f.Add("r1:+1", "r1:01", uint64(2))
	f.Add("", ":", uint64(1))
	f.Add(key+"x", "r3", uint64(1))
	f.Add("r2:2", "r2:1", uint64(2))
	bound := fuzztest.Bound{Base: 16 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, first, second string, before uint64) {
		previous := p.Roster.Roster
		previous.Sequence = before%1000 + 1
		d := &reviewer.Draft{Previous: &roster.Signed{Roster: previous}}
		flags := &policyFlags{revoke: repeated{first, second}}
		var err error
		bound.Check(t, len(first)+len(second), func() {
			d.Revoked = nil
			err = flags.revocations(d)
		})
		seen := map[string]bool{}
		for _, v := range d.Revoked {
			if v.From < 1 || v.From > previous.Sequence+1 || seen[v.Key.String()] {
				t.Errorf("%q, %q: %q is revoked from %d of %d", first, second, v.Key, v.From, previous.Sequence+1)
			}
			seen[v.Key.String()] = true
		}
		one, oneErr := flags.revocation(d, first, previous.Sequence+1)
		if oneErr != nil {
			fuzztest.Refused(t, oneErr)
			if err == nil {
				t.Errorf("%q was passed over", first)
			}
			return
		}
		who, _, _ := strings.Cut(first, ":")
		if known, _, ok := previous.Reviewer(who); one.Key.String() != who && (!ok || known.Key.String() != one.Key.String()) {
			t.Errorf("%q revokes %q", first, one.Key)
		}
		for _, v := range d.Revoked {
			if err == nil && v.Key.Public().Equal(one.Key.Public()) && v.From > one.From {
				t.Errorf("%q, %q: from %d", first, second, v.From)
			}
		}
	})
}

// FuzzPortion: what is handed over is from a batch to one that is no earlier, as it is
// written.
func FuzzPortion(f *testing.F) {
	for _, text := range []string{
		"3-12", "7", "12-3", "0", "0-3", "-3", "3-", "3-12-14", "+3", " 3", "3-18446744073709551615", "18446744073709551616", "",
	} {
		f.Add(text, 1)
	}
	f.Add("", maxParts+1)
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 8}
	f.Fuzz(func(t *testing.T, batches string, part int) {
		flags := portionFlags{batches, part}
		p, ok := fuzztest.Parse(t, bound, batches, func(string) (desk.Portion, error) { return flags.portion() }, errUsage)
		if !ok {
			return
		}
		all := p.Batches == desk.Portion{}.Batches
		if p.Part != part || p.Part < 1 || p.Part > maxParts || p.Batches.To < p.Batches.From || all != (batches == "") {
			t.Errorf("%q, %d is read as %+v", batches, part, p)
		}
		if batches == "" {
			return
		}
		flags.batches = fmt.Sprintf("%d-%d", p.Batches.From, p.Batches.To)
		if again, err := flags.portion(); err != nil || again != p {
			t.Errorf("%q comes back as %+v: %v", flags.batches, again, err)
		}
	})
}
