package desk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
)

// replies opens those of an outbox as the reporter does.
func (s *drop) replies(o *outbox.Outbox, code receipt.Code) []*reply.Opened {
	s.t.Helper()
	var opened []*reply.Opened
	for _, r := range o.Replies {
		if r.Mailbox != code.Keys().Mailbox() {
			continue
		}
		one, err := reply.Open(r.Sealed, code.Keys(), s)
		if err != nil {
			s.t.Fatal(err)
		}
		opened = append(opened, one)
	}
	return opened
}

func TestArrivalIsAcknowledgedByItself(t *testing.T) {
	s := newDrop(t, 2)
	a, b := s.confirmedBy("r2"), s.confirmedBy("r2")
	s.close(s.message(a, 3, marker), s.message(b, 0, marker), s.message(a, 0, marker))
	s.close()
	d := s.sit(1)
	d.take(s.bundle(1, 2))
	o := d.send()
	if o.Reviewer != "r2" || o.Number != 1 || o.Roster != 1 || len(o.Replies) != 2 {
		t.Errorf("outbox is %+v", o)
	}
	want := []outbox.Ack{{Sequence: 1, Batch: s.batches[0].note.Hash()}, {Sequence: 2, Batch: s.batches[1].note.Hash()}}
	if !slices.Equal(o.Acks, want) {
		t.Errorf("acknowledgements are %+v", o.Acks)
	}
	got := s.replies(o, a)
	if len(got) != 1 || got[0].Status != reply.Taken || !slices.Equal(got[0].Items, []int{0, 3}) || got[0].Text != "" || got[0].Number != 1 {
		t.Errorf("replies are %+v", got)
	}
}

// TestRepliesAreChained through several imports, outboxes and restarts.
func TestRepliesAreChained(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	say := func(status reply.Status, text string) {
		t.Helper()
		if _, err := d.Reply(d.Threads()[0], Answer{Status: status, Text: text}); err != nil {
			t.Fatal(err)
		}
		d.check()
		d.reopen()
	}
	say(reply.Reviewed, marker+" ditelaah")
	got := s.replies(d.send(), code)
	s.newRoster(func(d *draft) {})
	s.close(s.message(code, 1, marker))
	d.take(s.bundle(2, 2))
	say(reply.Closed, "")
	got = append(got, s.replies(d.send(), code)...)
	var previous roster.Hash
	for i, r := range got {
		if r.Number != uint64(i)+1 || r.Previous != previous {
			t.Errorf("reply %d has number %d and previous %s, want %s", i+1, r.Number, r.Previous, previous)
		}
		previous = r.Hash
	}
	if len(got) != 4 || got[1].Text != marker+" ditelaah" || got[1].Roster != 1 || got[2].Roster != 2 {
		t.Errorf("replies are %+v", got)
	}
}

func TestReplyLimits(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	for name, test := range map[string]struct {
		answer Answer
		want   error
	}{
		"longest":          {Answer{Status: reply.Reviewed, Text: strings.Repeat("a", reply.MaxText)}, nil},
		"to a body":        {Answer{Status: reply.Forwarded, Forwarded: "Bawaslu"}, nil},
		"too long":         {Answer{Status: reply.Reviewed, Text: strings.Repeat("a", reply.MaxText+1)}, reply.ErrTooLong},
		"too many quotes":  {Answer{Status: reply.Reviewed, Text: strings.Repeat("\"", reply.MaxText)}, reply.ErrTooLong},
		"long body":        {Answer{Status: reply.Forwarded, Forwarded: strings.Repeat("a", reply.MaxForwarded+1)}, reply.ErrTooLong},
		"to nobody":        {Answer{Status: reply.Forwarded}, reply.ErrInvalid},
		"not forwarded":    {Answer{Status: reply.Closed, Forwarded: "Bawaslu"}, reply.ErrInvalid},
		"no status":        {Answer{Text: "a"}, reply.ErrInvalid},
		"unknown status":   {Answer{Status: "selesai"}, reply.ErrInvalid},
		"no UTF-8":         {Answer{Status: reply.Closed, Text: "a\xff"}, reply.ErrInvalid},
		"escape sequences": {Answer{Status: reply.Closed, Text: "\x1b[2J"}, reply.ErrInvalid},
	} {
		before := len(d.Threads()[0].Replies)
		_, err := d.Reply(d.Threads()[0], test.answer)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if after := len(d.Threads()[0].Replies); (err == nil) != (after == before+1) {
			t.Errorf("%s: %d replies after %d", name, after, before)
		}
		d.check()
		d.reopen()
	}
}

func TestReviewerOffTheRosterCannotAnswer(t *testing.T) {
	for name, edit := range map[string]func(*draft){
		"left":    func(d *draft) { d.Cards = d.Cards[1:] },
		"revoked": func(d *draft) { d.Revoked = []roster.Revocation{{Key: d.Cards[0].Line.Key, From: 2}} },
	} {
		s := newDrop(t, 2)
		code := receipt.New()
		s.close(s.message(code, 0, marker))
		d := s.sit(0)
		d.take(s.bundle(1, 1))
		old := s.message(code, 1, marker)
		s.newRoster(edit)
		s.close(old)
		if r := d.take(s.bundle(2, 2)); len(r.New) != 1 || len(r.Warnings) != 1 {
			t.Errorf("%s: an item sealed before is not read: %+v", name, r)
		}
		if _, err := d.Reply(d.Threads()[0], Answer{Status: reply.Closed}); !errors.Is(err, ErrNotOnRoster) {
			t.Errorf("%s: reply: %v, want ErrNotOnRoster", name, err)
		}
		if _, err := d.Outbox(io.Discard); !errors.Is(err, ErrNotOnRoster) {
			t.Errorf("%s: outbox: %v, want ErrNotOnRoster", name, err)
		}
	}
}

// failing is a stick that is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("the stick is full") }

func TestOutboxIsWrittenAgainByteForByte(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	sent, err := d.Outbox(failing{})
	if err == nil || sent.Number != 1 {
		t.Fatalf("to a full stick: %+v, %v", sent, err)
	}
	d.check()
	d.reopen()
	if _, err := d.Outbox(io.Discard); !errors.Is(err, ErrNothing) {
		t.Errorf("nothing waits: %v, want ErrNothing", err)
	}
	var first, again bytes.Buffer
	if err := errors.Join(d.OutboxAgain(1, &first), d.OutboxAgain(1, &again)); err != nil {
		t.Fatal(err)
	}
	o, err := outbox.Open(first.Bytes(), s)
	if err != nil || len(o.Acks) != 1 || len(o.Replies) != 1 || !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Errorf("outbox 1 is %+v, %v", o, err)
	}
	s.close(s.message(receipt.New(), 0, marker))
	d.take(s.bundle(2, 2))
	var second bytes.Buffer
	if _, err := d.Outbox(&second); err != nil {
		t.Fatal(err)
	}
	again.Reset()
	if err := d.OutboxAgain(2, &again); err != nil || !bytes.Equal(second.Bytes(), again.Bytes()) {
		t.Errorf("outbox 2 differs: %v", err)
	}
	for _, n := range []uint64{0, 3} {
		if err := d.OutboxAgain(n, io.Discard); !errors.Is(err, ErrNoOutbox) {
			t.Errorf("outbox %d: %v, want ErrNoOutbox", n, err)
		}
	}
}

func TestFullOutboxLeavesTheRest(t *testing.T) {
	x := &index{}
	for n := range outbox.MaxAcks + 2 {
		x.Batches = append(x.Batches, &batchEntry{Sequence: uint64(n) + 1, Hash: roster.Hash{1}.String(), Complete: true})
	}
	many := &Thread{Mailbox: receipt.Mailbox{}.String()}
	for range outbox.MaxReplies + 3 {
		many.Replies = append(many.Replies, &OwnReply{})
	}
	x.Threads = []*Thread{many}
	for _, want := range [][2]int{{outbox.MaxAcks, outbox.MaxReplies}, {2, 3}, {0, 0}} {
		o, err := x.fill("r1", &roster.Signed{Roster: roster.Roster{Sequence: 1}})
		if err != nil || len(o.Acks) != want[0] || len(o.Replies) != want[1] {
			t.Errorf("%d acknowledgements and %d replies, want %d: %v", len(o.Acks), len(o.Replies), want, err)
		}
	}
}

// TestAcknowledgementsStopAtAHole: what is acknowledged is everything up to a
// batch, so nothing above one that is missing or incomplete is.
func TestAcknowledgementsStopAtAHole(t *testing.T) {
	for name, test := range map[string]struct {
		batches []*batchEntry
		want    int
	}{
		"whole":      {[]*batchEntry{{Sequence: 3, Complete: true}, {Sequence: 4, Complete: true}}, 2},
		"incomplete": {[]*batchEntry{{Sequence: 3, Complete: true}, {Sequence: 4}, {Sequence: 5, Complete: true}}, 1},
		"missing":    {[]*batchEntry{{Sequence: 3, Complete: true}, {Sequence: 5, Complete: true}}, 1},
		"sent":       {[]*batchEntry{{Sequence: 3, Complete: true, Outbox: 1}, {Sequence: 4, Complete: true}}, 1},
	} {
		x := &index{Batches: test.batches}
		if got := len(x.waitingBatches()); got != test.want {
			t.Errorf("%s: %d wait, want %d", name, got, test.want)
		}
	}
}

// TestConfirmationsTellNoExclusion: one desk confirms a thread for all, and who is left
// out changes nothing but that it is not that one's. So what the server sees, one desk's
// confirmation for each thread, it may see of a thread that is kept from nobody.
func TestConfirmationsTellNoExclusion(t *testing.T) {
	s := newDrop(t, 3)
	from := map[receipt.Mailbox][]string{} // who confirms
	want := map[receipt.Mailbox]string{}
	var items []members
	thread := func(drawn []string, withheld ...string) {
		code := s.confirmedBy(drawn...)
		want[code.Keys().Mailbox()] = drawn[len(drawn)-1]
		for n := range 2 {
			items = append(items, s.seal(code, n, item.Content{Kind: item.Message, Language: "id", Text: marker}, withheld...))
		}
	}
	for _, id := range []string{"r1", "r2", "r3"} {
		thread([]string{id})
	}
	thread([]string{"r1"}, "r2")
	thread([]string{"r2", "r3"}, "r2")
	thread([]string{"r2", "r3", "r1"}, "r2", "r3")
	s.close(items...)
	for n := range 3 {
		d := s.sit(n)
		d.take(s.bundle(1, 1))
		for _, r := range d.send().Replies {
			from[r.Mailbox] = append(from[r.Mailbox], s.Reviewers[n].Line.ID)
		}
	}
	for mailbox, by := range want {
		if !slices.Equal(from[mailbox], []string{by}) {
			t.Errorf("%q confirm a thread, want %q alone", from[mailbox], by)
		}
	}
}

// TestWhoLeftConfirmsNothing: nobody would come to say that it arrived. The same holds of
// who has another key under the old id, which opens nothing of what came before, and of
// whose key is revoked, as reporters are shown no answers of theirs.
func TestWhoLeftConfirmsNothing(t *testing.T) {
	for name, edit := range map[string]func(*draft){
		"left":    func(d *draft) { d.Cards = d.Cards[:2] },
		"new key": func(d *draft) { d.Cards[2] = partytest.Reviewer(t, 3).Card() },
		"revoked": func(d *draft) {
			d.Revoked = append(d.Revoked, roster.Revocation{Key: d.Cards[2].Line.Key, From: 2})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 3)
			code := s.confirmedBy("r3", "r2")
			s.close(s.message(code, 0, marker))
			s.newRoster(edit)
			s.close()
			d := s.sit(1)
			d.take(s.bundle(1, 2))
			if o := d.send(); len(s.replies(o, code)) != 1 {
				t.Errorf("outbox is %+v", o)
			}
		})
	}
}

// TestAnOutboxThatBrokeOffIsNamed until it is written: the next one does not have what
// is in it, and would hide that it is nowhere.
func TestAnOutboxThatBrokeOffIsNamed(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	s.close()
	d := s.sit(0)
	named := func(when string, want ...uint64) {
		t.Helper()
		if got, err := d.Unwritten(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: outboxes %d were not written, %v; want %d", when, got, err, want)
		}
	}
	d.take(s.bundle(1, 1))
	if _, err := d.Outbox(failing{}); err == nil {
		t.Fatal("a stick that takes nothing has an outbox")
	}
	d.reopen()
	named("broken off", 1)
	d.take(s.bundle(2, 2))
	sent, err := d.Outbox(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Written(sent.Number); err != nil {
		t.Fatal(err)
	}
	named("another one was written", 1)
	if err := d.Written(1); err != nil {
		t.Fatal(err)
	}
	// Killed before the index counts it, there is none.
	if err := os.WriteFile(d.unwrittenPath(3), nil, fileMode); err != nil {
		t.Fatal(err)
	}
	named("all are written")
}
