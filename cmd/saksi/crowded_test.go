package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"saksi/server/inbox"
)

// TestAnOutboxOfWhichSomeIsNotInIsAnError: who removes files that were taken in keeps
// this one, and brings it again.
func TestAnOutboxOfWhichSomeIsNotInIsAnError(t *testing.T) {
	if err := printImported(io.Discard, "r1.outbox", inbox.Imported{Replies: 6}); err != nil {
		t.Errorf("all of it is in: %v", err)
	}
	var out strings.Builder
	err := printImported(&out, "r1.outbox", inbox.Imported{Replies: 6, Crowded: 1})
	if !errors.Is(err, errCrowded) || !errors.As(err, new(hinted)) || !strings.Contains(out.String(), "6 new replies") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
