package onion

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"saksi/crypto/fuzztest"
	"saksi/crypto/onionname"
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

// FuzzVersion: versions compare as their numbers do, whatever follows them; and of what
// tor says nothing is shown that a terminal obeys.
func FuzzVersion(f *testing.F) {
	f.Add(uint8(0), uint8(4), uint16(8), uint8(12), "-rc", "Tor version 0.4.8.12 (git-0123abc).\nTor is running on Linux")
	f.Add(uint8(0), uint8(4), uint16(7), uint8(99), "", "Tor version 0.4.9.11.\n")
	f.Add(uint8(1), uint8(0), uint16(0), uint8(0), "-dev", "Tor version \x1b[2J\u202e")
	f.Add(uint8(0), uint8(5), uint16(0), uint8(0), " (git)", "Tor version 99999999999999999999.0.0")
	f.Add(uint8(0), uint8(4), uint16(80), uint8(0), "alpha", "tor 0.4.8")
	bound := fuzztest.Bound{Base: 4 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, major, minor uint8, micro uint16, patch uint8, ending, said string) {
		have := []int{int(major), int(minor), int(micro), int(patch)}
		version := fmt.Sprintf("%d.%d.%d.%d", major, minor, micro, patch)
		want := slices.Compare(have, []int{0, 4, 8}) >= 0
		if got := atLeast(version, MinVersion); got != want {
			t.Errorf("%q is new enough: %v", version, got)
		}
		if !startsWithDigit(ending) && !atLeast(version+ending, version) {
			t.Errorf("%q is older than %q", version+ending, version)
		}
		if got, ok := parseVersion("Tor version " + version + " (git)." + said); !ok || got != version {
			t.Errorf("version %q is read as %q, %v", version, got, ok)
		}
		var refused error
		known := &Tor{}
		bound.Check(t, len(said), func() {
			if text, ok := parseVersion(said); ok {
				refused = known.admitVersion(text)
			}
		})
		if refused != nil {
			fuzztest.Refused(t, refused, ErrVersion)
		}
		shown := known.Health().Tor
		if len(shown) > 64 || strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }) {
			t.Errorf("version %q is shown", shown)
		}
	})
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// FuzzExplain: why tor ended is told in a line that a terminal shows, whatever its log
// says; only a warning is the torrc's fault.
func FuzzExplain(f *testing.F) {
	for _, said := range []string{
		"Nov 22 10:00:00.000 [warn] Failed to parse/validate config: Unknown option 'X'.  Failing.\n",
		"[notice] a\n[warn] You are running Tor as root. You don't need to, and you probably shouldn't.\n",
		"[warn] It looks like another Tor process is running with the same data directory.\n",
		"[warn] " + strings.Repeat("\U0010ffff\x1b", 300), "[warn] ", "", "[warn] \xff\n[warn] b",
	} {
		f.Add(said)
	}
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 2}
	cause := errors.New("asking tor")
	f.Fuzz(func(t *testing.T, said string) {
		var err error
		bound.Check(t, len(said), func() { err = explainEnd(said, cause) })
		fuzztest.Refused(t, err, cause, ErrTorrc)
		if errors.Is(err, ErrTorrc) && !strings.Contains(said, "[warn] ") {
			t.Errorf("the torrc is blamed for %q", said)
		}
	})
}

// FuzzName: of the file with a service's name one line counts, and it is a name whole.
func FuzzName(f *testing.F) {
	name := onionname.New([32]byte{1}).String()
	for _, text := range []string{name + "\n", name, name + "\r\n", " " + name, name + name, name[1:], "", name + "\n" + name} {
		f.Add(text)
	}
	dir := f.TempDir()
	bound := fuzztest.Bound{Base: 8 << 10}
	f.Fuzz(func(t *testing.T, text string) {
		must(t, os.WriteFile(filepath.Join(dir, "hostname"), []byte(text), 0o600))
		got, ok := fuzztest.Parse(t, bound, text, func(string) (string, error) { return readName(dir) }, onionname.ErrName)
		if ok && got != strings.TrimSpace(text) && len(text) < 1<<10 {
			t.Errorf("%q is read as %q", text, got)
		}
	})
}

// FuzzBootstrap: whatever tor answers, the progress is one of 0 to 100, and what it
// does is on one line; what it says as control-spec has it is read so.
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
		if !ok {
			return
		}
		if b.percent < 0 || b.percent > 100 || !strings.Contains(phase, b.doing) || strings.Contains(b.doing, `"`) {
			t.Errorf("%q is read as %+v", phase, b)
		}
		said := fmt.Sprintf(`NOTICE BOOTSTRAP PROGRESS=%d TAG=x SUMMARY="%s" COUNT=3`, b.percent, b.doing)
		if again, err := parseBootstrap(said); err != nil || again != b {
			t.Errorf("%+v comes back as %+v, %v", b, again, err)
		}
	})
}

// FuzzServices: each line of tor's configuration ends up with the service that it
// follows, in order, and none is lost after the first service; what was read, written
// again, is read as the same.
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
		var have, again []string
		for _, s := range services {
			if s[0].name != "HiddenServiceDir" {
				t.Errorf("a service begins with %q", s[0].name)
			}
			for _, o := range s {
				have, again = append(have, o.name), append(again, o.name+"="+o.value)
			}
		}
		if !slices.Equal(have, want) {
			t.Errorf("%q has become %q", want, have)
		}
		if !reflect.DeepEqual(parseServices(again), services) {
			t.Errorf("%q does not come back", services)
		}
	})
}

// FuzzSocks: of the listeners that tor names the first is taken, whatever its path.
func FuzzSocks(f *testing.F) {
	for _, listeners := range []string{
		`"127.0.0.1:9050" "unix:/run/tor/socks"`, `"unix:/run/tor/socks"`, `"unix:/a b/socks" "127.0.0.1:9050"`,
		"", `""`, `"`, "unix:",
	} {
		f.Add(listeners)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, listeners string) {
		var at string
		bound.Check(t, len(listeners), func() { at = parseSocks(listeners) })
		network, address, ok := strings.Cut(at, " ")
		if ok != (at != "") || ok && network != "tcp" && network != "unix" || strings.Contains(address, `"`) {
			t.Errorf("%q is read as %q", listeners, at)
		}
		for _, prefix := range []string{"", "unix:"} {
			want := map[string]string{"": "tcp ", "unix:": "unix "}[prefix] + address
			got := parseSocks(`"` + prefix + address + `" "127.0.0.1:1"`)
			if got != want && address != "" && !strings.HasPrefix(address, "unix:") {
				t.Errorf("%q is read as %q", want, got)
			}
		}
	})
}

// FuzzEffort: the effort of a service is that of its own line, wherever that stands.
func FuzzEffort(f *testing.F) {
	f.Add("# HELP x\ntor_hs_pow_suggested_effort{onion=\"abc\"} 7\n", "abc.onion", uint16(7))
	f.Add("tor_hs_pow_suggested_effort{onion=\"abd\"} 7\n", "abc.onion", uint16(0))
	f.Add("tor_hs_pow_suggested_effort{onion=\"abc\"} x\n", "abc.onion", uint16(1))
	f.Add(strings.Repeat("x", 1<<17), "abc", uint16(1))
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, counts, name string, written uint16) {
		label := `tor_hs_pow_suggested_effort{onion="` + strings.TrimSuffix(name, ".onion") + `"} `
		var effort *int
		bound.Check(t, len(counts)+len(name), func() { effort = parseEffort(counts, name) })
		if effort != nil && (*effort < 0 || !strings.Contains(counts, label)) {
			t.Errorf("%q of %q has effort %d", counts, name, *effort)
		}
		if strings.Contains(counts, label) || strings.Contains(name, "\n") {
			return
		}
		effort = parseEffort(counts+"\n"+label+strconv.Itoa(int(written))+"\n"+counts, name)
		if effort == nil || *effort != int(written) {
			t.Errorf("an effort of %d is read as %v", written, effort)
		}
	})
}
