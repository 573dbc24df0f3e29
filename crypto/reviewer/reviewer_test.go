package reviewer

import (
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/week"
)

var first = week.Week{Year: 2026, Number: 52}

func generate(t testing.TB) *Keys {
	t.Helper()
	terms, err := Weekly(first, 2)
	if err != nil {
		t.Fatal(err)
	}
	k, err := Generate("r1", "73.71", "LBH Contoh", "Penelaah Satu", terms)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeyFileIsAnIdentityFile: stock age takes it with -i.
func TestKeyFileIsAnIdentityFile(t *testing.T) {
	k := generate(t)
	ids, err := hybrid.ReadIdentities(strings.NewReader(k.File()))
	if err != nil || len(ids) != 2 || ids[0].String() != k.Weeks().String() || ids[1].String() != k.Direct.String() {
		t.Errorf("%d identities, %v", len(ids), err)
	}
	ids, err = hybrid.ReadIdentities(strings.NewReader(k.WeeksFile()))
	if err != nil || len(ids) != 2 || ids[1].String() != k.SlotIdentities()[1].String() {
		t.Errorf("weeks file: %d identities, %v", len(ids), err)
	}
}

func TestKeyFileMustBeWhole(t *testing.T) {
	k, other := generate(t), generate(t)
	file := k.File()
	for name, changed := range map[string]string{
		"no card":           strings.Replace(file, cardComment, "# ", 1),
		"no signing key":    strings.Replace(file, signingComment, "# ", 1),
		"no use":            strings.Replace(file, weeksComment, "#", 1),
		"another's weeks":   strings.Replace(file, k.Weeks().String(), other.Weeks().String(), 1),
		"one for both":      strings.Replace(file, k.Direct.String(), k.Weeks().String(), 1),
		"cut":               file[:len(file)-90],
		"another's signing": strings.Replace(file, k.Signer.String(), other.Signer.String(), 1),
		"another's direct":  strings.Replace(file, k.Direct.String(), other.Direct.String(), 1),
		"three identities":  file + other.Direct.String() + "\n",
		"empty":             "",
	} {
		_, err := ParseFile(strings.NewReader(changed))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		for _, secret := range []string{k.Weeks().String(), k.Direct.String(), k.Signer.String()} {
			if strings.Contains(err.Error(), secret[20:40]) {
				t.Errorf("%s: the error repeats a secret", name)
			}
		}
	}
}

func TestDeskIdentityIsItsOwn(t *testing.T) {
	k := generate(t)
	desk, err := k.Desk()
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.Desk()
	if err != nil || again.String() != desk.String() {
		t.Errorf("the desk's identity changes: %v", err)
	}
	if desk.String() == k.Weeks().String() || desk.String() == k.Direct.String() {
		t.Error("the desk's identity has another use")
	}
}
