package docs

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBenchmarksExist: every benchmark that performance.md names is in the
// package that it names, and every one that has a limit is on the page.
func TestBenchmarksExist(t *testing.T) {
	page := read(t, "performance.md")
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`(Benchmark\\w+)` in `\\./([^`]+)`").FindAllStringSubmatch(page, -1) {
		named[m[2]+" "+m[1]] = true
	}
	found := benchmarks(t)
	for name := range named {
		if _, ok := found[name]; !ok {
			t.Errorf("performance.md names %s, which does not exist", name)
		}
	}
	for name, body := range found {
		if strings.Contains(body, "limittest.Compare(") && !named[name] {
			t.Errorf("%s has a limit and is not in performance.md", name)
		}
	}
	for name := range strings.FieldsSeq(page) {
		if m := regexp.MustCompile(`^Benchmark\w+$`).FindString(name); m != "" && !strings.Contains(page, "`"+m+"` in ") {
			t.Errorf("performance.md names %s without its package", m)
		}
	}
}

// TestRowsHaveTheirCells: a cell too many moves a figure into the column of the aims.
func TestRowsHaveTheirCells(t *testing.T) {
	cells := 0 // of the table's head
	for line := range strings.Lines(read(t, "performance.md")) {
		n := strings.Count(line, "|")
		if cells == 0 || n == 0 {
			cells = n
		}
		if n != cells {
			t.Errorf("%d cells, want %d: %s", n-1, cells-1, line)
		}
	}
}

// benchmarks returns the text of every benchmark, by its package and name.
func benchmarks(t *testing.T) map[string]string {
	t.Helper()
	function := regexp.MustCompile(`(?ms)^func (Benchmark\w+)\(.*?^}$`)
	found := map[string]string{}
	err := filepath.WalkDir("..", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../")
		for _, m := range function.FindAllStringSubmatch(read(t, name), -1) {
			found[folder+" "+m[1]] = m[0]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
