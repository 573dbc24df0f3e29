package letter

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/roster"
	"saksi/web/taxonomy"
)

// FuzzTrust: whatever is done to a roster and its recipients on the way, what is sealed goes
// to those whom the roots named, or nothing is sealed.
func FuzzTrust(f *testing.F) {
	now := time.Now()
	p := partytest.New(f, now, 2)
	note, text := p.Roster.Note, p.Recipients[0].Text()
	f.Add(uint16(0), uint16(0), []byte(nil), uint16(0), uint16(0), "")
	f.Add(uint16(20), uint16(1), []byte("x"), uint16(0), uint16(0), "")
	f.Add(uint16(0), uint16(0), []byte(nil), uint16(30), uint16(0), "x")
	f.Add(uint16(0), uint16(0), []byte(nil), uint16(len(text)), uint16(0), "\n")
	f.Add(uint16(len(note)), uint16(0), []byte("— akar AAAAAAA=\n"), uint16(0), uint16(0), "")
	f.Add(uint16(0), uint16(len(note)), []byte("\n\n\n"), uint16(0), uint16(len(text)), "")
	known := []error{ErrFingerprint, ErrRoster, roster.ErrNoRecipients}
	want, err := Trust(note, text, fits(p), now)
	check(f, err)
	same := func(a, b *hybrid.Recipient) bool { return a.String() == b.String() }
	bound := fuzztest.Bound{Base: 128 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte, at2, cut2 uint16, with2 string) {
		edited := fuzztest.Edit(note, at, cut, with)
		keys := string(fuzztest.Edit([]byte(text), at2, cut2, []byte(with2)))
		for _, anchor := range []Anchor{fits(p), {Roots: &p.Trusted}} {
			var circle *roster.Circle
			var err error
			bound.Check(t, len(edited)+len(keys), func() { circle, err = Trust(edited, keys, anchor, now) })
			if err != nil {
				fuzztest.Refused(t, err, known...)
			} else if keys != text || circle.Hash != want.Hash || !slices.EqualFunc(circle.Keys, want.Keys, same) {
				t.Errorf("%q, with keys of %d bytes, is trusted", edited, len(keys))
			}
		}
		if _, err := Trust(edited, keys, Anchor{}, now); err == nil {
			t.Error("a roster is trusted without an anchor")
		}
	})
}

// FuzzParseAnswers: what is taken answers the questions, and is taken again as it is; what
// is not is told in few words, however much it was.
func FuzzParseAnswers(f *testing.F) {
	q := taxonomy.Current()
	f.Add([]byte(`{"tempat": "73.02", "waktu": "2026-10", "tindakan": ["hadir"], "tekanan": ["lisan"], "pelaku": ["camat"],
		"cara_tahu": "mengalami", "jumlah_tahu": "banyak", "izin": "informasi"}`))
	f.Add([]byte(`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1}`))
	f.Add([]byte(`{"tempat": ["73.02", "73.03"], "waktu": null, "uraian": "x"}`))
	f.Add([]byte("[[[["))
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 256}
	f.Fuzz(func(t *testing.T, text []byte) {
		answers, ok := fuzztest.Parse(t, bound, text, func(text []byte) (taxonomy.Answers, error) {
			answers, err := ParseAnswers(text, q)
			if err != nil && (!errors.Is(err, ErrAnswers) || len(err.Error()) > 8<<10) {
				t.Errorf("it is told in %d bytes: %.200q", len(err.Error()), err)
			}
			return answers, err
		})
		if !ok {
			return
		}
		again, err := json.Marshal(answers)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := ParseAnswers(again, q); err != nil || !reflect.DeepEqual(same, answers) {
			t.Errorf("%q becomes %q, and that %q, %v", text, answers, same, err)
		}
	})
}
