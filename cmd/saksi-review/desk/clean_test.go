package desk

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Kepala Dinas, “wajib hadir” – é 中 🙂": "Kepala Dinas, “wajib hadir” – é 中 🙂",
		"\x1b[2Jkosong":                   "<U+001B>[2Jkosong",
		"\x1b]0;judul\a":                  "<U+001B>]0;judul<U+0007>",
		"\u009b31m":                       "<U+009B>31m",
		"foto\u202egpj.exe":               "foto<U+202E>gpj.exe",
		"\u2066a\u2069\u200f\u200b\ufeff": "<U+2066>a<U+2069><U+200F><U+200B><U+FEFF>",
		"\U000e0041":                      "<U+E0041>",
		"baris\u2028baru\nlagi\r\b":       "baris<U+2028>baru<U+000A>lagi<U+000D><U+0008>",
		"a\xff\x9bb":                      "a<0xFF><0x9B>b",
		"a\u00a0b\u3000c":                 "a b c",
		"\u3164\uffa0\u115f\u1160\u2800":  "<U+3164><U+FFA0><U+115F><U+1160><U+2800>",
		"k\u034f\u17b4":                   "k<U+034F><U+17B4>",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	lines := CleanLines("satu\r\ndua\n\n\ttiga\rempat\n\n")
	if got, want := strings.Join(lines, "/"), "satu/dua//    tiga<U+000D>empat"; got != want {
		t.Errorf("lines are %q, want %q", got, want)
	}
}

// TestWrap breaks between words, and within a word that is too long. What is not
// ASCII may take two columns, and counts as two.
func TestWrap(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "satu dua": "satu|dua", "sambungan": "sambun|gan", "a  b": "a  b",
		"ab cdefg": "ab|cdefg", "ééé é": "ééé|é", "中中中中 a": "中中中|中 a", "aa中中中": "aa中中|中",
		"a\u0301\u0302\u0303\u0304": "a\u0301\u0302|\u0303\u0304", "中": "中",
	} {
		if got := strings.Join(Wrap(s, 6), "|"); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	if got := Wrap("中 中", 1); strings.Join(got, "|") != "中|中" {
		t.Errorf("narrower than a letter: %q", got)
	}
}
