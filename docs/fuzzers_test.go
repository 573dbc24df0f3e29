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

// fuzzedWithin are functions that read what others wrote and that no fuzzer names: why.
func fuzzedWithin() map[string]string {
	return map[string]string{
		"cmd/saksi-review/desk.Open":  "a folder of its own, whose index is sealed; FuzzIndex has what is in there",
		"cmd/saksi/letter.Read":       "the names in a folder",
		"cmd/saksi/release.Open":      "sign.Open, and then Parse",
		"crypto/batch.Read":           "in FuzzRead, by a function of the test",
		"crypto/hybrid.Open":          "age's own format; FuzzUnwrap has our stanza",
		"crypto/hybrid.OpenBytes":     "like Open",
		"crypto/item.Open":            "in FuzzOpen, by a function of the test",
		"crypto/parcel.OpenCarry":     "in FuzzCarried, by a function of the test",
		"crypto/pass.ParseCard":       "in FuzzParseList: a line of it",
		"crypto/receipt.ReadWords":    "word for word what FuzzParse has",
		"crypto/share.Open":           "in FuzzOpen, by a function of the test",
		"crypto/sign.ReadSigner":      "in FuzzParseKey, by a function of the test",
		"crypto/strictjson.Unmarshal": "in FuzzUnmarshal, by its instance",
		"server/folder.Open":          "the names and files of its own folder, each read by a parser that is named",
		"server/onion.Open":           "reads nothing",
		"server/onion/tornet.Open":    "reads nothing",
		"server/store/boltstore.Open": "the pages are in FuzzPages, the records in FuzzRecords, names in FuzzStageName",
	}
}

// TestEveryParserHasAFuzzer: of each exported function that reads what others wrote, a
// fuzzer of its package has the name, or this page the reason.
func TestEveryParserHasAFuzzer(t *testing.T) {
	parser := regexp.MustCompile(`(?m)^func ((?:Parse|Open|Read|Join|Decode|Unmarshal|Verify|Unwrap)\w*)[\[(]`)
	fuzzer := regexp.MustCompile(`(?ms)^func Fuzz\w+\(.*?^}$`)
	parsers, fuzzers := map[string][]string{}, map[string]string{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" {
			return err
		}
		of, _ := filepath.Rel("..", filepath.Dir(name))
		text := read(t, name)
		if strings.HasSuffix(name, "_test.go") {
			fuzzers[of] += strings.Join(fuzzer.FindAllString(text, -1), "\n")
			return nil
		}
		for _, m := range parser.FindAllStringSubmatch(text, -1) {
			parsers[of] = append(parsers[of], m[1])
		}
		return nil
	})
	if err != nil || len(parsers) < 20 {
		t.Fatalf("%d packages have parsers: %v", len(parsers), err)
	}
	within := fuzzedWithin()
	for of, names := range parsers {
		for _, name := range names {
			_, reason := within[of+"."+name]
			delete(within, of+"."+name)
			if named := regexp.MustCompile(`\b` + name + `\b`).MatchString(fuzzers[of]); named == reason && !strings.HasSuffix(of, "test") {
				t.Errorf("%s.%s: in a fuzzer %v, with a reason %v", of, name, named, reason)
			}
		}
	}
	for name := range within {
		t.Errorf("%s: there is no such function", name)
	}
}
