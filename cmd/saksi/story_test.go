package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/cmd/saksi/errand/sockstest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/server/servertest"
)

// TestMain builds the real programs, and stock age, into a folder that is first
// on the PATH.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if signal.Ignored(syscall.SIGHUP) { // by nohup; what is started here is to obey it
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	if os.Getenv(inNamespace) != "" {
		return m.Run() // the programs are built
	}
	bin, err := os.MkdirTemp("", "saksi-bin-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	for name, pkg := range map[string]string{
		"saksi": "saksi/cmd/saksi", "saksi-review": "saksi/cmd/saksi-review", "age": "filippo.io/age/cmd/age",
		"saksi-release": "saksi/cmd/saksi-release",
	} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(bin, name), pkg).CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", name, err, out)
			return 1
		}
	}
	os.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	code := m.Run()
	if err := torNetwork.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestStories(t *testing.T) {
	var stories sync.Map
	testscript.RunT(listener{T: t, stories: &stories}, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			s := newStory()
			examples, err := filepath.Abs("../../docs/examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("PRIVATE", private())
			env.Values["story"] = s
			name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			stories.Store(name, s)
			script := filepath.Join("testdata", name+".txt")
			text, err := os.ReadFile(script)
			s.secrets.script(string(text))
			if regexp.MustCompile(`(?m)^stop\b`).Match(text) {
				return fmt.Errorf("%s: stop ends a script before its end: to end the server is halt", script)
			}
			env.Defer(func() {
				s.stop(syscall.SIGTERM)
				if s.proxy != nil {
					s.proxy.Close()
				}
				if s.door != nil {
					s.door.Close()
				}
				s.leavesNothing(t, env.WorkDir)
			})
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve":  cmdServe,
			"demo":   cmdDemo,
			"halt":   cmdHalt,
			"get":    cmdGet,
			"post":   cmdPost,
			"upload": cmdUpload,
			"take":   cmdTake,
			"random": cmdRandom,
			"drawn":  cmdDrawn,
			"shell":  cmdShell,
			"socks":  cmdSocks,

			"httpsocks": cmdHTTPSocks,
			"secret":    cmdSecret,
			"photo":     cmdPhoto,
		},
	})
}

// A story is the server that a script runs, and what was sent to it.
type story struct {
	process *exec.Cmd
	url     string
	printed strings.Builder
	log     servertest.Log // what servers print
	secrets *secrets
	client  http.Client
	proxy   *sockstest.Proxy // in the place of a courier's tor
	door    *doorway         // to the server, if it runs
}

func newStory() *story { return &story{secrets: newSecrets()} }

// send makes a request as the stories' browser.
func (s *story) send(method, path, kind string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", agent)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return s.client.Do(r)
}

// leavesNothing searches all that the story's servers and desks wrote.
func (s *story) leavesNothing(t *testing.T, dir string) {
	wrong, files, err := s.secrets.Search(dir)
	if err != nil {
		t.Error(err)
	}
	wrong = append(wrong, s.secrets.FindInLog("the log", s.log.String())...)
	if left, err := os.ReadDir(filepath.Join(dir, ".tmp")); err != nil || len(left) > 0 {
		t.Errorf("%s: the folder for temporary files has %v, %v", filepath.Base(dir), left, err)
	}
	for _, leak := range wrong {
		t.Errorf("%s: %s", filepath.Base(dir), leak)
	}
	if s.url != "" && files < 5 {
		t.Errorf("%s: only %d files were searched", filepath.Base(dir), files)
	}
}

func storyOf(ts *testscript.TestScript) *story { return ts.Value("story").(*story) }

// start runs a program until it prints a line with the address of its pages.
func (s *story) start(ts *testscript.TestScript, args ...string) {
	s.process = exec.Command("saksi", args...)
	s.process.Dir = ts.Getenv("WORK")
	s.process.Env = append(os.Environ(), "TMPDIR="+ts.Getenv("TMPDIR"))
	s.process.Stderr = &s.log
	stdout, err := s.process.StdoutPipe()
	ts.Check(err)
	ts.Check(s.process.Start())
	address := regexp.MustCompile(`http://[0-9.:]+/`)
	scanner := bufio.NewScanner(stdout)
	for s.url = ""; s.url == "" && scanner.Scan(); {
		fmt.Fprintln(&s.printed, scanner.Text())
		fmt.Fprintln(&s.log, scanner.Text())
		s.url = strings.TrimSuffix(address.FindString(scanner.Text()), "/")
	}
	if s.url == "" {
		ts.Fatalf("the server did not start")
	}
	s.openDoor(ts)
	for strings.Contains(args[0], "demo") && scanner.Scan() {
		fmt.Fprintln(&s.printed, scanner.Text())
		if strings.Contains(scanner.Text(), "Ctrl-C") {
			break
		}
	}
	go io.Copy(&s.log, stdout)
}

// openDoor has everybody come to the server through a doorway.
func (s *story) openDoor(ts *testscript.TestScript) {
	if s.door != nil {
		s.door.Close()
	}
	var err error
	s.door, err = openDoorway(strings.TrimPrefix(s.url, "http://"))
	ts.Check(err)
	s.secrets.Address(s.door.from)
	s.url = "http://" + s.door.Addr().String()
}

func (s *story) stop(signal syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	s.process.Process.Signal(signal)
	kill := s.process.Process.Kill
	hangs := time.AfterFunc(3*time.Minute, func() { kill() })
	defer hangs.Stop()
	err := s.process.Wait()
	s.process = nil
	return err
}

// serve DATA [flags] starts the server.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	storyOf(ts).start(ts, append([]string{"serve", "-listen", "127.0.0.1:0", "-data"}, args...)...)
	ts.Setenv("URL", storyOf(ts).url)
}

// demo [flags] starts the demo, and keeps what it prints in the file "demo".
func cmdDemo(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	s.start(ts, append([]string{"demo"}, args...)...)
	ts.Check(os.WriteFile(ts.MkAbs("demo"), []byte(s.printed.String()), 0o600))
}

// halt [kill | hup] ends the server, by SIGTERM, SIGKILL or SIGHUP. A command of
// testscript's own has precedence, and its "stop" ends the script.
func cmdHalt(ts *testscript.TestScript, neg bool, args []string) {
	signal := syscall.SIGTERM
	if len(args) > 0 {
		signal = map[string]syscall.Signal{"kill": syscall.SIGKILL, "hup": syscall.SIGHUP}[args[0]]
	}
	if err := storyOf(ts).stop(signal); err != nil && signal != syscall.SIGKILL {
		ts.Fatalf("the server ended with %v", err)
	}
}

// keep writes an answer to the file "page"; a negated command wants an error.
func keep(ts *testscript.TestScript, neg bool, resp *http.Response, err error) {
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("page"), body, 0o600))
	if ok := resp.StatusCode == http.StatusOK; ok == neg {
		ts.Fatalf("status %s", resp.Status)
	}
}

// get PATH fetches a page.
func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := storyOf(ts).send(http.MethodGet, args[0], "", nil)
	keep(ts, neg, resp, err)
}

// post PATH [-only] NAME=VALUE... submits a form, with the answers that the usual
// questions need unless it is to have these fields only.
func cmdPost(ts *testscript.TestScript, neg bool, args []string) {
	path, pairs, values := args[0], args[1:], servertest.Fields(args[0])
	if len(pairs) > 0 && pairs[0] == "-only" {
		pairs, values = pairs[1:], url.Values{}
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values.Set(name, value)
		storyOf(ts).secrets.field(name, value)
	}
	if path == "/delete" && values.Get("confirm") == "yes" {
		storyOf(ts).secrets.deleted(values.Get("code"))
	}
	resp, err := storyOf(ts).send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
	keep(ts, neg, resp, err)
}

// upload PATH FILE NAME=VALUE... submits a form with a file.
func cmdUpload(ts *testscript.TestScript, neg bool, args []string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, pair := range args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		ts.Check(w.WriteField(name, value))
		storyOf(ts).secrets.field(name, value)
	}
	part, err := w.CreateFormFile("file", filepath.Base(args[1]))
	ts.Check(err)
	content, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	part.Write(content)
	ts.Check(w.Close())
	storyOf(ts).secrets.File(filepath.Base(args[1]), content)
	resp, err := storyOf(ts).send(http.MethodPost, args[0], w.FormDataContentType(), &body)
	keep(ts, neg, resp, err)
}

// take VARIABLE REGEXP [FILE] sets a variable to all first groups that match in
// FILE, else in the page, joined by spaces.
func cmdTake(ts *testscript.TestScript, neg bool, args []string) {
	file := "page"
	if len(args) > 2 {
		file = args[2]
	}
	var found []string
	for _, m := range regexp.MustCompile(args[1]).FindAllStringSubmatch(ts.ReadFile(file), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		ts.Fatalf("nothing in %s matches %s", file, args[1])
	}
	ts.Setenv(args[0], strings.Join(found, " "))
}

// random FILE MIB writes a file of random bytes.
func cmdRandom(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command("sh", "-c", "head -c "+args[1]+"M /dev/urandom > "+args[0])
	cmd.Dir = ts.Getenv("WORK")
	ts.Check(cmd.Run())
}

// drawn NAME BY READER... sets NAME to a new code, to be written with in the place of the
// page's, whose thread BY confirms among these readers.
func cmdDrawn(ts *testscript.TestScript, neg bool, args []string) {
	for {
		code := receipt.New()
		thread := reply.Thread{Reply: code.Keys().Reply.Recipient()}
		if thread.Confirmer(args[2:]) == args[1] {
			ts.Setenv(args[0], code.Field())
			return
		}
	}
}

// shell FILE runs a file's lines that are indented by four spaces with sh, in
// the script's folder: commands as a document or a program printed them.
func cmdShell(ts *testscript.TestScript, neg bool, args []string) {
	var lines []string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if command, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(command, "http://") {
			lines = append(lines, command)
		}
	}
	if len(lines) == 0 {
		ts.Fatalf("%s has no command", args[0])
	}
	cmd := exec.Command("sh", "-e", "-x", "-c", strings.Join(lines, ""))
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "TMPDIR="+ts.Getenv("TMPDIR"))
	out, err := cmd.CombinedOutput()
	ts.Logf("%s", out)
	ts.Check(os.WriteFile(ts.MkAbs("shell.out"), out, 0o600))
	if err != nil {
		ts.Fatalf("running the commands of %s: %v", args[0], err)
	}
}
