package regions

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// everything returns all regions as callers get them, sorted by code.
func everything() []Region {
	var all []Region
	for _, p := range Provinces() {
		all = append(all, p)
		all = append(all, Within(p.Code)...)
	}
	slices.SortFunc(all, func(a, b Region) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

// split parts the kabupaten of a province from its kota.
func split(province string) (kabupaten, kota []string) {
	for _, r := range Within(province) {
		if name, ok := strings.CutPrefix(r.Name, "Kota "); ok {
			kota = append(kota, name)
		} else {
			kabupaten = append(kabupaten, strings.TrimPrefix(r.Name, "Kabupaten "))
		}
	}
	return kabupaten, kota
}

func TestTheListIsComplete(t *testing.T) {
	provinces, kabupaten, kota := len(Provinces()), 0, 0
	for _, p := range Provinces() {
		a, b := split(p.Code)
		kabupaten, kota = kabupaten+len(a), kota+len(b)
	}
	if provinces != 38 || kabupaten != 416 || kota != 98 {
		t.Errorf("%d provinces, %d kabupaten, %d kota; want 38, 416, 98", provinces, kabupaten, kota)
	}
}

func TestCodesFitTheirKind(t *testing.T) {
	seen := make(map[string]bool)
	forms := map[string]*regexp.Regexp{
		"Kabupaten": regexp.MustCompile(`^\d\d\.(0[1-9]|[1-6]\d)$`),
		"Kota":      regexp.MustCompile(`^\d\d\.(7[1-9]|[89]\d)$`),
	}
	for _, p := range Provinces() {
		if !regexp.MustCompile(`^[1-9][1-9]$`).MatchString(p.Code) {
			t.Errorf("%q is the code of %q", p.Code, p.Name)
		}
		for _, r := range Within(p.Code) {
			form := forms[strings.Fields(r.Name)[0]]
			if form == nil || !form.MatchString(r.Code) || !strings.HasPrefix(r.Code, p.Code+".") {
				t.Errorf("%q is the code of %q in %q", r.Code, r.Name, p.Code)
			}
		}
	}
	for _, r := range everything() {
		if seen[r.Code] {
			t.Errorf("%q stands twice", r.Code)
		}
		seen[r.Code] = true
	}
}

// A name is shown alone, without its code: two regions must not share it. The
// same holds for the short name.
func TestNamesAreDistinctAndPlain(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Z][a-z]+([ -][A-Z][a-z]+| dan [A-Z][a-z]+)*$`)
	full, short := make(map[string]string), make(map[string]string)
	for _, r := range everything() {
		if !plain.MatchString(r.Name) {
			t.Errorf("%s: %q", r.Code, r.Name)
		}
		if other, ok := full[r.Name]; ok {
			t.Errorf("%s and %s are both %q", r.Code, other, r.Name)
		}
		if other, ok := short[r.Short()]; ok {
			t.Errorf("%s and %s are both %q", r.Code, other, r.Short())
		}
		full[r.Name], short[r.Short()] = r.Code, r.Code
	}
}

// Whoever scans a list looks by the name on the screen, full or short, and for
// kabupaten before kota.
func TestListsAreInTheOrderOfReading(t *testing.T) {
	var long, short []string
	for _, p := range Provinces() {
		long, short = append(long, p.Name), append(short, p.Short())
		kabupaten, kota := split(p.Code)
		if !slices.IsSorted(kabupaten) || !slices.IsSorted(kota) {
			t.Errorf("%s: %q, %q", p.Name, kabupaten, kota)
		}
		last := ""
		for _, r := range Within(p.Code) {
			if word := strings.Fields(r.Name)[0]; word < last {
				t.Errorf("%s: %q stands after a kota", p.Name, r.Name)
			} else {
				last = word
			}
		}
	}
	if !slices.IsSorted(long) || !slices.IsSorted(short) {
		t.Errorf("provinces: %q, %q", long, short)
	}
}

func TestTheFileIsWhatIsParsed(t *testing.T) {
	var want, got strings.Builder
	for line := range strings.Lines(file) {
		if !strings.HasPrefix(line, "#") {
			want.WriteString(line)
		}
	}
	for _, r := range everything() {
		got.WriteString(r.Code + " " + r.Name + "\n")
	}
	if want.String() != got.String() {
		t.Errorf("parsed and written again:\n%s\nthe file:\n%s", got.String(), want.String())
	}
}

func TestUnknownCodesHaveNoName(t *testing.T) {
	for _, code := range []string{
		"", "-", "00", "7", "99", "737", "73.", ".", ".71", "73.00", "73.70", "73.99", "73.7", "73.71.", "73.71.01",
		" 73", "73 ", "7371", "73,71", "Kota Makassar", "\x00", strings.Repeat("7", 1000),
	} {
		if name, ok := Name(code); ok || name != "" {
			t.Errorf("%q is called %q", code, name)
		}
		if list := Within(code); list != nil {
			t.Errorf("%q has %d kabupaten and kota", code, len(list))
		}
	}
	if list := Within("73.71"); list != nil {
		t.Errorf("a kota has %d kabupaten and kota", len(list))
	}
}

func TestNoCallerChangesTheList(t *testing.T) {
	clear(Provinces())
	clear(Within("36"))
	_ = append(Within("36")[:0], Region{"36.01", "Kabupaten Contoh"})
	if p, k := Provinces()[0], Within("36")[0]; p != (Region{"11", "Aceh"}) || k != (Region{"36.02", "Kabupaten Lebak"}) {
		t.Errorf("the first are now %v and %v", p, k)
	}
}

func TestShortNames(t *testing.T) {
	for long, want := range map[string]string{
		"Kabupaten Aceh Selatan": "Kab. Aceh Selatan", "Kota Banda Aceh": "Kota Banda Aceh",
		"Daerah Istimewa Yogyakarta": "DI Yogyakarta", "Daerah Khusus Ibukota Jakarta": "DKI Jakarta",
		"Kabupaten Administrasi Kepulauan Seribu": "Kab. Administrasi Kepulauan Seribu", "Papua": "Papua", "": "",
	} {
		if got := (Region{Name: long}).Short(); got != want {
			t.Errorf("%q: %q, want %q", long, got, want)
		}
	}
}

// A slip of the hand in regions.txt is found when the tests run, not by a
// reporter who cannot find home.
func TestDamagedFilesAreRefused(t *testing.T) {
	const whole = "# comment\n11 Aceh\n11.01 Kabupaten Aceh Selatan\n11.71 Kota Banda Aceh\n"
	if l, err := parse(whole); err != nil || len(l.names) != 3 {
		t.Fatalf("the whole file: %v, %v", l, err)
	}
	for name, damage := range map[string][2]string{
		"no name":                {"11 Aceh", "11"},
		"an empty name":          {"11 Aceh", "11 "},
		"a space too many":       {"11 Aceh", "11  Aceh"},
		"a space at the end":     {"11 Aceh", "11 Aceh "},
		"an empty line":          {"11.71", "\n11.71"},
		"another line ending":    {"Aceh\n", "Aceh\r\n"},
		"a short code":           {"11.71 Kota Banda Aceh", "2 Sumatera Utara"},
		"a long code":            {"11.71 Kota Banda Aceh", "112 Sumatera Utara"},
		"no number":              {"11.71", "11.7x"},
		"a long number":          {"11.71", "11.711"},
		"the number 70":          {"11.01", "11.70"},
		"the number 70, a kota":  {"11.71", "11.70"},
		"the number 00":          {"11.01", "11.00"},
		"another word":           {"Kabupaten", "Kab."},
		"a kabupaten as a kota":  {"Kabupaten", "Kota"},
		"a word without a space": {"Kota Banda", "KotaBanda"},
		"a code twice":           {"11.71 Kota", "11.01 Kabupaten"},
		"codes out of order":     {"11 Aceh\n", ""},
		"no such province":       {"11.71", "12.71"},
		"a province below":       {"11.71 Kota", "10"},
		"a kecamatan":            {"11.71", "11.01.01"},
	} {
		text := strings.Replace(whole, damage[0], damage[1], 1)
		if text == whole {
			t.Fatalf("%s: nothing is damaged", name)
		}
		if _, err := parse(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
