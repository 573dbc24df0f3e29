package walks

import (
	"fmt"
	"testing"

	"saksi/crypto/parcel"
	"saksi/server/browser"
	"saksi/server/browser/recorder"
)

// TestALargeFileSurvivesTheNetworkAndTheServer sends 100 MiB while a connection is
// cut in the middle of a slice, an answer is lost, the network goes and comes back, and
// the server stops and starts again. What arrives is the file, and no acknowledged byte
// of it was sent twice. Where scripts are interpreted that takes most of a minute.
func TestALargeFileSurvivesTheNetworkAndTheServer(t *testing.T) {
	for _, interpreted := range []bool{false, true} {
		for _, b := range browsers(interpreted) {
			// Interpreted, a browser seals two megabytes in a second.
			size := map[bool]int{false: 100 << 20, true: 16 << 20}[interpreted]
			t.Run(fmt.Sprintf("%s/interpreted=%t", b.name, interpreted), func(t *testing.T) { survives(t, b, size) })
		}
	}
}

func survives(t *testing.T, b inBrowser, size int) {
	w := newWalk(t, b)
	w.write()
	w.send()
	path, file := w.noise(size)
	// Twice each: browsers send a request again by themselves if a kept connection broke.
	// Early: where all is fast, 16 MiB are five slices.
	cut := w.line.When(patches, recorder.Fault{Skip: 1, Times: 2, Cut: recorder.InRequest, After: 300_000})
	lost := w.line.When(patches, recorder.Fault{Skip: 2, Times: 2, Cut: recorder.BeforeAnswer})
	held := w.line.When(patches, recorder.Fault{Skip: 3, Times: 1, Hold: make(chan struct{})})
	w.attach(path)
	w.must(held.Wait(1))
	w.line.Down() // with a slice under way
	w.until(".queue .state", "Sambungan terputus")
	w.d.Restart()
	w.line.Forward(w.d.URL)
	w.line.Back()
	w.until(".queue .state", "Sudah kami terima")
	if cut.Met() != 2 || lost.Met() != 2 {
		t.Errorf("%d slices were cut, and %d answers lost", cut.Met(), lost.Met())
	}
	w.sentOnce(int64(len(file)))
	w.read()
	w.reachesReviewers(file, story)
	w.leaksNothing(file)
}

const patches = "PATCH /v1/uploads/"

// sentOnce holds that little more was sent than the file has: what is sent again is
// what the server had not acknowledged.
func (w *walk) sentOnce(size int64) {
	w.t.Helper()
	var sent int64
	for _, e := range w.line.Matching(patches) {
		sent += int64(len(e.Body))
	}
	// Five requests with slices of at most 4 MiB were disturbed, and the payload has its padding.
	if most := size + size/16 + 5*(4<<20); sent < size || sent > most {
		w.t.Errorf("%d bytes were sent for a file of %d", sent, size)
	}
	if begun := len(w.line.Matching("POST /v1/uploads/")); begun != 1 {
		w.t.Errorf("the upload began %d times", begun)
	}
}

// TestChromiumWithoutNetwork is offline as a browser is whose machine lost its network.
func TestChromiumWithoutNetwork(t *testing.T) {
	var page *browser.ChromiumPage
	w := newWalk(t, inBrowser{"Chromium", func(t *testing.T) *browser.Page {
		page = browser.Chromium(t, browser.Options{JavaScript: true, Width: 360, Height: 740})
		return page.Page
	}})
	w.write()
	w.must(page.Offline(true), w.page.Hit("form#write > button:last-of-type"))
	w.until(".notice[role=status]", "Sambungan terputus")
	if asks, err := w.page.Guarded(); err != nil || !asks {
		t.Errorf("what is in doubt may be left without a question (%v)", err)
	}
	w.must(page.Offline(false))
	w.until("h1", "Sudah kami terima")
}

// TestWhatFailedToLoadIsLoadedAgain: a page whose network was away when it opened
// seals once it is back.
func TestWhatFailedToLoadIsLoadedAgain(t *testing.T) {
	for _, b := range browsers(false) {
		t.Run(b.name, func(t *testing.T) {
			w := newWalk(t, b)
			broken := w.line.When("GET /taxonomy.json", recorder.Fault{Answer: &recorder.Answer{Status: 404}})
			w.must(w.page.Open(w.line.URL() + "/write"))
			w.must(broken.Wait(1))
			w.until("main > .problem:not([hidden])", "tidak menjawab")
			broken.End()
			w.fillIn()
			w.send()
		})
	}
}

// TestAServerThatCountsWrongly answers slices out of order and with wrong sizes. What
// it does once is mended, and the file arrives whole; where it goes on, the page gives
// up and says so, and no word of success is shown.
func TestAServerThatCountsWrongly(t *testing.T) {
	w := newWalk(t, browsers(false)[1])
	w.write()
	w.send()
	offset := func(value string) func(*recorder.Answer) {
		return func(a *recorder.Answer) { a.Header.Set("Upload-Offset", value) }
	}
	for n, c := range []struct {
		name, pattern string
		change        func(*recorder.Answer)
	}{
		{"a slice further than it was sent", patches, offset("9999999999")},
		{"no number", patches, offset("-1e3")},
		{"begun in the middle", "POST /v1/uploads/", func(a *recorder.Answer) {
			a.Status = 200 // as for one that was there
			a.Header.Set("Upload-Offset", "4096")
		}},
		{"gone", patches, func(a *recorder.Answer) { a.Status, a.Body = 404, nil }},
	} {
		path, _ := w.noise(3 << 20)
		row := func(part string) string { return rowOf(n, part) }
		fault := w.line.When(c.pattern, recorder.Fault{Change: c.change})
		w.must(w.page.Attach("#file", path))
		w.until(row("h3"), name)
		w.must(w.page.Hit("[data-do=send-files]"))
		w.until(row(".state"), "Kami belum dapat memastikan")
		if fault.Met() == 0 {
			t.Errorf("%s: nothing was changed", c.name)
		}
		fault.End()
	}
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	for n, s := range states[1:] {
		if s.Stand != parcel.Unused {
			t.Errorf("item %d is kept", n+1)
		}
	}
	path, file := w.noise(3 << 20)
	once := w.line.When(patches, recorder.Fault{Skip: 1, Times: 1, Change: offset("0")})
	w.must(w.page.Attach("#file", path))
	w.until(rowOf(4, "h3"), name)
	w.must(w.page.Hit("[data-do=send-files]"))
	w.until(rowOf(4, ".state"), "Sudah kami terima")
	if once.Met() != 1 {
		t.Error("nothing was changed")
	}
	w.reachesReviewers(file, story)
}

// rowOf is a part of the n-th file's row, from 0.
func rowOf(n int, part string) string { return fmt.Sprintf(".queue > li:nth-child(%d) %s", n+1, part) }
