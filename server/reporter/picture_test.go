package reporter

import (
	"bytes"
	"image"
	"image/png"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// TestPicturesAreLookedAtOneByOne: what is packed in them takes more memory than they
// have bytes, so of two that are here at once the second waits.
func TestPicturesAreLookedAtOneByOne(t *testing.T) {
	var raw bytes.Buffer
	if err := png.Encode(&raw, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	h := &Handler{Look: new(sync.Mutex)}
	h.Look.Lock() // somebody else's
	done := make(chan error, 1)
	go func() {
		_, _, err := h.develop(bytes.NewReader(raw.Bytes()), int64(raw.Len()))
		done <- err
	}()
	for !waitsIn("sync.(*Mutex).Lock", "(*Handler).develop") {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
			runtime.Gosched()
		}
	}
	h.Look.Unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// waitsIn reports whether a goroutine is in one function, called by another.
func waitsIn(function, caller string) bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		called, calling := strings.Index(stack, function), strings.Index(stack, caller)
		if called >= 0 && calling > called {
			return true
		}
	}
	return false
}
