package taxonomy

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// codes returns the codes of articles, with a question mark behind those that
// apply perhaps.
func codes(matches []Match) []string {
	var all []string
	for _, m := range matches {
		code := m.Code
		if !m.Certain() {
			code += "?"
		}
		all = append(all, code)
	}
	return all
}

func words(s string) []string { return strings.Fields(s) }

// answers reads "hadir medsos" style answers, by question.
func answers(pairs ...string) Answers {
	a := Answers{}
	for i := 0; i < len(pairs); i += 2 {
		a[pairs[i]] = words(pairs[i+1])
	}
	return a
}

// TestRulesOfRealCases: what was found in the news leads to the articles that a
// lawyer would look at first, and says what is not known.
func TestRulesOfRealCases(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers Answers
		want    string
	}{
		{"transfer to the islands for no support", answers("tindakan", "mutasi", "tekanan", "ancam_karier", "pelaku",
			"kepala_daerah", "tahap", "bakal", "pemilihan", "pilkada"), "UU20-9 P16-71-2? P16-190?"},
		{"the same, when nothing else was told", answers("tindakan", "mutasi", "pelaku", "kepala_daerah"),
			"UU20-9 P16-71-2? P16-162-3? P16-190?"},
		{"head of a clinic in the chat group", answers("tindakan", "pilih", "tekanan", "grup", "pelaku", "kapus",
			"tahap", "kampanye", "pemilihan", "pilkada"), "DS-8 PP94-n6 DS-13?"},
		{"contract staff told to back a pair", answers("tindakan", "pilih", "tekanan", "ancam_kontrak", "pelaku", "camat",
			"tahap", "kampanye", "pemilihan", "pilkada", "status", "honorer"), "DS-8 PP94-n6 SE1-2023 DS-13? P16-182A?"},
		{"the same, without an employment", answers("tindakan", "pilih", "tekanan", "ancam_kontrak", "pelaku", "camat",
			"tahap", "kampanye", "pemilihan", "pilkada", "status", "tidak_menjawab"),
			"DS-8 PP94-n6 DS-13? SE1-2023? P16-182A?"},
		{"twenty voters for each teacher", answers("tindakan", "target", "tekanan", "ancam_karier", "pelaku", "kepsek",
			"tahap", "kampanye", "pemilihan", "pilkada"), "DS-8 PP94-n6 DS-12? PP94-n7?"},
		{"teachers escort the regent, as prospective candidate", answers("tindakan", "hadir kerahkan", "tekanan", "grup",
			"pelaku", "kepala_opd", "tahap", "bakal", "pemilihan", "pilkada"), "KE-3 KE-6 PP94-n6"},
		{"the same, for a candidate", answers("tindakan", "hadir kerahkan", "pelaku", "kepala_opd", "tahap", "penetapan",
			"pemilihan", "pilkada"), "DS-4 DS-8 DS-9 PP94-n6 P16-71-1 P16-188"},
		{"five thousand votes, moved to an island", answers("tindakan", "target mutasi", "tekanan", "ancam_karier",
			"pelaku", "kepsek", "tahap", "hasil", "pemilihan", "pilkada"), "DS-8 PP94-n6 UU20-9 DS-12? PP94-n7?"},
		{"thanked after polling day", answers("tindakan", "pilih", "tekanan", "grup", "pelaku", "kepala_opd",
			"tahap", "pelantikan", "pemilihan", "pilkada"), "UU20-9 PP42-11"},
		{"village head strikes names off aid", answers("tindakan", "bansos", "pelaku", "kades", "tahap", "kampanye",
			"pemilihan", "pemilu"), "P17-490?"},
		{"aid of the incumbent with stickers", answers("tindakan", "bansos peraga", "pelaku", "kepala_daerah", "tahap",
			"kampanye", "pemilihan", "pilkada"), "DS-1 P16-71-1 P16-188 P16-70? P16-71-3? P16-189?"},
		{"posts for the party, in a parliamentary campaign", answers("tindakan", "medsos tim", "pelaku", "sekda",
			"tahap", "kampanye", "pemilihan", "pemilu"), "DS-2 DS-6 DS-11 PP94-n6 P17-283 DS-5? P17-280-2f? P17-494?"},
		{"a letter by a village head", answers("tindakan", "keputusan", "pelaku", "kades", "tahap", "kampanye",
			"pemilihan", "pemilu"), "P17-282 P17-490?"},
		{"out of season", answers("tindakan", "hadir", "pelaku", "kepala_opd", "tahap", "luar_musim", "pemilihan",
			"pilkada"), "UU20-9 PP42-11 KE-3? KE-6?"},
		{"a leak is hunted", answers("tindakan", "bungkam", "pelaku", "kepala_opd"), "UU31-10?"},
		{"election of a village head", answers("tindakan", "hadir", "pelaku", "kades", "tahap", "kampanye",
			"pemilihan", "pilkades"), ""},
		{"nothing answered", Answers{}, ""},
	} {
		r := RulesFor(Current())
		if got := codes(r.Matches(Current(), test.answers)); !slices.Equal(got, words(test.want)) {
			t.Errorf("%s: %q, want %q", test.name, got, words(test.want))
		}
	}
}

// TestPerhapsNamesWhatIsOpen: an unanswered question and one that was answered
// with "I do not know" leave a rule open; what no question asks does too; a
// known answer that does not fit ends it; a rule that is certain ends all doubt.
func TestPerhapsNamesWhatIsOpen(t *testing.T) {
	stage, kind, early := "Tahap pemilihan saat itu", "Untuk pemilihan apa?", "apakah sudah ada bakal calon"
	for _, test := range []struct {
		name    string
		answers Answers
		code    string
		open    []string
		found   bool
	}{
		{"no answer", answers("tindakan", "medsos"), "KE-2", []string{kind, stage, early}, true},
		{"not known", answers("tindakan", "medsos", "tahap", "tidak_tahu", "pemilihan", "pilkada"), "KE-2",
			[]string{stage, early}, true},
		{"all known", answers("tindakan", "medsos", "tahap", "bakal", "pemilihan", "pilkada"), "KE-2", nil, true},
		{"another stage", answers("tindakan", "medsos", "tahap", "kampanye"), "KE-2", nil, false},
		{"no question asks", answers("tindakan", "tim"), "DS-5",
			[]string{"apakah orang dijadikan anggota atau pengurus partai"}, true},
		{"certain by one rule, then open by another", answers("tindakan", "hadir mutasi"), "UU20-9", nil, true},
		{"open by one rule, then certain by another", answers("tindakan", "pilih keputusan", "pelaku", "sekda",
			"tahap", "kampanye", "pemilihan", "pilkada"), "DS-13", nil, true},
	} {
		found := false
		for _, m := range RulesFor(Current()).Matches(Current(), test.answers) {
			if m.Code == test.code {
				found = true
				slices.Sort(m.Open)
				slices.Sort(test.open)
				if !slices.Equal(m.Open, test.open) {
					t.Errorf("%s: open %q, want %q", test.name, m.Open, test.open)
				}
			}
		}
		if found != test.found {
			t.Errorf("%s: %s found is %t", test.name, test.code, found)
		}
	}
}

// TestActsThatLedToAnArticle are those of the answers that its rules speak of,
// and no other.
func TestActsThatLedToAnArticle(t *testing.T) {
	a := answers("tindakan", "target iuran mutasi", "pelaku", "camat", "tahap", "kampanye", "pemilihan", "pilkada")
	for _, m := range RulesFor(Current()).Matches(Current(), a) {
		if m.Code == "DS-8" {
			want := []string{
				"Diberi target suara, disuruh mendata pemilih, atau mengumpulkan KTP, KK, atau surat dukungan",
				"Diminta iuran atau setoran, atau gaji atau TPP dipotong",
			}
			if !slices.Equal(m.Acts, want) {
				t.Errorf("DS-8 by %q", m.Acts)
			}
			return
		}
	}
	t.Error("DS-8 is not there")
}

// TestEveryArticleCanBeReached by some answers, unless it is a reserve; and every
// act leads to an article or to a note.
func TestEveryArticleCanBeReached(t *testing.T) {
	r, tax := RulesFor(Current()), Current()
	reached := map[string]bool{}
	for _, rule := range r.Rules {
		for _, m := range r.Matches(tax, Answers(rule.When)) {
			reached[m.Code] = true
		}
	}
	for _, l := range r.Lists {
		for _, code := range l.Refer {
			reached[code] = true
		}
	}
	for _, a := range r.References {
		if reached[a.Code] == (a.Reserve != "") {
			t.Errorf("%s: reached is %t, reserve %q", a.Code, reached[a.Code], a.Reserve)
		}
	}
	for _, c := range tax.Question("tindakan").Choices {
		a := answers("tindakan", c.Code)
		if len(r.Matches(tax, a)) == 0 && len(r.Notes(tax, a)) == 0 {
			t.Errorf("%q leads nowhere", c.Code)
		}
	}
}

// TestRulesHoldTheWholeAnnex: both lists of the joint decree are there, with the
// basis of each row, and so are the laws beside it.
func TestRulesHoldTheWholeAnnex(t *testing.T) {
	memory := words("DS-11 DS-12 P16-70 P16-71-3 P16-134 P16-182A P16-187A P16-190 P17-280-1h P17-282")
	r := RulesFor(Current())
	count := map[string]int{}
	for _, a := range r.References {
		family, _, _ := strings.Cut(a.Code, "-")
		count[family]++
		if (a.Basis == Memory) != slices.Contains(memory, a.Code) {
			t.Errorf("%s: basis %q", a.Code, a.Basis)
		}
	}
	for family, n := range map[string]int{
		"KE": 7, "DS": 13, "PP94": 7, "SE1": 1, "P16": 11, "P17": 9, "UU20": 1, "UU31": 1,
	} {
		if count[family] != n {
			t.Errorf("%s: %d rows, want %d", family, count[family], n)
		}
	}
}

// struck returns the codes of routes that are struck out.
func struck(a Answers) (out []string) {
	for _, route := range RulesFor(Current()).Routes(Current(), a) {
		if len(route.Struck) > 0 {
			out = append(out, route.Code)
		}
	}
	return out
}

// TestRoutesThatEndAtTheSameOfficialAreStruck: results of BKN and of the
// inspectorate go to the head of the region; a local watchdog may be one of
// those who run the election; and what the reporter refused is refused.
func TestRoutesThatEndAtTheSameOfficialAreStruck(t *testing.T) {
	for _, test := range []struct {
		answers Answers
		want    string
	}{
		{answers("pelaku", "kepala_daerah", "izin", "pers"), "bkn inspektorat"},
		{answers("pelaku", "sekda", "izin", "pers"), "bkn inspektorat"},
		{answers("pelaku", "keluarga kepsek", "izin", "pers"), "bkn inspektorat"},
		{answers("pelaku", "penyelenggara", "izin", "pers"), "bawaslu_kab"},
		{answers("pelaku", "aparat", "izin", "pers"), "polisi"},
		{answers("pelaku", "kepsek", "izin", "pers"), ""},
		{answers("pelaku", "kepsek", "izin", "kutip"), "pers"},
		{answers("pelaku", "kepsek", "izin", "pers", "jangan_teruskan", "bawaslu_prov bkn pers"), "bawaslu_prov bkn pers"},
		{answers("izin", "pers"), "bawaslu_kab bkn inspektorat polisi"}, // perhaps
	} {
		if got := struck(test.answers); !slices.Equal(got, words(test.want)) {
			t.Errorf("%v: %q are struck, want %q", test.answers, got, test.want)
		}
	}
	for _, route := range RulesFor(Current()).Routes(Current(), answers("izin", "pers")) {
		if route.Code == "inspektorat" && !strings.Contains(route.Struck[0], "mungkin; belum terjawab: Siapa yang menekan?") {
			t.Errorf("a conflict that is open: %q", route.Struck)
		}
		if route.Code == "kpk" && len(route.Struck) > 0 {
			t.Errorf("kpk: %q", route.Struck)
		}
	}
}

// TestARouteForSomeActsOnly is not shown for others.
func TestARouteForSomeActsOnly(t *testing.T) {
	for act, want := range map[string]bool{"iuran": true, "hadir": false} {
		routes := RulesFor(Current()).Routes(Current(), answers("tindakan", act))
		if got := slices.ContainsFunc(routes, func(r Route) bool { return r.Code == "kpk" }); got != want {
			t.Errorf("%s: kpk is shown: %t", act, got)
		}
	}
}

// TestConsentIsTheNarrowest that the answers say; silence, and words that the
// form does not have, are no consent.
func TestConsentIsTheNarrowest(t *testing.T) {
	for said, want := range map[string]Consent{
		"": Closed, "statistik": Closed, "informasi": Unquoted, "kutip": Quotable, "pers": Quotable,
		"semua": Closed, "kutip statistik": Closed, "kutip informasi": Unquoted, "pers semua": Closed,
		"informasi statistik": Closed, "informasi semua": Closed,
	} {
		if got := RulesFor(Current()).Consent(Current(), answers("izin", said)); got != want {
			t.Errorf("%q: %d, want %d", said, got, want)
		}
	}
}

// TestRulesAreForEmbeddedTaxonomiesAlone: a taxonomy of an operator's own does not
// get ours by taking the name.
func TestRulesAreForEmbeddedTaxonomiesAlone(t *testing.T) {
	data, err := os.ReadFile("asn-2026-11-22.json")
	if err != nil {
		t.Fatal(err)
	}
	other, err := Parse(append(data, ' '))
	if err != nil {
		t.Fatal(err)
	}
	if RulesFor(other) != nil || RulesFor(nil) != nil || RulesFor(Current()) == nil {
		t.Error("rules for another taxonomy")
	}
}

// TestChecksSayWhatIsThere: a check is there when all its questions are answered
// and its source has something.
func TestChecksSayWhatIsThere(t *testing.T) {
	a := answers("tempat", "tidak_menjawab", "waktu", "2026-10", "pelaku", "camat", "diketahui", "kemarin",
		"saksi_lain", "tidak")
	f := Facts{Story: true, Attachments: 0, Week: w48, Today: day("2026-11-25")}
	got := map[string]string{}
	for _, l := range RulesFor(Current()).Checks(Current(), a, f) {
		for _, c := range l.Items {
			got[c.Label] = c.Status
		}
		if l.Title == "Syarat formil" && (len(l.Articles) != 2 || l.Articles[1].Code != "P17-476") {
			t.Errorf("formil by %v", l.Articles)
		}
	}
	for label, want := range map[string]string{
		"Nama dan alamat pelapor": NotAsked, "Pihak terlapor: peran": Present, "Pihak terlapor: nama dan jabatan": Absent,
		"Paling lama 7 hari sejak diketahui": string(Running), "Waktu kejadian": Present, "Tempat kejadian": Absent,
		"Uraian kejadian": Present, "Berkas bukti": Absent, "Saksi (Pilkada: dua orang)": Absent,
	} {
		if got[label] != want {
			t.Errorf("%s: %q, want %q", label, got[label], want)
		}
	}
	a["saksi_lain"] = []string{"ada"}
	f.Story, f.Attachments, f.Today = false, 1, day("2026-12-30")
	for _, l := range RulesFor(Current()).Checks(Current(), a, f) {
		for _, c := range l.Items {
			if want := map[string]string{
				"Uraian kejadian": Absent, "Berkas bukti": Present, "Saksi (Pilkada: dua orang)": Present,
				"Paling lama 7 hari sejak diketahui": string(Over),
			}[c.Label]; want != "" && c.Status != want {
				t.Errorf("%s: %q, want %q", c.Label, c.Status, want)
			}
		}
	}
}
