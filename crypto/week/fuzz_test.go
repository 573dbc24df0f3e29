package week

import (
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// FuzzParse: a week has one spelling.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"2026-W47", "2026-W53", "2025-W53", "2026-W00", "2026-W1", "-026-W01", strings.Repeat("2026-W47", 1000),
	} {
		f.Add(s)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, s string) { fuzztest.Canonical(t, bound, s, Parse, Week.String) })
}
