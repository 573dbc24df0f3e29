package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// The tests of bad input hold one promise: whoever sends something that cannot
// be taken reads in both languages what to do, finds in the form what was typed
// and the hidden code, and nothing was kept or logged; and all others are served.

// says is what a page has to say.
type says struct{ id, en string }

// in returns what is said where paths have a prefix.
func (s says) in(prefix string) string {
	if prefix == "" {
		return s.id
	}
	return s.en
}

// each calls f for both languages, with the prefix of paths and what is said.
func (s says) each(t *testing.T, f func(t *testing.T, prefix, text string)) {
	t.Helper()
	t.Run("id", func(t *testing.T) { f(t, "", s.id) })
	t.Run("en", func(t *testing.T) { f(t, "/en", s.en) })
}

// untouched holds that as many items are kept as there were, that nothing was
// logged, and that others are served.
func untouched(t *testing.T, d *servertest.Drop, items int) {
	t.Helper()
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != items {
		t.Errorf("%d items are kept, want %d, %v", u.Items, items, err)
	}
	if log := d.Log.String(); log != "" {
		t.Errorf("the log says %q", log)
	}
	expect(t, d.Get("/"), http.StatusOK)
}

// refused holds a page's status, what it says, and that the fields, in pairs of
// name and value, stand in its form as they were typed.
func refused(t *testing.T, p servertest.Page, status int, text string, fields ...string) {
	t.Helper()
	expect(t, p, status, html.EscapeString(text))
	if len(fields) == 0 {
		return
	}
	back := formOf(t, p)
	for i := 0; i < len(fields); i += 2 {
		got, ok := back[fields[i]]
		if !ok || got != fields[i+1] {
			t.Errorf("%s came back (%t) as %.60q (%d bytes), not %.60q (%d)",
				fields[i], ok, got, len(got), fields[i+1], len(fields[i+1]))
		}
	}
}

// formOf returns what a browser puts into a page's fields, as the parser of HTML
// understands the page.
func formOf(t *testing.T, p servertest.Page) map[string]string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for n := range root.Descendants() {
		name := attribute(n, "name")
		if _, known := fields[name]; known || !inForm(n) {
			continue
		}
		switch n.Data {
		case "input":
			fields[name] = attribute(n, "value")
		case "textarea":
			fields[name] = ""
			if n.FirstChild != nil {
				fields[name] = n.FirstChild.Data
			}
		}
	}
	return fields
}

// inForm reports whether a field is sent with something: what stands outside of forms is
// a copy to look at.
func inForm(n *html.Node) bool {
	for n = n.Parent; n != nil; n = n.Parent {
		if n.Data == "form" {
			return true
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestWrongWord(t *testing.T) {
	d := newDrop(t)
	words := d.Send("satu").Words()
	words[6] = "qqqqqq"
	typed := strings.Join(words, " ")
	says{
		"Kata ke-7, “qqqqqq”, tidak kami kenal. Periksa ejaannya",
		"We do not know word 7, “qqqqqq”. Check its spelling",
	}.each(t, func(t *testing.T, prefix, text string) {
		refused(t, d.Post(prefix+"/open", "words", typed), http.StatusUnprocessableEntity, text, "words", typed)
		untouched(t, d, 1)
	})
}

func TestThreeWords(t *testing.T) {
	d := newDrop(t)
	says{
		"Ada 3 kata; seharusnya 12. Cocokkan dengan catatan Anda, lalu coba lagi.",
		"We found 3 words, but 12 are needed. Compare them with your note, then try again.",
	}.each(t, func(t *testing.T, prefix, text string) {
		p := d.Post(prefix+"/open", "words", "Bayam,\r\nlayar kerbau")
		refused(t, p, http.StatusUnprocessableEntity, text, "words", "Bayam,\nlayar kerbau")
		untouched(t, d, 0)
	})
}

func TestNoWords(t *testing.T) {
	d := newDrop(t)
	says{"Kolom ini masih kosong. Isi dulu, lalu coba lagi.", "This field is still empty. Please fill it in"}.each(t,
		func(t *testing.T, prefix, text string) {
			refused(t, d.Post(prefix+"/open", "words", " \n"), http.StatusUnprocessableEntity, text, "words", " \n")
			untouched(t, d, 0)
		})
}

// TestWordsInAnotherOrder swaps two words. One swap in 256 passes the check; the
// empty conversation then says that a word may be wrong.
func TestWordsInAnotherOrder(t *testing.T) {
	d := newDrop(t)
	words := d.Send("satu").Words()
	for i := 1; ; i++ {
		words[i-1], words[i] = words[i], words[i-1]
		if _, err := receipt.Parse(strings.Join(words, " ")); err != nil {
			break
		}
	}
	typed := strings.Join(words, "\n")
	says{
		"Semua kata kami kenal, tetapi ada yang keliru atau urutannya tertukar. Cocokkan satu per satu",
		"We know all the words, but one is wrong or their order is. Compare them with your note",
	}.each(t, func(t *testing.T, prefix, text string) {
		refused(t, d.Post(prefix+"/open", "words", typed), http.StatusUnprocessableEntity, text, "words", typed)
		untouched(t, d, 1)
	})
}

// TestWordsForNothing: the words are right and were never used, as one wrong word
// in 256 leads to.
func TestWordsForNothing(t *testing.T) {
	d := newDrop(t)
	words := strings.Join(receipt.New().Words(), " ")
	says{
		"Kemungkinan ada satu kata yang keliru. Periksa sekali lagi",
		"One of the words is probably wrong.",
	}.each(t, func(t *testing.T, prefix, text string) {
		expect(t, d.Post(prefix+"/open", "words", words), http.StatusOK, text)
		untouched(t, d, 0)
	})
}

func TestAnotherTextInPlaceOfWords(t *testing.T) {
	d := newDrop(t)
	typed := strings.Repeat("😀", 200_000)
	words := receipt.New().Words()
	words[2] = strings.Repeat("a", 200_000)
	long := strings.Join(words, " ")
	says{"Cocokkan dengan catatan Anda", "Compare them with your note"}.each(t,
		func(t *testing.T, prefix, text string) {
			p := d.Post(prefix+"/open", "words", "satu "+typed)
			refused(t, p, http.StatusUnprocessableEntity, text, "words", "satu "+typed)
			p = d.Post(prefix+"/open", "words", long)
			refused(t, p, http.StatusUnprocessableEntity, "“"+words[2][:30]+"…”", "words", long)
			untouched(t, d, 0)
		})
}

func TestDamagedCode(t *testing.T) {
	d := newDrop(t)
	says{
		"Jika sudah punya dua belas kata, buka percakapan dengan kata-kata itu.",
		"If you have your twelve words, open your conversation with them.",
	}.each(t, func(t *testing.T, prefix, text string) {
		for _, path := range []string{"/open", "/receipt", "/delete"} {
			refused(t, d.Post(prefix+path, "code", "00"), http.StatusBadRequest, text)
		}
		for _, path := range []string{"/write", "/message"} {
			p := d.Post(prefix+path, "code", "rusak", "n", "1", "text", "isi kesaksian")
			expect(t, p, http.StatusBadRequest, text, "isi kesaksian") // to be copied: no form can have it
		}
		p := d.Post(prefix+"/write", "code", "rusak", "text", "isi", "q.unit", "Maros")
		expect(t, p, http.StatusBadRequest, "Maros")
		untouched(t, d, 0)
	})
}

// writing is a first testimony that cannot be taken, and the page for it.
func writing(t *testing.T, d *servertest.Drop, prefix, typed, back string, status int, text string) {
	t.Helper()
	code := receipt.New().Field()
	p := d.Post(prefix+"/write", "code", code, "text", typed, "q.unit", "Maros", "q.waktu_rinci", "awal Oktober", "q.nama_pelaku", "<akhir>")
	refused(t, p, status, text, "code", code, "text", back, "q.unit", "Maros", "q.waktu_rinci", "awal Oktober", "q.nama_pelaku", "<akhir>")
}

// message is a follow-up that cannot be taken, and the page for it.
func message(
	t *testing.T, d *servertest.Drop, prefix string, code receipt.Code, typed, back string, status int, text string,
) {
	t.Helper()
	p := d.Post(prefix+"/message", "code", code.Field(), "n", "1", "text", typed)
	refused(t, p, status, text, "code", code.Field(), "n", "1", "text", back)
}

func TestEmptyText(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	says{"Kolom ini masih kosong. Isi dulu, lalu coba lagi.", "This field is still empty. Please fill it in"}.each(t,
		func(t *testing.T, prefix, text string) {
			for _, typed := range []string{"", " \n\t "} {
				writing(t, d, prefix, typed, typed, http.StatusUnprocessableEntity, text)
				message(t, d, prefix, code, typed, typed, http.StatusUnprocessableEntity, text)
			}
			untouched(t, d, 1)
		})
}

// TestTwoHundredThousandCharacters, of one to four bytes, of letters that HTML
// spells with five, and of line breaks.
func TestTwoHundredThousandCharacters(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	says{
		"Pendekkan, lalu kirim sisanya sebagai pesan susulan.",
		"Shorten it and send the rest as a further message.",
	}.each(t, func(t *testing.T, prefix, text string) {
		alphabets := []string{"panjang ", "😀", "é", "’", "'+&<", "a\n"}
		if prefix != "" {
			alphabets = alphabets[:2]
		}
		for i, letters := range alphabets {
			typed := strings.Repeat(letters, 200_000/utf8.RuneCountInString(letters))
			writing(t, d, prefix, typed, typed, http.StatusUnprocessableEntity, text)
			if i < 2 {
				message(t, d, prefix, code, typed, typed, http.StatusUnprocessableEntity, text)
			}
		}
		untouched(t, d, 1)
	})
}

// TestTextFarAboveEveryLimit: its beginning comes back, and the page says so.
func TestTextFarAboveEveryLimit(t *testing.T) {
	limits := hurried()
	limits.Form = 200 << 10 // of 1 MiB, to save time
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	typed := "x" + strings.Repeat("é", limits.Form)
	back := typed[:limits.Form-1]
	says{
		"Di bawah hanya bagian awalnya; sisanya tidak ada lagi di sini.",
		"Below is only its beginning; the rest is no longer here.",
	}.each(t, func(t *testing.T, prefix, text string) {
		writing(t, d, prefix, typed, back, http.StatusRequestEntityTooLarge, text)
		message(t, d, prefix, code, typed, back, http.StatusUnprocessableEntity, text)
		p := d.Post(prefix+"/write", "text", typed)
		only := says{"Ini awalnya saja; sisanya tidak ada pada kami", "Here is its beginning only; we do not have the rest"}
		expect(t, p, http.StatusRequestEntityTooLarge, only.in(prefix), back) // no form: it has no code
		untouched(t, d, 1)
	})
}

func TestLongAnswer(t *testing.T) {
	d := newDrop(t)
	place := strings.TrimSpace(strings.Repeat("Kabupaten ", 50))
	says{
		"Terlalu panjang. Pendekkan menjadi kira-kira 150 huruf.",
		"Too long. Please shorten it to about 150 characters.",
	}.each(t, func(t *testing.T, prefix, text string) {
		for _, name := range []string{"q.unit", "q.kecamatan", "q.waktu_rinci"} {
			code := receipt.New().Field()
			p := d.Post(prefix+"/write", "code", code, "text", "isi", name, place)
			refused(t, p, http.StatusUnprocessableEntity, text, "code", code, "text", "isi", name, place)
		}
		untouched(t, d, 0)
	})
}

// TestBinaryAsText: signs that no screen shows come back as one that it shows,
// all else as it was.
func TestBinaryAsText(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	typed := "\x89PNG\r\n\x1a\n\x00\x01awal\x7f akhir\tdan\u009b"
	back := "�PNG\n�\n��awal� akhir\tdan�"
	says{
		"Di bawah tanda itu menjadi �. Hapus atau ketik ulang bagian itu, lalu kirim lagi.",
		"Below they stand as �. Remove or retype those places, then send again.",
	}.each(t, func(t *testing.T, prefix, text string) {
		writing(t, d, prefix, typed, back, http.StatusUnprocessableEntity, text)
		message(t, d, prefix, code, typed, back, http.StatusUnprocessableEntity, text)
		p := d.Post(prefix+"/write", "code", code.Field(), "text", "isi", "q.unit", "Ma\x00ros")
		sign := map[string]string{"": "Di bawah tanda itu menjadi �. Ketik ulang", "/en": "Below they stand as �. Please"}[prefix]
		refused(t, p, http.StatusUnprocessableEntity, sign, "text", "isi", "q.unit", "Ma�ros")
		untouched(t, d, 1)
	})
}

func TestInvalidUTF8(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	says{"Di bawah tanda itu menjadi �.", "Below they stand as �."}.each(t,
		func(t *testing.T, prefix, text string) {
			for typed, back := range map[string]string{
				"awal \xff\xfe akhir": "awal �� akhir",
				"setengah \xe2\x80":   "setengah ��",
				"\xed\xa0\x80 surat":  "��� surat",
			} {
				writing(t, d, prefix, typed, back, http.StatusUnprocessableEntity, text)
				message(t, d, prefix, code, typed, back, http.StatusUnprocessableEntity, text)
			}
			untouched(t, d, 1)
		})
}

// TestMarkedPlaceIsRefusedAgain: desks read the place as JSON, where the sign for
// what is no letter may not stand. It must not be taken and lost at the desk.
func TestMarkedPlaceIsRefusedAgain(t *testing.T) {
	d := newDrop(t)
	p := d.Post("/write", "code", receipt.New().Field(), "text", "isi", "q.unit", "Ma�ros")
	refused(t, p, http.StatusUnprocessableEntity, "Di bawah tanda itu menjadi �.", "q.unit", "Ma�ros")
	untouched(t, d, 0)
}

func TestNumberOutOfRange(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	says{"Buka lagi halamannya, lalu kirim sekali lagi.", "Open the page again and send once more."}.each(t,
		func(t *testing.T, prefix, text string) {
			for _, n := range []string{"128", "-1", "x", "", "99999999999999999999"} {
				p := d.Post(prefix+"/message", "code", code.Field(), "n", n, "text", "isi pesan")
				refused(t, p, http.StatusBadRequest, text, "code", code.Field())
				expect(t, p, http.StatusBadRequest, "isi pesan") // to be copied: it has no number
			}
			untouched(t, d, 1)
		})
}

// TestNoForm: what no page of ours sends.
func TestNoForm(t *testing.T) {
	d := newDrop(t)
	says{"Buka lagi halamannya, lalu kirim sekali lagi.", "Open the page again and send once more."}.each(t,
		func(t *testing.T, prefix, text string) {
			for _, path := range []string{"/write", "/open", "/message", "/delete", "/receipt", "/file"} {
				for _, kind := range []string{"text/plain", "application/json", "", "multipart/form-data"} {
					resp := post(t, d, prefix+path, kind, "hello")
					refused(t, resp, http.StatusBadRequest, text)
				}
			}
			untouched(t, d, 0)
		})
}

// TestDamagedEscapes: percent signs with nothing behind them stand for
// themselves, and the form is not taken as it is.
func TestDamagedEscapes(t *testing.T) {
	d := newDrop(t)
	code := receipt.New().Field()
	says{"Periksa tulisan di bawah, lalu kirim lagi.", "Check the text below, then send again."}.each(t,
		func(t *testing.T, prefix, text string) {
			p := post(t, d, prefix+"/write", urlencoded, "code="+code+"&text=100%+yakin%zz;&q.unit=Maros")
			refused(t, p, http.StatusBadRequest, text, "code", code, "text", "100% yakin%zz;", "q.unit", "Maros")
			untouched(t, d, 0)
		})
}

// TestThousandsOfFields: none of them costs memory, and the text is not lost.
func TestThousandsOfFields(t *testing.T) {
	d := newDrop(t)
	code := receipt.New().Field()
	many := strings.Repeat("&x=1", 100_000)
	says{"Periksa tulisan di bawah, lalu kirim lagi.", "Check the text below, then send again."}.each(t,
		func(t *testing.T, prefix, text string) {
			p := post(t, d, prefix+"/write", urlencoded, "code="+code+"&text=isi+kesaksian"+many)
			refused(t, p, http.StatusBadRequest, text, "code", code, "text", "isi kesaksian")
			untouched(t, d, 0)
		})
	names := slices.Repeat([]string{"text=lain"}, 10)
	p := post(t, d, "/write", urlencoded, "code="+code+"&text=pertama&"+strings.Join(names, "&")+"&switch=1")
	refused(t, p, http.StatusOK, "", "text", "pertama") // the first counts
}

const urlencoded = "application/x-www-form-urlencoded"

// post sends a body as it stands.
func post(t *testing.T, d *servertest.Drop, path, kind, body string) servertest.Page {
	t.Helper()
	return speak(t, d, head(path, kind, len(body))+body)
}

// head is the header of a request whose body is said to have length bytes.
func head(path, kind string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, kind, length)
}
