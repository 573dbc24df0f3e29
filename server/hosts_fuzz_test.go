package server

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/onionname"
)

// TestANameIsKeptOnce: tor may publish it again and again.
func TestANameIsKeptOnce(t *testing.T) {
	h := &Hosts{}
	for range 3 {
		h.AddOnion(onionname.New([32]byte{1}))
		h.AddOnion(onionname.New([32]byte{2}))
	}
	if len(h.onions) != 2 || h.Onion() != onionname.New([32]byte{2}) {
		t.Errorf("%d names are kept, shown is %s", len(h.onions), h.Onion())
	}
}

// FuzzHost: what a Host header names has one spelling, which is read as itself;
// and whatever is taken for a name of the drop ends in one, or is loopback.
func FuzzHost(f *testing.F) {
	const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	for _, seed := range []string{
		"", "localhost:80", "LOCALHOST.", "127.0.0.1", "[::1]:8080", "[::1", "[fe80::1%25a]", "user@localhost", "a:b:c", onion + ":80",
		"www." + onion, "kotak.example", "..", "]", "[]", "\u212a.example", "127.0.0.1\x00", "[::ffff:127.0.0.1]",
	} {
		f.Add(seed)
	}
	hosts, err := NewHosts(onion, "kotak.example")
	if err != nil {
		f.Fatal(err)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, header string) {
		host, ok := fuzztest.Parse(t, bound, header, parseHost, ErrHost)
		if !ok {
			if hosts.own(header) {
				t.Error("what names no host is one of ours")
			}
			return
		}
		if again, err := parseHost(host); err != nil || again != host {
			t.Errorf("%q becomes %q: %v", host, again, err)
		}
		if len(host) > maxHost || strings.ToLower(host) != host || strings.ContainsAny(host, "/@ \r\n\x00%") {
			t.Errorf("%q is a host", host)
		}
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		loopback := host == "localhost" || err == nil && addr.IsLoopback()
		ours := slices.Contains([]string{onion, "kotak.example"}, host) || strings.HasSuffix(host, "."+onion)
		if hosts.own(header) != (loopback || ours) {
			t.Errorf("%q is ours: %v", header, hosts.own(header))
		}
	})
}
