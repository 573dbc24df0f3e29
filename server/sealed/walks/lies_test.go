package walks

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/parcel"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/browser/recorder"
)

// answering returns what puts a body in the place of the server's.
func answering(body string) recorder.Fault {
	return recorder.Fault{Change: func(a *recorder.Answer) {
		a.Status, a.Body = 200, []byte(body)
		a.Header.Del("Content-Encoding")
	}}
}

// refuses holds that nothing is sent, and that the page says why.
func (w *walk) refuses(why, want string) {
	w.t.Helper()
	w.must(w.page.Open("about:blank"), w.page.Open(w.line.URL()+"/write"))
	w.until(".problem", want)
	before := len(w.line.Matching("POST /"))
	w.must(w.page.Fill("#f-uraian", story), w.page.Hit("form#write > button:last-of-type"))
	w.must(w.page.Until(`document.activeElement.matches(".problem")`))
	w.says(".problem", want)
	if sent := len(w.line.Matching("POST /")) - before; sent > 0 {
		w.t.Errorf("%s: %d forms were sent", why, sent)
	}
	w.must(w.page.Evaluate(`document.querySelector("#f-uraian").value = ""`, nil))
}

// TestRostersThatAreNotToBeUsed: a roster that was good once, one whose recipients are
// of two kinds although the roots signed them, and one that is not valid yet.
func TestRostersThatAreNotToBeUsed(t *testing.T) {
	w := newWalk(t, browsers(false)[1])
	for _, c := range []struct {
		name, want string
		roster     func() (note, recipients string)
	}{
		{"replayed", "sudah lewat masa berlakunya", func() (string, string) { return w.signedAt(time.Now().AddDate(-1, 0, 0)) }},
		{"too early", "belum berlaku", func() (string, string) { return w.signedAt(time.Now().AddDate(1, 0, 0)) }},
		{"mixed", "Jawaban server rusak", w.mixed},
	} {
		note, recipients := c.roster()
		first := w.line.When("GET /roster.note", answering(note))
		second := w.line.When("GET /roster.recipients", answering(recipients))
		w.refuses(c.name, c.want)
		first.End()
		second.End()
	}
	w.write() // and with the true one it goes
	w.send()
}

// signedAt returns a roster of the same roots and reviewers from another time.
func (w *walk) signedAt(when time.Time) (note, recipients string) {
	party := *w.d.Party
	party.Roster = nil
	party.Sign(w.t, party.Draft(when))
	return string(party.Roster.Note), party.Recipients[0].Text()
}

// mixed returns a roster that pins recipients of which one is classic.
func (w *walk) mixed() (note, recipients string) {
	const classic = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	file := w.d.Recipients[0]
	recipients = strings.Replace(file.Text(), file.Keys[1].String(), classic, 1)
	was, is := file.Hash(), roster.Hash(sha256.Sum256([]byte(recipients)))
	text := strings.Replace(w.d.Roster.Text, was.String(), is.String(), 1)
	signed, err := sign.Note(text, w.d.Roots...)
	w.must(err)
	if text == w.d.Roster.Text || !strings.Contains(recipients, classic) {
		w.t.Fatal("nothing was mixed")
	}
	return string(signed), recipients
}

// TestAnswersThatNobodySigned: a server that puts answers of its own into a mailbox is
// told on, and what it wrote is not shown; who was a reviewer and is none any more is
// shown with a warning.
func TestAnswersThatNobodySigned(t *testing.T) {
	w := newWalk(t, browsers(false)[1])
	w.write()
	w.send()
	code := w.code()
	w.d.Answer(code, 0, 1, "Dari penelaah yang kelak dicabut.")
	forged := w.forge(code, partytest.Reviewer(t, 1).Signer) // has the name, and not the key
	fault := w.line.When("POST /v1/mailbox", recorder.Fault{Change: func(a *recorder.Answer) {
		got, err := parcel.ParseAnswer(a.Body)
		if err != nil {
			t.Error(err)
			return
		}
		got.Entries[7] = forged
		a.Body = got.Bytes()
	}})
	w.read()
	w.until("article", "kelak dicabut")
	w.says("main", "Jawaban yang tidak ditampilkan: 1")
	if text, err := w.page.Text("main"); err != nil || strings.Contains(text, "PENANDA-PALSU") {
		t.Errorf("a forged answer is shown (%v)", err)
	}
	fault.End()

	damaged := w.line.When("POST /v1/mailbox", recorder.Fault{Change: func(a *recorder.Answer) { a.Body = a.Body[:len(a.Body)-1] }})
	w.open("/open")
	w.must(w.page.Fill("#words", strings.Join(w.words, " ")), w.page.Hit("main form button"))
	w.until(".problem", "Jawaban server rusak")
	damaged.End()

	w.d.Admit(func(draft *reviewer.Draft) {
		draft.Cards = slices.Delete(draft.Cards, 0, 1)
		draft.Revoked = []roster.Revocation{{Key: w.d.Reviewers[0].Line.Key, From: 2}}
	})
	w.line.Forward(w.d.URL)
	w.read()
	w.until("article", "kelak dicabut")
	w.says("article", "bukan penelaah lagi")
}

// forge seals an answer as a reviewer would, signed by somebody else.
func (w *walk) forge(code receipt.Code, by sign.Signer) []byte {
	keys := code.Keys()
	sealed, _, err := reply.Seal(
		reply.Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: reply.Reviewed, Text: "PENANDA-PALSU"},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, by)
	w.must(err)
	return bytes.Clone(sealed)
}
