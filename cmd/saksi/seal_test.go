package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// secret FIELD VALUE tells the story what nobody may find: a text, or the words that
// a program showed.
func cmdSecret(ts *testscript.TestScript, neg bool, args []string) {
	storyOf(ts).secrets.field(args[0], args[1])
}

// photo FILE AUTHOR writes a picture that names somebody.
func cmdPhoto(ts *testscript.TestScript, neg bool, args []string) {
	var b bytes.Buffer
	ts.Check(png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))))
	chunk := "tEXtAuthor\x00" + args[1]
	named := binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-4))
	named = binary.BigEndian.AppendUint32(append(named, chunk...), crc32.ChecksumIEEE([]byte(chunk)))
	const head = 8 + 25 // signature and IHDR
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(append(b.Bytes()[:head:head], named...), b.Bytes()[head:]...), 0o600))
}

// TestSealSpeaksBothLanguages: each text is there in both, with the same places to
// fill in, and nothing is asked for that is not there.
func TestSealSpeaksBothLanguages(t *testing.T) {
	id, en := speaker("id"), speaker("en")
	if len(id) < 60 || len(id) != len(en) || speaker("fr") != nil {
		t.Fatalf("%d and %d texts", len(id), len(en))
	}
	for key, text := range id {
		if en[key] == "" || strings.Count(text, "%") != strings.Count(en[key], "%") {
			t.Errorf("%s: %q and %q", key, text, en[key])
		}
		if hint, ok := strings.CutPrefix(key, "hint."); ok && id["err."+hint] == "" {
			t.Errorf("%s is for no error", key)
		}
	}
	for _, file := range []string{"seal.go", "speech.go"} {
		code, err := os.ReadFile(file)
		must(t, err)
		for _, key := range keysIn(string(code)) {
			if id[key] == "" {
				t.Errorf("%s asks for %q, which is not there", file, key)
			}
		}
	}
}

var keyPattern = regexp.MustCompile(`"((?:err|hint|reveal)\.[a-z_]+)"|(?:tellTo|print|text)\("([a-z_]+)"`)

func keysIn(code string) (keys []string) {
	for _, m := range keyPattern.FindAllStringSubmatch(code, -1) {
		keys = append(keys, m[1]+m[2])
	}
	return keys
}
