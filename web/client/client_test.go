package client_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"saksi/web/client"
)

// npm runs a script of package.json. A machine without npm fails: nothing of this
// package would be tested there.
func npm(t *testing.T, args ...string) string {
	t.Helper()
	touchSources(t)
	cmd := exec.Command("npm", append([]string{"run", "--silent", "--loglevel=error"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("npm run %s: %v (.ci/client installs what it needs)\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// touchSources opens what node will read: go test does not see that, and would take
// an older result for that of changed sources.
func touchSources(t *testing.T) {
	t.Helper()
	vectors := "../../crypto/testdata/vectors.json"
	for _, pattern := range []string{"src/*", "src/*/*", "test/*", "*.json", "*.mjs", vectors} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
}

// TestTheScriptKeepsTheFormats: the script reads and refuses what all vectors say,
// sends over bad connections, and never throws anything but a failure.
func TestTheScriptKeepsTheFormats(t *testing.T) {
	t.Log(npm(t, "test"))
}

// maxScript is what the script may weigh on its way, in bytes: a phone at the edge
// of a network waits for it.
const maxScript = 60 << 10

// TestTheScriptIsSmall holds it to its limit.
func TestTheScriptIsSmall(t *testing.T) {
	script := client.Script()
	if len(script) == 0 {
		t.Fatal("this program was built without the script: run .ci/client")
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(script)
	w.Close()
	t.Logf("%d bytes, %d on their way: %d %% of the limit", len(script), packed.Len(), 100*packed.Len()/maxScript)
	if packed.Len() > maxScript {
		t.Errorf("the script has %d bytes on its way, at most %d", packed.Len(), maxScript)
	}
}

// TestTheBuildIsReproducible: two builds, in folders of different names, give the
// same bytes, and they are those that this program carries.
func TestTheBuildIsReproducible(t *testing.T) {
	for _, name := range []string{"a", "another/and/deeper"} {
		if got := build(t, filepath.Join(t.TempDir(), name)); !bytes.Equal(got, client.Script()) {
			t.Errorf("%s: %d bytes, not the %d of this program: run .ci/client", name, len(got), len(client.Script()))
		}
	}
}

// build copies the project and returns what it builds there.
func build(t *testing.T, root string) []byte {
	t.Helper()
	to := filepath.Join(root, "web", "client")
	for _, dir := range []string{"src", "dist"} {
		copyTree(t, dir, filepath.Join(to, dir))
	}
	for _, file := range []string{"build.mjs", "package.json", "tsconfig.json"} {
		copyFile(t, file, filepath.Join(to, file))
	}
	copyFile(t, "../../crypto/receipt/words.txt", filepath.Join(root, "crypto", "receipt", "words.txt"))
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	copyTree(t, modules, filepath.Join(to, "node_modules"))
	cmd := exec.Command("node", "build.mjs")
	cmd.Dir = to
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(to, "dist", "saksi.js"))
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A script is node with the script's modules, which answers requests.
type script struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

// newScript starts node. It ends with the test.
func newScript(t *testing.T) *script {
	t.Helper()
	touchSources(t)
	bundle := filepath.Join(t.TempDir(), "tests.js")
	if out, err := exec.Command("node", "build.mjs", "test", bundle).CombinedOutput(); err != nil {
		t.Fatalf("bundling: %v (.ci/client installs what it needs)\n%s", err, out)
	}
	cmd := exec.Command("node", "test/run.mjs", bundle, "interop")
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &script{t, in, bufio.NewReader(out)}
}

// refusal is the part of an answer that says what went wrong, as a key of the
// catalogs.
type refusal struct {
	Key    string         `json:"key"`
	Values map[string]any `json:"values"`
}

// ask hands over a request and reads its answer.
func (s *script) ask(request map[string]any, answer any) {
	s.t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.t.Fatal(err)
	}
	got, err := s.out.ReadBytes('\n')
	if err != nil {
		s.t.Fatalf("no answer to %v: %v", request["op"], err)
	}
	if err := json.Unmarshal(got, answer); err != nil {
		s.t.Fatal(err)
	}
}
