package errand_test

import (
	"errors"
	"strings"
	"testing"

	"saksi/cmd/saksi/errand"
)

const service = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

// TestOnlyTorAndThisMachineCanBeReached: whatever else is given, nobody is asked,
// not even for a name.
func TestOnlyTorAndThisMachineCanBeReached(t *testing.T) {
	for text, host := range map[string]string{
		"http://" + service + "/": service, service: service, "http://" + service + ":80": service,
		strings.ToUpper(service): service, "http://127.0.0.1:8800/": "127.0.0.1:8800", "127.0.0.1:8800": "127.0.0.1:8800",
		"http://[::1]:8800": "[::1]:8800",
	} {
		a, err := errand.ParseAddress(text)
		if err != nil || a.Host != host || a.Loopback == strings.HasSuffix(a.Host, ".onion") {
			t.Errorf("%s: %+v, %v", text, a, err)
		}
	}
	for _, text := range []string{
		"", "http://", "http://saksi.example/", "http://10.0.0.1:80/", "http://localhost:8800", "https://" + service,
		"http://" + service + ":81", "http://" + service + "/write", "http://" + service + "?a", "http://a@" + service,
		"http://127.0.0.1", "http://" + service + ".example", "http://" + service[1:], "file:///etc", "http://[::1%25lo]:80",
		"http://0.0.0.0:8800", "http://" + service + "@10.0.0.1:80/", "\x00",
	} {
		if a, err := errand.ParseAddress(text); !errors.Is(err, errand.ErrAddress) {
			t.Errorf("%q: %+v, %v", text, a, err)
		}
	}
}

// TestAFingerprintFitsHoweverItIsParted, and whole alone.
func TestAFingerprintFitsHoweverItIsParted(t *testing.T) {
	groups := []string{"k7qa", "2mfe", "x4d4", "tt6p", "b3rw"}
	for text, want := range map[string]bool{
		"#k7qa-2mfe-x4d4-tt6p-b3rw": true, "#K7QA-2mfe%20x4d4tt6pb3rw": true,
		"": false, "#": false, "#k7qa": false, "#k7qa-2mfe-x4d4-tt6p-b3rx": false, "#k7qa-2mfe-x4d4-tt6p-b3rwa": false,
	} {
		a, err := errand.ParseAddress("http://" + service + "/" + text)
		if err != nil || a.Fits(groups) != want {
			t.Errorf("%q: %v, %v", text, a.Fits(groups), err)
		}
	}
}
