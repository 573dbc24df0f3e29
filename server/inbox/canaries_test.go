package inbox_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/outbox"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// canaries returns what a bundle has under canary/, by path.
func (d *drop) canaries(t testing.TB) map[string][]byte {
	t.Helper()
	found := d.bundle(t)
	for path := range found {
		if !strings.HasPrefix(path, "canary/") {
			delete(found, path)
		}
	}
	return found
}

// answer opens the canary of a month as reviewer r's desk does.
func (d *drop) canary(t testing.TB, month string, r int) outbox.Canary {
	t.Helper()
	path := "canary/" + month + "/" + d.Reviewers[r].Line.ID + ".age"
	a, err := canary.Open(d.bundle(t)[path], d.Reviewers[r].SlotIdentities()[0])
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return outbox.Canary{Month: canary.Month(month), Answer: a}
}

// bring imports an outbox of reviewer r with answers.
func (d *drop) bring(t testing.TB, r int, answers ...outbox.Canary) inbox.Imported {
	t.Helper()
	report, err := d.Import(d.outbox(r, outbox.Outbox{Number: 1, Canaries: answers}))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (d *drop) unanswered(t testing.TB, want ...inbox.Unanswered) {
	t.Helper()
	s, err := d.Status()
	if err != nil || !slices.Equal(s.Unanswered, want) {
		t.Errorf("unanswered are %+v, %v, want %+v", s.Unanswered, err, want)
	}
}

func paths(found map[string][]byte) (paths []string) {
	for path := range found {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// TestEachMonthHasOneCanary: in the batch that is closed first, for each reviewer, and
// on the list that the server signs.
func TestEachMonthHasOneCanary(t *testing.T) {
	d := newDrop(t, 2)
	d.close(t)
	d.close(t)
	want := []string{"canary/2026-11/r1.age", "canary/2026-11/r2.age"}
	if got := paths(d.canaries(t)); !slices.Equal(got, want) {
		t.Errorf("canaries %q, want %q", got, want)
	}
	d.now = time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
	d.close(t)
	want = append(want, "canary/2026-12/r1.age", "canary/2026-12/r2.age")
	if got := paths(d.canaries(t)); !slices.Equal(got, want) {
		t.Errorf("canaries %q, want %q", got, want)
	}
	members := d.bundle(t)
	for list, month := range map[string]string{
		"batches/1/SHA256SUMS": "2026-11", "batches/2/SHA256SUMS": "", "SHA256SUMS": "2026-12",
	} {
		head := strings.TrimSuffix(list, "SHA256SUMS") + "BATCH.note"
		checkSums(t, members, list, head, d)
		sums, err := batch.ParseSums(string(members[list]))
		if err != nil {
			t.Fatal(err)
		}
		for path := range sums {
			if strings.HasPrefix(path, "canary/") && (month == "" || !strings.HasPrefix(path, "canary/"+month)) {
				t.Errorf("%s has %s", list, path)
			}
		}
		if _, ok := sums["canary/"+month+"/r2.age"]; month != "" && !ok {
			t.Errorf("%s lacks the canary of r2", list)
		}
	}
}

// TestALostKeyShowsInTheStatus: who answers is not named any more; who does not is, with
// the week, and whether the desk had the canary.
func TestALostKeyShowsInTheStatus(t *testing.T) {
	d := newDrop(t, 2)
	d.unanswered(t)
	d.close(t)
	first := inbox.Unanswered{Reviewer: "r1", Month: "2026-11", Since: "2026-W47"}
	second := inbox.Unanswered{Reviewer: "r2", Month: "2026-11", Since: "2026-W47"}
	d.unanswered(t, first, second)
	if r := d.bring(t, 0, d.canary(t, "2026-11", 0)); r.Canaries != "2026-11" || r.Misfits != "" {
		t.Errorf("report %+v", r)
	}
	d.unanswered(t, second)
	d.acknowledge(t, 1, 1)
	second.Carried = true
	d.unanswered(t, second)
	if got := paths(d.canaries(t)); !slices.Equal(got, []string{"canary/2026-11/r2.age"}) {
		t.Errorf("after an answer the bundle has %q", got)
	}

	// A month later both are asked again, and the old question stands; after two it is
	// forgotten.
	d.now = time.Date(2026, time.December, 31, 18, 0, 0, 0, time.UTC)
	d.close(t)
	third := inbox.Unanswered{Reviewer: "r1", Month: "2026-12", Since: "2026-W53"}
	fourth := inbox.Unanswered{Reviewer: "r2", Month: "2026-12", Since: "2026-W53"}
	d.unanswered(t, second, third, fourth)
	d.now = time.Date(2027, time.January, 4, 18, 0, 0, 0, time.UTC)
	d.unanswered(t, third, fourth)
	d.close(t)
	if all, err := d.Store.Canaries(); err != nil || len(all) != 4 || all[0].Month != "2026-12" {
		t.Errorf("kept are %+v, %v", all, err)
	}
}

// TestOnlyTheRightAnswerIsTaken: not a wrong one, not last month's under the name of this
// one, not a colleague's. Each is named, and nothing changes.
func TestOnlyTheRightAnswerIsTaken(t *testing.T) {
	d := newDrop(t, 2)
	d.close(t)
	d.now = time.Date(2026, time.December, 1, 18, 0, 0, 0, time.UTC)
	d.close(t)
	old, right, colleagues := d.canary(t, "2026-11", 0), d.canary(t, "2026-12", 0), d.canary(t, "2026-12", 1)
	before, err := d.Status()
	if err != nil || len(before.Unanswered) != 4 {
		t.Fatal(before.Unanswered, err)
	}
	for name, answer := range map[string]canary.Answer{
		"wrong": {1}, "last month's": old.Answer, "a colleague's": colleagues.Answer,
		"the hash that the server keeps": right.Answer.Hash(),
	} {
		if r := d.bring(t, 0, outbox.Canary{Month: "2026-12", Answer: answer}); r.Misfits != "2026-12" || r.Canaries != "" {
			t.Errorf("%s: %+v", name, r)
		}
		d.unanswered(t, before.Unanswered...)
	}
	for _, month := range []canary.Month{"2026-09", "2027-01"} {
		if r := d.bring(t, 0, outbox.Canary{Month: month, Answer: right.Answer}); r.Misfits != "" || r.Canaries != "" {
			t.Errorf("an unknown month: %+v", r)
		}
	}
	if r := d.bring(t, 0, old, right); r.Canaries != "2026-11 2026-12" || r.Misfits != "" {
		t.Errorf("the right ones: %+v", r)
	}
	kept, err := d.Store.Canaries()
	if err != nil {
		t.Fatal(err)
	}
	if r := d.bring(t, 0, old, right); r.Canaries != "" || r.Misfits != "" {
		t.Errorf("the right ones again: %+v", r)
	}
	if r := d.bring(t, 0, outbox.Canary{Month: "2026-12", Answer: canary.Answer{1}}); r.Misfits != "2026-12" {
		t.Errorf("a wrong one after the right one: %+v", r)
	}
	again, err := d.Store.Canaries()
	if err != nil || len(again) != len(kept) || !again[0].Answered || again[0].Sealed != nil {
		t.Errorf("kept are %+v, %v, were %+v", again, err, kept)
	}
}

// TestTheServerKeepsNoAnswer: who takes the disk cannot answer for a reviewer.
func TestTheServerKeepsNoAnswer(t *testing.T) {
	d := newDrop(t, 1)
	d.close(t)
	a := d.canary(t, "2026-11", 0)
	index, err := os.ReadFile(filepath.Join(d.dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	hash := a.Answer.Hash()
	if !bytes.Contains(index, hash[:]) {
		t.Fatal("not even the hash is found: the search shows nothing")
	}
	if bytes.Contains(index, a.Answer[:]) {
		t.Error("the answer is on the disk")
	}
}

// TestCanariesOfACrashAreListed: a closing that fails after its canaries were kept is
// tried again with the same ones.
func TestCanariesOfACrashAreListed(t *testing.T) {
	d := newDrop(t, 2)
	d.Inbox.Store = unclosable{d.faulty}
	if _, err := d.Close(); !errors.Is(err, storetest.ErrPlanted) {
		t.Fatal(err)
	}
	d.unanswered(t) // nobody can have it
	kept, err := d.Store.Canaries()
	if err != nil || len(kept) != 2 {
		t.Fatal(kept, err)
	}
	d.Inbox.Store = d.faulty
	d.close(t)
	found := d.canaries(t)
	if len(found) != 2 || !bytes.Equal(found["canary/2026-11/r1.age"], kept[0].Sealed) {
		t.Errorf("the bundle has %q", paths(found))
	}
	checkSums(t, d.bundle(t), "SHA256SUMS", "BATCH.note", d)
}

// TestNoCanaryHoldsABatchUp: without a circle or without room there is none, and the next
// batch of the month has them. A disk that fails is another matter.
func TestNoCanaryHoldsABatchUp(t *testing.T) {
	d := newDrop(t, 1)
	right := d.now
	d.now = d.now.AddDate(0, 6, 0)
	d.close(t)
	d.now = right
	d.Inbox.Store = crammed{d.faulty}
	d.close(t)
	if got := d.canaries(t); len(got) != 0 {
		t.Errorf("canaries %q", paths(got))
	}
	d.Inbox.Store = d.faulty
	d.close(t)
	if got := d.canaries(t); len(got) != 1 {
		t.Errorf("canaries %q", paths(got))
	}
	d.now = time.Date(2026, time.December, 1, 18, 0, 0, 0, time.UTC)
	d.faulty.Plant(storetest.FailedSync)
	if _, err := d.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("on a failed disk: %v, want ErrFailed", err)
	}
	d.faulty.Restart()
	d.close(t)
}

// crammed is a store on a disk that has no room for canaries.
type crammed struct{ store.Store }

func (crammed) KeepCanaries(...store.Canary) error { return store.ErrFull }

// TestANewReviewerGetsACanaryInTheNextBatch: also in the middle of a month; one who left
// is not named.
func TestANewReviewerGetsACanaryInTheNextBatch(t *testing.T) {
	d := newDrop(t, 1)
	d.close(t)
	left := d.Reviewers[0]
	d.Reviewers = append(d.Reviewers[:0:0], reviewerNamed(t, "r2"))
	d.renew(t)
	d.close(t)
	if got := paths(d.canaries(t)); !slices.Equal(got, []string{"canary/2026-11/r1.age", "canary/2026-11/r2.age"}) {
		t.Errorf("canaries %q", got)
	}
	d.unanswered(t, inbox.Unanswered{Reviewer: "r2", Month: "2026-11", Since: "2026-W47"})
	if _, err := canary.Open(d.canaries(t)["canary/2026-11/r2.age"], left.SlotIdentities()[0]); err == nil {
		t.Error("one who left opens it")
	}
}

// TestACanaryTravelsWithItsBatch: once every desk has that, no list has the canary any
// more, and it stays at home; the status names it all the same.
func TestACanaryTravelsWithItsBatch(t *testing.T) {
	d := newDrop(t, 1)
	d.close(t)
	d.close(t)
	if got := d.canaries(t); len(got) != 1 {
		t.Errorf("canaries %q", paths(got))
	}
	d.acknowledge(t, 0, 1)
	if got := d.canaries(t); len(got) != 0 {
		t.Errorf("after the batch was retired: %q", paths(got))
	}
	d.unanswered(t, inbox.Unanswered{Reviewer: "r1", Month: "2026-11", Since: "2026-W47", Carried: true})
}
