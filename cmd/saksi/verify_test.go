package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"saksi/cmd/saksi/release"
	"saksi/cmd/saksi/watch"
	"saksi/crypto/roster"
)

// TestVerifySiteSaysThatADropIsClosed, whether something differs or not: its forms were
// not there to be compared.
func TestVerifySiteSaysThatADropIsClosed(t *testing.T) {
	s := &watch.Site{Release: &release.Manifest{Version: "v1"}}
	for _, closed := range []bool{true, false} {
		for _, findings := range [][]string{nil, {"visit 1: /: it is another"}} {
			printed := new(bytes.Buffer)
			seen := &watch.Seen{Roster: &roster.Signed{}, Closed: closed, Findings: findings}
			if err := reportSite(env{nil, printed, printed}, s, seen); errors.Is(err, errSiteDiffers) != (findings != nil) {
				t.Errorf("of %q: %v", findings, err)
			}
			if strings.Contains(printed.String(), "its forms were not compared") != closed {
				t.Errorf("closed is %v, and it says\n%s", closed, printed)
			}
		}
	}
}

// TestVerifySiteSaysWhatItFoundBeforeTheDropBrokeOff, and that it was not all.
func TestVerifySiteSaysWhatItFoundBeforeTheDropBrokeOff(t *testing.T) {
	s := &watch.Site{Release: &release.Manifest{Version: "v1"}}
	printed := new(bytes.Buffer)
	e := env{nil, printed, printed}
	seen := &watch.Seen{}
	if err := told(e, s, seen, watch.ErrServerBusy); !errors.Is(err, watch.ErrServerBusy) || printed.Len() > 0 {
		t.Errorf("of nothing: %v\n%s", err, printed)
	}
	seen.Findings = []string{"visit 1: /: it is another"}
	if err := told(e, s, seen, watch.ErrServerBusy); !errors.Is(err, errSiteDiffers) {
		t.Errorf("of a finding: %v", err)
	}
	for _, want := range []string{"visit 1: /: it is another", "this is not all: the server is busy"} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("want %q, it says\n%s", want, printed)
		}
	}
}
