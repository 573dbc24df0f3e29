package web

import "testing"

func TestNumber(t *testing.T) {
	catalogs := testCatalogs(t)
	for n, want := range map[int64][2]string{
		0: {"0", "0"}, 999: {"999", "999"}, 1000: {"1.000", "1,000"}, 24000: {"24.000", "24,000"},
		1234567: {"1.234.567", "1,234,567"}, -100: {"-100", "-100"}, -1000: {"-1.000", "-1,000"},
	} {
		if id, en := catalogs[ID].number(n), catalogs[EN].number(n); id != want[0] || en != want[1] {
			t.Errorf("%d: %q and %q, want %q", n, id, en, want)
		}
	}
}

func TestSizeNeverPromisesMoreThanFits(t *testing.T) {
	c := testCatalogs(t)[ID]
	for bytes, want := range map[int64]string{
		20 << 20: "20 MB", 20<<20 - 1: "19 MB", 1 << 20: "1 MB", 1<<20 - 1: "1.023 KB", 64 << 10: "64 KB",
	} {
		if got, err := c.size(bytes); err != nil || got != want {
			t.Errorf("%d: %q, %v, want %q", bytes, got, err, want)
		}
	}
}

func TestWeek(t *testing.T) {
	catalogs := testCatalogs(t)
	for iso, want := range map[string][2]string{
		"2026-W47":  {"minggu mulai 16 November 2026", "week of 16 November 2026"},
		"2026-W01":  {"minggu mulai 29 Desember 2025", "week of 29 December 2025"},
		"2020-W53":  {"minggu mulai 28 Desember 2020", "week of 28 December 2020"},
		"2026-W54":  {"2026-W54", "2026-W54"},
		"2026-W00":  {"2026-W00", "2026-W00"},
		"2026-W47x": {"2026-W47x", "2026-W47x"},
		"":          {"", ""},
	} {
		for i, lang := range []Lang{ID, EN} {
			if got, err := catalogs[lang].week(iso); err != nil || got != want[i] {
				t.Errorf("%q in %q: %q, %v", iso, lang, got, err)
			}
		}
	}
}

// Names of regions are the same in both languages; the whole country is not one
// of them.
func TestRegion(t *testing.T) {
	catalogs := testCatalogs(t)
	for code, want := range map[string][2]string{
		"-": {"nasional", "national"}, "73": {"Sulawesi Selatan", "Sulawesi Selatan"},
		"73.71": {"Kota Makassar, Sulawesi Selatan", "Kota Makassar, Sulawesi Selatan"},
		"73.99": {"73.99", "73.99"}, "99": {"99", "99"}, "": {"", ""}, "national": {"national", "national"},
	} {
		for i, lang := range []Lang{ID, EN} {
			if got := catalogs[lang].region(code); got != want[i] {
				t.Errorf("%q in %q: %q, want %q", code, lang, got, want[i])
			}
		}
	}
}

func TestStatusThatIsNotKnownHasAName(t *testing.T) {
	c := testCatalogs(t)[ID]
	for key, want := range map[string]string{"ditelaah": "sedang ditelaah", "x": "tidak dikenal"} {
		if got, err := c.status(key); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", key, got, err, want)
		}
	}
}
