package server_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/servertest"
)

// TestWhatWaitsInLineIsDeletedToo: whoever deletes everything while a text of his
// stands in line hears that it is done, and the text is not kept when its turn comes.
func TestWhatWaitsInLineIsDeletedToo(t *testing.T) {
	for name, send := range map[string]func(*servertest.Drop, *sealedItem, receipt.Code) servertest.Page{
		"sealed by the sender": func(d *servertest.Drop, s *sealedItem, _ receipt.Code) servertest.Page {
			return hand(t, d, "POST", "/v1/items", octets, s.parcel())
		},
		"sealed here": func(d *servertest.Drop, _ *sealedItem, code receipt.Code) servertest.Page {
			return d.By(person).Post("/write", "code", code.Field(), "text", "isi")
		},
	} {
		l := gate.Production()
		l.AllTexts = gate.Rate{Burst: 1, Every: 2 * time.Second}
		g := gate.New(l)
		d := servertest.New(t, servertest.Options{Gate: g})
		d.By(flooder).Send("satu")
		code, answers := receipt.New(), make(chan servertest.Page, 1)
		s := sealText(t, d, code, 0)
		go func() { answers <- send(d, s, code) }()
		stands(g)
		burn := hand(t, d, "POST", "/v1/burn", octets, parcel.BurnAll(code).Bytes())
		if burn.Status != http.StatusNoContent || g.Waiting() == 0 {
			t.Fatalf("%s: burning: %d, with %d in line", name, burn.Status, g.Waiting())
		}
		if p := <-answers; p.Status != http.StatusGone {
			t.Errorf("%s: status %d, want 410", name, p.Status)
		}
		if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
			t.Errorf("%s: %d items are kept, %v, want the first alone", name, u.Items, err)
		}
	}
}

// TestWhatIsDeletedWhileItArrivesHasBeenHad: it is not kept, and its place in the hour's
// texts is not given back: else tombstones would be had for nothing.
func TestWhatIsDeletedWhileItArrivesHasBeenHad(t *testing.T) {
	l := gate.Production()
	l.AllTexts, l.Line = gate.Rate{Burst: 1, Every: time.Hour}, 0
	d := servertest.New(t, servertest.Options{Gate: gate.New(l)})
	code, answers := receipt.New(), make(chan int, 1)
	s := sealText(t, d, code, 0)
	body, rest := io.Pipe()
	go func() {
		p, err := tryHand(d, "POST", "/v1/items", octets, sized{body, int64(len(s.parcel()))})
		if err != nil {
			t.Error(err)
		}
		answers <- p.Status
	}()
	half := len(s.parcel()) - len(s.payload)/2
	if _, err := rest.Write(s.parcel()[:half]); err != nil {
		t.Fatal(err)
	}
	for gone := false; !gone && len(answers) == 0; time.Sleep(time.Millisecond) {
		hand(t, d, "POST", "/v1/burn", octets, parcel.BurnAll(code).Bytes())
		states, err := d.Inbox.States(code.ItemIDs())
		if err != nil {
			t.Fatal(err)
		}
		gone = states[0].Stand == parcel.Deleted
	}
	_, _ = rest.Write(s.parcel()[half:]) // an early answer takes no more of it
	rest.Close()
	if status := <-answers; status != http.StatusGone {
		t.Errorf("status %d, want 410", status)
	}
	if p := d.By(person).Post("/write", "code", receipt.New().Field(), "text", "isi"); p.Status != http.StatusTooManyRequests {
		t.Errorf("the next text: status %d, want 429", p.Status)
	}
}
