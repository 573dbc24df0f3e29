package strictjson

import (
	"strings"
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

// TestDepth: a value stands in 32 objects and arrays at most, as protocol.md says. An
// empty one is a value as any other.
func TestDepth(t *testing.T) {
	for depth, ok := range map[int]bool{1: true, 31: true, 32: true, 33: false, 1500: false, 20_000: false} {
		for _, around := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			for _, value := range []string{"1", `"a"`, "true", "[]", "{}"} {
				text := strings.Repeat(around[0], depth) + value + strings.Repeat(around[1], depth)
				var v any
				if err := Unmarshal([]byte(text), &v); (err == nil) != ok {
					t.Errorf("%s in %d of %s: %v", value, depth, around[0], err)
				}
			}
		}
	}
}
