package main

import (
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/receipt"
	"saksi/server/servertest/cases"
	"saksi/web/taxonomy"
)

// TestTenTestimonies takes each of the ten made-up cases the whole way: the form,
// the file and the message through a real server, a bundle to a real desk, and
// from there to the screen and the sheet, as far as its reporter allows.
func TestTenTestimonies(t *testing.T) {
	data := newData(t)
	dir := filepath.Dir(data)
	p := startProcess(t, "saksi", "serve", "-data", data, "-listen", "127.0.0.1:0")
	for _, c := range cases.All() {
		testifyAs(t, p, c)
	}
	bundle := filepath.Join(dir, "bundle.tar")
	output(t, "saksi", "export", "-data", data, "-now", "-out", bundle)
	p.end(syscall.SIGTERM)
	meja := []string{"-key", filepath.Join(dir, "reviewers", "r2.key"), "-desk", filepath.Join(dir, "meja")}
	output(t, "saksi-review", slices.Concat([]string{"open"}, meja, []string{"-root", filepath.Join(dir, "root.vkey"), bundle})...)
	threads := regexp.MustCompile(`(?m)^([0-9a-f]{8})`).FindAllString(output(t, "saksi-review", slices.Concat([]string{"list"}, meja)...), -1)
	if len(threads) != len(cases.All()) {
		t.Fatalf("%d threads, want %d", len(threads), len(cases.All()))
	}
	read := map[string]bool{}
	for _, thread := range threads {
		shown := output(t, "saksi-review", slices.Concat([]string{"show"}, meja, []string{thread})...)
		at := slices.IndexFunc(cases.All(), func(c cases.Case) bool { return strings.Contains(shown, firstLine(c.Text)) })
		if at < 0 {
			t.Errorf("a thread with nobody's text: %s", shown)
			continue
		}
		c := cases.All()[at]
		read[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			holdShown(t, c, shown)
			holdSheet(t, c, dir, meja, thread)
		})
	}
	if len(read) != len(cases.All()) {
		t.Errorf("%d cases came out", len(read))
	}
}

// testifyAs sends a case as a browser does.
func testifyAs(t *testing.T, p *process, c cases.Case) {
	t.Helper()
	code := p.Get("/write").Code(t)
	values := url.Values{"code": {code.Field()}, "text": {strings.ReplaceAll(c.Text, "\n", "\r\n")}}
	for question, answers := range c.Answers {
		values["q."+question] = answers
	}
	resp, err := http.PostForm(p.URL+"/write", values)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v, %v", c.Name, resp.Status, err)
	}
	resp.Body.Close()
	n := 1
	if c.File != nil {
		page := p.Upload("/file", c.File.Name, []byte(c.File.Content), "code", code.Field(), "n", "1")
		if page.Status != http.StatusOK {
			t.Fatalf("%s: file: %d", c.Name, page.Status)
		}
		n++
	}
	if c.Message != "" {
		page := p.Post("/message", "code", code.Field(), "n", []string{"0", "1", "2"}[n], "text", c.Message)
		if page.Status != http.StatusOK {
			t.Fatalf("%s: message: %d", c.Name, page.Status)
		}
	}
	reopened(t, p, code, c)
}

// reopened reads the conversation with the words, as its reporter does later.
func reopened(t *testing.T, p *process, code receipt.Code, c cases.Case) {
	t.Helper()
	page := p.Post("/open", "words", strings.Join(code.Words(), " "))
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "menunggu giliran") {
		t.Errorf("%s: the conversation does not open", c.Name)
	}
	if strings.Contains(html.UnescapeString(page.Body), firstLine(c.Text)) {
		t.Errorf("%s: what was sent comes back from the server", c.Name)
	}
}

// firstLine is the beginning of a text as a desk prints it.
func firstLine(text string) string { return desk.Wrap(desk.CleanLines(text)[0], 60)[0] }

// holdShown: every answer is there, in words.
func holdShown(t *testing.T, c cases.Case, shown string) {
	t.Helper()
	shown = strings.ReplaceAll(strings.ReplaceAll(shown, "\n  | ", " "), "\n        ", " ")
	for _, said := range taxonomy.Current().Describe(c.Answers, "id") {
		for _, want := range append([]string{said.Label}, said.Values...) {
			if !strings.Contains(shown, desk.Clean(want)) {
				t.Errorf("the desk does not show %q", want)
			}
		}
	}
	for _, line := range desk.CleanLines(c.Text) {
		if !strings.Contains(shown, strings.TrimSpace(line)) {
			t.Errorf("the desk does not show %q", line)
		}
	}
}

// holdSheet: the sheet says as much as the reporter allows.
func holdSheet(t *testing.T, c cases.Case, dir string, meja []string, thread string) {
	t.Helper()
	args := slices.Concat([]string{"sheet"}, meja, []string{thread})
	consent := c.Answers["izin"][0]
	if consent == "statistik" {
		if out, err := exec.Command("saksi-review", args...).CombinedOutput(); err == nil {
			t.Errorf("there is a sheet for who wants to be counted only: %s", out)
		}
		args = slices.Insert(args, 1, "-internal")
	}
	sheet := output(t, "saksi-review", args...)
	if banner := strings.Contains(sheet, "TIDAK BOLEH DITERUSKAN"); banner != (consent == "statistik") {
		t.Errorf("with consent %q the banner is there: %v", consent, banner)
	}
	quoted := strings.Contains(sheet, firstLine(c.Text))
	if allowed := consent == "kutip" || consent == "pers"; consent != "statistik" && quoted != allowed {
		t.Errorf("with consent %q the text is quoted: %v", consent, quoted)
	}
	page := filepath.Join(dir, thread+".html")
	output(t, "saksi-review", slices.Insert(slices.Clone(args), 1, "-out", page)...)
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<b>", "<a ", "<link", "src=", "url("} {
		if strings.Contains(string(content), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

// output runs a program to its end.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+emptyFolder(t))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
