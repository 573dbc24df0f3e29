package regions

import (
	"slices"
	"testing"
)

// These facts are written down apart from the list, so that a shifted line or a
// renumbered province is noticed.
func TestWellKnownRegions(t *testing.T) {
	for code, want := range map[string]string{
		"11": "Aceh", "31": "Daerah Khusus Ibukota Jakarta", "34": "Daerah Istimewa Yogyakarta", "65": "Kalimantan Utara",
		"73": "Sulawesi Selatan", "91": "Papua", "92": "Papua Barat", "93": "Papua Selatan", "94": "Papua Tengah",
		"95": "Papua Pegunungan", "96": "Papua Barat Daya",
		"11.71": "Kota Banda Aceh, Aceh",
		"12.71": "Kota Medan, Sumatera Utara",
		"12.12": "Kabupaten Toba, Sumatera Utara",
		"13.02": "Kabupaten Solok, Sumatera Barat",
		"13.72": "Kota Solok, Sumatera Barat",
		"14.71": "Kota Pekanbaru, Riau",
		"16.13": "Kabupaten Musi Rawas Utara, Sumatera Selatan",
		"18.71": "Kota Bandar Lampung, Lampung",
		"19.71": "Kota Pangkal Pinang, Kepulauan Bangka Belitung",
		"21.71": "Kota Batam, Kepulauan Riau",
		"31.01": "Kabupaten Administrasi Kepulauan Seribu, Daerah Khusus Ibukota Jakarta",
		"31.71": "Kota Administrasi Jakarta Pusat, Daerah Khusus Ibukota Jakarta",
		"32.03": "Kabupaten Cianjur, Jawa Barat",
		"32.73": "Kota Bandung, Jawa Barat",
		"33.74": "Kota Semarang, Jawa Tengah",
		"34.71": "Kota Yogyakarta, Daerah Istimewa Yogyakarta",
		"35.78": "Kota Surabaya, Jawa Timur",
		"36.02": "Kabupaten Lebak, Banten",
		"36.74": "Kota Tangerang Selatan, Banten",
		"51.71": "Kota Denpasar, Bali",
		"52.71": "Kota Mataram, Nusa Tenggara Barat",
		"53.21": "Kabupaten Malaka, Nusa Tenggara Timur",
		"61.71": "Kota Pontianak, Kalimantan Barat",
		"63.03": "Kabupaten Banjar, Kalimantan Selatan",
		"64.11": "Kabupaten Mahakam Ulu, Kalimantan Timur",
		"64.74": "Kota Bontang, Kalimantan Timur",
		"65.71": "Kota Tarakan, Kalimantan Utara",
		"71.07": "Kabupaten Minahasa Tenggara, Sulawesi Utara",
		"72.71": "Kota Palu, Sulawesi Tengah",
		"73.02": "Kabupaten Bulukumba, Sulawesi Selatan",
		"73.26": "Kabupaten Toraja Utara, Sulawesi Selatan",
		"73.71": "Kota Makassar, Sulawesi Selatan",
		"74.07": "Kabupaten Wakatobi, Sulawesi Tenggara",
		"75.71": "Kota Gorontalo, Gorontalo",
		"76.01": "Kabupaten Pasangkayu, Sulawesi Barat",
		"81.03": "Kabupaten Kepulauan Tanimbar, Maluku",
		"82.72": "Kota Tidore Kepulauan, Maluku Utara",
		"91.71": "Kota Jayapura, Papua",
		"92.02": "Kabupaten Manokwari, Papua Barat",
		"93.01": "Kabupaten Merauke, Papua Selatan",
		"94.04": "Kabupaten Mimika, Papua Tengah",
		"95.01": "Kabupaten Jayawijaya, Papua Pegunungan",
		"96.71": "Kota Sorong, Papua Barat Daya",
	} {
		if got, ok := Name(code); !ok || got != want {
			t.Errorf("%s: %q, %t, want %q", code, got, ok, want)
		}
	}
}

func TestWellKnownNumbers(t *testing.T) {
	for province, want := range map[string][2]int{
		"11": {18, 5}, "12": {25, 8}, "21": {5, 2}, "31": {1, 5}, "32": {18, 9}, "33": {29, 6}, "34": {4, 1},
		"35": {29, 9}, "36": {4, 4}, "51": {8, 1}, "64": {7, 3}, "71": {11, 4}, "73": {21, 3}, "76": {6, 0},
		"91": {8, 1}, "92": {7, 0}, "93": {4, 0}, "94": {8, 0}, "95": {8, 0}, "96": {5, 1},
	} {
		kabupaten, kota := split(province)
		if len(kabupaten) != want[0] || len(kota) != want[1] {
			t.Errorf("%s has %d kabupaten and %d kota, want %v", province, len(kabupaten), len(kota), want)
		}
	}
}

func TestBantenAsItIsListed(t *testing.T) {
	want := []Region{
		{"36.02", "Kabupaten Lebak"}, {"36.01", "Kabupaten Pandeglang"}, {"36.04", "Kabupaten Serang"},
		{"36.03", "Kabupaten Tangerang"}, {"36.72", "Kota Cilegon"}, {"36.73", "Kota Serang"},
		{"36.71", "Kota Tangerang"}, {"36.74", "Kota Tangerang Selatan"},
	}
	if got := Within("36"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
