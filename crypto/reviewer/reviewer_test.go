package reviewer

import (
	"strings"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

func generate(t testing.TB) *Keys {
	t.Helper()
	k, err := Generate("r1", "73.71", "LBH Contoh", "Penelaah Satu")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeyFileIsAnIdentityFile: stock age takes it with -i.
func TestKeyFileIsAnIdentityFile(t *testing.T) {
	k := generate(t)
	ids, err := hybrid.ReadIdentities(strings.NewReader(k.File()))
	if err != nil || len(ids) != 2 || ids[0].String() != k.Slots.String() || ids[1].String() != k.Direct.String() {
		t.Errorf("%d identities, %v", len(ids), err)
	}
}

func TestKeyFileMustBeWhole(t *testing.T) {
	k, other := generate(t), generate(t)
	file := k.File()
	for name, changed := range map[string]string{
		"no card":           strings.Replace(file, cardComment, "# ", 1),
		"no signing key":    strings.Replace(file, signingComment, "# ", 1),
		"no use":            strings.Replace(file, slotsComment, "#", 1),
		"cut":               file[:len(file)-90],
		"another's signing": strings.Replace(file, k.Signer.String(), other.Signer.String(), 1),
		"another's direct":  strings.Replace(file, k.Direct.String(), other.Direct.String(), 1),
		"three identities":  file + other.Slots.String() + "\n",
		"empty":             "",
	} {
		_, err := ParseFile(strings.NewReader(changed))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		for _, secret := range []string{k.Slots.String(), k.Direct.String(), k.Signer.String()} {
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
	if desk.String() == k.Slots.String() || desk.String() == k.Direct.String() {
		t.Error("the desk's identity has another use")
	}
}

func TestDraftSpansItsWeeks(t *testing.T) {
	root, err := sign.Generate("akar")
	if err != nil {
		t.Fatal(err)
	}
	d := Draft{
		Origin: "uji.saksi", Roots: []roster.RootSet{{Threshold: 1, Keys: []sign.Key{root.Key()}}},
		Cards: []Card{generate(t).Card()}, From: time.Date(2026, 12, 28, 23, 0, 0, 0, time.UTC),
	}
	server, err := sign.Generate("uji.saksi")
	if err != nil {
		t.Fatal(err)
	}
	d.Server = server.Key()
	r, recipients, err := d.Roster()
	if err != nil {
		t.Fatal(err)
	}
	if days := r.Until.Sub(r.From).Hours() / 24; days != 90 {
		t.Errorf("the roster is valid for %v days, want 91 with the last", days+1)
	}
	signed := roster.Signed{Roster: *r}
	for day := r.From.AddDate(0, 0, -1); !day.After(r.Until.AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		files := map[roster.Hash]string{recipients.Hash(): recipients.Text()}
		if _, err := signed.CircleAt(day, files); err != nil {
			t.Errorf("%v: %v", day, err)
		}
	}
	d.Cards = nil
	if _, _, err := d.Roster(); err == nil {
		t.Error("a roster without reviewers was drafted")
	}
}
