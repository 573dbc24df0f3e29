package reporter_test

import (
	"strings"
	"testing"

	"saksi/crypto/receipt"
)

// TestMistypedWordsComeBack: where nothing was ever sent with some words, or others may
// have been meant, they come back as they were typed, in the language that was chosen
// meanwhile, and can be mended.
func TestMistypedWordsComeBack(t *testing.T) {
	w := newScripted(t, "id")
	words := receipt.Code{7}.Words()
	w.must(w.page.Open(w.line.url + "/open"))
	w.must(w.page.Evaluate(other, nil))
	w.ready("open")
	right := strings.Join(words, "  ")
	w.types(right)
	w.until(".notice", "Tidak ada kiriman dengan kata-kata ini")
	w.shoot("nothing")
	w.otherLanguage("en")
	w.until(".notice button[data-do=words]", "Correct the words")
	w.hit("[data-do=words]")
	w.comesBack(right)
	w.otherLanguage("id")
	w.comesBack(right)
	w.shoot("words-again")
	words[0] += "x"
	w.types(strings.Join(words, " "))
	w.until("mark", strings.TrimSuffix(words[0], "x"))
	w.hit("[data-do=words]")
	w.comesBack(strings.Join(words, " "))
	w.types("bayam layar")
	w.until(".problem", "2")
	if n := w.line.count("POST /open"); n > 0 {
		t.Errorf("the words were sent %d times", n)
	}
}

func (w *scripted) types(words string) {
	w.t.Helper()
	w.must(w.page.Fill("#words", words))
	w.hit("main form button")
}

func (w *scripted) otherLanguage(lang string) {
	w.t.Helper()
	w.hit("header a[hreflang]")
	w.lang = lang
	w.must(w.page.Until(`document.documentElement.lang === "` + lang + `"`))
}

// comesBack holds the form to what was typed. It is the script's, in the page as it was
// loaded once.
func (w *scripted) comesBack(want string) {
	w.t.Helper()
	w.until("h1", w.say("Buka percakapan", "Open your conversation"))
	w.ready("open")
	var got string
	w.must(w.page.Evaluate(`document.querySelector("#words").value`, &got))
	var stayed bool
	w.must(w.page.Evaluate("window.other === true", &stayed))
	if got != want || !stayed {
		w.t.Errorf("the words are %q, want %q; the page stayed: %v", got, want, stayed)
	}
}
