package server_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/server/servertest"
	"saksi/server/store"
)

// elsewhere puts the reviewers of a draft into regions and organisations.
func elsewhere(regions ...string) func(*reviewer.Draft) {
	return func(d *reviewer.Draft) {
		for i, region := range regions {
			d.Cards[i].Line.Region = region
			d.Cards[i].Line.Organisation = map[bool]string{true: "LBH Jauh", false: "LBH <Dekat>"}[region == "00"]
		}
	}
}

// readsIt says which reviewers can read an item alone.
func readsIt(t *testing.T, d *servertest.Drop, code receipt.Code, n int) string {
	t.Helper()
	slots, err := d.Inbox.Store.Slots(code.ItemID(n))
	if err != nil {
		t.Fatal(err)
	}
	var readers strings.Builder
	for r, slot := range slots {
		_, err := item.OpenSlot(slot, d.Reviewers[r].SlotIdentities()...)
		switch {
		case err == nil:
			readers.WriteString("y")
		case errors.Is(err, item.ErrNotForUs):
			readers.WriteString("n")
		default:
			t.Fatal(err)
		}
	}
	return readers.String()
}

// TestReadersAreExcludedOneByOneAndTogether: by name, by region, by province and
// by organisation.
func TestReadersAreExcludedOneByOneAndTogether(t *testing.T) {
	d := servertest.New(t, servertest.Options{Reviewers: 5})
	d.Admit(elsewhere("73.71", "73.71", "73", "00", "00"))
	page := d.Get("/write")
	for _, box := range []string{
		`value="id:r1"`, `value="region:73.71"`, `value="region:73"`, `value="org:LBH &lt;Dekat&gt;"`, `value="org:LBH Jauh"`,
	} {
		expect(t, page, http.StatusOK, box)
	}
	for _, test := range []struct {
		skip []string
		want string
	}{
		{nil, "yyyyy"}, {[]string{"id:r1"}, "nyyyy"}, {[]string{"region:73.71"}, "nnyyy"},
		{[]string{"region:73"}, "nnnyy"}, {[]string{"org:LBH Jauh"}, "yyynn"},
		{[]string{"org:LBH <Dekat>", "id:r5"}, "nnnyn"}, {[]string{"id:r1", "id:r1", "region:73"}, "nnnyy"},
	} {
		code := d.Get("/write").Code(t)
		fields := []string{"code", code.Field(), "text", "rahasia"}
		fields = append(fields, "roster", d.Roster.Hash.String())
		for _, value := range test.skip {
			fields = append(fields, "skip", value)
		}
		expect(t, d.Post("/write", fields...), http.StatusOK, "Sudah kami terima")
		if got := readsIt(t, d, code, 0); got != test.want {
			t.Errorf("without %q: %s, want %s", test.skip, got, test.want)
		}
	}
}

// TestAChoiceThatCannotHoldSendsNothing: nobody is sent what its writer meant to
// keep from somebody.
func TestAChoiceThatCannotHoldSendsNothing(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	for name, test := range map[string]struct {
		skip []string
		want string
	}{
		"all":         {[]string{"id:r1", "id:r2", "id:r3"}, "Penelaah yang tersisa tidak cukup"},
		"a stranger":  {[]string{"id:r1", "id:r9"}, "Daftar penelaah berubah"},
		"no kind":     {[]string{"r1"}, "Daftar penelaah berubah"},
		"empty":       {[]string{""}, "Daftar penelaah berubah"},
		"everywhere":  {[]string{"region:"}, "Daftar penelaah berubah"},
		"half a name": {[]string{"org:Organisasi"}, "Daftar penelaah berubah"},
	} {
		code := d.Get("/write").Code(t)
		fields := []string{"code", code.Field(), "text", "rahasia", "n", "1", "roster", d.Roster.Hash.String()}
		for _, value := range test.skip {
			fields = append(fields, "skip", value)
		}
		p := d.Post("/write", fields...)
		expect(t, p, http.StatusUnprocessableEntity, test.want, "rahasia", code.Field())
		expect(t, d.Post("/message", fields...), http.StatusUnprocessableEntity, test.want, "rahasia")
		upload := append([]string{"code", code.Field(), "n", "2"}, fields[6:]...)
		expect(t, d.Upload("/file", "x.txt", []byte("x"), upload...), http.StatusUnprocessableEntity, test.want)
		for n := range 3 {
			if _, err := d.Inbox.Store.Slots(code.ItemID(n)); !errors.Is(err, store.ErrUnknown) {
				t.Errorf("%s: item %d is kept, %v", name, n, err)
			}
		}
		if len(test.skip) > 1 && !strings.Contains(p.Body, `value="id:r1" checked`) {
			t.Errorf("%s: what was chosen is lost", name)
		}
	}
}

// TestAQuorumIsAskedForAndSealed: the page says so, and no reviewer opens alone.
func TestAQuorumIsAskedForAndSealed(t *testing.T) {
	d := servertest.New(t, servertest.Options{Reviewers: 4})
	d.Admit(func(draft *reviewer.Draft) {
		elsewhere("73.71", "73", "00", "00")(draft)
		draft.Quorum = roster.Quorum{Needed: 2, Outside: 1}
	})
	expect(t, d.Get("/write"), http.StatusOK, "bila 2 penelaah membukanya bersama", "Paling sedikit 1 di antaranya")
	code := d.Get("/write").Code(t)
	p := d.Post("/write", "code", code.Field(), "text", "rahasia", "q.tempat", "73", "skip", "id:r4", "roster", d.Roster.Hash.String())
	expect(t, p, http.StatusOK, "Sudah kami terima", `<option value="73" selected>`)
	expect(t, d.Post("/message", "code", code.Field(), "n", "1", "text", "susulan", "province", "73"), http.StatusOK)
	for n, opens := range map[int]map[[2]int]bool{
		0: {{0, 1}: false, {0, 2}: true, {2, 1}: true, {0, 3}: false, {3, 2}: false},
		1: {{0, 1}: false, {0, 3}: true, {3, 2}: true},
	} {
		slots, err := d.Inbox.Store.Slots(code.ItemID(n))
		if err != nil {
			t.Fatal(err)
		}
		for pair, want := range opens {
			if e := joined(t, d.Party, slots, pair); (e == nil) != want {
				t.Errorf("item %d, reviewers %v: %v, want opening %v", n, pair, e, want)
			}
		}
	}
	p = d.Post("/write", "code", receipt.New().Field(), "text", "rahasia", "skip", "org:LBH Jauh", "roster", d.Roster.Hash.String())
	expect(t, p, http.StatusUnprocessableEntity, "Penelaah yang tersisa tidak cukup")
}

// joined opens with the first one's parts and what the second hands over.
func joined(t *testing.T, p *partytest.Party, slots [][]byte, pair [2]int) error {
	t.Helper()
	var parts [2]item.Parts
	for i, r := range pair {
		var err error
		if parts[i], err = item.OpenParts(p.Roster.Quorum, slots[r], r, p.Reviewers[r].SlotIdentities()...); err != nil {
			t.Fatal(err)
		}
	}
	_, err := item.Join(p.Roster.Quorum, parts[0], []item.Handed{parts[1].Handed}, nil)
	if err != nil && !errors.Is(err, item.ErrNotYet) {
		t.Fatal(err)
	}
	return err
}

// TestARefusedTextKeepsItsReadersWhenSentAgain: the page that hands a text back
// has the choice in it.
func TestARefusedTextKeepsItsReadersWhenSentAgain(t *testing.T) {
	var years atomic.Int64
	d := servertest.New(t, servertest.Options{Now: func() time.Time { return time.Now().AddDate(int(years.Load()), 0, 0) }})
	code := d.Get("/write").Code(t)
	fields := []string{"code", code.Field(), "n", "1", "text", "rahasia", "skip", "id:r2", "roster", d.Roster.Hash.String()}
	years.Store(1) // no roster is in force
	for _, path := range []string{"/write", "/message"} {
		p := d.Post(path, fields...)
		expect(t, p, http.StatusServiceUnavailable, `<input type="hidden" name="skip" value="id:r2">`)
	}
}

// TestAChoiceOfReadersDoesNotShowInWhatIsStored: two reporters, one of whom
// excludes somebody, leave records of one size and shape.
func TestAChoiceOfReadersDoesNotShowInWhatIsStored(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	var shapes []string
	for _, skip := range []string{"", "id:r2"} {
		code := d.Get("/write").Code(t)
		fields := []string{"code", code.Field(), "text", "rahasia"}
		if skip != "" {
			fields = append(fields, "skip", skip, "roster", d.Roster.Hash.String())
		}
		expect(t, d.Post("/write", fields...), http.StatusOK)
		slots, err := d.Inbox.Store.Slots(code.ItemID(0))
		if err != nil {
			t.Fatal(err)
		}
		var shape strings.Builder
		for _, slot := range slots {
			// The header of an age file names nobody: all up to the stanza's body.
			first, _, _ := bytes.Cut(slot, []byte("\n-> "))
			shape.WriteString(string(first) + " " + strings.Repeat("x", len(slot)))
		}
		shapes = append(shapes, shape.String())
	}
	if shapes[0] != shapes[1] {
		t.Error("an exclusion shows in the shape of the slots")
	}
}

// TestAnotherRosterAsksAgain: who is new is not sent what nobody could choose to
// keep from them, whatever was ticked; also in the language switch.
func TestAnotherRosterAsksAgain(t *testing.T) {
	d := servertest.New(t, servertest.Options{Reviewers: 3})
	page := d.Get("/write")
	code, before := page.Code(t), d.Roster.Hash.String()
	expect(t, page, http.StatusOK, `name="roster" value="`+before+`"`)
	d.Admit(elsewhere("73.71", "00", "00"))
	for _, skip := range [][]string{nil, {"skip", "id:r1"}, {"skip", "region:73"}} {
		fields := append([]string{"code", code.Field(), "text", "rahasia", "n", "1", "roster", before}, skip...)
		expect(t, d.Post("/write", fields...), http.StatusUnprocessableEntity, "Daftar penelaah berubah", "rahasia")
		expect(t, d.Post("/message", fields...), http.StatusUnprocessableEntity, "Daftar penelaah berubah", "rahasia")
		expect(t, d.Post("/write", append(fields, "switch", "1")...), http.StatusOK, "Daftar penelaah berubah", "rahasia")
	}
	if _, err := d.Inbox.Store.Slots(code.ItemID(0)); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("it is kept, %v", err)
	}
}

// TestARepeatedSendingSaysWhoseChoiceHolds: the first one's, and nobody is named who
// can open it.
func TestARepeatedSendingSaysWhoseChoiceHolds(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	fields := []string{"code", d.Get("/write").Code(t).Field(), "text", "rahasia", "roster", d.Roster.Hash.String()}
	expect(t, d.Post("/write", fields...), http.StatusOK)
	again := d.Post("/write", append(fields, "skip", "id:r2")...)
	expect(t, again, http.StatusOK, "pilihan pembaca dari kiriman yang pertama")
	if strings.Contains(again.Body, "Tidak dapat dibuka oleh") {
		t.Error("it names who cannot open it, and he can")
	}
}
