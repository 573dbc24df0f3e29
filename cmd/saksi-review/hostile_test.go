package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/batch"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// TestHostileBundleDoesNotFloodTheScreen: a server or a courier can make an import
// miss as many things as it likes. Of each kind twenty are shown and the rest
// counted, so that what else is wrong stays in sight.
func TestHostileBundleDoesNotFloodTheScreen(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("%032x", i)
	}
	r := &desk.Report{
		Batches: []uint64{3}, Withheld: many, Damaged: many, Unlisted: many, Warnings: many,
		Apart: []desk.Apart{{ID: many[7], Reason: "it is not what its author signed"}},
	}
	for range many {
		r.Missing = append(r.Missing, desk.Range{From: 1, To: 1})
	}
	var out, errs bytes.Buffer
	c := &console{stdout: &out, stderr: &errs}
	c.report(r)
	lines := strings.Count(errs.String(), "\n")
	if most := 5*(maxLines+1) + 2; lines > most {
		t.Errorf("%d lines, at most %d", lines, most)
	}
	for _, want := range []string{
		"item " + many[7] + " is set apart", "and 9980 more damaged items", "are not acknowledged",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// TestEveryRefusalSaysWhatToDo: a bundle that is refused has a hint.
func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	for _, err := range []error{
		batch.ErrBundle, desk.ErrRoster, desk.ErrUntrusted, desk.ErrOversize, desk.ErrFork, desk.ErrRollback,
		desk.ErrOtherRoots,
		fmt.Errorf("%w: %w", desk.ErrRoster, sign.ErrSignatures), fmt.Errorf("%w: %w", desk.ErrRoster, roster.ErrChain),
	} {
		if hintFor(err) == "" {
			t.Errorf("%v: no hint", err)
		}
	}
	// To roots it says that signatures are missing, to a reviewer with a bundle
	// that something is false.
	for _, err := range []error{sign.ErrSignatures, roster.ErrChain} {
		if hintFor(fmt.Errorf("%w: %w", desk.ErrRoster, err)) == hintFor(err) {
			t.Errorf("%v: a reviewer is told what roots should do", err)
		}
	}
}
