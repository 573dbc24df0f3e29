package onion

import (
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// TestVersions: tor's versions have an ending now and then, and are numbers.
func TestVersions(t *testing.T) {
	for version, want := range map[string]bool{
		"0.4.8": true, "0.4.8.1-alpha": true, "0.4.9.11": true, "0.4.10.1": true, "0.5.0.1": true, "1.0.0": true,
		"0.4.7.16": false, "0.4": false, "": false, "x": false, "0.4.-1": false, "0.4.8x": true, "0.3.9.9": false,
	} {
		if atLeast(version, MinVersion) != want {
			t.Errorf("%q is new enough: %v", version, !want)
		}
	}
}

// FuzzBootstrap: whatever tor answers, the progress is one of 0 to 100, and what it
// does is on one line.
func FuzzBootstrap(f *testing.F) {
	for _, seed := range []string{
		`NOTICE BOOTSTRAP PROGRESS=45 TAG=requesting_descriptors SUMMARY="Asking for relay descriptors"`,
		`WARN BOOTSTRAP PROGRESS=0 TAG=conn SUMMARY="Connecting to a relay" WARNING="No route to host" COUNT=3`,
		"", " PROGRESS=", " PROGRESS=101 ", " PROGRESS=-1", ` PROGRESS=5 SUMMARY="`, " PROGRESS=+5 ",
	} {
		f.Add(seed)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, phase string) {
		b, ok := fuzztest.Parse(t, bound, phase, parseBootstrap, errBootstrap)
		if ok && (b.percent < 0 || b.percent > 100 || !strings.Contains(phase, b.doing) || strings.Contains(b.doing, `"`)) {
			t.Errorf("%q is read as %+v", phase, b)
		}
	})
}

// FuzzServices: each line of tor's configuration ends up with the service that it
// follows, in order, and none is lost after the first service.
func FuzzServices(f *testing.F) {
	f.Add("HiddenServiceDir=/a\nHiddenServicePort=80 unix:/a.sock\nHiddenServiceDir=/b\nHiddenServicePort=80 unix:\"/b.sock\"")
	f.Add("HiddenServiceOptions")
	f.Add("HiddenServicePort=80\nHiddenServiceDir\n=\n")
	bound := fuzztest.Bound{Base: 4 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, answer string) {
		lines := strings.Split(answer, "\n")
		var services [][]option
		bound.Check(t, len(answer), func() { services = parseServices(lines) })
		names := func(s string) string { name, _, _ := strings.Cut(s, "="); return name }
		first := slices.IndexFunc(lines, func(s string) bool { return names(s) == "HiddenServiceDir" })
		var want []string
		if first >= 0 {
			for _, s := range lines[first:] {
				want = append(want, names(s))
			}
		}
		var have []string
		for _, s := range services {
			if s[0].name != "HiddenServiceDir" {
				t.Errorf("a service begins with %q", s[0].name)
			}
			for _, o := range s {
				have = append(have, o.name)
			}
		}
		if !slices.Equal(have, want) {
			t.Errorf("%q has become %q", want, have)
		}
	})
}

// FuzzEffort: the effort of a service is that of its own line.
func FuzzEffort(f *testing.F) {
	f.Add("# HELP x\ntor_hs_pow_suggested_effort{onion=\"abc\"} 7\n", "abc.onion")
	f.Add("tor_hs_pow_suggested_effort{onion=\"abd\"} 7\n", "abc.onion")
	f.Add("tor_hs_pow_suggested_effort{onion=\"abc\"} x\n", "abc.onion")
	f.Add(strings.Repeat("x", 1<<17), "abc")
	bound := fuzztest.Bound{Base: 128 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, counts, name string) {
		var effort *int
		bound.Check(t, len(counts)+len(name), func() { effort = parseEffort(counts, name) })
		if effort != nil && (*effort < 0 || !strings.Contains(counts, "tor_hs_pow_suggested_effort{onion=\""+strings.TrimSuffix(name, ".onion"))) {
			t.Errorf("%q of %q has effort %d", counts, name, *effort)
		}
	})
}
