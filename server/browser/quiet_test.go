package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNothingLeavesThisMachine runs a test of this package once more under strace
// and reads where its processes connect and send to. It runs the test that looks for
// pages which are not there: on those Chromium has asked 8.8.8.8 for a name.
func TestNothingLeavesThisMachine(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(find(t, "strace"), "-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace,
		os.Args[0], "-test.run", "^TestWithoutScripts$/.*/^NothingButOneAddressIsReached$")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	must(t, err)
	address := regexp.MustCompile(`inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"`)
	met := map[string]int{}
	for line := range strings.Lines(string(text)) {
		m := address.FindStringSubmatch(line)
		if m != nil && !strings.Contains(line, "AF_NETLINK") { // a question to the kernel about routes
			met[m[1]+m[2]]++
		}
	}
	if met["127.0.0.1"] < 4 {
		t.Errorf("only %d connections to 127.0.0.1 were seen", met["127.0.0.1"])
	}
	delete(met, "127.0.0.1")
	// A UDP socket with which Chromium asks for a route too: it sends nothing there.
	delete(met, "2001:4860:4860::8888")
	if len(met) > 0 {
		t.Errorf("the browsers connect or send to %v", met)
	}
}
