package desk

import (
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

type draft = reviewer.Draft

func TestForeignBatchesAreRefused(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	s.close()
	d := s.sit(0)
	right := s.Server
	s.Server = generate(t, "uji.saksi")
	d.refuse(s.bundle(1, 2), ErrUntrusted)
	s.Server = right
	earlier, other := "batches/1/BATCH.note", s.batches[1].note
	other.Origin, other.Sequence = "lain.saksi", 3
	for name, test := range map[string]struct {
		bundle members
		want   error
	}{
		"another origin":       {s.bundle(1, 1).with(members{"BATCH.note": signed(t, other, right)}), ErrUntrusted},
		"another list":         {s.bundle(1, 1).with(members{"SHA256SUMS": nil}), batch.ErrBundle},
		"no list":              {s.bundle(1, 1).without("SHA256SUMS"), batch.ErrBundle},
		"no top":               {s.bundle(1, 2).without("BATCH.note").with(members{earlier: s.bundle(1, 2)[earlier]}), batch.ErrBundle},
		"under another number": {swap(s.bundle(1, 2), "batches/1/", "batches/7/"), batch.ErrBundle},
		"the same twice":       {s.bundle(1, 1).with(swap(s.bundle(1, 2), "batches/1/", "batches/2/")), batch.ErrBundle},
		"no roster":            {s.bundle(1, 1).without(".note").with(members{"BATCH.note": s.bundle(1, 1)["BATCH.note"]}), batch.ErrBundle},
	} {
		t.Run(name, func(t *testing.T) { d.refuse(test.bundle, test.want) })
	}
}

// TestServerChangesItsKey: batches signed by the server key of an older roster
// are still good.
func TestServerChangesItsKey(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	m := s.bundle(1, 1)
	s.Server = generate(t, "uji.saksi")
	s.newRoster(func(d *draft) {})
	d := s.sit(0)
	if r := d.take(s.rosters.with(m)); r.Began != 1 {
		t.Errorf("signed by the old key: %+v", r)
	}
	s.close()
	if r := d.take(s.bundle(2, 2)); !r.Whole() || !slices.Equal(r.Batches, []uint64{2}) {
		t.Errorf("signed by the new key: %+v", r)
	}
}

func TestRecipientsFilesMatchTheRoster(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	path := batch.Path{Kind: batch.RecipientsFile, File: s.Recipients[0].Hash()}.String()
	s.sit(0).refuse(s.bundle(1, 1).with(members{path: []byte("lain")}), batch.ErrBundle)
	other := partytest.New(t, day, 1).Recipients[0]
	stray := batch.Path{Kind: batch.RecipientsFile, File: other.Hash()}.String()
	d := s.sit(0)
	r := d.take(s.bundle(1, 1).with(members{stray: []byte(other.Text())}))
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "no roster names") || d.has("rosters", stray[8:]) {
		t.Errorf("a stray recipients file: %q", r.Warnings)
	}
}

func TestOversizeMembersAreRefused(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	stray := batch.Path{Kind: batch.RecipientsFile, File: roster.Hash{1}}.String()
	for path, size := range map[string]int{
		"BATCH.note": maxNote + 1, "rosters/1.note": maxNote + 1, stray: maxRecipients + 1,
		"gone/00000000000000000000000000000000": maxMark + 1, "SHA256SUMS": batch.MaxSums + 1,
	} {
		s.sit(0).refuse(s.bundle(1, 1).with(members{path: make([]byte, size)}), ErrOversize)
	}
}

func signed(t testing.TB, n batch.Note, key sign.Signer) []byte {
	t.Helper()
	msg, err := n.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// swap gives members another place.
func swap(m members, from, to string) members {
	swapped := members{}
	for path, content := range m {
		swapped[strings.Replace(path, from, to, 1)] = content
	}
	return swapped
}
