package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// FuzzUnmarshal: a value that was read, written again, is read as the same; and
// nothing that was in it got lost.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}]}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(strings.Repeat(`{"":`, maxDepth-4) + "[[[[true]]]]" + strings.Repeat("}", maxDepth-4)))
	f.Add([]byte(strings.Repeat(`{"":`, 500) + "[[[[true]]]]" + strings.Repeat("}", 500)))
	f.Add([]byte(`["\ud800","\udc00\ud800","\\ud800","\ud800\n"]`))
	f.Add([]byte(`["\ud83d\ude42","\u0000",1e9,0.5]`))
	// Most of it is an object in an object, five bytes each: two maps.
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 192}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, ok := fuzztest.Parse(t, bound, data, unmarshal, errForm, errName, errValue, errDepth)
		if !ok {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		written := bytes.Contains(data, []byte("\ufffd")) || bytes.Contains(bytes.ToLower(data), []byte(`\ufffd`))
		if bytes.Contains(b, []byte("\ufffd")) && !written {
			t.Errorf("%q was read as %q: a character that is not in it", data, b)
		}
		if names := namesIn(t, v); names != colonsIn(data) {
			t.Errorf("%q has %d names, and was read as %q", data, colonsIn(data), b)
		}
		if again, err := unmarshal(b); err != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("the value does not come back: %v", err)
		}
	})
}

// namesIn counts the names in a value, which are all plain.
func namesIn(t *testing.T, v any) (n int) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			n += namesIn(t, inner)
		}
	case map[string]any:
		for name, inner := range v {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_./-") != "" {
				t.Errorf("the name %q was taken", name)
			}
			n += 1 + namesIn(t, inner)
		}
	}
	return n
}

// colonsIn counts the names in JSON: a colon stands behind each, and elsewhere
// in strings alone.
func colonsIn(data []byte) int {
	quoted := regexp.MustCompile(`"(\\.|[^"\\])*"`)
	return bytes.Count(quoted.ReplaceAll(data, nil), []byte(":"))
}

func unmarshal(data []byte) (v any, err error) {
	err = Unmarshal(data, &v)
	return v, err
}
