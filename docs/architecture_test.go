// Package docs has no code: its tests hold the documents to what they describe.
package docs

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPackageTable compares the table in architecture.md with the import graph:
// the document is the list of what may import what.
func TestPackageTable(t *testing.T) {
	want, got := documented(t), listed(t)
	for _, name := range slices.Sorted(maps.Keys(got)) {
		imports, ok := want[name]
		if !ok {
			t.Errorf("architecture.md has no line for `%s`; it imports `%s`", name, strings.Join(got[name], "` `"))
			continue
		}
		if !slices.Equal(imports, got[name]) {
			t.Errorf("`%s` imports\n\t`%s`\narchitecture.md says\n\t`%s`", name,
				strings.Join(got[name], "` `"), strings.Join(imports, "` `"))
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("architecture.md has a line for `%s`, which does not exist", name)
		}
	}
}

// documented returns the imports that architecture.md lists, by package.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\|(.*)\\|$")
	name := regexp.MustCompile("`([^`]+)`")
	table := map[string][]string{}
	for _, r := range row.FindAllStringSubmatch(string(text), -1) {
		table[r[1]] = []string{}
		for _, i := range name.FindAllStringSubmatch(r[2], -1) {
			table[r[1]] = append(table[r[1]], i[1])
		}
	}
	return table
}

// listed returns the imports beyond the standard library, by package.
func listed(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", "../...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
			GoFiles    []string
		}
		if err := decoder.Decode(&p); err == io.EOF {
			return table
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) == 0 {
			continue // tests alone
		}
		imports := []string{}
		for _, i := range p.Imports {
			if short, ok := strings.CutPrefix(i, "saksi/"); ok {
				imports = append(imports, short)
			} else if strings.Contains(strings.SplitN(i, "/", 2)[0], ".") {
				imports = append(imports, i)
			}
		}
		slices.Sort(imports)
		table[strings.TrimPrefix(p.ImportPath, "saksi/")] = imports
	}
}

// TestImportsPointOneWay holds the order of the layers.
func TestImportsPointOneWay(t *testing.T) {
	for name, imports := range listed(t) {
		for _, i := range imports {
			forTests := strings.HasSuffix(name, "test")
			if !strings.Contains(i, ".") && !forTests && layer(i) > layer(name) {
				t.Errorf("%s imports %s, which is above it", name, i)
			}
		}
	}
}

// TestWhatIsForTestsStaysThere holds that no program links what architecture.md
// says is for tests.
func TestWhatIsForTestsStaysThere(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var forTests []string
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| for (?:tests|benchmarks):")
	for _, r := range row.FindAllStringSubmatch(string(text), -1) {
		forTests = append(forTests, r[1])
	}
	if !slices.Contains(forTests, "server/browser") {
		t.Errorf("server/browser is not among those for tests: %q", forTests)
	}
	for name, imports := range listed(t) {
		for _, i := range imports {
			if slices.Contains(forTests, i) && !slices.Contains(forTests, name) {
				t.Errorf("%s imports %s, which is for tests", name, i)
			}
		}
	}
}

// layer returns the height of a package: that of the longest of these names
// that it is, or is below.
func layer(name string) int {
	layers := map[string]int{
		"crypto": 0, "web": 0, "server/store": 1, "server/inbox": 2, "server/scribe": 3, "server/folder": 3,
		"server/confine": 3, "server/gate": 3, "server/onion": 3, "server/reporter": 4, "server/courier": 4, "server/sealed": 4, "server": 5, "cmd": 6,
	}
	for ; name != "."; name = path.Dir(name) {
		if height, ok := layers[name]; ok {
			return height
		}
	}
	return -1
}

// TestDoors holds that each foreign library is imported by its doors alone.
func TestDoors(t *testing.T) {
	doors := map[string][]string{
		"filippo.io/age":           {"crypto/hybrid"},
		"golang.org/x/mod":         {"crypto/sign"},
		"go.etcd.io/bbolt":         {"server/store/boltstore"},
		"golang.org/x/crypto":      {"server/store/boltstore"},
		"github.com/landlock-lsm":  {"server/confine"},
		"github.com/chromedp":      {"server/browser"},
		"github.com/pires":         {"server/gate"},
		"golang.org/x/time":        {"server/gate"},
		"github.com/labstack/echo": {"server", "server/reporter", "server/courier", "server/sealed"},
		"rsc.io/qr":                {"web/qrcode"},
		"github.com/cretz/bine":    {"server/onion"},
		"golang.org/x/net":         {"server/onion", "cmd/saksi/errand"},
		"golang.org/x/term":        {"cmd/saksi-review", "cmd/saksi"},
		"golang.org/x/sys":         {"server/confine", "server/onion", "server/store/boltstore", "cmd/saksi-review/desk", "cmd/saksi-review"},
	}
	for name, imports := range listed(t) {
		for _, i := range imports {
			if !strings.Contains(i, ".") {
				continue
			}
			known := false
			for library, allowed := range doors {
				if strings.HasPrefix(i, library) {
					known = true
					if !slices.Contains(allowed, name) {
						t.Errorf("%s imports %s: its door is %q", name, i, allowed)
					}
				}
			}
			if !known {
				t.Errorf("%s imports %s, which has no door", name, i)
			}
		}
	}
}
