package inbox_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/outbox"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/server/inbox"
	"saksi/server/store"
)

// Hostile reviewers and couriers, as the server meets them: in outboxes. What
// the operator is told stands in the report of the import.

// imported holds that an outbox is taken, with this report.
func (d *drop) imported(t *testing.T, file []byte, want inbox.Imported) {
	t.Helper()
	report, err := d.Import(file)
	want.Reviewer, want.Number = report.Reviewer, report.Number
	if err != nil || report != want {
		t.Errorf("report is %+v, %v, want %+v", report, err, want)
	}
}

// brings imports an outbox of a reviewer with these answers alone.
func (d *drop) brings(t *testing.T, r int, number uint64, answers []outbox.Reply, want inbox.Imported) {
	t.Helper()
	d.imported(t, d.outbox(r, outbox.Outbox{Number: number, Replies: answers}), want)
}

// refused holds that an outbox is refused as a whole, and that nothing of it is
// kept.
func (d *drop) refused(t *testing.T, file []byte, want error) {
	t.Helper()
	before, err := d.Store.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Import(file); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if after, err := d.Store.Usage(); err != nil || after != before {
		t.Errorf("something was kept: %+v, %v, want %+v", after, err, before)
	}
}

// answers are n of them to one thread.
func (d *drop) answers(t *testing.T, r int, code receipt.Code, from, n int, text string) (all []outbox.Reply) {
	t.Helper()
	for i := range n {
		all = append(all, d.answer(t, r, code, uint64(from+i), text))
	}
	return all
}

// ack confirms a batch of this server.
func (d *drop) ack(t *testing.T, sequence uint64) outbox.Ack {
	t.Helper()
	closed, err := d.Store.Batch(sequence)
	if err != nil {
		t.Fatal(err)
	}
	note, err := batch.OpenNote(closed.Note, d.Server.Key())
	if err != nil {
		t.Fatal(err)
	}
	return outbox.Ack{Sequence: sequence, Batch: note.Hash()}
}

// TestReviewerFloodsAMailbox: six answers between two batches, and no more. What
// a colleague wrote before and after is kept and read; nothing gives way.
func TestReviewerFloodsAMailbox(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.brings(t, 1, 1, d.answers(t, 1, code, 1, 1, "sebelum"), inbox.Imported{Replies: 1})
	flood := d.answers(t, 0, code, 1, 3*inbox.MaxRepliesPerBatch, "banjir")
	d.brings(t, 0, 1, flood, inbox.Imported{Replies: inbox.MaxRepliesPerBatch, Crowded: 2 * inbox.MaxRepliesPerBatch})
	d.brings(t, 1, 2, d.answers(t, 1, code, 2, 1, "sesudah"), inbox.Imported{Replies: 1})
	texts := d.read(t, code, 0)
	if len(texts) != inbox.MaxRepliesPerBatch+2 || texts[0] != "sesudah" || texts[3] != "sebelum" {
		t.Errorf("the reporter reads %q", texts)
	}
	if texts := d.read(t, receipt.New(), 0); len(texts) > 0 {
		t.Errorf("another thread has %q", texts)
	}
	d.close(t)
	rest := flood[inbox.MaxRepliesPerBatch:]
	d.brings(t, 0, 2, rest[:1], inbox.Imported{Replies: 1})
}

// TestFloodOfMailboxesLeavesRoomForTexts: a reviewer names as many mailboxes as he
// likes. His answers take no room that is kept for texts, and the others of an outbox
// come in with the same one once there is room again.
func TestFloodOfMailboxesLeavesRoomForTexts(t *testing.T) {
	d := newDrop(t, 1)
	disk := &filling{Store: d.Inbox.Store}
	d.Inbox.Store, d.Inbox.Reserve = disk, 64*mib
	flood := slices.Concat(d.answers(t, 0, receipt.New(), 1, 1, "satu"), d.answers(t, 0, receipt.New(), 1, 1, "dua"))
	file := d.outbox(0, outbox.Outbox{Number: 1, Replies: flood})
	disk.free = 32*mib - 1
	if report, err := d.Import(file); !errors.Is(err, store.ErrFull) || report.Replies != 0 {
		t.Errorf("%+v, %v, want ErrFull", report, err)
	}
	d.send(t, receipt.New(), 0)
	disk.free = 32 * mib
	d.imported(t, file, inbox.Imported{Replies: 2})
}

// TestConfirmationsNeedNoRoomForAnswers: else a flood of answers would stop what frees
// the disk from one outbox to the next.
func TestConfirmationsNeedNoRoomForAnswers(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.close(t)
	d.Inbox.Store, d.Inbox.Reserve = &filling{Store: d.Inbox.Store, free: 32*mib - 1}, 64*mib
	report, err := d.Import(d.outbox(0, outbox.Outbox{
		Number: 1, Replies: d.answers(t, 0, code, 1, 1, "jawaban"), Acks: []outbox.Ack{d.ack(t, 1)},
	}))
	if !errors.Is(err, store.ErrFull) || report.Replies != 0 {
		t.Errorf("%+v, %v, want ErrFull", report, err)
	}
	if report.Batches != 1 || report.Finished != 1 {
		t.Errorf("%+v: the confirmation was lost with the answers", report)
	}
}

// TestAFloodOfOutboxesAtOnce: brought at one time they are counted as one after the other.
func TestAFloodOfOutboxesAtOnce(t *testing.T) {
	d := newDrop(t, 1)
	d.Inbox.Store = polite{d.Inbox.Store}
	code := receipt.New()
	var kept atomic.Int64
	var group sync.WaitGroup
	for n := range 8 {
		file := d.outbox(0, outbox.Outbox{
			Number: uint64(n + 1), Replies: d.answers(t, 0, code, 1, inbox.MaxRepliesPerBatch, fmt.Sprint("banjir ", n)),
		})
		group.Go(func() {
			report, err := d.Import(file)
			if err != nil {
				t.Error(err)
			}
			kept.Add(int64(report.Replies))
		})
	}
	group.Wait()
	if kept.Load() != inbox.MaxRepliesPerBatch {
		t.Errorf("%d answers were kept, want %d", kept.Load(), inbox.MaxRepliesPerBatch)
	}
}

// polite is a store that lets everybody else count before it adds.
type polite struct{ store.Store }

func (p polite) AddReply(r store.Reply) error {
	for range 1000 {
		runtime.Gosched()
	}
	return p.Store.AddReply(r)
}

// TestAColleaguesCopyTakesNothing: a reviewer who has seen a colleague's outbox brings
// the answers first, into other mailboxes. They come in where they belong all the same.
func TestAColleaguesCopyTakesNothing(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	honest := d.answers(t, 0, code, 1, 2, "jawaban")
	copied := slices.Clone(honest)
	for i := range copied {
		copied[i].Mailbox = receipt.New().Keys().Mailbox()
	}
	d.brings(t, 1, 1, copied, inbox.Imported{Replies: 2})
	d.brings(t, 0, 1, honest, inbox.Imported{Replies: 2})
	if texts := d.read(t, code, 0); len(texts) != 2 {
		t.Errorf("the reporter reads %q", texts)
	}
}

// TestManyColleaguesHideNoFlood: however many answers of others stand between
// those of one reviewer, his are counted.
func TestManyColleaguesHideNoFlood(t *testing.T) {
	d := newDrop(t, 25)
	code := receipt.New()
	most := inbox.MaxRepliesPerBatch
	d.brings(t, 0, 1, d.answers(t, 0, code, 1, most, "banjir"), inbox.Imported{Replies: most})
	for r := 1; r < 25; r++ {
		d.brings(t, r, 1, d.answers(t, r, code, 1, most, "rekan"), inbox.Imported{Replies: most})
	}
	d.brings(t, 0, 2, d.answers(t, 0, code, 7, 2, "lagi"), inbox.Imported{Crowded: 2})
}

// TestCourierImportsAnOutboxTwice: the second time everything is known, also
// where a mailbox is full; the operator is not told of a flood.
func TestCourierImportsAnOutboxTwice(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.close(t)
	most := inbox.MaxRepliesPerBatch
	file := d.outbox(0, outbox.Outbox{
		Number: 1, Acks: []outbox.Ack{d.ack(t, 1)}, Replies: d.answers(t, 0, code, 1, most, "jawaban"),
	})
	d.imported(t, file, inbox.Imported{Replies: most, Batches: 1})
	for range 2 {
		d.imported(t, file, inbox.Imported{Known: most})
	}
	d.close(t)
	d.imported(t, file, inbox.Imported{Known: most})
	if texts := slices.Concat(d.read(t, code, 0), d.read(t, code, 1)); len(texts) != most {
		t.Errorf("the reporter reads %q", texts)
	}
}

// TestCourierImportsAnOldOutbox: after a newer one, and after the reporter has
// deleted the answers. Nothing comes back, and no confirmation is taken back.
func TestCourierImportsAnOldOutbox(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.close(t)
	old := d.outbox(0, outbox.Outbox{
		Number: 1, Acks: []outbox.Ack{d.ack(t, 1)}, Replies: d.answers(t, 0, code, 1, 2, "lama"),
	})
	d.imported(t, old, inbox.Imported{Replies: 2, Batches: 1})
	d.close(t)
	d.imported(t, d.outbox(0, outbox.Outbox{
		Number: 2, Acks: []outbox.Ack{d.ack(t, 2)}, Replies: d.answers(t, 0, code, 3, 1, "baru"),
	}), inbox.Imported{Replies: 1, Batches: 1})
	d.imported(t, old, inbox.Imported{Known: 2})
	if confirmed, err := d.Store.Acknowledged(); err != nil || confirmed["r1"] != 2 {
		t.Errorf("confirmed are %v, %v", confirmed, err)
	}
	if texts := d.read(t, code, 0); !slices.Equal(texts, []string{"baru", "lama", "lama"}) {
		t.Errorf("the reporter reads %q", texts)
	}
	keys := code.Keys()
	if err := d.Empty(keys.Token, keys.KeyHash()); err != nil {
		t.Fatal(err)
	}
	d.imported(t, old, inbox.Imported{Known: 2})
	if texts := d.read(t, code, 0); len(texts) > 0 {
		t.Errorf("deleted answers came back: %q", texts)
	}
}

// TestReviewerAcknowledgesTheFuture: batches that were not closed yet. When they
// are, they count as on no desk, and go out.
func TestReviewerAcknowledgesTheFuture(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.close(t)
	honest := d.ack(t, 1)
	d.imported(t, d.outbox(0, outbox.Outbox{Number: 1, Acks: []outbox.Ack{
		honest, {Sequence: 2, Batch: roster.Hash{1}}, {Sequence: 1 << 40, Batch: roster.Hash{2}},
	}}), inbox.Imported{Batches: 1, Foreign: 2})
	d.send(t, code, 0)
	d.close(t)
	d.close(t)
	if got := d.stand(t, code, 0); got != parcel.Batched {
		t.Errorf("the reporter reads %v, want Batched", got)
	}
	if d.bundle(t)["items/1/"+code.ItemID(0).String()+"/payload.age"] == nil {
		t.Error("the item does not go out")
	}
}

// TestReviewerAcknowledgesAnotherHistory: other hashes under known numbers. It is
// named: somebody showed that desk other batches, or the server went back to a
// backup. Answers in the same outbox are taken all the same.
func TestReviewerAcknowledgesAnotherHistory(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	d.imported(t, d.outbox(0, outbox.Outbox{
		Number: 1, Acks: []outbox.Ack{{Sequence: 1, Batch: roster.Hash{1}}, {Sequence: 9, Batch: roster.Hash{2}}},
		Replies: d.answers(t, 0, code, 1, 1, "jawaban"),
	}), inbox.Imported{Replies: 1, Foreign: 2})
	if got := d.stand(t, code, 0); got != parcel.Batched {
		t.Errorf("the reporter reads %v, want Batched", got)
	}
}

// TestReviewerAcknowledgesForAColleague, and answers in a colleague's name.
func TestReviewerAcknowledgesForAColleague(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.close(t)
	box := outbox.Outbox{
		Reviewer: "r2", Roster: 1, RosterHash: d.Roster.Hash, Number: 1,
		Acks: []outbox.Ack{d.ack(t, 1)}, Replies: d.answers(t, 0, code, 1, 1, "atas nama rekan"),
	}
	d.refused(t, box.Sign(d.Reviewers[0].Signer), outbox.ErrSignature)
	if confirmed, err := d.Store.Acknowledged(); err != nil || len(confirmed) > 0 {
		t.Errorf("confirmed are %v, %v", confirmed, err)
	}
	box.Replies = d.answers(t, 1, code, 1, 1, "asli")
	d.imported(t, box.Sign(d.Reviewers[1].Signer), inbox.Imported{Replies: 1, Batches: 1})
}

// TestRevokedReviewerSendsAnOutbox: signed under the new roster, or kept from
// before. What came in time stays.
func TestRevokedReviewerSendsAnOutbox(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	first := d.Roster
	d.brings(t, 0, 1, d.answers(t, 0, code, 1, 1, "dulu"), inbox.Imported{Replies: 1})
	late := d.outbox(0, outbox.Outbox{Number: 2, Replies: d.answers(t, 0, code, 2, 1, "terlambat")})
	d.revoke(t, 0)
	d.refused(t, late, outbox.ErrRevoked)
	under := outbox.Outbox{
		Reviewer: "r1", Roster: 2, RosterHash: d.Roster.Hash, Number: 2, Replies: d.answers(t, 0, code, 2, 1, "baru"),
	}
	d.refused(t, under.Sign(d.Reviewers[0].Signer), outbox.ErrRevoked)
	colleague := outbox.Outbox{
		Reviewer: "r2", Roster: 1, RosterHash: first.Hash, Number: 1, Replies: d.answers(t, 1, code, 1, 1, "rekan"),
	}
	d.imported(t, colleague.Sign(d.Reviewers[1].Signer), inbox.Imported{Replies: 1})
	if texts := d.read(t, code, 0); !slices.Equal(texts, []string{"rekan", "dulu"}) {
		t.Errorf("the reporter reads %q", texts)
	}
}

// revoke takes in a roster that revokes a reviewer's key, and begins anew with it.
func (d *drop) revoke(t *testing.T, r int) {
	t.Helper()
	next := d.Draft(d.now)
	next.Revoked = []roster.Revocation{{Key: d.Reviewers[r].Line.Key, From: 2}}
	d.Sign(t, next)
	_, err := inbox.AdmitRoster(d.Store, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), d.now)
	if err == nil {
		d.Inbox, err = inbox.New(d.Config)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestReviewerBuriesAnAnswer: garbage of one reviewer, six a day for longer than
// a page is. The colleague's newest answer stays on the first page, and on the
// others everything is found once.
func TestReviewerBuriesAnAnswer(t *testing.T) {
	d := newDrop(t, 3)
	code := receipt.New()
	d.brings(t, 1, 1, d.answers(t, 1, code, 1, 3, "rekan"), inbox.Imported{Replies: 3})
	for day := range 4 {
		var garbage []outbox.Reply
		for n := range inbox.MaxRepliesPerBatch {
			sealed := make([]byte, reply.SealedSize())
			copy(sealed, fmt.Sprint("sampah ", day, n))
			garbage = append(garbage, outbox.Reply{Mailbox: code.Keys().Mailbox(), Sealed: sealed})
		}
		d.brings(t, 0, 1, garbage, inbox.Imported{Replies: inbox.MaxRepliesPerBatch})
		d.close(t)
	}
	if texts := d.read(t, code, 0); !slices.Equal(texts, []string{"rekan", "rekan", "rekan"}) {
		t.Errorf("the first page has %q", texts)
	}
	keys, seen := code.Keys(), map[string]bool{}
	for page := range 5 {
		entries, err := d.Mailbox(keys.Token, keys.KeyHash(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if seen[string(e)] {
				t.Errorf("page %d has an entry again", page)
			}
			seen[string(e)] = true
		}
		if ends, err := d.Ends(keys.Token, keys.KeyHash(), page); err != nil || ends != (page >= 3) {
			t.Errorf("page %d is the last: %v, %v", page, ends, err)
		}
	}
	stored := 0
	for e := range seen {
		if strings.HasPrefix(e, "sampah ") {
			stored++
		}
	}
	if stored != 4*inbox.MaxRepliesPerBatch {
		t.Errorf("%d of the flood are found", stored)
	}
}

// TestReviewerSendsGarbageAsAnswers: nobody opens it, and it takes its room like
// any other.
func TestReviewerSendsGarbageAsAnswers(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	var garbage []outbox.Reply
	for n := range 2 * inbox.MaxRepliesPerBatch {
		sealed := make([]byte, reply.SealedSize())
		copy(sealed, fmt.Sprint("sampah ", n))
		garbage = append(garbage, outbox.Reply{Mailbox: code.Keys().Mailbox(), Sealed: sealed})
	}
	d.brings(t, 0, 1, garbage, inbox.Imported{Replies: inbox.MaxRepliesPerBatch, Crowded: inbox.MaxRepliesPerBatch})
	d.brings(t, 1, 1, d.answers(t, 1, code, 1, 1, "jawaban"), inbox.Imported{Replies: 1})
	if texts := d.read(t, code, 0); !slices.Equal(texts, []string{"jawaban"}) {
		t.Errorf("the reporter reads %q", texts)
	}
}

// TestReporterReusesAnID that was used, or deleted: the first stays, and what was
// deleted does not come back.
func TestReporterReusesAnID(t *testing.T) {
	d := newDrop(t, 1)
	code := receipt.New()
	d.send(t, code, 0)
	if outcome, err := d.Accept(d.parcel(t, code, 0, "lain")); err != nil || outcome != inbox.Other {
		t.Errorf("the same number again: %v, %v", outcome, err)
	}
	if err := d.Burn(code.ItemID(0), code.Burn(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Accept(d.parcel(t, code, 0, "lagi")); !errors.Is(err, store.ErrGone) {
		t.Errorf("a deleted number: %v, want ErrGone", err)
	}
	d.send(t, code, 1)
}
