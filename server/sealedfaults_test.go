package server_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
	"saksi/server/store/storetest"
)

// An ailing drop has a store that meets a fault.
type ailing struct {
	*servertest.Drop
	t      *testing.T
	faulty *servertest.Frail
	fault  storetest.Fault
	spared int // writes of a request before the one that meets it
}

// TestFaultsUnderASealedSurface: whatever befalls the store while a browser hands in what
// it sealed, or deletes, the answer says that it failed, and whether the disk did. The
// same request once more finds out what was kept, and comes to the same end.
func TestFaultsUnderASealedSurface(t *testing.T) {
	for _, fault := range storetest.Faults() {
		t.Run(fault.String(), func(t *testing.T) {
			a := &ailing{t: t, faulty: servertest.NewFrail(), fault: fault}
			a.Drop = servertest.New(t, servertest.Options{Wrap: a.faulty.Wrap})
			code := receipt.New()
			text, file := sealText(t, a.Drop, code, 0), sealFile(t, a.Drop, code, 1, 300_000)
			a.item("a text", text, text.parcel())
			a.begins(file)
			a.slices(file)
			a.spared = 1 // what was brought is settled first
			a.item("a staged file", file, file.staged())
			a.spared = 0
			a.item("a file at once", file, file.parcel())
			a.burns(code)
			a.holdLog(text, file)
		})
	}
}

// meets has a request meet the fault, and what comes after it a store that is well. While
// a disk has failed the same request once more fails alike, or has the other status: that
// of an answer for which nothing is written.
func (a *ailing) meets(what string, request func() servertest.Page, other int) servertest.Page {
	a.t.Helper()
	a.faulty.PlantAfter(a.spared, a.fault)
	p := request()
	status, name := http.StatusInternalServerError, "internal"
	if a.fault == storetest.FailedSync {
		status, name = http.StatusServiceUnavailable, "disk"
		if p := request(); p.Status != other {
			failed(a.t, what+", once more", p, status, name)
		}
	}
	failed(a.t, what, p, status, name)
	a.faulty.Restart()
	return p
}

// again holds the status of the repetition: one where nothing was kept, or another where
// all was. After a failed sync it may be either.
func (a *ailing) again(what string, p servertest.Page, absent, whole int) {
	a.t.Helper()
	want := map[storetest.Fault][]int{
		storetest.NotPersisted: {absent}, storetest.TornPayload: {absent}, storetest.Unanswered: {whole},
		storetest.FailedSync: {absent, whole},
	}[a.fault]
	if !slices.Contains(want, p.Status) {
		a.t.Errorf("%s, repeated: status %d, want %d (%s)", what, p.Status, want, p.Body)
	}
}

// item hands an item in. One that is kept already meets no fault: nothing is written.
func (a *ailing) item(what string, s *sealedItem, body []byte) {
	a.t.Helper()
	hands := func() servertest.Page { return hand(a.t, a.Drop, "POST", "/v1/items", octets, body) }
	if readKept(a.t, a.Drop, s) {
		tells(a.t, what+", kept before", hands(), http.StatusOK, "", "?1")
		return
	}
	a.meets(what, hands, 0)
	a.again(what, hands(), http.StatusCreated, http.StatusOK)
	tells(a.t, what+", a third time", hands(), http.StatusOK, "", "?1")
	keeps(a.t, a.Drop, s)
}

func readKept(t *testing.T, d *servertest.Drop, s *sealedItem) bool {
	t.Helper()
	states, err := d.Inbox.Store.States([]receipt.ItemID{s.head.ID})
	if err != nil {
		t.Fatal(err)
	}
	return states[0].Item != nil
}

func (a *ailing) begins(s *sealedItem) {
	a.t.Helper()
	a.spared = 1 // what was under way of it is settled first
	defer func() { a.spared = 0 }()
	a.meets("a beginning", func() servertest.Page { return begin(a.t, a.Drop, s) }, http.StatusOK)
	p := begin(a.t, a.Drop, s)
	if a.fault != storetest.TornPayload { // of a payload whose first bytes break off there is an upload
		a.again("a beginning", p, http.StatusCreated, http.StatusOK)
	}
	tells(a.t, "a beginning, a third time", begin(a.t, a.Drop, s), http.StatusOK, "0", "?0")
}

// slices sends the payload in two slices that meet the fault. Whatever a failed answer
// says of the offset is true, and it goes on from what the server says then.
func (a *ailing) slices(s *sealedItem) {
	a.t.Helper()
	a.spared = 1 // what was under way of it is settled first
	defer func() { a.spared = 0 }()
	at := 0
	for _, to := range []int{100_000, len(s.payload)} {
		p := a.meets("a slice", func() servertest.Page { return sendSlice(a.t, a.Drop, s, at, to) }, http.StatusConflict)
		now := a.where(s)
		if said := p.Header.Get("Upload-Offset"); said != "" && said != strconv.Itoa(now) && a.fault != storetest.FailedSync {
			a.t.Errorf("a slice: it says that it is at %s, and is at %d", said, now)
		}
		wrong := now != at // where nothing is kept; all is, or a part
		switch a.fault {
		case storetest.Unanswered:
			wrong = now != to
		case storetest.TornPayload:
			wrong = now <= at || now > to
		case storetest.FailedSync:
			wrong = now != at && now != to
		}
		if wrong {
			a.t.Errorf("a slice from %d to %d: it is at %d", at, to, now)
		}
		if now < to {
			tells(a.t, "the rest of a slice", sendSlice(a.t, a.Drop, s, now, to), http.StatusNoContent, strconv.Itoa(to),
				map[bool]string{true: "?1", false: "?0"}[to == len(s.payload)])
		}
		at = to
	}
}

func (a *ailing) where(s *sealedItem) int {
	a.t.Helper()
	p := hand(a.t, a.Drop, "HEAD", s.upload(), "", nil)
	now, err := strconv.Atoi(p.Header.Get("Upload-Offset"))
	if err != nil || p.Status != http.StatusNoContent {
		a.t.Fatalf("where: status %d, %v", p.Status, err)
	}
	return now
}

// burns deletes the text alone, and then all: what was answered with an error may be
// deleted, and the repetition says 204 of what is.
func (a *ailing) burns(code receipt.Code) {
	a.t.Helper()
	for _, b := range []parcel.Burn{parcel.NewBurn(code, 0), parcel.BurnAll(code)} {
		burn := func() servertest.Page { return hand(a.t, a.Drop, "POST", "/v1/burn", octets, b.Bytes()) }
		a.meets("a deletion", burn, 0)
		for range 2 {
			if p := burn(); p.Status != http.StatusNoContent {
				a.t.Errorf("a deletion, repeated: status %d (%s)", p.Status, p.Body)
			}
		}
		states := readMailbox(a.t, a.Drop, code, 0).States
		all := len(b.Items) > 1
		if states[0].Stand != parcel.Deleted || all != (states[1].Stand == parcel.Deleted) {
			a.t.Errorf("after deleting %d items the stands are %v", len(b.Items), states[:2])
		}
	}
	if u, err := a.Inbox.Store.Usage(); err != nil || u.Items != 0 {
		a.t.Errorf("left: %+v, %v", u, err)
	}
	if left, err := a.Inbox.Store.Staged(); err != nil || len(left) > 0 {
		a.t.Errorf("left: %v, %v", left, err)
	}
}

// holdLog: it says that requests failed, and of which none.
func (a *ailing) holdLog(items ...*sealedItem) {
	a.t.Helper()
	log := a.Log.String()
	if a.fault != storetest.FailedSync && !strings.Contains(log, "a request failed") {
		a.t.Errorf("the log says nothing of the failures: %q", log)
	}
	for _, s := range items {
		for _, secret := range []string{s.head.ID.String(), s.upload()} {
			if strings.Contains(log, secret) {
				a.t.Errorf("the log has %q", secret)
			}
		}
	}
}
