package server_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// What a person typed or chose comes back also where the page that asked for it sends
// nothing, or brings a file, which cannot come back itself.

// TestAPageThatCannotBeReadLosesNoWords: the store cannot be read. The page says that
// nothing was sent, and its button asks once more, without the words.
func TestAPageThatCannotBeReadLosesNoWords(t *testing.T) {
	blind := &blindStore{}
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store {
		blind.Store = s
		return blind
	}})
	code := d.Send("satu")
	says{
		"Kali ini tidak ada yang dikirim, dan tidak ada yang diubah.",
		"Nothing was sent this time, and nothing was changed.",
	}.each(t, func(t *testing.T, prefix, text string) {
		for path, fields := range map[string][]string{
			"/open": {"words", strings.Join(code.Words(), " ")}, "/receipt": {"code", code.Field()},
		} {
			blind.failing = true
			p := d.Post(prefix+path, fields...)
			blind.failing = false
			refused(t, p, http.StatusInternalServerError, text, "code", code.Field())
			expect(t, p, http.StatusInternalServerError, `action="`+prefix+path+`"`)
			expect(t, d.Post(prefix+path, "code", formOf(t, p)["code"]), http.StatusOK)
		}
	})
}

// TestAFileThatFailsKeepsItsReaders: whom the form of a file excludes is ticked in the
// form that the way back leads to.
func TestAFileThatFailsKeepsItsReaders(t *testing.T) {
	var years atomic.Int64
	faulty := servertest.NewFrail()
	d := servertest.New(t, servertest.Options{
		Limits: hurried(), Wrap: faulty.Wrap, MaxFile: 1 << 20,
		Now: func() time.Time { return time.Now().AddDate(int(years.Load()), 0, 0) },
	})
	code := d.Send("satu")
	fields := []string{"code", code.Field(), "n", "1", "roster", d.Roster.Hash.String(), "skip", "id:r2"}
	send := func(size int) servertest.Page { return d.Upload("/file", "a.pdf", make([]byte, size), fields...) }
	for name, fails := range map[string]func() servertest.Page{
		"too large": func() servertest.Page { return send(2 << 20) },
		"cut": func() servertest.Page {
			body, kind := servertest.Multipart(t, "a.pdf", make([]byte, 9000), fields...)
			return half(t, d, head("/file", kind, len(body))+string(body[:5000]))
		},
		"closed": func() servertest.Page {
			years.Store(1)
			defer years.Store(0)
			return send(9000)
		},
		"failed": func() servertest.Page {
			faulty.Plant(storetest.FailedSync)
			defer faulty.Restart()
			return send(9000)
		},
	} {
		p := fails()
		if p.Status < 400 {
			t.Errorf("%s: status %d", name, p.Status)
		}
		back := formOf(t, p)
		p = d.Post("/open", "code", back["code"], "roster", back["roster"], "skip", back["skip"])
		if n := strings.Count(p.Body, `name="skip" value="id:r2" checked`); n != 2 { // in the forms for a message and for a file
			t.Errorf("%s: ticked in %d forms", name, n)
		}
	}
}

// TestNobodyWritesInVain: while the roster is out of date no empty form is given out,
// and pages say so before anything is typed.
func TestNobodyWritesInVain(t *testing.T) {
	var years atomic.Int64
	d := servertest.New(t, servertest.Options{Now: func() time.Time { return time.Now().AddDate(int(years.Load()), 0, 0) }})
	code := d.Send("satu")
	says{"Jangan menulis dulu", "Do not write yet"}.each(t, func(t *testing.T, prefix, text string) {
		for _, closed := range []bool{false, true} {
			years.Store(map[bool]int64{true: 1}[closed])
			write := d.Get(prefix + "/write")
			if strings.Contains(write.Body, "<textarea") == closed {
				t.Errorf("closed %t: the form is there, or not", closed)
			}
			if p := d.Get("/roster.recipients"); closed { // by the name the script finds these words
				failed(t, "recipients", p, http.StatusServiceUnavailable, "closed")
			}
			start, open := d.Get(prefix+"/"), d.Post(prefix+"/open", "code", code.Field())
			for name, p := range map[string]servertest.Page{"write": write, "start": start, "open": open} {
				if strings.Contains(p.Body, text) != closed {
					t.Errorf("closed %t: %s says it, or not", closed, name)
				}
			}
		}
	})
}

// TestWordsCanBeMendedByHand: whoever meant other words than those that the page has
// has what was typed in the form again.
func TestWordsCanBeMendedByHand(t *testing.T) {
	d := newDrop(t)
	slip := receipt.New().Words()
	slip[3] += "x"
	for name, typed := range map[string]string{
		"mended": strings.Join(slip, " "), "for nothing": strings.Join(receipt.New().Words(), " "),
	} {
		for _, prefix := range []string{"", "/en"} {
			back := formOf(t, d.Post(prefix+"/open", "words", typed))
			p := d.Post(prefix+"/open", "words", back["words"], "switch", back["switch"])
			if got := formOf(t, p)["words"]; got != typed || !strings.Contains(p.Body, "<textarea") {
				t.Errorf("%s: the form has %q, not %q", name, got, typed)
			}
		}
	}
}

// TestWhoHasToComeBackIsToldWhatBecomesOfTheText: wherever a text can be sent once
// more, the page says that it is nowhere else.
func TestWhoHasToComeBackIsToldWhatBecomesOfTheText(t *testing.T) {
	faulty := servertest.NewFrail()
	d := servertest.New(t, servertest.Options{Wrap: faulty.Wrap})
	says{"Jika halaman ini ditutup, tulisan itu hilang.", "If this page is closed, what you wrote is gone."}.each(t,
		func(t *testing.T, prefix, text string) {
			for _, path := range []string{"/write", "/message"} {
				faulty.Plant(storetest.FailedSync)
				p := d.Post(prefix+path, "code", receipt.New().Field(), "n", "1", "text", "isi")
				faulty.Restart()
				refused(t, p, http.StatusServiceUnavailable, text, "text", "isi")
			}
		})
}
