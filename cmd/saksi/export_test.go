package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/courier"
)

// endless is a server whose bundle has no end.
type endless struct {
	courier.Operations
	stop func()
}

func (o endless) Bundle(w io.Writer) ([]receipt.ItemID, error) {
	for range 1000 { // none, as far as anybody waits
		if _, err := w.Write([]byte("a piece")); err != nil {
			return nil, err
		}
		o.stop()
	}
	return nil, nil
}

// TestAnExportCanBeStopped: a large one to a slow stick takes hours, and the stick is
// else pulled out while it is written to.
func TestAnExportCanBeStopped(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	err := export(ctx, env{stdout: io.Discard, stderr: io.Discard}, endless{stop: stop}, filepath.Join(dir, "bundle.tar"), false)
	if !errors.Is(err, errStopped) {
		t.Errorf("%v, want errStopped", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
