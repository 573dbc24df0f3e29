package main

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"saksi/server/courier"
)

// TestACourierIsRemovedWhateverElseIsWrong: a stolen pass has to end also on a server that
// cannot count what its store has.
func TestACourierIsRemovedWhateverElseIsWrong(t *testing.T) {
	data := t.TempDir()
	var removed atomic.Bool
	l, err := courier.Listen(data)
	must(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("DELETE /v1/couriers/budi", func(w http.ResponseWriter, _ *http.Request) {
		removed.Store(true)
		_, err := io.WriteString(w, "{}")
		must(t, err)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	server := http.Server{Handler: mux}
	go server.Serve(l)
	t.Cleanup(func() { must(t, server.Close()) })
	err = runCourierRemove(context.Background(), env{stdout: io.Discard, stderr: io.Discard}, []string{"-data", data, "budi"})
	if err != nil || !removed.Load() {
		t.Errorf("removing: %v; removed %v", err, removed.Load())
	}
}
