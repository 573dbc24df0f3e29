package strictjson

import (
	"testing"
)

func TestNames(t *testing.T) {
	for text, ok := range map[string]bool{
		`{}`: true, `{"a":1,"b":{"a":2}}`: true, `[{"a":1},{"a":2}]`: true, `{"a":["A","A",{"b":"B"}]}`: true,
		`{"a/b.c_d-1":0}`: true, `{"a":"\ud83d\ude00"}`: true, `"A"`: true, `{"a":{"b":{}},"c":"X"}`: true,
		`{"a":1,"a":2}`: false, `{"a":1,"A":2}`: false, `{"A":1}`: false, `{"a":{"b":1,"b":2}}`: false,
		`{"a":[],"a":[]}`: false, `{"a":{},"a":{}}`: false, "{\"\u017f\":1}": false, `{"\u0061":1,"a":2}`: false,
		`{"a":"\ufffd"}`: true, "{\"a\":\"\ufffd\"}": true, `{"a":"\\ud800"}`: true, `{"a":"\ud83d\\n"}`: false,
		`{"a":"\udc00"}`: false, `{"a":"\ud800\ud800"}`: false, `{"a":"\ud83d\udE00\uDE00"}`: false, `{"a":"\ud8"}`: false,
		`{"a":null}`: false, `[null]`: false, `{"a":-1}`: false, `{"a":-0}`: false, `{"a":"\ud800"}`: false,
		"{\"a\":\"\xff\"}": false, `{"a":1}{}`: false, `{"a":1} x`: false, ``: false, `{`: false, `}`: false, `[}`: false,
	} {
		var v any
		if err := Unmarshal([]byte(text), &v); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
