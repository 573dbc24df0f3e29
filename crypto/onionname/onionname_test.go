package onionname

import (
	"errors"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// vectors are the examples of rend-spec-v3 itself.
func vectors() []string {
	return []string{
		"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
		"sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd.onion",
		"xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd.onion",
	}
}

func TestNamesOfTheSpecification(t *testing.T) {
	for _, text := range vectors() {
		name, err := Parse(text)
		if err != nil || name.String() != text || name.IsZero() {
			t.Errorf("%s: %v", text, err)
		}
		if got := strings.Join(name.Groups(), ""); got != text || len(name.Groups()) != 14 {
			t.Errorf("%d groups: %q", len(name.Groups()), got)
		}
	}
}

// TestNewNamesAreRead: what New makes of a key, Parse takes.
func TestNewNamesAreRead(t *testing.T) {
	for i := range byte(50) {
		name := New([32]byte{i, 31: i * 3})
		if again, err := Parse(name.String()); err != nil || again != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSlipsAreCaught: whichever single character of this name is typed wrong, it
// is refused. By the checksum alone one wrong name in 65,536 would pass.
func TestSlipsAreCaught(t *testing.T) {
	good := vectors()[0]
	passed := 0
	for at := range letters {
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
			if other := good[:at] + string(c) + good[at+1:]; other != good {
				if _, err := Parse(other); err == nil {
					passed++
				} else if !errors.Is(err, ErrName) {
					t.Errorf("an error that is not documented: %v", err)
				}
			}
		}
	}
	if passed > 0 {
		t.Errorf("%d names with a slip were taken", passed)
	}
}

func TestOtherSpellingsAreRefused(t *testing.T) {
	good := vectors()[0]
	label := strings.TrimSuffix(good, Suffix)
	old := "expyuzz4wqqyqhjn.onion" // version 2
	four := New([32]byte{1}).String()
	four = four[:letters-1] + "e" + Suffix // version 4
	for _, text := range []string{
		"", Suffix, label, good + ".", good + "\n", " " + good, "www." + good, strings.ToUpper(good), label + ".ONION", "P" + good[1:],
		label[:55] + "\n" + Suffix, label[:55] + "1" + Suffix, label[:55] + "=" + Suffix, label + "a" + Suffix, old, four,
		"http://" + good, strings.Repeat("a", letters) + Suffix,
	} {
		if name, err := Parse(text); !errors.Is(err, ErrName) || !name.IsZero() {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestThePostersAddress: section 17 of docs/protocol.md.
func TestThePostersAddress(t *testing.T) {
	name, err := Parse(vectors()[0])
	if err != nil {
		t.Fatal(err)
	}
	want := "http://" + vectors()[0] + "/#k7qa-2mfe-x4d4-tt6p-b3rw"
	if got := name.Entry([]string{"k7qa", "2mfe", "x4d4", "tt6p", "b3rw"}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if (Name{}).Groups() != nil || (Name{}).String() != "" {
		t.Error("no name has groups")
	}
}

// FuzzParse: a name has one spelling, and belongs to one key.
func FuzzParse(f *testing.F) {
	for _, text := range vectors() {
		f.Add(text)
	}
	f.Add(strings.ToUpper(vectors()[0]))
	f.Add(strings.Repeat("a", 100) + Suffix)
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, bound, text, Parse, Name.String, ErrName)
	})
}
