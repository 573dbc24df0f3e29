package main

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"saksi/server/onion"
)

// TestHalfAFileOfStatusStopsNoServer: neither the file for programs nor tor's names
// are synced, so a power cut may leave them empty or cut. The drop comes up.
func TestHalfAFileOfStatusStopsNoServer(t *testing.T) {
	data := newData(t)
	hostname := filepath.Join(serviceFolder(data, onion.Couriers), "hostname")
	must(t, os.MkdirAll(filepath.Dir(hostname), 0o700))
	for name, text := range map[string]string{
		filepath.Join(data, "health.json"): "{", hostname: "aaaa", filepath.Join(data, "health.json.part"): "",
	} {
		must(t, os.WriteFile(name, []byte(text), 0o600))
		p := startProcess(t, "saksi", "serve", "-data", data, "-listen", "127.0.0.1:0")
		resp, err := http.Get(p.URL + "/")
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("with %s cut the page has status %d", name, resp.StatusCode)
		}
		p.end(syscall.SIGTERM)
		must(t, os.Remove(name))
	}
}
