package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// withoutRace returns what .ci/check runs without the race detector: for each package
// the pattern of its tests, "" for all.
func withoutRace(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	text, err := os.ReadFile("../.ci/check")
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), `say "go test, with nothing beside it"`)
	if !ok {
		t.Fatal(".ci/check has no part with nothing beside it")
	}
	runs := map[string]*regexp.Regexp{}
	command := regexp.MustCompile(`(?m)^go test [^\n]*?(?:-run '([^']*)' )?\./([a-z/]+)(?: >"\$crashes" 2>&1 &)?$`)
	for _, m := range command.FindAllStringSubmatch(part, -1) {
		runs[m[2]] = regexp.MustCompile(m[1])
	}
	return runs
}

// tests calls found for each test of the project, with its package and the
// text of its file.
func tests(t *testing.T, found func(pkg, name, text string)) {
	t.Helper()
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		pkg, _ := filepath.Rel("..", path.Dir(name))
		for _, m := range test.FindAllStringSubmatch(string(text), -1) {
			found(pkg, m[1], string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsNotBuiltWithTheRaceDetectorIsRun: a test in a file that the race detector
// leaves out runs only where .ci/check names it.
func TestWhatIsNotBuiltWithTheRaceDetectorIsRun(t *testing.T) {
	runs, found := withoutRace(t), map[string]int{}
	leftOut := regexp.MustCompile(`(?m)^//go:build .*!race`)
	tests(t, func(pkg, name, text string) {
		if !leftOut.MatchString(text) {
			return
		}
		if found[pkg]++; runs[pkg] == nil || !runs[pkg].MatchString(name) {
			t.Errorf("%s: .ci/check never runs %s", pkg, name)
		}
	})
	for pkg := range runs {
		if found[pkg] == 0 {
			t.Errorf(".ci/check runs %s without the race detector, which leaves out nothing of it", pkg)
		}
	}
}

// TestWhatTheRaceDetectorSkipsIsRun: what .ci/check takes out of the run with the race
// detector it runs without.
func TestWhatTheRaceDetectorSkipsIsRun(t *testing.T) {
	text, err := os.ReadFile("../.ci/check")
	if err != nil {
		t.Fatal(err)
	}
	runs, found := withoutRace(t), map[string]int{}
	if strings.Contains(string(text), "go test -vet=off -shuffle=on -timeout 20m -p 2 ./server/inbox $(go list") {
		runs["server/inbox"] = regexp.MustCompile("")
	}
	raced := regexp.MustCompile(`^(server(/.*)?|cmd/saksi/.*|web/evidence)$`)
	var skipped []string
	for _, m := range regexp.MustCompile(`(?m)^alone="?(?:\$alone\|)?'?([A-Za-z|]+)['"]$`).FindAllStringSubmatch(string(text), -1) {
		skipped = append(skipped, strings.Split(m[1], "|")...)
	}
	if len(skipped) == 0 {
		t.Fatal(".ci/check skips nothing")
	}
	tests(t, func(pkg, name, _ string) {
		for _, part := range skipped {
			if !raced.MatchString(pkg) || !strings.Contains(name, part) {
				continue
			}
			if found[part]++; runs[pkg] == nil || !runs[pkg].MatchString(name) {
				t.Errorf("%s: .ci/check never runs %s", pkg, name)
			}
		}
	})
	for _, part := range skipped {
		if found[part] == 0 {
			t.Errorf(".ci/check skips %q, which is no test", part)
		}
	}
}

// TestWhatStartsGoroutinesIsWatched: what .ci/check runs without the race detector
// starts none.
func TestWhatStartsGoroutinesIsWatched(t *testing.T) {
	watched := regexp.MustCompile(`^(server(/.*)?|cmd/saksi(/.*)?|cmd/saksi-review|web/evidence)$`)
	text, err := os.ReadFile("../.ci/check")
	if err != nil || !strings.Contains(string(text), "racing=$(go list ./server/... ./cmd/saksi/... ./web/evidence | ") ||
		!strings.Contains(string(text), "-race -timeout 5m -run 'AskedMayEnd|NeedNotBeTyped' ./cmd/saksi-review") {
		t.Fatalf(".ci/check watches something else: %v", err)
	}
	found := 0
	err = filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		pkg, _ := filepath.Rel("..", path.Dir(name))
		for _, line := range goroutines(t, name) {
			if found++; !watched.MatchString(pkg) {
				t.Errorf("%s:%d starts a goroutine, and no race detector watches", name, line)
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d goroutines found: %v", found, err)
	}
}

// goroutines returns the lines on which a file starts some.
func goroutines(t *testing.T, name string) (lines []int) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		starts := false
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.CallExpr: // of a group
			method, ok := n.Fun.(*ast.SelectorExpr)
			starts = ok && method.Sel.Name == "Go"
		}
		if starts {
			lines = append(lines, files.Position(n.Pos()).Line)
		}
		return true
	})
	return lines
}
