package server_test

import (
	"strings"
	"testing"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/servertest"
)

// TestTheFingerprintOfTheFirstRootsIsOnThePage where people compare it with the poster,
// in five groups of four, also when other roots have taken their place.
func TestTheFingerprintOfTheFirstRootsIsOnThePage(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	mark := `<p class="fingerprint"><span>` + strings.Join(d.Trusted.Fingerprint(), "</span> <span>") + "</span> </p>"
	if groups := d.Trusted.Fingerprint(); len(groups) != 5 || len(strings.Join(groups, "")) != 20 {
		t.Errorf("groups %q", groups)
	}
	if page := d.Get("/"); !strings.Contains(page.Body, mark) {
		t.Error("the first page does not show it")
	}
	next, err := sign.Generate("serikat")
	if err != nil {
		t.Fatal(err)
	}
	set, err := d.Trusted.Endorse(roster.RootSet{Threshold: 1, Keys: []sign.Key{next.Key()}}, d.Roots...)
	if err != nil {
		t.Fatal(err)
	}
	d.Admit(func(draft *reviewer.Draft) {
		draft.Roots = append(draft.Roots, set)
		d.Roots = []sign.Signer{next}
	})
	if page := d.Get("/"); !strings.Contains(page.Body, mark) || d.Inbox.Newest().Sequence != 2 {
		t.Error("with other roots the first page shows another one")
	}
}
