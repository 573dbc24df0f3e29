package server_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
	"saksi/web/taxonomy"
)

// TestEveryMistakeComesBackAtOnce: all that is missing is named on top, in the
// order of the form, with a link to its field; and all that was filled in stays.
func TestEveryMistakeComesBackAtOnce(t *testing.T) {
	d := newDrop(t)
	says{"Belum dijawab. Pilih atau isi dulu.", "Not answered yet. Please choose or fill in."}.each(t,
		func(t *testing.T, prefix, text string) {
			code := receipt.New().Field()
			p := d.Post(prefix+"/write", "code", code, "text", "isi kesaksian", "q.tekanan", "", "q.pelaku", "", "q.unit", "Dinas <A>")
			refused(t, p, http.StatusUnprocessableEntity, text, "code", code, "text", "isi kesaksian", "q.unit", "Dinas <A>")
			summary, form, _ := strings.Cut(p.Body, "<form id=")
			if strings.Count(summary, "<li><a href=\"#f-") != 2 || strings.Count(form, `class="wrong"`) != 2 {
				t.Error("two mistakes are not named twice each")
			}
			if strings.Index(summary, "#f-tekanan") > strings.Index(summary, "#f-pelaku") {
				t.Error("the first mistake is not on top")
			}
			expect(t, p, http.StatusUnprocessableEntity, `value="hadir" checked`, `<option value="73" selected>`)
			untouched(t, d, 0)
		})
}

// TestAnswersOfNoForm: codes that are on no list, as after the operator changed
// the questions, keep nobody's text from coming back; and answers to questions that
// are not asked any more come back in it.
func TestAnswersOfNoForm(t *testing.T) {
	d := newDrop(t)
	for _, pair := range [][2]string{
		{"q.izin", "semua"}, {"q.tempat", "99"}, {"q.waktu", "2026-13"}, {"q.tindakan", "<b>"}, {"q.tahap", "73"},
	} {
		p := d.Post("/write", "code", receipt.New().Field(), "text", "isi kesaksian", pair[0], pair[1])
		refused(t, p, http.StatusUnprocessableEntity, "Jawaban ini tidak ada dalam daftar.", "text", "isi kesaksian")
	}
	for _, prefix := range []string{"", "/en"} {
		code := receipt.New()
		p := d.Post(prefix+"/write", "code", code.Field(), "text", "isi", "q.lama", " x ", "q.uraian", "y", "q.kosong", " ", "q.tempat.finer", "")
		text := "isi\n\n- lama: x\n- uraian: y"
		says := map[string]string{"": "Pertanyaan di formulir ini berubah", "/en": "The questions of this form changed"}[prefix]
		refused(t, p, http.StatusUnprocessableEntity, says, "code", code.Field(), "text", text)
		untouched(t, d, 0)
	}
	code := receipt.New()
	p := d.Post("/write", "code", code.Field(), "text", "isi\n\n- lama: x")
	expect(t, p, http.StatusOK, code.Words()[0])
	if o := opened(t, d, code, 0, 0, nil); o.Text != "isi\n\n- lama: x" || o.Form.Answers["lama"] != nil {
		t.Errorf("kept %q, %v", o.Text, o.Form.Answers)
	}
}

// TestPlaceInTwoSteps: the second list comes with everything that was filled in;
// and a second step that does not belong to the first does not count.
func TestPlaceInTwoSteps(t *testing.T) {
	d := newDrop(t)
	code := receipt.New()
	p := d.Post("/write", "code", code.Field(), "text", "isi", "q.unit", "Dinas", "switch", "place")
	expect(t, p, http.StatusOK, `<option value="73.02">Kab. Bulukumba</option>`)
	refused(t, p, http.StatusOK, "Provinsi saja", "code", code.Field(), "text", "isi", "q.unit", "Dinas")
	untouched(t, d, 0)
	for _, step := range []struct{ province, finer, want string }{
		{"73", "73.02", "73.02"}, {"73", "", "73"}, {"32", "73.02", "32"}, {"73", "73", "73"}, {"pusat", "73.02", "pusat"},
	} {
		code := receipt.New()
		p := d.Post("/write", "code", code.Field(), "text", "isi", "q.tempat", step.province, "q.tempat.finer", step.finer)
		expect(t, p, http.StatusOK, code.Words()[0])
		if got := opened(t, d, code, 0, 0, nil).Form.Answers["tempat"]; len(got) != 1 || got[0] != step.want {
			t.Errorf("%q and %q became %q, want %q", step.province, step.finer, got, step.want)
		}
	}
}

// TestAdviceGoesByTheAnswers, on the page with the words, and once more when the
// language is switched there.
func TestAdviceGoesByTheAnswers(t *testing.T) {
	d := newDrop(t)
	tax := taxonomy.Current()
	for _, c := range tax.Question("jumlah_tahu").Choices {
		code := receipt.New()
		p := d.Post("/write", "code", code.Field(), "text", "isi", "q.jumlah_tahu", c.Code)
		again := d.Post("/en/receipt", "code", code.Field(), "q.jumlah_tahu", c.Code)
		for _, other := range tax.Question("jumlah_tahu").Choices {
			for _, text := range other.Advice {
				if strings.Contains(html.UnescapeString(p.Body), text.ID) != (other.Code == c.Code) ||
					strings.Contains(html.UnescapeString(again.Body), text.EN) != (other.Code == c.Code) {
					t.Errorf("%q: the advice of %q", c.Code, other.Code)
				}
			}
		}
		expect(t, p, http.StatusOK, `name="q.jumlah_tahu" value="`+c.Code+`"`)
	}
}

// TestMonthsGoByTheClockInPapua: there the new month begins first.
func TestMonthsGoByTheClockInPapua(t *testing.T) {
	now := time.Date(2026, time.November, 30, 15, 30, 0, 0, time.UTC)
	d := servertest.New(t, servertest.Options{Now: func() time.Time { return now }})
	expect(t, d.Get("/write"), http.StatusOK, ">Desember 2026<", ">Januari 2025<")
	if strings.Contains(d.Get("/write").Body, "Desember 2024") {
		t.Error("more than 24 months are offered")
	}
	expect(t, d.Get("/en/write"), http.StatusOK, ">December 2026<")
	p := d.Post("/write", "code", receipt.New().Field(), "text", "", "q.waktu", "2020-03")
	expect(t, p, http.StatusUnprocessableEntity, `<option value="2020-03" selected>Maret 2020<`)
}

// TestNoHalfAnswerIsKept: of an answer that is longer than any may be, and of those
// behind too many others, nothing is sent without a word.
func TestNoHalfAnswerIsKept(t *testing.T) {
	d := newDrop(t)
	for name, body := range map[string]string{
		"blanks before it": servertest.Fields("/write", "text", "isi", "q.unit", strings.Repeat(" ", 1020)+"Dinas Pendidikan").Encode(),
		"behind others": strings.Repeat("q.lama="+strings.Repeat("a", 1000)+"&", 17) +
			servertest.Fields("/write", "text", "isi", "q.unit", "Dinas Pendidikan").Encode(),
	} {
		t.Run(name, func(t *testing.T) {
			code := receipt.New().Field()
			p := post(t, d, "/write", urlencoded, body+"&code="+code)
			refused(t, p, http.StatusBadRequest, "Periksa tulisan di bawah, lalu kirim lagi.", "code", code)
			expect(t, p, http.StatusBadRequest, "\nisi")
			untouched(t, d, 0)
		})
	}
}

// TestSignsThatDoNotShowAreMarked: a sign that a line does not take can be found,
// though no screen shows it; one that came from a table's cell, too.
func TestSignsThatDoNotShowAreMarked(t *testing.T) {
	d := newDrop(t)
	for _, sign := range []string{"\t", "\u2028", "\x00", "\x7f", "\n"} {
		p := d.Post("/write", "code", receipt.New().Field(), "text", "isi\tkesaksian", "q.unit", "Dinas"+sign+"Pendidikan")
		refused(t, p, http.StatusUnprocessableEntity, "Ada tanda yang tidak dapat kami baca.",
			"q.unit", "Dinas\ufffdPendidikan", "text", "isi\tkesaksian")
	}
}

// TestAFormThatTheServerReadSaysSo: what comes back has been read here, and a script
// must not say of it that it was sealed before it was sent.
func TestAFormThatTheServerReadSaysSo(t *testing.T) {
	d := newDrop(t)
	const mark = " data-back>"
	fields := []string{"code", receipt.New().Field(), "text", ""}
	for _, path := range []string{"/write", "/en/write", "/open", "/en/open"} {
		if strings.HasSuffix(path, "/open") {
			fields = []string{"words", "satu dua"}
		}
		if strings.Contains(d.Get(path).Body, mark) {
			t.Errorf("%s: a fresh form is said to have been read", path)
		}
		if p := d.Post(path, fields...); !strings.Contains(p.Body, mark) {
			t.Errorf("%s: a form that came back is not marked", path)
		}
	}
}
