package inbox_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/inbox"
)

// bundle reads a bundle into a map, and holds that writing it twice gives the
// same bytes.
func (d *drop) bundle(t testing.TB) map[string][]byte {
	t.Helper()
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if damaged, err := d.Bundle(out); err != nil || len(damaged) > 0 {
			t.Fatal(damaged, err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two bundles of one store differ")
	}
	members := map[string][]byte{}
	err := batch.Read(&first, func(p batch.Path, _ int64, r io.Reader) (err error) {
		members[p.String()], err = io.ReadAll(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return members
}

func (d *drop) close(t testing.TB) uint64 {
	t.Helper()
	n, err := d.Close()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBundleHoldsWhatDesksNeed(t *testing.T) {
	d := newDrop(t, 2)
	if _, err := d.Bundle(io.Discard); !errors.Is(err, inbox.ErrNoBatch) {
		t.Errorf("a bundle of nothing: %v, want ErrNoBatch", err)
	}
	kept, burned := receipt.New(), receipt.New()
	d.send(t, kept, 0)
	d.send(t, burned, 0)
	d.close(t)
	if err := d.Burn(burned.ItemID(0), burned.Burn(0)); err != nil {
		t.Fatal(err)
	}
	d.send(t, kept, 1)
	d.close(t)
	members := d.bundle(t)
	for _, want := range []string{
		"BATCH.note", "SHA256SUMS", "batches/1/BATCH.note", "batches/1/SHA256SUMS", "rosters/1.note",
		"items/1/" + kept.ItemID(0).String() + "/payload.age", "items/1/" + kept.ItemID(0).String() + "/slots/002.age",
		"items/1/" + kept.ItemID(1).String() + "/payload.age", "gone/" + burned.ItemID(0).String(),
	} {
		if members[want] == nil {
			t.Errorf("the bundle has no %s", want)
		}
	}
	token := burned.Burn(0)
	if got := string(members["gone/"+burned.ItemID(0).String()]); got != string(token[:]) {
		t.Errorf("the proof is %x", got)
	}
	if members["items/1/"+burned.ItemID(0).String()+"/payload.age"] != nil {
		t.Error("the burned item is in the bundle")
	}
	checkSums(t, members, "SHA256SUMS", "BATCH.note", d)
	checkSums(t, members, "batches/1/SHA256SUMS", "batches/1/BATCH.note", d)
}

// checkSums holds a list of hashes against its note and the members.
func checkSums(t *testing.T, members map[string][]byte, list, head string, d *drop) {
	t.Helper()
	note, err := batch.OpenNote(members[head], d.Server.Key())
	if err != nil {
		t.Fatal(err)
	}
	sums, err := batch.ParseSums(string(members[list]))
	if err != nil || sums.Hash() != note.Sums || len(sums) == 0 {
		t.Fatalf("%s: %v", list, err)
	}
	for path, hash := range sums {
		content, ok := members[path]
		if !ok && (strings.HasPrefix(path, "items/") || strings.HasPrefix(path, "gone/")) {
			continue // deleted, or not
		}
		if !ok || roster.Hash(sha256.Sum256(content)) != hash {
			t.Errorf("%s: %s has another hash", list, path)
		}
	}
}

func TestStandsFollowTheBatches(t *testing.T) {
	d := newDrop(t, 2)
	code := receipt.New()
	d.send(t, code, 0)
	d.close(t)
	if got := d.stand(t, code, 0); got != parcel.Batched {
		t.Errorf("after closing: %v, want Batched", got)
	}
	d.acknowledge(t, 0, 1)
	if got := d.stand(t, code, 0); got != parcel.Carried {
		t.Errorf("after one desk: %v, want Carried", got)
	}
	d.close(t)
	report := d.acknowledge(t, 1, 1)
	if report.Finished != 1 {
		t.Errorf("finished %d batches, want 1", report.Finished)
	}
	if got := d.stand(t, code, 0); got != parcel.Carried {
		t.Errorf("after all desks: %v, want Carried", got)
	}
	for path := range d.bundle(t) {
		if strings.HasPrefix(path, "items/") {
			t.Errorf("the bundle still has %s", path)
		}
	}
	if err := d.Burn(code.ItemID(0), code.Burn(0)); err != nil {
		t.Fatal(err)
	}
	if got := d.stand(t, code, 0); got != parcel.Deleted {
		t.Errorf("after burning: %v, want Deleted", got)
	}
}

// outbox signs an outbox of reviewer r.
func (d *drop) outbox(r int, o outbox.Outbox) []byte {
	o.Reviewer, o.Roster, o.RosterHash = d.Reviewers[r].Line.ID, d.Roster.Sequence, d.Roster.Hash
	return o.Sign(d.Reviewers[r].Signer)
}

func (d *drop) acknowledge(t *testing.T, r int, sequence uint64) inbox.Imported {
	t.Helper()
	closed, err := d.Store.Batch(sequence)
	if err != nil {
		t.Fatal(err)
	}
	note, err := batch.OpenNote(closed.Note, d.Server.Key())
	if err != nil {
		t.Fatal(err)
	}
	report, err := d.Import(d.outbox(r, outbox.Outbox{Number: 1, Acks: []outbox.Ack{{Sequence: sequence, Batch: note.Hash()}}}))
	if err != nil || report.Batches != 1 {
		t.Fatalf("report %+v, %v", report, err)
	}
	return report
}

func (d *drop) answer(t testing.TB, r int, code receipt.Code, number uint64, text string) outbox.Reply {
	t.Helper()
	keys := code.Keys()
	sealed, _, err := reply.Seal(
		reply.Reply{Reviewer: d.Reviewers[r].Line.ID, Roster: 1, Number: number, Status: reply.Reviewed, Text: text},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, d.Reviewers[r].Signer)
	if err != nil {
		t.Fatal(err)
	}
	return outbox.Reply{Mailbox: keys.Mailbox(), Sealed: sealed}
}

func (d *drop) read(t testing.TB, code receipt.Code, page int) (texts []string) {
	t.Helper()
	keys := code.Keys()
	entries, err := d.Mailbox(keys.Token, keys.KeyHash(), page)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if int64(len(e)) != reply.SealedSize() {
			t.Errorf("an entry has %d bytes", len(e))
		}
		if r, err := reply.Open(e, keys, d); err == nil {
			texts = append(texts, r.Text)
		} else if !errors.Is(err, reply.ErrNotMine) {
			t.Error(err)
		}
	}
	return texts
}

func TestRepliesReachTheirMailboxOnly(t *testing.T) {
	d := newDrop(t, 2)
	code, other := receipt.New(), receipt.New()
	file := d.outbox(0, outbox.Outbox{Number: 1, Replies: []outbox.Reply{d.answer(t, 0, code, 1, "satu"), d.answer(t, 0, code, 2, "dua")}})
	if report, err := d.Import(file); err != nil || report.Replies != 2 {
		t.Fatalf("report %+v, %v", report, err)
	}
	if got := d.read(t, code, 0); len(got) != 2 || got[0] != "dua" {
		t.Errorf("read %q", got)
	}
	if got := d.read(t, other, 0); len(got) != 0 {
		t.Errorf("a stranger reads %q", got)
	}
	if got := d.read(t, code, 1_000_000); len(got) != 0 {
		t.Errorf("a far page has %q", got)
	}
	if report, err := d.Import(file); err != nil || report.Replies != 0 || report.Known != 2 {
		t.Errorf("the same outbox again: %+v, %v", report, err)
	}
	keys := code.Keys()
	if err := d.Empty(keys.Token, keys.KeyHash()); err != nil {
		t.Fatal(err)
	}
	if got := d.read(t, code, 0); len(got) != 0 {
		t.Errorf("after emptying: %q", got)
	}
	if report, err := d.Import(file); err != nil || report.Known != 2 {
		t.Errorf("deleted replies came back: %+v, %v", report, err)
	}
}

// TestRetiringGoesOnAfterACrash: batches retire from the oldest on, so that what
// a crash left is finished by the next import.
func TestRetiringGoesOnAfterACrash(t *testing.T) {
	d := newDrop(t, 1)
	for range 4 {
		d.send(t, receipt.New(), 0)
		d.close(t)
	}
	if err := d.Store.Retire(1, week.Of(d.now)); err != nil { // and then the power went
		t.Fatal(err)
	}
	if report := d.acknowledge(t, 0, 3); report.Finished != 2 {
		t.Errorf("finished %d, want 2", report.Finished)
	}
	for n, retired := range map[uint64]bool{1: true, 2: true, 3: true, 4: false} {
		if closed, err := d.Store.Batch(n); err != nil || (closed.Sums == nil) != retired {
			t.Errorf("batch %d: retired %v, %v", n, closed.Sums == nil, err)
		}
	}
}

// TestDamagedItemHoldsNothingUp: the disk loses half of a payload, before its
// batch closes and after. The others go out, and the loss is named.
func TestDamagedItemHoldsNothingUp(t *testing.T) {
	d := newDrop(t, 1)
	good, early, late := receipt.New(), receipt.New(), receipt.New()
	d.send(t, good, 0)
	for _, code := range []receipt.Code{early, late} {
		d.sendFile(t, code)
	}
	cut := func(code receipt.Code) {
		if err := os.Truncate(filepath.Join(d.dir, "payloads", code.ItemID(0).String()+".age"), 1000); err != nil {
			t.Fatal(err)
		}
	}
	cut(early)
	d.close(t)
	cut(late)
	var out bytes.Buffer
	damaged, err := d.Bundle(&out)
	if err != nil || !slices.Equal(damaged, []receipt.ItemID{late.ItemID(0)}) {
		t.Errorf("damaged are %v, %v", damaged, err)
	}
	if !bytes.Contains(out.Bytes(), []byte("items/1/"+good.ItemID(0).String()+"/payload.age")) {
		t.Error("the good item is not in the bundle")
	}
	if wrong, err := d.Check(); err != nil || len(wrong) < 2 {
		t.Errorf("check names %q, %v", wrong, err)
	}
	for _, code := range []receipt.Code{early, late} { // a damaged item can be deleted
		if err := d.Burn(code.ItemID(0), code.Burn(0)); err != nil {
			t.Error(err)
		}
	}
}

// sendFile sends an attachment that is kept as a file.
func (d *drop) sendFile(t testing.TB, code receipt.Code) {
	t.Helper()
	if _, err := d.Accept(d.fileParcel(t, code, 0)); err != nil {
		t.Fatal(err)
	}
}

// fileParcel seals an attachment.
func (d *drop) fileParcel(t testing.TB, code receipt.Code, n int) inbox.Parcel {
	t.Helper()
	circle, err := d.Inbox.Circle()
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 200_000)
	s, err := item.Seal(circle, code, n, item.Content{
		Kind: item.Attachment, File: bytes.NewReader(content), Size: int64(len(content)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	return inbox.Parcel{ID: s.ID, Burn: s.Burn, Roster: s.Roster, Slots: s.Slots, Size: s.Size,
		Payload: func(w io.Writer) error {
			_, err := w.Write(payload.Bytes())
			return err
		}}
}

// TestAClockThatStoppedEndsNoBatches: a machine without a battery starts in 1970, a year
// that no week has in a note. What closes then does not keep the next from closing, and its
// week is one of the roster's.
func TestAClockThatStoppedEndsNoBatches(t *testing.T) {
	d := newDrop(t, 1)
	d.close(t)
	d.now = time.Unix(0, 0)
	d.close(t)
	closed, err := d.Store.Batch(2)
	if err != nil {
		t.Fatal(err)
	}
	note, err := batch.OpenNote(closed.Note, d.Server.Key())
	if first := week.Of(d.Newest().From); err != nil || note.Week != first {
		t.Errorf("what closed in 1970 has week %v, want %v: %v", note.Week, first, err)
	}
	d.now = start
	if n, err := d.Close(); err != nil || n != 3 {
		t.Errorf("after it: batch %d, %v", n, err)
	}
}
