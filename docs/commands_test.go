package docs

// The commands of operating.md and reviewing.md are run as they stand. A block
// that opens with "```sh 40" is step 40 of a walk from nothing to a read
// answer; the numbers give the order over both documents. Blocks of another
// kind ("```text", "```ini") are shown only: they need root, systemd or tor.
//
// Three things stand in for the world: absolute paths below /var/lib, /media
// and /dev/shm are moved into the test's folder; "saksi serve" runs in the
// background on a free port, and is stopped before "saksi init"; and a person
// sends a testimony once it serves, and reads the answer after "saksi import".

import (
	"bufio"
	"context"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/server/servertest"
)

// patience is how long the whole walk may take.
const patience = 5 * time.Minute

// A block is one fenced block of a document.
type block struct {
	place string // document and line
	kind  string // sh, text, ini
	step  int    // of the walk; 0 for none
	text  string
}

var (
	fence  = regexp.MustCompile("(?ms)^```([a-z]*) ?([0-9]*)\n(.*?)^```$")
	inline = regexp.MustCompile("`([^`\n]+)`")
	indent = regexp.MustCompile(`(?m)^    (.*)$`)
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of a document.
func blocks(t *testing.T, name string) (found []block) {
	t.Helper()
	text := read(t, name)
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		step, _ := strconv.Atoi(text[m[4]:m[5]])
		place := name + ":" + strconv.Itoa(1+strings.Count(text[:m[0]], "\n"))
		found = append(found, block{place, text[m[2]:m[3]], step, text[m[6]:m[7]]})
	}
	return found
}

// steps returns the blocks of the walk in order.
func steps(t *testing.T) (walk []block) {
	t.Helper()
	places := map[int]string{}
	for _, b := range append(blocks(t, "operating.md"), blocks(t, "reviewing.md")...) {
		if b.kind != "sh" {
			continue
		}
		if other, twice := places[b.step]; twice || b.step == 0 {
			t.Fatalf("%s: step %d: want a number of its own after ```sh (%s)", b.place, b.step, other)
		}
		places[b.step] = b.place
		walk = append(walk, b)
	}
	slices.SortFunc(walk, func(a, b block) int { return a.step - b.step })
	return walk
}

// TestMain builds the programs, and stock age, into a folder that is first on
// the PATH.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	bin, err := os.MkdirTemp("", "saksi-bin-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin, "saksi/cmd/saksi", "saksi/cmd/saksi-review", "filippo.io/age/cmd/age")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if build.Run() != nil {
		return 1
	}
	os.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return m.Run()
}

// A walker follows the documents in a folder of its own.
type walker struct {
	t      *testing.T
	ctx    context.Context
	dir    string
	moved  *strings.Replacer
	server *exec.Cmd
	url    string
	words  string // of the testimony
	asked  string // what the reviewer answered
	read   bool   // the answer arrived
}

// courierStep is the first one that needs the couriers' address.
const courierStep = 93

// publish leaves the address as a tor of the server's own does: what needs a
// network is not walked here.
func (w *walker) publish() {
	dir := filepath.Join(w.dir, "var/lib/saksi/tor/couriers")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	const name = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion\n"
	if err := os.WriteFile(filepath.Join(dir, "hostname"), []byte(name), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheDocumentsWork(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w := &walker{t: t, ctx: ctx, dir: t.TempDir()}
	var moves []string
	for _, folder := range []string{"/var/lib/", "/media/", "/dev/shm/"} {
		moves = append(moves, folder, w.dir+folder)
	}
	w.moved = strings.NewReplacer(append(moves, "127.0.0.1:8800", "127.0.0.1:0")...)
	for _, folder := range []string{"var/lib", "media/stick", "media/kunci", "dev/shm"} {
		if err := os.MkdirAll(filepath.Join(w.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	defer w.stop()
	for _, b := range steps(t) {
		if b.step == courierStep {
			w.publish()
		}
		w.follow(b)
	}
	if !w.read {
		t.Error("the documents end before an answer was read")
	}
}

// follow runs one block, and what the person does after it.
func (w *walker) follow(b block) {
	switch {
	case strings.HasPrefix(b.text, "saksi serve "):
		w.serve(b)
		w.testify()
		return
	case strings.Contains(b.text, "saksi init "):
		w.stop()
	}
	if m := regexp.MustCompile(`saksi-review reply .*-text "([^"]+)"`).FindStringSubmatch(b.text); m != nil {
		w.asked = m[1]
	}
	cmd := exec.CommandContext(w.ctx, "bash", "-e", "-u", "-o", "pipefail", "-c", w.moved.Replace(b.text))
	cmd.Dir = w.dir
	defer giveTerminal(w.t, cmd, passphrase)()
	if strings.Contains(b.text, " sign ") || strings.Contains(b.text, " endorse ") {
		cmd.Stdin = strings.NewReader(strings.Repeat("yes\n", 9)) // what a root types
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: step %d: %v\n%s\nprinted\n%s", b.place, b.step, err, b.text, out)
	}
	if strings.Contains(b.text, "saksi import ") {
		w.readAnswer()
	}
}

// serve starts the server and waits for its address.
func (w *walker) serve(b block) {
	w.server = exec.CommandContext(w.ctx, "bash", "-c", "exec "+w.moved.Replace(b.text))
	w.server.Dir, w.server.Stderr = w.dir, os.Stderr
	stdout, err := w.server.StdoutPipe()
	if err == nil {
		err = w.server.Start()
	}
	if err != nil {
		w.t.Fatalf("%s: %v", b.place, err)
	}
	scanner := bufio.NewScanner(stdout)
	for w.url == "" && scanner.Scan() {
		w.url = strings.TrimSuffix(regexp.MustCompile(`http://127[0-9.:]+/`).FindString(scanner.Text()), "/")
	}
	if w.url == "" {
		w.t.Fatalf("%s: the server did not start", b.place)
	}
}

func (w *walker) stop() {
	if w.server == nil {
		return
	}
	w.server.Process.Signal(syscall.SIGTERM)
	if err := w.server.Wait(); err != nil {
		w.t.Errorf("the server ended with %v", err)
	}
	w.server = nil
}

// submit sends a form, or fetches a page when there are no values.
func (w *walker) submit(path string, values url.Values) string {
	method, body := http.MethodGet, io.Reader(nil)
	if values != nil {
		method, body = http.MethodPost, strings.NewReader(values.Encode())
	}
	r, err := http.NewRequestWithContext(w.ctx, method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: status %s, %v", path, resp.Status, err)
	}
	return html.UnescapeString(string(page))
}

// testify sends a testimony and keeps the words.
func (w *walker) testify() {
	code := regexp.MustCompile(`name="code" value="([0-9a-f]+)"`).FindStringSubmatch(w.submit("/write", nil))
	if code == nil {
		w.t.Fatal("the form has no code")
	}
	page := w.submit("/write", servertest.Fields("/write", "code", code[1], "text", "Kami diminta hadir di deklarasi."))
	for _, m := range regexp.MustCompile(`<li>([a-z]{4,7})</li>`).FindAllStringSubmatch(page, -1) {
		w.words += m[1] + " "
	}
	if len(strings.Fields(w.words)) != 12 {
		w.t.Fatalf("the receipt shows %d words", len(strings.Fields(w.words)))
	}
}

// readAnswer reads what the reviewer answered, with the words alone.
func (w *walker) readAnswer() {
	page := w.submit("/open", url.Values{"words": {w.words}})
	if w.asked == "" || !strings.Contains(page, w.asked) {
		w.t.Fatalf("the person does not find the answer %q", w.asked)
	}
	w.read = true
}

// A program is what its help says: subcommands and their flags.
type program map[string][]string

// programs asks both programs for their help.
func programs(t *testing.T) map[string]program {
	t.Helper()
	saksi, review := program{}, program{}
	for _, m := range regexp.MustCompile(`(?m)^    saksi ([a-z-]+)(.*(?:\n +\[-.*)*)$`).FindAllStringSubmatch(help(t, "saksi", "help"), -1) {
		saksi[m[1]] = append(saksi[m[1]], regexp.MustCompile(`-[a-z-]+`).FindAllString(m[2], -1)...)
	}
	names := regexp.MustCompile(`(?m)^    ([a-z]+(?: [a-z]+)?)  +[a-z]`)
	for _, m := range names.FindAllStringSubmatch(help(t, "saksi-review", "help"), -1) {
		review[m[1]] = []string{"-h"}
		for _, f := range regexp.MustCompile(`(?m)^  (-[a-z-]+)`).FindAllStringSubmatch(
			help(t, "saksi-review", append(strings.Fields(m[1]), "-h")...), -1) {
			review[m[1]] = append(review[m[1]], f[1])
		}
	}
	if len(saksi) == 0 || len(review) == 0 {
		t.Fatal("the help names no subcommand")
	}
	return map[string]program{"saksi": saksi, "saksi-review": review}
}

func help(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return string(out)
}

// code returns every line of a document that is code: of its blocks, spans,
// and of indented lines.
func code(t *testing.T, name string) (lines []string) {
	t.Helper()
	for _, b := range blocks(t, name) {
		lines = append(lines, strings.Split(b.text, "\n")...)
	}
	prose := fence.ReplaceAllString(read(t, name), "")
	for _, m := range append(inline.FindAllStringSubmatch(prose, -1), indent.FindAllStringSubmatch(prose, -1)...) {
		lines = append(lines, m[1])
	}
	return lines
}

// call returns the program that a line of code runs, its subcommand and flags.
// Quoted arguments are no flags.
func call(line string, known map[string]program) (name, subcommand string, flags []string) {
	line = strings.TrimPrefix(strings.TrimPrefix(line, "ExecStart="), "sudo ")
	words := strings.Fields(regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(line, "Q"))
	if len(words) == 0 || known[path.Base(words[0])] == nil {
		return "", "", nil
	}
	name, words = path.Base(words[0]), words[1:]
	if len(words) > 1 && known[name][words[0]+" "+words[1]] != nil {
		words = append([]string{words[0] + " " + words[1]}, words[2:]...)
	}
	if len(words) > 0 {
		subcommand, words = words[0], words[1:]
	}
	for _, w := range words {
		if regexp.MustCompile(`^-[a-z]`).MatchString(w) {
			flags = append(flags, w)
		}
	}
	return name, subcommand, flags
}

// TestCommandsExist holds every command and flag that the documents name
// against the programs' help, and the other way round.
func TestCommandsExist(t *testing.T) {
	known := programs(t)
	described := map[string]bool{}
	for _, doc := range []string{"operating.md", "reviewing.md", "monitoring.md", "sealing.md", "../README.md"} {
		for _, line := range code(t, doc) {
			name, subcommand, flags := call(line, known)
			if problem := unknown(line, name, subcommand, flags, known); problem != "" {
				t.Errorf("%s: %s, in %q", doc, problem, line)
			}
			described[name+" "+subcommand] = described[name+" "+subcommand] || doc != "../README.md"
		}
	}
	for name, p := range known {
		for subcommand := range p {
			if !described[name+" "+subcommand] {
				t.Errorf("none of the guides describes %s %s", name, subcommand)
			}
		}
	}
}

// unknown says what the help does not have of a line of code: a subcommand, a
// flag of it, or a flag that stands alone.
func unknown(line, name, subcommand string, flags []string, known map[string]program) string {
	if subcommand == "help" {
		return ""
	}
	if name == "" && regexp.MustCompile(`^-[a-z]`).MatchString(line) {
		flag, _, _ := strings.Cut(line, " ")
		for _, p := range known {
			for _, flags := range p {
				if slices.Contains(flags, flag) {
					return ""
				}
			}
		}
		return "no program has the flag " + flag
	}
	if _, ok := known[name][subcommand]; subcommand != "" && !ok {
		return name + " has no " + subcommand
	}
	for _, f := range flags {
		if !slices.Contains(known[name][subcommand], f) {
			return name + " " + subcommand + " has no flag " + f
		}
	}
	return ""
}

// TestMessagesExist holds that what the tables of the guides quote is what the
// programs say. In a quotation "..." and words with a digit stand for what
// varies.
func TestMessagesExist(t *testing.T) {
	source := sources(t, "../cmd", "../server", "../crypto")
	varies := regexp.MustCompile(`\.\.\.|\b[a-z]*[0-9]+\b`)
	for _, doc := range []string{"operating.md", "reviewing.md", "monitoring.md", "sealing.md"} {
		for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(read(t, doc), -1) {
			for _, quoted := range inline.FindAllStringSubmatch(row[1], -1) {
				message := strings.TrimPrefix(quoted[1], "error: ")
				for _, part := range varies.Split(message, -1) {
					if part = strings.Trim(part, ` :,."`); strings.Contains(message, " ") && !strings.Contains(source, part) {
						t.Errorf("%s quotes %q, and no program says %q", doc, message, part)
					}
				}
			}
		}
	}
}

// sources returns all Go code below some folders but tests, and the words beside it.
func sources(t *testing.T, folders ...string) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
			says := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") ||
				path.Base(path.Dir(name)) == "words" && strings.HasSuffix(name, ".json")
			if err == nil && says {
				all.WriteString(read(t, name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestMakeTargetsExist holds what README.md and the guides tell to make.
func TestMakeTargetsExist(t *testing.T) {
	makefile := read(t, "../Makefile")
	found := 0
	for _, doc := range []string{"operating.md", "reviewing.md", "monitoring.md", "sealing.md", "../README.md"} {
		for _, line := range code(t, doc) {
			if m := regexp.MustCompile(`\bmake ([a-z]+)(?: ([A-Z]+)=)?`).FindStringSubmatch(line); m != nil {
				found++
				if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
					t.Errorf("%s: the Makefile has no target %s", doc, m[1])
				}
				if m[2] != "" && !regexp.MustCompile(`(?m)^`+m[2]+` \?=`).MatchString(makefile) {
					t.Errorf("%s: the Makefile has no variable %s", doc, m[2])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no document names a target")
	}
}

// TestLinksResolve follows the relative links of all documents, to files and
// to headings.
func TestLinksResolve(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{".git", "node_modules", "bin"}, d.Name()) {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(name, ".md") {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, name), ""), -1) {
			if !strings.Contains(m[1], ":") {
				follow(t, name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func follow(t *testing.T, from, link string) {
	t.Helper()
	file, anchor, _ := strings.Cut(link, "#")
	target := from
	if file != "" {
		target = filepath.Join(filepath.Dir(from), file)
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s: the link %s leads nowhere", from, link)
	} else if anchor != "" && !slices.Contains(anchors(t, target), anchor) {
		t.Errorf("%s: the link %s leads to no heading", from, link)
	}
}

// anchors returns the names by which a page shows its headings.
func anchors(t *testing.T, name string) (found []string) {
	t.Helper()
	text := fence.ReplaceAllString(read(t, name), "")
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		found = append(found, strings.ReplaceAll(plain, " ", "-"))
	}
	return found
}
