package letter

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/web/taxonomy"
)

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
