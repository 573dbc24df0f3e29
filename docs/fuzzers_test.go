package docs

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryFuzzerStatesABound holds architecture.md to its word: each fuzzer of
// a parser names what parsing may allocate.
func TestEveryFuzzerStatesABound(t *testing.T) {
	fuzzer := regexp.MustCompile(`(?ms)^func (Fuzz\w+)\(.*?^}$`)
	shared := regexp.MustCompile(`(?m)^var (\w+) = fuzztest\.Bound\{`)
	found := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text := read(t, name)
		bounds := []string{"fuzztest.Bound{"}
		for _, m := range shared.FindAllStringSubmatch(text, -1) {
			bounds = append(bounds, "t, "+m[1]+",", m[1]+".Check(")
		}
		for _, m := range fuzzer.FindAllStringSubmatch(text, -1) {
			found++
			states := func(bound string) bool { return strings.Contains(m[0], bound) }
			if m[1] != "FuzzSeal" && !slices.ContainsFunc(bounds, states) {
				t.Errorf("%s: %s states no bound", name, m[1])
			}
		}
		return nil
	})
	if err != nil || found < 30 {
		t.Errorf("%d fuzzers were found: %v", found, err)
	}
}
