package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheKeyIsNotPublished: in the folder of a release it would stand in the note and
// on the list of what to download.
func TestTheKeyIsNotPublished(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "rilis.key")
	must(t, run(io.Discard, []string{"key", "-name", "rilis", "-out", key}))
	if err := run(io.Discard, []string{"note", "-version", "v1", "-dir", dir + "/.", "-key", key}); err == nil {
		t.Error("a note was made beside its key")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v", entries, err)
	}
}

// someGo says in place of what it builds how it was called.
const someGo = `#!/bin/sh
case $1 in
env) echo https://proxy ;;
build) echo $GOENV $GOTOOLCHAIN $GOPROXY > release/by ;;
run) { echo made; cat release/by; } > release/SHA256SUMS ;;
esac
`

// TestASignedReleaseIsThatOfACommit: the script that makes it takes no file that no
// commit has, and no key with it when it begins anew.
func TestASignedReleaseIsThatOfACommit(t *testing.T) {
	dir := t.TempDir()
	script, err := os.ReadFile("../../.ci/release")
	must(t, err)
	for name, text := range map[string]string{
		".ci/release": string(script), ".ci/client": "#!/bin/sh\n[ -z \"$NPM\" ] || echo x >web/client/dist/saksi.js\n",
		"web/client/dist/saksi.js": "x", ".gitignore": "/release/\n/web/client/dist/\n",
		"go.mod": "module x\n\ngo 1.2\n\ntoolchain go1.2.3\n", "go": someGo,
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	}
	git := func(args ...string) {
		t.Helper()
		out, err := command(dir, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
		if err != nil {
			t.Fatal(out, err)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "x")
	elsewhere, inside := filepath.Join(t.TempDir(), "key"), filepath.Join(dir, "release", "key")
	release := func(key, want string) {
		t.Helper()
		out, err := command(dir, "env", "KEY="+key, "GO="+filepath.Join(dir, "go"), ".ci/release")
		if (err == nil) != strings.HasPrefix(want, "made") || !strings.Contains(out, want) {
			t.Errorf("with %q it says %q, %v; want %q", key, out, err, want)
		}
	}
	t.Setenv("NPM", "") // it is missing, and the script is there: of which commit, nobody knows
	release(elsewhere, "a release has the script: nothing was made")
	t.Setenv("NPM", "x")
	release(elsewhere, "made\noff go1.2.3 https://proxy\n") // whatever Go is there, and whoever's settings
	must(t, os.WriteFile(inside, []byte("secret"), 0o600))
	release("release/../release/key", "the key lies in release")
	if _, err := os.Stat(inside); err != nil {
		t.Error(err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "new.go"), nil, 0o600))
	release(elsewhere, "new.go")
	release("", "made")
}

func command(dir, name string, args ...string) (out string, err error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
