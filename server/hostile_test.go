package server_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/server/inbox"
	"saksi/server/servertest"
)

// Hostile reviewers and couriers, as a reporter meets them: on the page of the
// conversation.

const (
	notShown  = "Jawaban yang tidak ditampilkan: 1. Tanda tangannya tidak cocok dengan daftar penelaah."
	mayForge  = "Hati-hati: orang ini bukan penelaah lagi, dan jawaban ini mungkin palsu."
	oneBefore = "Satu jawaban sebelum ini, atau lebih, tidak ada di sini."
	sameTwice = "Hati-hati: ada jawaban lain dengan nomor yang sama."
)

// seal makes a reply of reviewer r as a desk does, or as one would that was bent.
func seal(t *testing.T, d *servertest.Drop, code receipt.Code, r int, bend func(*reply.Reply, *reply.Thread)) (
	outbox.Reply, roster.Hash,
) {
	t.Helper()
	keys := code.Keys()
	answer := reply.Reply{Reviewer: d.Reviewers[r].Line.ID, Roster: 1, Number: 1, Status: reply.Reviewed}
	thread := reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}
	bend(&answer, &thread)
	sealed, hash, err := reply.Seal(answer, thread, d.Reviewers[r].Signer)
	if err != nil {
		t.Fatal(err)
	}
	return outbox.Reply{Mailbox: keys.Mailbox(), Sealed: sealed}, hash
}

// says is a reply that is bent in nothing.
func saying(number uint64, previous roster.Hash, text string) func(*reply.Reply, *reply.Thread) {
	return func(r *reply.Reply, _ *reply.Thread) { r.Number, r.Previous, r.Text = number, previous, text }
}

// carry imports an outbox of reviewer r under the newest roster.
func carry(d *servertest.Drop, r int, replies ...outbox.Reply) (inbox.Imported, error) {
	box := outbox.Outbox{
		Reviewer: d.Reviewers[r].Line.ID, Roster: d.Roster.Sequence, RosterHash: d.Roster.Hash, Number: 1, Replies: replies,
	}
	return d.Inbox.Import(box.Sign(d.Reviewers[r].Signer))
}

// arrives imports replies that have to be kept.
func arrives(t *testing.T, d *servertest.Drop, r int, replies ...outbox.Reply) {
	t.Helper()
	if report, err := carry(d, r, replies...); err != nil || report.Replies != len(replies) {
		t.Fatalf("importing: %+v, %v", report, err)
	}
}

// conversation opens a page and holds what is on it and what is not.
func conversation(t *testing.T, d *servertest.Drop, code receipt.Code, page string, has []string, not ...string) {
	t.Helper()
	p := d.Post("/open", "code", code.Field(), "page", page)
	expect(t, p, http.StatusOK, has...)
	for _, text := range not {
		if strings.Contains(p.Body, text) {
			t.Errorf("the page says %q", text)
		}
	}
	if len(p.Body)%8192 != 0 {
		t.Errorf("the page has %d bytes", len(p.Body))
	}
}

// TestReviewerReplaysAColleaguesReply: the second reviewer poses as a reporter,
// is answered by the first, and brings that signed answer into a victim's thread.
func TestReviewerReplaysAColleaguesReply(t *testing.T) {
	d := newDrop(t)
	victim, posing := d.Send("korban"), d.Send("umpan")
	got, _ := seal(t, d, posing, 0, saying(1, roster.Hash{}, "Datanglah ke kantor."))
	plain, err := hybrid.Open(bytes.NewReader(got.Sealed), posing.Keys().Reply)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := hybrid.SealBytes(signed, victim.Keys().Reply.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	honest, _ := seal(t, d, victim, 0, saying(1, roster.Hash{}, "Terima kasih."))
	arrives(t, d, 0, honest)
	arrives(t, d, 1, outbox.Reply{Mailbox: victim.Keys().Mailbox(), Sealed: replayed},
		outbox.Reply{Mailbox: victim.Keys().Mailbox(), Sealed: got.Sealed})
	conversation(t, d, victim, "0", []string{"Terima kasih.", notShown}, "Datanglah ke kantor.", sameTwice)
	if log := d.Log.String(); log != "" {
		t.Errorf("the log says %q", log)
	}
}

// TestReviewerAnswersInAColleaguesName, with the own key; and as one who is on no
// roster.
func TestReviewerAnswersInAColleaguesName(t *testing.T) {
	for _, name := range []string{"r1", "r9"} {
		d := newDrop(t)
		code := d.Send("korban")
		honest, _ := seal(t, d, code, 0, saying(1, roster.Hash{}, "Terima kasih."))
		forged, _ := seal(t, d, code, 1, func(r *reply.Reply, _ *reply.Thread) {
			r.Reviewer, r.Text = name, "Telepon saya."
		})
		arrives(t, d, 0, honest)
		arrives(t, d, 1, forged)
		conversation(t, d, code, "0", []string{"Terima kasih.", "Penelaah 1", notShown}, "Telepon saya.", "<h3>Penelaah 2")
	}
}

// TestReviewerSignsForAnotherRecipient: the thread is right, the reply recipient
// is that of another, as in an item that was put together from two.
func TestReviewerSignsForAnotherRecipient(t *testing.T) {
	d := newDrop(t)
	code, other := d.Send("korban"), receipt.New()
	keys := code.Keys()
	plainTo := func(_ *reply.Reply, thread *reply.Thread) { thread.Reply = other.Keys().Reply.Recipient() }
	bent, _ := seal(t, d, code, 1, plainTo)
	plain, err := hybrid.OpenBytes(bent.Sealed, reply.PlainSize, other.Keys().Reply)
	if err != nil {
		t.Fatal(err)
	}
	if bent.Sealed, err = hybrid.SealBytes(plain, keys.Reply.Recipient()); err != nil {
		t.Fatal(err)
	}
	arrives(t, d, 1, bent)
	conversation(t, d, code, "0", []string{notShown}, "<h3>Penelaah 2")
}

// TestRevokedReviewerAnswers: what he wrote under the old roster is shown with a
// warning, as nothing but his word dates it. What names the new one is not shown,
// and new outboxes of his are refused, with a reason that the operator reads.
func TestRevokedReviewerAnswers(t *testing.T) {
	d := newDrop(t)
	code := d.Send("korban")
	before, hash := seal(t, d, code, 0, saying(1, roster.Hash{}, "Sebelum dicabut."))
	under, _ := seal(t, d, code, 0, func(r *reply.Reply, _ *reply.Thread) {
		r.Roster, r.Number, r.Previous, r.Text = 2, 2, hash, "Sesudah dicabut."
	})
	colleague, _ := seal(t, d, code, 1, saying(1, roster.Hash{}, "Dari rekan."))
	arrives(t, d, 0, before, under) // he knew the number of the next roster
	arrives(t, d, 1, colleague)
	conversation(t, d, code, "0", []string{"Sebelum dicabut.", "Dari rekan.", notShown}, mayForge, "Sesudah dicabut.")

	d.Admit(func(draft *reviewer.Draft) {
		draft.Revoked = []roster.Revocation{{Key: d.Reviewers[0].Line.Key, From: 2}}
	})
	late, _ := seal(t, d, code, 0, saying(3, roster.Hash{}, "Terlambat."))
	_, err := carry(d, 0, late)
	if !errors.Is(err, outbox.ErrRevoked) || !strings.Contains(err.Error(), `outbox of "r1"`) {
		t.Errorf("his outbox: %v", err)
	}
	conversation(t, d, code, "0", []string{"Sebelum dicabut.", mayForge, "Dari rekan.", notShown},
		"Sesudah dicabut.", "Terlambat.")
}

// TestReviewerFloodsAConversation: six answers a day, for days. The colleague's
// answer stays on the first page.
func TestReviewerFloodsAConversation(t *testing.T) {
	d := newDrop(t)
	code := d.Send("korban")
	honest, _ := seal(t, d, code, 0, saying(1, roster.Hash{}, "Jawaban yang dicari."))
	arrives(t, d, 0, honest)
	number := uint64(1)
	for range 2 {
		var flood []outbox.Reply
		for range inbox.MaxRepliesPerBatch + 1 {
			one, _ := seal(t, d, code, 1, saying(number, roster.Hash{byte(number)}, "Banjir."))
			flood = append(flood, one)
			number++
		}
		report, err := carry(d, 1, flood...)
		if err != nil || report.Replies != inbox.MaxRepliesPerBatch || report.Crowded != 1 {
			t.Errorf("report is %+v, %v", report, err)
		}
		if _, err := d.Inbox.Close(); err != nil {
			t.Fatal(err)
		}
	}
	conversation(t, d, code, "0", []string{"Banjir.", "Jawaban yang dicari."})
	conversation(t, d, code, "1", []string{"Banjir.", "Jawaban lebih baru"}, "Jawaban yang dicari.")
	conversation(t, d, code, "2", []string{"Belum ada jawaban di halaman ini."}, "Banjir.")
	conversation(t, d, d.Send("lain"), "0", nil, "Banjir.")
}

// TestCourierHoldsAnOutboxBack: the answer after it says that one is missing,
// until it comes.
func TestCourierHoldsAnOutboxBack(t *testing.T) {
	d := newDrop(t)
	code := d.Send("korban")
	first, hash := seal(t, d, code, 0, saying(1, roster.Hash{}, "Pertama."))
	second, hash2 := seal(t, d, code, 0, saying(2, hash, "Kedua."))
	third, _ := seal(t, d, code, 0, saying(3, hash2, "Ketiga."))
	arrives(t, d, 0, first)
	conversation(t, d, code, "0", []string{"Pertama."}, oneBefore)
	arrives(t, d, 0, third)
	conversation(t, d, code, "0", []string{"Pertama.", "Ketiga.", oneBefore}, "Kedua.")
	arrives(t, d, 0, second)
	conversation(t, d, code, "0", []string{"Pertama.", "Kedua.", "Ketiga."}, oneBefore, sameTwice)
}

// TestReviewerRewritesHisChain: two answers of one number, and one that names
// another before it than the reporter has.
func TestReviewerRewritesHisChain(t *testing.T) {
	d := newDrop(t)
	code := d.Send("korban")
	first, _ := seal(t, d, code, 0, saying(1, roster.Hash{}, "Pertama."))
	again, _ := seal(t, d, code, 0, saying(1, roster.Hash{}, "Bukan ini."))
	arrives(t, d, 0, first, again)
	conversation(t, d, code, "0", []string{"Pertama.", "Bukan ini.", sameTwice})
	other := d.Send("lain")
	first, _ = seal(t, d, other, 0, saying(1, roster.Hash{}, "Pertama."))
	second, _ := seal(t, d, other, 0, saying(2, roster.Hash{7}, "Kedua."))
	arrives(t, d, 0, first, second)
	conversation(t, d, other, "0", []string{"Pertama.", "Kedua.", oneBefore}, sameTwice)
}

// TestGarbageMakesNoGap: entries that nobody opens stand between two answers of a
// reviewer, some pages of them. Neither is said to miss the other.
func TestGarbageMakesNoGap(t *testing.T) {
	const reviewers = 20
	d := servertest.New(t, servertest.Options{Reviewers: reviewers})
	code := d.Send("korban")
	first, hash := seal(t, d, code, 0, saying(1, roster.Hash{}, "Pertama."))
	second, _ := seal(t, d, code, 0, saying(2, hash, "Kedua."))
	arrives(t, d, 0, first)
	for r := 1; r < reviewers; r++ {
		for n := range 2 {
			sealed := make([]byte, reply.SealedSize())
			sealed[0], sealed[1] = byte(r), byte(n)
			arrives(t, d, r, outbox.Reply{Mailbox: code.Keys().Mailbox(), Sealed: sealed})
		}
	}
	arrives(t, d, 0, second)
	conversation(t, d, code, "0", []string{"Kedua."}, oneBefore, "Pertama.")
	conversation(t, d, code, "4", []string{"Pertama."}, oneBefore, "Kedua.")
}
