package client_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestABuildWithoutNpmKeepsTheScript: one that is there goes in, unless its sources are
// newer; it is never deleted, and what becomes of it is said.
func TestABuildWithoutNpmKeepsTheScript(t *testing.T) {
	now := time.Now()
	for what, c := range map[string]struct {
		script time.Time // zero for none
		ok     bool
		says   string
	}{
		"none":                   {time.Time{}, true, "browser sealing will be off"},
		"newer than its sources": {now.Add(time.Hour), true, "get the script that is there"},
		"older than its sources": {now.Add(-time.Hour), false, "is older than src/main.ts"},
	} {
		root := tree(t)
		script := filepath.Join(root, "web/client/dist/saksi.js")
		if !c.script.IsZero() {
			write(t, script, "script")
			if err := os.Chtimes(script, c.script, c.script); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "/bin/sh", filepath.Join(root, ".ci/client"))
		cmd.Env = []string{"PATH=" + filepath.Join(root, "bin")}
		out, err := cmd.CombinedOutput()
		if (err == nil) != c.ok || !strings.Contains(string(out), "npm is missing") || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v, %q", what, err, out)
		}
		if text, err := os.ReadFile(script); !c.script.IsZero() && string(text) != "script" {
			t.Errorf("%s: the script is gone: %v", what, err)
		}
	}
}

// tree returns a folder with the build's script, with what it looks at, and with a bin/
// that has no npm.
func tree(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	build, err := os.ReadFile("../../.ci/client")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, ".ci/client"), string(build))
	for _, name := range []string{"src/main.ts", "build.mjs", "package.json", "package-lock.json", "tsconfig.json", "dist/.gitignore"} {
		write(t, filepath.Join(root, "web/client", name), "x")
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"build.mjs", "package.json", "package-lock.json", "tsconfig.json"} {
		if err := os.Chtimes(filepath.Join(root, "web/client", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"dirname", "find", "head", "rm"} {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(root, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(program, filepath.Join(root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if err == nil {
		err = os.WriteFile(name, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
