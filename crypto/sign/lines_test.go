package sign

import (
	"slices"
	"strings"
	"testing"
)

func generatedFor(t *testing.T, name string) Signer {
	t.Helper()
	s, err := Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lineOf signs a text and returns the signature line.
func lineOf(t *testing.T, text string, s Signer) string {
	t.Helper()
	msg, err := Note(text, s)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, err := Split(msg)
	if err != nil {
		t.Fatal(err)
	}
	return lines[0]
}

// TestOnlySignaturesOfTheseKeysOverThisTextAreSorted: a stranger, one who has a key's
// name, a signature over another text and a second one of the same key are the rest.
func TestOnlySignaturesOfTheseKeysOverThisTextAreSorted(t *testing.T) {
	const text = "saksi/v1/uji\nisi\n"
	lbh, aji, icw := generatedFor(t, "lbh"), generatedFor(t, "aji"), generatedFor(t, "icw")
	strange, false1 := lineOf(t, text, generatedFor(t, "lain")), lineOf(t, text, generatedFor(t, "icw"))
	other := lineOf(t, strings.ToUpper(text), icw)
	a, l := lineOf(t, text, aji), lineOf(t, text, lbh)
	by, valid, rest := Sort(text, []string{strange, a, other, l, a, false1}, lbh.Key(), aji.Key(), icw.Key())
	if !slices.Equal(valid, []string{l, a}) || len(by) != 2 || by[0].Name() != "lbh" || by[1].Name() != "aji" {
		t.Errorf("valid %q", valid)
	}
	if !slices.Equal(rest, []string{strange, other, false1}) {
		t.Errorf("rest %q", rest)
	}
}
