package walks

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/server/browser/recorder"
	"saksi/server/inbox"
)

const items = "POST /v1/items"

// stand is where an item stands for the server.
func (w *walk) stand(n int) parcel.Stand {
	w.t.Helper()
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	return states[n].Stand
}

// elsewhere keeps a message under a number, as another phone with the same words does.
func (w *walk) elsewhere(n int, text string) {
	w.t.Helper()
	circle, err := w.d.Inbox.Circle()
	w.must(err)
	s, err := item.Seal(circle, w.code(), n, item.Content{Kind: item.Message, Text: text, Language: "id"})
	w.must(err)
	_, err = w.d.Inbox.Accept(inbox.Parcel{
		ID: s.ID, Burn: s.Burn, Roster: s.Roster, Slots: s.Slots, Size: s.Size,
		Payload: func(to io.Writer) error { _, err := s.WriteTo(to); return err },
	})
	w.must(err)
}

// TestTwoPhonesTakeOneNumber: what is said to be received is kept, beside what another
// phone sent under the same number, also when nobody knew whether it had arrived.
func TestTwoPhonesTakeOneNumber(t *testing.T) {
	const theirs = "dari telepon lain"
	w := newWalk(t, browsers(false)[1])
	w.write()
	w.send()
	w.read()
	for _, cut := range []bool{false, true} {
		n := 1
		if cut {
			n = 3
		}
		w.elsewhere(n, theirs)
		w.must(w.page.Fill("#text", later))
		if cut {
			w.line.Down()
		}
		w.must(w.page.Hit("form[data-do=message] button"))
		if cut {
			w.until(".notice[role=status]", "Sambungan terputus")
			w.line.Back()
		}
		w.until(".notice[role=status]", fmt.Sprintf("Susulan %d sudah kami terima", n+1))
	}
	_, _, texts := w.opened()
	want := []string{story, theirs, later, theirs, later}
	slices.Sort(texts)
	slices.Sort(want)
	if !slices.Equal(texts, want) {
		t.Errorf("the desk reads %q, want %q", texts, want)
	}
}

// TestALostAnswerOfAFileIsNoLoss: the answer that a file is kept does not come. Whether
// the browser asks again or the page, it is said to be received, and it is.
func TestALostAnswerOfAFileIsNoLoss(t *testing.T) {
	for _, b := range browsers(false) {
		t.Run(b.name, func(t *testing.T) {
			w := newWalk(t, b)
			w.write()
			w.send()
			for n, size := range []int{200 << 10, 3 << 20} {
				path, _ := w.noise(size)
				lost := w.line.When(items, recorder.Fault{Times: 1, Cut: recorder.BeforeAnswer})
				w.must(w.page.Attach("#file", path))
				w.until(rowOf(n, "h3"), name)
				w.must(w.page.Hit("[data-do=send-files]"))
				w.until(rowOf(n, ".state"), "Sudah kami terima")
				if lost.Met() != 1 || w.stand(n+1) != parcel.Waiting || w.stand(n+2) != parcel.Unused {
					t.Errorf("lost %d times; its stand is %d, the next one's %d", lost.Met(), w.stand(n+1), w.stand(n+2))
				}
			}
		})
	}
}

// TestCancellingDeletesOnesOwnAlone: a file of which nobody knows whether it arrived is
// cancelled. If it did, it is deleted; if another phone has its number, that stays.
func TestCancellingDeletesOnesOwnAlone(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		w := newWalk(t, browsers(false)[1])
		w.write()
		w.send()
		path, _ := w.noise(200 << 10)
		fault := recorder.Fault{Answer: &recorder.Answer{Status: http.StatusInternalServerError}}
		if arrives {
			fault = recorder.Fault{Change: func(a *recorder.Answer) { a.Status, a.Body = http.StatusInternalServerError, nil }}
		}
		doubt := w.line.When(items, fault)
		w.attach(path)
		w.must(doubt.Wait(1))
		w.until(".queue .state", "Server sedang ramai")
		doubt.End()
		if !arrives {
			w.elsewhere(1, later)
		}
		w.must(w.page.Hit("[data-do=cancel]"))
		w.until(".queue .state", "Dibatalkan")
		if want := map[bool]parcel.Stand{true: parcel.Deleted, false: parcel.Waiting}[arrives]; w.stand(1) != want {
			t.Errorf("arrived %t: it stands at %d, want %d", arrives, w.stand(1), want)
		}
	}
}

// TestNoWordsForWhatAnotherAnswered: something in between says 200 to everything. That
// is no receipt.
func TestNoWordsForWhatAnotherAnswered(t *testing.T) {
	w := newWalk(t, browsers(false)[1])
	w.write()
	portal := w.line.When(items, recorder.Fault{Answer: &recorder.Answer{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html>portal</html>"),
	}})
	w.must(w.page.Hit("form#write > button:last-of-type"), portal.Wait(2))
	if has, err := w.page.Has(".words"); err != nil || has {
		t.Fatalf("words are shown: %v", err)
	}
	portal.End()
	w.until("h1", "Sudah kami terima")
}

// TestANumberIsGivenOutOnce: while a file is on its way, the conversation is opened
// anew and a message is sent. Both are kept.
func TestANumberIsGivenOutOnce(t *testing.T) {
	w := newWalk(t, browsers(false)[1])
	w.write()
	w.send()
	w.read()
	hold := make(chan struct{})
	held := w.line.When(patches, recorder.Fault{Times: 1, Hold: hold})
	path, _ := w.noise(3 << 20)
	w.attach(path)
	w.must(held.Wait(1), w.page.Hit("[data-do=older]"))
	w.until("main", "Jawaban lebih baru")
	w.must(w.page.Fill("#text", later), w.page.Hit("form[data-do=message] button"))
	w.until(".notice[role=status]", "sudah kami terima")
	close(hold)
	w.until(".queue .state", "Sudah kami terima")
	if w.stand(1) != parcel.Waiting || w.stand(2) != parcel.Waiting {
		t.Errorf("the file stands at %d, the message at %d", w.stand(1), w.stand(2))
	}
}
