package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheThreatModelNamesRealTests: a row that says what shows it is held to it.
func TestTheThreatModelNamesRealTests(t *testing.T) {
	page, err := os.ReadFile("threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	real := testsOfTheProject(t)
	named := 0
	for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1) {
		if named++; !real[m[1]] {
			t.Errorf("no test is called %s", m[1])
		}
	}
	if named < 60 {
		t.Errorf("only %d tests are named", named)
	}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Count(line, "|"); strings.HasPrefix(line, "|") && cells != 4 && cells != 6 {
			t.Errorf("a row with %d cells: %.60s", cells-1, line)
		}
	}
}

// testsOfTheProject returns the names of all tests.
func testsOfTheProject(t *testing.T) map[string]bool {
	t.Helper()
	found, name := map[string]bool{}, regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
