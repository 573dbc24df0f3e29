package desk

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// Hostile reviewers: a colleague who opens what everybody opens, knows each
// thread's name, author and reply recipient and each item's E, and sends items
// like any reporter.

// TestReviewerSendsAnItemIntoAnothersThread: the colleague writes into a
// victim's thread, in each way that is open to one who does not have the
// victim's code. The victim's thread stays what it was.
func TestReviewerSendsAnItemIntoAnothersThread(t *testing.T) {
	s := newDrop(t, 2)
	victim, own := receipt.New(), receipt.New()
	theirs := s.message(victim, 0, honest)
	text := regular("message.txt", marker+" disusupkan")
	claim := func(edit func(*craft, receipt.Keys)) (receipt.ItemID, members) {
		c := s.craft(own, 5, item.Message)
		edit(c, victim.Keys())
		return c.id, c.item(text)
	}
	for name, test := range map[string]struct {
		edit func(*craft, receipt.Keys)
		want string
	}{
		"all of the victim's, the own signature": {func(c *craft, v receipt.Keys) {
			token := v.Token.Hash()
			c.manifest.Mailbox, c.manifest.TokenHash = v.Mailbox().String(), hex.EncodeToString(token[:])
			c.manifest.Author, c.manifest.ReplyRecipient = hex.EncodeToString(v.AuthorPublic()), v.Reply.Recipient().String()
		}, forged},
		"the victim's name, the own author": {func(c *craft, v receipt.Keys) {
			token := v.Token.Hash()
			c.manifest.Mailbox, c.manifest.TokenHash = v.Mailbox().String(), hex.EncodeToString(token[:])
			c.manifest.ReplyRecipient = v.Reply.Recipient().String()
		}, noItem},
		"the victim's name alone": {func(c *craft, v receipt.Keys) {
			c.manifest.Mailbox = v.Mailbox().String()
		}, noItem},
		"the victim's recipient": {func(c *craft, v receipt.Keys) {
			c.manifest.Mailbox, c.manifest.ReplyRecipient = v.Mailbox().String(), v.Reply.Recipient().String()
		}, noItem},
		"the victim's author, the own signature": {func(c *craft, v receipt.Keys) {
			author := v.AuthorPublic()
			c.manifest.Author = hex.EncodeToString(author)
			keyHash := receipt.KeyHash(author, c.keys.Reply.Recipient())
			c.manifest.Mailbox = receipt.MailboxOf(c.keys.Token.Hash(), keyHash).String()
		}, forged},
	} {
		t.Run(name, func(t *testing.T) {
			id, m := claim(test.edit)
			s.intoThread(t, victim, theirs, id, m, test.want)
		})
	}
}

// intoThread brings a victim's item to a colleague's desk, and then a hostile
// one beside an honest one.
func (s *drop) intoThread(
	t *testing.T, victim receipt.Code, theirs members, id receipt.ItemID, hostile members, want string,
) {
	t.Helper()
	served := *s
	served.t, served.batches = t, nil
	served.close(theirs)
	served.close(hostile, served.message(victim, 1, honest+" lagi"))
	d := served.sit(0)
	d.take(served.bundle(1, 1))
	r := d.take(served.bundle(2, 2))
	if len(r.Apart) != 1 || r.Apart[0].ID != id.String() || r.Apart[0].Reason != want || len(r.New) != 1 {
		t.Errorf("report is %+v, want apart: %q", r, want)
	}
	if len(d.Threads()) != 1 || !d.reads("0 "+honest, "1 "+honest+" lagi") {
		t.Errorf("the thread reads %q", d.texts())
	}
}

// TestReviewerRewritesAnItem: who knows E opens the payload, changes it, seals
// it again and brings it under a new id, or has the server put it in the
// victim's place.
func TestReviewerRewritesAnItem(t *testing.T) {
	s := newDrop(t, 2)
	victim, own := receipt.New(), receipt.New()
	theirs := s.message(victim, 0, honest)
	theirID, ownID := victim.ItemID(0), own.ItemID(0)
	s.burns[ownID] = own.Burn(0).Hash()
	rewrite := func(old, new string) members {
		return s.forge(theirs, theirID, func(_ string, b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(old), []byte(new))
		})
	}
	for name, m := range map[string]members{
		"the text":           rewrite("jujur", "ubah."),
		"the id":             rewrite(theirID.String(), ownID.String()),
		"the number":         rewrite(`"n": 0`, `"n": 7`),
		"nothing":            rewrite("", ""),
		"not even sealed it": theirs,
	} {
		t.Run(name, func(t *testing.T) {
			want := forged
			if name == "not even sealed it" {
				want = "its payload is a copy of item " + theirID.String()
			}
			s.intoThread(t, victim, theirs, ownID, swap(m, theirID.String(), ownID.String()), want)
		})
	}
	s.setsApart(t, theirID, rewrite("jujur", "ubah."), forged)
}

// TestReviewerTakesAnotherAuthorsSignature: author.sig of one item under
// another.
func TestReviewerTakesAnotherAuthorsSignature(t *testing.T) {
	s := newDrop(t, 1)
	victim := receipt.New()
	c := s.craft(victim, 0, item.Message)
	c.keys.Author = receipt.New().Keys().Author
	s.setsApart(t, c.id, c.item(regular("message.txt", marker)), forged)
}

// TestReviewerPlantsAVictimsSlot: a colleague cannot open the first reviewer's
// slot, sends it as a file that seems sealed beforehand, and asks what is in it.
// The desk tries the direct identity alone, and never the one that opens slots.
func TestReviewerPlantsAVictimsSlot(t *testing.T) {
	s := newDrop(t, 2)
	victim := receipt.New()
	theirs := s.message(victim, 0, honest)
	slot := theirs[s.path(batch.Slot, victim.ItemID(0), 0)]
	for name, content := range map[string]string{
		"as it is": string(slot), "with armor": armored(slot),
		"inside a file to the desk": string(sealed(t, string(slot), s.Reviewers[0].Direct)),
	} {
		t.Run(name, func(t *testing.T) {
			own := receipt.New()
			served := *s
			served.t, served.batches = t, nil
			served.close(theirs, served.seal(own, 0, file(content, "surat.age")))
			d := served.sit(0)
			d.take(served.bundle(1, 1))
			_, i, err := d.Find(own.ItemID(0).String())
			if err != nil {
				t.Fatal(err)
			}
			for path, got := range d.extract([]*Item{i}) {
				if strings.Contains(got, "AGE-SECRET-KEY") {
					t.Errorf("%s holds the key of the victim's item", path)
				}
				if strings.HasSuffix(path, ".opened") && got != string(slot) {
					t.Errorf("%s holds %.40q", path, got)
				}
			}
			if got := i.Attachments[0].Sealed; name != "inside a file to the desk" && got != SealedToOther {
				t.Errorf("shown as %q", got)
			}
			if !slices.Contains(d.texts(), "0 "+honest) {
				t.Errorf("the desk reads %q", d.texts())
			}
		})
	}
}

// TestReviewerPlantsAVictimsSealedFile: a file that a victim sealed to the first
// reviewer alone comes once more, in the thread of a colleague who waits for an
// answer that tells what is in it. The desk says that it is a copy.
func TestReviewerPlantsAVictimsSealedFile(t *testing.T) {
	s := newDrop(t, 2)
	victim, own := receipt.New(), receipt.New()
	content := string(sealed(t, marker+" daftar hadir", s.Reviewers[0].Direct))
	s.close(s.seal(victim, 1, file(content, "a.age")))
	s.close(s.seal(own, 1, file(content, "b.age")))
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1)); len(r.Copies) > 0 || len(d.Copied()) > 0 {
		t.Errorf("the victim's: %q", r.Copies)
	}
	r := d.take(s.bundle(2, 2))
	want := Copy{own.ItemID(1).String(), victim.ItemID(1).String()}
	if len(r.New) != 1 || !slices.Equal(r.Copies, []Copy{want}) {
		t.Errorf("report is %+v, want %q", r, want)
	}
}

// TestACopyIsKnownInOtherBytes: whoever plants it puts armor around it, ends its lines
// in another way, takes armor off, or cuts it off behind what opens. It opens to the
// same, and is named and marked as the same; also when the first one's case was closed.
func TestACopyIsKnownInOtherBytes(t *testing.T) {
	s := newDrop(t, 1)
	content := string(sealed(t, strings.Repeat(marker, 20_000), s.Reviewers[0].Direct))
	armor := armored([]byte(content))
	for name, test := range map[string]struct{ first, copied string }{
		"armored":        {content, armor},
		"without armor":  {armor, content},
		"lines of CR LF": {armor, strings.ReplaceAll(armor, "\n", "\r\n")},
		"a part of it":   {content, content[:100_000]},
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t, s.batches = t, nil
			victim, own := receipt.New(), receipt.New()
			s.close(s.seal(victim, 1, file(test.first, "a.age")))
			s.close(s.seal(own, 1, file(test.copied, "b.age")))
			d := s.sit(0)
			d.take(s.bundle(1, 1))
			want := Copy{own.ItemID(1).String(), victim.ItemID(1).String()}
			if r := d.take(s.bundle(2, 2)); !slices.Equal(r.Copies, []Copy{want}) || len(d.Copied()) != 2 {
				t.Errorf("copies are %q, marked are %v, want %q", r.Copies, d.Copied(), want)
			}
			if err := d.CloseCase(d.Threads()[0]); err != nil {
				t.Fatal(err)
			}
			d.reopen()
			d.marks(d.Threads()[1].Items[0], want.Of)
		})
	}
}

// TestACopyIsMarkedAsLongAsItIsThere: the import says it once, perhaps to nobody. What
// lists, shows and extracts the two threads says it again, also when the first of
// them was closed; an index that knew nothing of this has all that it takes.
func TestACopyIsMarkedAsLongAsItIsThere(t *testing.T) {
	s := newDrop(t, 1)
	victim, own, third := receipt.New(), receipt.New(), receipt.New()
	content := string(sealed(t, marker, s.Reviewers[0].Direct))
	s.close(s.seal(victim, 1, file(content, "a.age")), s.seal(third, 1, file("dua kali", "c.jpg")))
	s.close(s.seal(own, 1, file(content, "b.age")), s.seal(own, 2, file("dua kali", "c.jpg")),
		s.seal(own, 3, file(content, "b.age")))
	d := s.sit(0)
	d.take(s.bundle(1, 2))
	d.reopen()
	first, second := victim.ItemID(1).String(), own.ItemID(1).String()
	threads := map[string]*Thread{}
	for _, th := range d.Threads() {
		threads[th.Items[0].ID] = th
	}
	if got := d.Copied(); len(got) != 2 || !got[threads[first].Mailbox] || !got[threads[second].Mailbox] {
		t.Errorf("marked are %v", got)
	}
	d.marks(threads[first].Items[0], second)
	d.marks(threads[second].Items[0], first)
	d.marks(threads[second].Items[1], "")
	d.marks(threads[second].Items[2], first)
	if err := d.CloseCase(threads[first]); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	d.marks(d.index.thread(threads[second].Mailbox).Items[0], first)
	if got := d.Copied(); len(got) != 1 {
		t.Errorf("after closing one, marked are %v", got)
	}
}

// marks holds that an item, shown and extracted, is said to have the sealed file of
// another one, or of none.
func (d *table) marks(i *Item, other string) {
	d.t.Helper()
	pages, err := d.Read(context.Background(), i.thread)
	if err != nil {
		d.t.Fatal(err)
	}
	extracted, err := d.Extract(context.Background(), i.thread.Items, filepath.Join(d.t.TempDir(), "out"))
	if err != nil {
		d.t.Fatal(err)
	}
	at := slices.Index(i.thread.Items, i)
	path := i.Attachments[0].Path
	if pages[at].Copies[path] != other || extracted[at].Copies[path] != other {
		d.t.Errorf("shown as a copy of %q, extracted as one of %q: want %q", pages[at].Copies, extracted[at].Copies, other)
	}
}

// TestACopyIsNotHiddenBehindOtherWarnings: the sender of a copy chooses ids, and can
// cause warnings of another kind. Those of one kind do not hide another's.
func TestACopyIsNotHiddenBehindOtherWarnings(t *testing.T) {
	s := newDrop(t, 2)
	victim, last := receipt.New(), receipt.New()
	content := string(sealed(t, marker, s.Reviewers[0].Direct))
	s.close(s.seal(victim, 1, file(content, "a.age")))
	for last.ItemID(1)[0] < 0xc0 {
		last = receipt.New()
	}
	items := []members{s.seal(last, 1, file(content, "b.age"))}
	for range 3 {
		c := receipt.New()
		for c.ItemID(0)[0] >= 0xc0 {
			c = receipt.New()
		}
		items = append(items, s.message(c, 0, honest))
		s.burns[c.ItemID(0)] = roster.Hash{1}
	}
	s.close(items...)
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	stray := batch.Path{Kind: batch.RecipientsFile, File: hash([]byte("x"))}.String()
	r := d.take(s.bundle(2, 2).with(members{stray: []byte("x")}))
	if len(r.Copies) != 1 {
		t.Errorf("copies are %v", r.Copies)
	}
	kinds := r.WarningsByKind()
	if len(kinds) != 2 || len(kinds[0]) != 1 || len(kinds[1]) != 3 {
		t.Errorf("the warnings, by kind: %q", kinds)
	}
}

// TestTwoReviewersWithOneSigningKey: one of them could answer in the name of
// both. The roots' tool makes no such roster; a desk refuses one that roots have
// signed.
func TestTwoReviewersWithOneSigningKey(t *testing.T) {
	s := newDrop(t, 2)
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	first, second := s.Reviewers[0].Line, s.Reviewers[1].Line
	named := rename(t, first.Key, second.ID)
	next := s.Draft(day)
	next.Cards[1].Line.Key = named
	if r, _, err := next.Roster(); err == nil {
		t.Errorf("the roots' tool made roster %d", r.Sequence)
	}
	honestNext := s.Draft(day)
	r, _, err := honestNext.Roster()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(r.Text(), second.Key.String(), named.String(), 1)
	s.rosters["rosters/2.note"] = signNote(t, r.Text(), s.Roots...)
	s.close(s.message(receipt.New(), 0, marker))
	d.refuse(s.bundle(2, 2).with(members{"rosters/2.note": signNote(t, text, s.Roots...)}), ErrRoster)
	if !d.reads("0 " + honest) {
		t.Errorf("the desk reads %q", d.texts())
	}
	// With a key for each it is a roster like any other.
	d.take(s.bundle(2, 2))
}

// rename gives a public key another name.
func rename(t *testing.T, key sign.Key, name string) sign.Key {
	t.Helper()
	raw := append([]byte{1}, key.Public()...)
	id := sum(append([]byte(name+"\n"), raw...))
	named, err := sign.ParseKey(fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return named
}
