// Package regions names Indonesia's provinces, kabupaten and kota by Kemendagri
// code: two digits are a province ("73"), two more a kabupaten (01 to 69) or a
// kota (71 to 99) in it ("73.71").
//
// The list is data, in regions.txt, because regions are made and renamed by
// decree. It stops at the kabupaten: a kecamatan says too much about who is
// writing, so it is never offered for choice.
//
// Reporters' pages and the reviewers' desk both use it, and the desk links no
// network code: it imports the standard library's plainest parts alone.
package regions

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed regions.txt
var file string

// A Region is a province, a kabupaten or a kota.
type Region struct {
	Code string // "73" or "73.71"
	Name string // "Sulawesi Selatan" or "Kota Makassar"
}

// Short returns the name for a narrow list: "Kab. Bone", "DKI Jakarta".
func (r Region) Short() string {
	for _, word := range [...]struct{ long, short string }{
		{"Kabupaten ", "Kab. "}, {"Daerah Istimewa ", "DI "}, {"Daerah Khusus Ibukota ", "DKI "},
	} {
		if rest, ok := strings.CutPrefix(r.Name, word.long); ok {
			return word.short + rest
		}
	}
	return r.Name
}

// Provinces returns all provinces, sorted by name.
func Provinces() []Region {
	return slices.Clone(load().provinces)
}

// Within returns the kabupaten of a province, sorted by name, and then its kota,
// sorted by name. It returns nil for a code that is no province's.
func Within(province string) []Region {
	return slices.Clone(load().within[province])
}

// Name returns the name of a code, that of a kabupaten or kota with its
// province: "Kota Makassar, Sulawesi Selatan". It reports whether the code is
// known; the form of an unknown one does not matter.
func Name(code string) (string, bool) {
	names := load().names
	name, ok := names[code]
	if province, _, finer := strings.Cut(code, "."); ok && finer {
		name += ", " + names[province]
	}
	return name, ok
}

// load returns the list of the embedded file, which the tests have read.
var load = sync.OnceValue(func() *list {
	l, err := parse(file)
	if err != nil {
		panic(fmt.Sprintf("regions: internal error: %v", err))
	}
	return l
})

// A list is what regions.txt says. It does not change once it is parsed.
type list struct {
	provinces []Region            // sorted by name
	within    map[string][]Region // by code of the province, each sorted by name
	names     map[string]string   // by code, without the province
}

// parse reads a list: comments and lines of a code and a name, sorted by code.
func parse(text string) (*list, error) {
	l := &list{within: make(map[string][]Region), names: make(map[string]string)}
	previous := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		code, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || code <= previous {
			return nil, fmt.Errorf("line %q: not a code above %q and a name", line, previous)
		}
		if err := l.add(Region{code, name}); err != nil {
			return nil, err
		}
		previous = code
	}
	l.sort()
	return l, nil
}

// add takes a region, whose province must be in the list already.
func (l *list) add(r Region) error {
	province, number, finer := strings.Cut(r.Code, ".")
	switch _, known := l.names[province]; {
	case r.Name == "" || r.Name != strings.TrimSpace(r.Name):
		return fmt.Errorf("region %q: name %q", r.Code, r.Name)
	case !finer && twoDigits(province):
		l.provinces = append(l.provinces, r)
	case finer && known && kind(number) != "" && strings.HasPrefix(r.Name, kind(number)+" "):
		l.within[province] = append(l.within[province], r)
	default:
		return fmt.Errorf("region %q: code does not fit the name %q or has no province", r.Code, r.Name)
	}
	l.names[r.Code] = r.Name
	return nil
}

// kind returns the word that a name begins with, by the number within its
// province, and nothing for what is no such number.
func kind(number string) string {
	switch {
	case !twoDigits(number):
		return ""
	case "01" <= number && number <= "69":
		return "Kabupaten"
	case "71" <= number && number <= "99":
		return "Kota"
	}
	return ""
}

func twoDigits(s string) bool {
	return len(s) == 2 && strings.Trim(s, "0123456789") == ""
}

// sort puts names in the order in which a person looks for them. The word
// Kabupaten comes before Kota, so the one kind comes before the other.
func (l *list) sort() {
	byName := func(a, b Region) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(l.provinces, byName)
	for _, within := range l.within {
		slices.SortFunc(within, byName)
	}
}
