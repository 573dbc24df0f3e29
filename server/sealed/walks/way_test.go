package walks

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// noise makes a file of random bytes.
func (w *walk) noise(size int) (path string, content []byte) {
	w.t.Helper()
	content = make([]byte, size)
	_, _ = rand.Read(content) // it never fails
	path = filepath.Join(w.t.TempDir(), name)
	w.must(os.WriteFile(path, content, 0o600))
	return path, content
}

// TestTheWholeWayInEveryBrowser sends a testimony and a file, reads an answer, adds a
// message, and deletes everything: in both browsers, with the compilers and without,
// where sealing is a hundred times slower. Of all that passes nothing tells what was
// written, or the words, or a key; and a reviewer reads it, on the desk and with age and
// tar alone.
func TestTheWholeWayInEveryBrowser(t *testing.T) {
	for _, interpreted := range []bool{false, true} {
		size := 3 << 20 // slices
		if interpreted {
			size = 200 << 10 // one parcel
		}
		for _, b := range browsers(interpreted) {
			t.Run(fmt.Sprintf("%s/interpreted=%t", b.name, interpreted), func(t *testing.T) {
				w := newWalk(t, b)
				w.write()
				w.send()
				path, file := w.noise(size)
				w.attach(path)
				w.until(".queue .state", "Sudah kami terima")
				w.reply()
				w.reachesReviewers(file, story, later)
				w.delete()
				w.leaksNothing(file)
				if patched := len(w.line.Matching("PATCH /v1/uploads/")) > 0; patched == interpreted {
					t.Errorf("slices: %t", patched)
				}
			})
		}
	}
}
