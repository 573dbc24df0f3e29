package strictjson

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestNames(t *testing.T) {
	for text, ok := range map[string]bool{
		`{}`: true, `{"a":1,"b":{"a":2}}`: true, `[{"a":1},{"a":2}]`: true, `{"a":["A","A",{"b":"B"}]}`: true,
		`{"a/b.c_d-1":0}`: true, `{"a":"\ud83d\ude00"}`: true, `"A"`: true, `{"a":{"b":{}},"c":"X"}`: true,
		`{"a":1,"a":2}`: false, `{"a":1,"A":2}`: false, `{"A":1}`: false, `{"a":{"b":1,"b":2}}`: false,
		`{"a":[],"a":[]}`: false, `{"a":{},"a":{}}`: false, "{\"\u017f\":1}": false, `{"\u0061":1,"a":2}`: false,
		`{"a":null}`: false, `[null]`: false, `{"a":-1}`: false, `{"a":-0}`: false, `{"a":"\ud800"}`: false,
		"{\"a\":\"\xff\"}": false, `{"a":1}{}`: false, `{"a":1} x`: false, ``: false, `{`: false, `}`: false, `[}`: false,
	} {
		var v any
		if err := Unmarshal([]byte(text), &v); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzUnmarshal: what is read, written and read again is the same value.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}]}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, again any
		if Unmarshal(data, &v) != nil {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal(b, &again); err != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("the value does not come back: %v", err)
		}
	})
}
