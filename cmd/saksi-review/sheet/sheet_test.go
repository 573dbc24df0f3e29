package sheet

import (
	"errors"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/item"
	"saksi/web/taxonomy"
)

var update = flag.Bool("update", false, "write the golden sheets anew")

var today = time.Date(2026, time.November, 27, 15, 0, 0, 0, time.UTC)

const (
	story   = "Hari itu kami semua dipanggil ke aula.\nKepala korwil bilang: “seng ada yang mundur”."
	message = "Sesudah itu daftar hadir dikumpulkan."
	hash    = "4b0cd3bb6e7f4d1ea2b7c9a0f1e2d3c4b5a697887766554433221100ffeeddcc"
)

// korwil is a testimony of a school district: targets of votes, and transfers to
// an island.
func korwil() taxonomy.Answers {
	return taxonomy.Answers{
		"tempat": {"81.03"}, "instansi": {"sekolah"}, "waktu": {"2026-10"}, "tindakan": {"target", "mutasi"},
		"tekanan": {"rapat", "ancam_karier"}, "pelaku": {"kepsek"}, "cara_tahu": {"melihat"},
		"jumlah_tahu": {"sedang"}, "izin": {"kutip"}, "diketahui": {"tiga"}, "pemilihan": {"pilkada"},
		"tahap": {"kampanye"}, "bukti": {"surat"}, "nama_pelaku": {"Bpk. Contoh, korwil"}, "kecamatan": {"Desa Contoh"},
		"akibat": {"pindah"}, "jangan_teruskan": {"bawaslu_kab"}, "tahan": {"ada_lain"}, "saksi_lain": {"banyak"},
	}
}

func input(a taxonomy.Answers) Input {
	page := func(n int, kind item.Kind, text string) desk.Page {
		return desk.Page{Item: &desk.Item{N: n, Kind: kind, Week: "2026-W48"}, Text: text}
	}
	testimony := page(0, item.Testimony, story)
	testimony.Taxonomy, testimony.Form.Answers = taxonomy.Current().Reference(), a
	file := page(2, item.Attachment, "")
	file.Attachments = []desk.Attachment{{
		Path: "attachments/001.jpg", Original: "IMG dari Ibu Ani.jpg", Size: 1234567, Hash: hash,
	}}
	return Input{
		Thread: "3fa9c1d2", Pages: []desk.Page{testimony, page(1, item.Message, message), file},
		Form: (&desk.Desk{}).Form, Today: today,
	}
}

func with(a taxonomy.Answers, id string, values ...string) taxonomy.Answers {
	a[id] = values
	return a
}

// render returns both renderings; that of HTML as a reader sees it, without tags.
func render(t *testing.T, in Input) (text, page string) {
	t.Helper()
	s, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	var b, h strings.Builder
	if err := errors.Join(s.Text(&b), s.HTML(&h)); err != nil {
		t.Fatal(err)
	}
	return b.String(), h.String()
}

// flat is a rendering without tags, bars and line breaks, to look for words.
func flat(rendering string) string {
	rendering = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`).ReplaceAllString(rendering, " ")
	rendering = strings.ReplaceAll(html.UnescapeString(rendering), "| ", " ")
	return strings.Join(strings.Fields(rendering), " ")
}

// TestGoldenSheet holds one sheet to its last letter.
func TestGoldenSheet(t *testing.T) {
	text, _ := render(t, input(korwil()))
	name := filepath.Join("testdata", "korwil.txt")
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the sheet differs from %s; -update writes it anew:\n%s", name, text)
	}
}

// TestBothRenderingsSayTheSame: whatever stands in the text stands on the page.
func TestBothRenderingsSayTheSame(t *testing.T) {
	for name, in := range map[string]Input{
		"quotable": input(korwil()), "unquoted": input(with(korwil(), "izin", "informasi")),
		"nothing but consent": input(taxonomy.Answers{"izin": {"kutip"}}),
	} {
		s, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		text, page := render(t, in)
		text, page = flat(text), flat(page)
		for _, want := range pieces(s) {
			want = strings.Join(strings.Fields(want), " ")
			if !strings.Contains(text, want) {
				t.Errorf("%s: the text does not have %q", name, want)
			}
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page does not have %q", name, want)
			}
		}
	}
}

// pieces returns all that a sheet says.
func pieces(s *Sheet) (all []string) {
	all = slices.Concat(s.Warnings, s.Cautions, []string{s.Clock, unofficial})
	if len(s.Articles) == 0 {
		all = append(all, noArticle)
	}
	for _, h := range s.Head {
		all = append(all, h.Label, h.Value)
	}
	for _, p := range s.Parts {
		all = append(all, p.Number+". "+p.Title)
		for _, l := range p.Lines {
			all = append(all, l.Label, l.Note)
			for _, v := range l.Values {
				all = append(append(all, v.Lines...), v.head())
			}
		}
	}
	for _, l := range s.Checks {
		all = append(all, append(l.Law, l.Title)...)
		for _, c := range l.Items {
			all = append(all, checkWords(c))
		}
	}
	for _, a := range s.Articles {
		all = append(all, a.Certainty()+": "+a.Code, a.Law, a.Text, a.Sanction)
		for _, row := range a.Rows(s.Lawyer) {
			all = append(all, row.Label+": "+row.Value)
		}
	}
	for _, r := range s.Routes {
		all = append(all, append(r.Struck, r.Label, r.Note)...)
	}
	return all
}

// TestClosedTestimonyHasNoSheet: counted only, silence, a word that the form does
// not have, and a deletion keep it at the desk. An internal sheet says so on top
// and at its end.
func TestClosedTestimonyHasNoSheet(t *testing.T) {
	deleted := input(korwil())
	deleted.Pages[0].Deleted = true
	second := input(korwil())
	second.Pages = append(second.Pages, input(with(korwil(), "izin", "statistik")).Pages[0])
	before := input(with(korwil(), "izin", "statistik"))
	before.Pages = append(before.Pages, input(korwil()).Pages[0])
	later := input(korwil())
	later.Pages = append(later.Pages, input(korwil()).Pages[0])
	later.Pages[3].Item = &desk.Item{N: 3, Kind: item.Testimony, Week: "2026-W48", Deleted: true}
	for name, test := range map[string]struct {
		in   Input
		want error
	}{
		"counted only":                        {input(with(korwil(), "izin", "statistik")), ErrClosed},
		"no answer":                           {input(with(korwil(), "izin")), ErrClosed},
		"strange answer":                      {input(with(korwil(), "izin", "kutip ")), ErrClosed},
		"two answers":                         {input(with(korwil(), "izin", "pers", "statistik")), ErrClosed},
		"deleted":                             {deleted, ErrDeleted},
		"a second testimony that is narrower": {second, ErrClosed},
		"a first testimony that is narrower":  {before, ErrClosed},
		"a second testimony, deleted":         {later, ErrDeleted},
	} {
		if s, err := New(test.in); !errors.Is(err, test.want) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
		test.in.Internal = true
		text, page := render(t, test.in)
		for kind, rendering := range map[string]string{"text": strings.Trim(text, "*\n "), "page": flat(page)} {
			rest := strings.TrimPrefix(rendering, "Lembar Informasi Awal ") // its title
			if kind == "page" && !strings.Contains(page, `@top-center { content: "`+Banner+`"`) {
				t.Errorf("%s: printed, only the first page has a banner", name)
			}
			if !strings.HasPrefix(rest, Banner) || !strings.HasSuffix(rendering, Banner+": hanya untuk penelaah") {
				t.Errorf("%s: the %s has no banner on top or at its end", name, kind)
			}
		}
	}
	if text, page := render(t, input(korwil())); strings.Contains(text+page, Banner) {
		t.Error("a banner on a sheet that may be passed on")
	}
}

// TestOwnWordsNeedConsent: without consent to be quoted the reporter's words are
// on no sheet, not even an internal one; dotted lines stand in their place. What
// was chosen from a list of low risk is there.
func TestOwnWordsNeedConsent(t *testing.T) {
	own := []string{"dipanggil ke aula", "seng ada", message, "Desa Contoh", "Sudah dimutasi", "kata sendiri sekali"}
	for _, izin := range []string{"informasi", "statistik"} {
		in := input(with(with(korwil(), "izin", izin), "instansi", "kata sendiri sekali"))
		in.Internal = izin == "statistik"
		text, page := render(t, in)
		for _, words := range own {
			if strings.Contains(flat(text), words) || strings.Contains(flat(page), words) {
				t.Errorf("%s: %q is on the sheet", izin, words)
			}
		}
		for _, rendering := range []string{flat(text), flat(page)} {
			if n := strings.Count(rendering, "("+writeSelf+")"); n != 4 {
				t.Errorf("%s: %d places for words of one's own, want 4", izin, n)
			}
			if !strings.Contains(rendering, "Bpk. Contoh, korwil") || !strings.Contains(rendering, "[risiko sedang]") {
				t.Errorf("%s: the name of the accused is missing, or its risk", izin)
			}
		}
	}
	text, page := render(t, input(with(korwil(), "instansi", own[5])))
	if !strings.Contains(text, "| "+own[5]) {
		t.Error("words where a code belongs pass for the sheet's own")
	}
	for _, words := range own {
		if !strings.Contains(flat(text), words) || !strings.Contains(flat(page), words) {
			t.Errorf("%q may be quoted, and is not there", words)
		}
	}
}

// TestRisksStayOffPaper: the marks are for the reviewer's screen. Whoever gets the
// printed sheet is not shown where its writer can be guessed.
func TestRisksStayOffPaper(t *testing.T) {
	_, page := render(t, input(korwil()))
	marks, hidden := strings.Count(page, "[risiko "), strings.Count(page, `<span class="risk">[risiko `)
	if marks == 0 || marks != hidden {
		t.Errorf("%d marks, %d of them in a span of their own", marks, hidden)
	}
	_, print, _ := strings.Cut(page, "@media print {")
	if print, _, _ = strings.Cut(print, "</style>"); !strings.Contains(print, ".risk { display: none }") {
		t.Error("a printer shows the marks")
	}
}

// TestNamesOfFilesStayOut: files are named as extract names them.
func TestNamesOfFilesStayOut(t *testing.T) {
	text, page := render(t, input(korwil()))
	for _, rendering := range []string{flat(text), flat(page)} {
		want := "002/attachments/001.jpg, 1.234.567 byte SHA-256 " + hash
		if strings.Contains(rendering, "Ani") || !strings.Contains(rendering, want) {
			t.Errorf("files:\n%s", rendering)
		}
	}
}

// TestDeletedItemsSayNothing: a message that its reporter deleted is not quoted, a
// file is named as gone.
func TestDeletedItemsSayNothing(t *testing.T) {
	in := input(korwil())
	in.Pages[1].Deleted, in.Pages[2].Deleted = true, true
	text, _ := render(t, in)
	if strings.Contains(text, message) || strings.Contains(text, hash) || strings.Contains(text, "pesan susulan.") {
		t.Errorf("a deleted item speaks:\n%s", text)
	}
	if !strings.Contains(text, "001.jpg: dihapus oleh pelapornya") ||
		!strings.Contains(text, "[ ] Berkas bukti: belum ada") {
		t.Error("the sheet does not say that the file was deleted")
	}
}

// TestWarningsComeFirst, and each for its own answer.
func TestWarningsComeFirst(t *testing.T) {
	count := func(a taxonomy.Answers, change func(*Input)) []string {
		in := input(a)
		in.Internal = true
		if change != nil {
			change(&in)
		}
		s, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		return s.Warnings
	}
	calm := taxonomy.Answers{"izin": {"pers"}, "jumlah_tahu": {"banyak"}, "bahaya": {"tidak"}, "tahan": {"tidak"}}
	alone := func(in *Input) { in.Pages = in.Pages[:1] }
	if got := count(calm, alone); len(got) != 1 || !strings.Contains(got[0], "“Boleh diteruskan dengan kata-kata saya, dan dimuat pers”") {
		t.Errorf("a calm testimony: %q", got)
	}
	for name, test := range map[string]struct {
		answers taxonomy.Answers
		change  func(*Input)
		want    string
	}{
		"danger":  {taxonomy.Answers{"bahaya": {"ya"}}, alone, "dalam bahaya"},
		"few":     {taxonomy.Answers{"jumlah_tahu": {"sedikit"}}, alone, "Sedikit orang tahu"},
		"hold":    {taxonomy.Answers{"tahan": {"tanya"}}, alone, "“Sesudah penelaah bertanya dan saya setuju”"},
		"message": {nil, nil, "Pesan susulan dapat mengubah izin: baca dulu."},
		"deleted": {nil, func(in *Input) { alone(in); in.Pages[0].Deleted = true }, "dihapus oleh pelapornya"},
		"two": {nil, func(in *Input) { in.Pages = []desk.Page{in.Pages[0], in.Pages[0]} },
			"memuat 2 kesaksian"},
		"silence": {taxonomy.Answers{}, alone, "tidak ada jawaban"},
	} {
		got := count(test.answers, test.change)
		if all := strings.Join(got, "\n"); !strings.Contains(all, test.want) || len(got) > 2 {
			t.Errorf("%s: %q", name, got)
		}
	}
	text, page := render(t, input(korwil()))
	for _, rendering := range []string{flat(text), flat(page)} {
		if strings.Index(rendering, "Izin pelapor:") > strings.Index(rendering, "2. Terlapor") {
			t.Error("the warnings stand behind the form")
		}
	}
}

// TestThreadsWithoutASheet say why.
func TestThreadsWithoutASheet(t *testing.T) {
	nobody := func(string) (*taxonomy.Taxonomy, *taxonomy.Rules) { return nil, nil }
	lawless := func(string) (*taxonomy.Taxonomy, *taxonomy.Rules) { return taxonomy.Current(), nil }
	weeks := input(korwil())
	weeks.Pages[0].Item = &desk.Item{Kind: item.Testimony, Week: "besok"}
	if _, err := New(weeks); err == nil {
		t.Error("a sheet of no week")
	}
	for want, change := range map[error]func(*Input){
		ErrNoTestimony: func(in *Input) { in.Pages = in.Pages[1:] },
		ErrNoForm:      func(in *Input) { in.Form = nobody },
		ErrNoRules:     func(in *Input) { in.Form = lawless },
	} {
		in := input(korwil())
		in.Internal = true
		change(&in)
		if _, err := New(in); !errors.Is(err, want) {
			t.Errorf("%v: %v", want, err)
		}
	}
}

const evil = "a\x1b[2J\u202eb</blockquote><script>x()</script>\u2066'\"&\u0085\n2. Terlapor\n--> {{.Title}}"

// TestHostileTextIsOnlyText: nothing that a reporter can write reaches a terminal
// as a command or a page as markup, and no line of it passes for one of the
// sheet's own.
func TestHostileTextIsOnlyText(t *testing.T) {
	a := korwil()
	for id := range a {
		if id != "izin" {
			a[id] = []string{evil, evil}
		}
	}
	a[evil] = []string{evil}
	in := input(a)
	in.Pages[0].Text, in.Pages[1].Text = evil, evil
	in.Pages[2].Attachments[0].Original, in.Pages[2].Attachments[0].Path = evil, "attachments/001."+evil
	text, page := render(t, in)
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); desk.Clean(line) != line || len([]rune(line)) > width {
			t.Errorf("printed %q", line)
		}
	}
	if n := strings.Count(text, "\n2. Terlapor"); n != 1 {
		t.Errorf("%d lines pass for the head of part 2:\n%s", n, text)
	}
	if !strings.Contains(text, "| 2. Terlapor") || !strings.Contains(text, "<U+001B>[2J<U+202E>") {
		t.Error("the hostile text is not shown")
	}
	for _, never := range []string{"<script", "</blockquote><", "\u202e", "\u2066", "\x1b", "\u0085", "{{.Title}}</h1>"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	_, harmless := render(t, input(korwil()))
	for _, tag := range tags(page) {
		if !slices.Contains(tags(harmless), tag) {
			t.Errorf("the page has an element %q", tag)
		}
	}
}

// tags returns the kinds of elements of a page.
func tags(page string) (all []string) {
	for _, m := range regexp.MustCompile(`<[/!]?[a-z0-9]+`).FindAllString(page, -1) {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	slices.Sort(all)
	return all
}

// TestThePageStandsAlone: it loads nothing, runs nothing, leads nowhere.
func TestThePageStandsAlone(t *testing.T) {
	_, page := render(t, input(korwil()))
	if !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
		t.Error("the page has no policy")
	}
	bad := regexp.MustCompile(`(?i)<(script|link|img|iframe|object|form|a|svg)\b|\bsrc=|\bhref=|url\(|@import|//`)
	if got := bad.FindString(page); got != "" {
		t.Errorf("the page has %q", got)
	}
}

// TestStruckRoutesSaySoInWords, not by a line through them alone.
func TestStruckRoutesSaySoInWords(t *testing.T) {
	text, page := render(t, input(with(korwil(), "pelaku", "kepala_daerah")))
	for rendering, signs := range map[string][2]string{
		text: {"[X] DICORET: ", "[ ] "}, page: {"<strong>Dicoret:</strong> <del>", `<span class="tick"></span><strong>`},
	} {
		for _, route := range []string{"BKN", "Inspektorat daerah", "Bawaslu kabupaten"} {
			if !strings.Contains(rendering, signs[0]+route) {
				t.Errorf("%s is not struck", route)
			}
		}
		if !strings.Contains(rendering, signs[1]+"Bawaslu provinsi") {
			t.Error("the provincial watchdog is struck")
		}
		reason := "karena hasilnya dikirim kepada Pejabat Pembina Kepegawaian, yaitu kepala daerah"
		if !strings.Contains(flat(rendering), reason) {
			t.Error("the reason is missing")
		}
	}
}

// TestTheFirstTestimonyIsTheSheets, should a thread have several.
func TestTheFirstTestimonyIsTheSheets(t *testing.T) {
	in := input(korwil())
	other := input(with(korwil(), "pelaku", "aparat")).Pages[0]
	other.Text = "Yang kedua."
	in.Pages = append(in.Pages, other)
	text, _ := render(t, in)
	if strings.Contains(text, "TNI atau Polri\n") || strings.Contains(text, other.Text) ||
		!strings.Contains(text, "dipanggil ke aula") {
		t.Errorf("another testimony is on the sheet:\n%s", text)
	}
}

// TestRulesWithoutAClock leave the clock out.
func TestRulesWithoutAClock(t *testing.T) {
	in := input(korwil())
	in.Form = func(reference string) (*taxonomy.Taxonomy, *taxonomy.Rules) {
		form, rules := (&desk.Desk{}).Form(reference)
		timeless := *rules
		timeless.Days = taxonomy.ClockRule{}
		return form, &timeless
	}
	if s, err := New(in); err != nil || s.Clock != "" {
		t.Errorf("a clock out of nothing: %q, %v", s.Clock, err)
	}
}

// TestNoTypedWordsStandInAWarning: warnings are ours, and a stranger's program can
// put any words where a choice belongs. Of several choices all are named.
func TestNoTypedWordsStandInAWarning(t *testing.T) {
	const typed = "Syarat gugur, teruskan ke semua"
	for name, test := range map[string]struct {
		answers taxonomy.Answers
		want    string
	}{
		"hold":         {with(korwil(), "tahan", "ada_lain", typed), "Syaratnya: “Sesudah ada kesaksian lain"},
		"consent":      {with(korwil(), "izin", typed), "Izin pelapor: jawaban yang tidak dikenal."},
		"no consent":   {with(korwil(), "izin"), "Izin pelapor: tidak ada jawaban."},
		"two consents": {with(korwil(), "izin", "kutip", "informasi"), "”, “"},
	} {
		in := input(test.answers)
		in.Internal = true
		s, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(s.Warnings, "\n"); strings.Contains(all, typed) || !strings.Contains(all, test.want) {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// TestNoWeekLeaves: when something came tells when somebody used Tor. It is for the
// reviewer, and not on the part for others.
func TestNoWeekLeaves(t *testing.T) {
	in := input(korwil())
	text, page := render(t, in)
	_, text, _ = strings.Cut(text, "LEMBAR INFORMASI AWAL, bukan laporan")
	text, _, inText := strings.Cut(text, "DAFTAR PERIKSA")
	_, page, _ = strings.Cut(page, `<main class="sheet">`)
	page, _, inPage := strings.Cut(page, "</main>")
	if !inText || !inPage || !strings.Contains(text, "Pesan susulan") || !strings.Contains(page, "Pesan susulan") {
		t.Fatal("the part for others is not found, or has no message on it")
	}
	for _, part := range []string{text, page} {
		if strings.Contains(part, in.Pages[0].Week) || strings.Contains(strings.ToLower(part), "minggu") {
			t.Errorf("the part for others says in which week something came:\n%s", part)
		}
	}
}
