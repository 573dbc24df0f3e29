package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/servertest"
	"saksi/server/store"
)

// The tests of refusals hold that whoever is refused loses nothing, and learns
// nothing of a code; and that only what was kept counts.

// TestARefusedFileKeepsTheCode, whatever it is refused for: nobody has to type the
// words again.
func TestARefusedFileKeepsTheCode(t *testing.T) {
	for name, edit := range map[string]func(*gate.Limits){
		"files":    func(l *gate.Limits) { l.Files = gate.Rate{Burst: 1, Every: time.Hour} },
		"bytes":    func(l *gate.Limits) { l.Bytes = gate.Volume{Burst: 1 << 10, PerHour: 1 << 10} },
		"mailbox":  func(l *gate.Limits) { l.Mailbox = gate.Rate{Burst: 1, Every: time.Hour} },
		"requests": func(l *gate.Limits) { l.Requests = gate.Rate{Burst: 2, Every: time.Hour} },
	} {
		d := gated(t, edit)
		code := d.Send("satu")
		by := d.By(person)
		expect(t, by.Upload("/file", "a.jpg", make([]byte, 1<<10), "code", code.Field(), "n", "1"), http.StatusOK)
		p := by.Upload("/file", "a.jpg", make([]byte, 1<<10), "code", code.Field(), "n", "2")
		if p.Status != http.StatusTooManyRequests {
			t.Errorf("%s: status %d", name, p.Status)
		}
		refused(t, p, http.StatusTooManyRequests, "Tunggu 60 menit, lalu coba lagi.", "code", code.Field())
	}
}

// TestWhatWasNotKeptDoesNotCount: uploads that are cut, or that had come before,
// leave the bytes of the hour as they were.
func TestWhatWasNotKeptDoesNotCount(t *testing.T) {
	d := gated(t, func(l *gate.Limits) {
		l.AllBytes = gate.Volume{Burst: 2 << 20, PerHour: 1}
		l.AllTexts, l.Line = gate.Rate{Burst: 2, Every: time.Hour}, 0
	})
	by := d.By(person)
	code := by.Send("satu")
	file := bytes.Repeat([]byte{1}, 1<<20)
	expect(t, by.Upload("/file", "a.jpg", file, "code", code.Field(), "n", "1"), http.StatusOK)
	body, kind := servertest.Multipart(t, "a.jpg", file, "code", code.Field(), "n", "2")
	for range 3 {
		conn := d.Dial(person)
		io.WriteString(conn, head("/file", kind, len(body))+string(body[:1<<19]))
		conn.CloseWrite()
		expect(t, listen(t, conn), http.StatusBadRequest, "coba lagi saat sinyal baik")
		p := by.Upload("/file", "a.jpg", file, "code", code.Field(), "n", "1")
		expect(t, p, http.StatusUnprocessableEntity, "Nomor ini sudah dipakai")
		p = by.Post("/message", "code", code.Field(), "n", "3", "text", " ")
		expect(t, p, http.StatusUnprocessableEntity)
	}
	expect(t, by.Upload("/file", "a.jpg", file, "code", code.Field(), "n", "2"), http.StatusOK)
	expect(t, by.Post("/message", "code", code.Field(), "n", "3", "text", "isi"), http.StatusOK)
	expect(t, by.Upload("/file", "a.jpg", file, "code", code.Field(), "n", "4"), http.StatusTooManyRequests)
	expect(t, by.Post("/message", "code", code.Field(), "n", "4", "text", "isi"), http.StatusTooManyRequests)
}

// TestARefusedTextComesBackWhole: in the form, with every answer, in both
// languages, by the limit of the circuit, of its requests, or of all; and it can
// be sent from there.
func TestARefusedTextComesBackWhole(t *testing.T) {
	for name, edit := range map[string]func(*gate.Limits){
		"texts":     func(l *gate.Limits) { l.Texts = gate.Rate{Burst: 1, Every: 5 * time.Minute} },
		"requests":  func(l *gate.Limits) { l.Requests = gate.Rate{Burst: 1, Every: 5 * time.Minute} },
		"all texts": func(l *gate.Limits) { l.AllTexts, l.Line = gate.Rate{Burst: 1, Every: 5 * time.Minute}, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			d, free := gated(t, edit), newDrop(t)
			says{"Tunggu 5 menit, lalu coba lagi.", "Wait 5 min, then try again."}.each(t, func(t *testing.T, prefix, text string) {
				by := d.By(person)
				by.Submit("/write", "code", receipt.New().Field(), "text", "satu")
				code := receipt.New()
				form := []string{"code", code.Field(), "text", "isi <kesaksian>", "q.unit", `Dinas "A"`}
				p := by.Post(prefix+"/write", form...)
				refused(t, p, http.StatusTooManyRequests, text, form...)
				if p.Header.Get("Retry-After") != "300" {
					t.Errorf("come back after %q", p.Header.Get("Retry-After"))
				}
				kept(t, free, submitted(t, p, prefix+"/write"))
				got := opened(t, free, code, 0, 0, nil)
				if got.Text != "isi <kesaksian>" || got.Form.Answers["unit"][0] != `Dinas "A"` {
					t.Errorf("kept %+v", got)
				}
			})
			silentOn(t, d)
		})
	}
}

// TestARefusedMessageComesBackWhole, and can be sent from there.
func TestARefusedMessageComesBackWhole(t *testing.T) {
	for name, edit := range map[string]func(*gate.Limits){
		"texts":    func(l *gate.Limits) { l.Texts = gate.Rate{Burst: 1, Every: 5 * time.Minute} },
		"mailbox":  func(l *gate.Limits) { l.Mailbox = gate.Rate{Burst: 1, Every: 5 * time.Minute} },
		"requests": func(l *gate.Limits) { l.Requests = gate.Rate{Burst: 1, Every: 5 * time.Minute} },
	} {
		t.Run(name, func(t *testing.T) {
			d := gated(t, edit)
			code := d.Send("satu") // by no circuit
			for n, prefix := range []string{"", "/en"} {
				by := d.By(person)
				by.Submit("/message", "code", code.Field(), "n", "99", "text", "lain")
				number := fmt.Sprint(n + 1)
				p := by.Post(prefix+"/message", "code", code.Field(), "n", number, "text", "isi <pesan>")
				says := []string{"Yang Anda ketik ada di bawah.", "What you typed is below."}[n]
				refused(t, p, http.StatusTooManyRequests, says, "code", code.Field(), "text", "isi <pesan>", "n", number)
				again := submitted(t, p, prefix+"/message")
				expect(t, post(t, d, prefix+"/message", urlencoded, again.Encode()), http.StatusOK)
				if got := opened(t, d, code, n+1, 0, nil); got.Text != "isi <pesan>" {
					t.Errorf("kept %q", got.Text)
				}
			}
			silentOn(t, d)
		})
	}
}

// TestASwitchOfLanguageIsNoSending: refused as a sending, the button of the page
// would send a form that its writer had not finished.
func TestASwitchOfLanguageIsNoSending(t *testing.T) {
	d := gated(t, func(l *gate.Limits) { l.Requests = gate.Rate{Burst: 1, Every: time.Hour} })
	by := d.By(person)
	for range 3 {
		code := receipt.New().Field()
		p := by.Post("/en/write", "code", code, "text", "half", "switch", "1")
		refused(t, p, http.StatusOK, "", "code", code, "text", "half")
	}
}

// TestARepeatedFormIsNotRefused: whoever lost the answer sends the form again, and
// gets it, though nothing may be sent any more.
func TestARepeatedFormIsNotRefused(t *testing.T) {
	d := gated(t, func(l *gate.Limits) { l.AllTexts, l.Line = gate.Rate{Burst: 2, Every: time.Hour}, 0 })
	by := d.By(person)
	code := by.Send("satu")
	expect(t, by.Post("/message", "code", code.Field(), "n", "1", "text", "isi"), http.StatusOK)
	expect(t, by.Post("/message", "code", code.Field(), "n", "2", "text", "isi"), http.StatusTooManyRequests)
	p := by.Post("/write", "code", code.Field(), "text", "satu")
	expect(t, p, http.StatusOK, code.Words()[0])
	p = by.Post("/message", "code", code.Field(), "n", "1", "text", "isi")
	expect(t, p, http.StatusOK, "Susulan 1")
}

// TestATextThatCameBeforeIsGivenBack, also when that shows no sooner than on disk,
// as with a form that is sent twice at once.
func TestATextThatCameBeforeIsGivenBack(t *testing.T) {
	l := gate.Production()
	l.AllTexts, l.Line = gate.Rate{Burst: 2, Every: time.Hour}, 0
	d := servertest.New(t, servertest.Options{Gate: gate.New(l), Wrap: func(s store.Store) store.Store {
		return unaskedStore{s}
	}})
	by, code := d.By(person), receipt.New()
	for range 4 {
		by.Post("/write", "code", code.Field(), "text", "satu")
	}
	code = receipt.New()
	expect(t, by.Post("/write", "code", code.Field(), "text", "lain"), http.StatusOK, code.Words()[0])
}

// unaskedStore is a store that cannot say what it has.
type unaskedStore struct{ store.Store }

func (unaskedStore) States([]receipt.ItemID) ([]store.State, error) { return nil, store.ErrFailed }

// TestRefusedLooksAlike: the gate decides before a code is looked at, so a refusal
// is the same for a code that was never issued, one without and one with answers.
func TestRefusedLooksAlike(t *testing.T) {
	d := gated(t, func(l *gate.Limits) { l.Mailbox = gate.Rate{Burst: 1, Every: time.Hour} })
	codes := fillMailboxes(t, d)
	by := d.By(person)
	expect(t, by.Post("/open", "code", codes["unknown"].Field()), http.StatusOK)
	for path, more := range map[string][]string{
		"/open": nil, "/receipt": nil, "/message": {"n", "1", "text", "isi"},
		"/delete": {"n", "all", "confirm", "yes"}, "/en/open": nil,
	} {
		want := ""
		for _, kind := range mailboxes() {
			code := codes[kind].Field()
			p := by.Post(path, append([]string{"code", code}, more...)...)
			expect(t, p, http.StatusTooManyRequests, code)
			got := strings.ReplaceAll(p.Body, code, "")
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: %s: another page", path, kind)
			}
		}
	}
	words := strings.Join(codes["one answer"].Words(), " ")
	p := by.Post("/open", "words", words)
	refused(t, p, http.StatusTooManyRequests, "60 menit", "code", codes["one answer"].Field())
	p = by.Post("/receipt", "code", codes["silent"].Field())
	expect(t, p, http.StatusTooManyRequests, `action="/receipt"`)
	silentOn(t, d)
}
