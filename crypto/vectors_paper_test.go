package crypto_test

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/paper"
)

type paperSection struct {
	About   []string       `json:"about"`
	Papers  []paperVector  `json:"papers"`
	Typed   []typedPaper   `json:"typed"`
	Refused []refusedPaper `json:"refused"`
	Joined  []joinedPapers `json:"joined"`
}

// A joinedPapers is a secret, or an error, and the papers that were typed in.
type joinedPapers struct {
	About  string   `json:"about"`
	Texts  []string `json:"texts"`
	Secret hexBytes `json:"secret"`
	Error  string   `json:"error"`
}

type paperVector struct {
	Kind string   `json:"kind"`
	Data hexBytes `json:"data"`
	Text string   `json:"text"`
}

// A typedPaper is another spelling of the paper of that number, from 0.
type typedPaper struct {
	About string `json:"about"`
	Paper int    `json:"paper"`
	Text  string `json:"text"`
}

// A refusedPaper is a text that is no paper, and the lines that are wrong or missing
// or of another paper, if the error is lines.
type refusedPaper struct {
	About   string   `json:"about"`
	Text    string   `json:"text"`
	Error   string   `json:"error"`
	Wrong   []string `json:"wrong,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Mixed   []string `json:"mixed,omitempty"`
}

func makePapers(t *testing.T) paperSection {
	s := paperSection{About: []string{
		"papers: text is what is written for kind and data.",
		"typed: other texts that are read as the paper of that number, from 0.",
		"joined: papers that give a secret together, or an error.",
		"refused: texts with an error. lines names lines that are wrong, missing, or mixed in from another paper.",
	}}
	share := makeSharing(t, []byte(codes()[2].Keys().Reply.String()), 2, []byte{1, 2}).Shares[1]
	for _, p := range []paper.Paper{
		{Kind: "secret", Data: []byte("AGE-SECRET-KEY-PQ-1QQPQYQQYRQSZ")}, {Kind: "a 1", Data: []byte{0}},
		{Kind: "share 2 of 2 need 2 set acdefghj", Data: share.Y},
		{Kind: "secret", Data: bytes.Repeat([]byte{0x42, 0xd6, 0xb5}, 20)}, // many i, l, o and b
	} {
		s.Papers = append(s.Papers, paperVector{p.Kind, p.Data, must(p.Text())(t)})
	}
	s.Typed = makeTyped(s.Papers)
	s.Refused = makeRefusedPapers(s.Papers)
	s.Joined = makeJoined(t)
	return s
}

func makeJoined(t *testing.T) []joinedPapers {
	secret := []byte(codes()[2].Keys().Reply.String())
	text := func(p paper.Paper) string { return must(p.Text())(t) }
	a, b := must(paper.Split(secret, 2, 3))(t), must(paper.Split(secret, 2, 3))(t)
	c, d := must(paper.Split(secret, 2, 5))(t), must(paper.Split(secret, 2, 5))(t)
	whole := paper.Paper{Kind: paper.Whole, Data: secret}
	return []joinedPapers{
		{"1 and 2 of 3", []string{text(a[0]), text(a[1])}, secret, ""},
		{"3 and 1, and 1 again", []string{text(a[2]), text(a[0]), text(a[0])}, secret, ""},
		{"all", []string{text(a[0]), text(a[1]), text(a[2])}, secret, ""},
		{"the whole", []string{text(whole)}, secret, ""},
		{"too few", []string{text(b[2]), text(b[2])}, nil, "too_few"},
		{"two sets", []string{text(a[0]), text(b[1])}, nil, "sets"},
		{"whole and share", []string{text(whole), text(a[0])}, nil, "sets"},
		{"a false one", []string{text(a[0]), text(a[1]), text(paper.Paper{Kind: a[2].Kind, Data: b[2].Data})}, nil, "sets"},
		{"a false 1, with 2, 4 and 5", []string{text(paper.Paper{Kind: c[0].Kind, Data: d[0].Data}), text(c[1]), text(c[3]), text(c[4])},
			nil, "sets"},
	}
}

func (v joinedPapers) check(t *testing.T) {
	var papers []paper.Paper
	for _, text := range v.Texts {
		papers = append(papers, must(paper.Parse(text))(t))
	}
	secret, err := paper.Join(papers)
	same(t, v.About, secret, v.Secret)
	if errorName(err) != v.Error {
		t.Errorf("%s: error %q, want %q", v.About, errorName(err), v.Error)
	}
}

func makeTyped(papers []paperVector) []typedPaper {
	text, doubtful := papers[0].Text, papers[3].Text
	lines := strings.SplitAfter(text, "\n")
	head, tail := lines[0], lines[2]+lines[3]
	dotted := strings.NewReplacer("  1  ", "1.", " k", "-k")
	return []typedPaper{
		{"capitals", 0, strings.ToUpper(text)},
		{"no groups", 0, head + strings.ReplaceAll(lines[1], " k", "k") + tail},
		{"another order, comments, carriage returns", 0, "\ufeff# kertas\r\n" + lines[3] + "\r\n" + lines[2] +
			head + lines[1]},
		{"number with a dot, groups with a dash", 0, head + dotted.Replace(lines[1]) + tail},
		{"a wrong line, and right again", 0, strings.Replace(lines[1], "ifdu", "ifdd", 1) + text},
		{"0 for o, 8 for b", 3, strings.NewReplacer("o", "0", "b", "8").Replace(doubtful)},
		{"l for 1 and i, i for l", 0, head + strings.NewReplacer("1", "l", "i", "l", "l", "i").Replace(lines[1]) + tail},
	}
}

func makeRefusedPapers(papers []paperVector) []refusedPaper {
	lines, other := strings.SplitAfter(papers[0].Text, "\n"), strings.SplitAfter(papers[3].Text, "\n")
	with := func(n int, line string) string {
		return strings.Join(slices.Concat(lines[:n], []string{line}, lines[n+1:]), "")
	}
	slip, count := strings.Replace(lines[1], "ifdu", "ifdd", 1), strings.Replace(lines[3], "2", "3", 1)
	return []refusedPaper{
		{About: "nothing", Error: "lines", Missing: []string{"paper", "end"}},
		{About: "wrong letter", Text: with(1, slip), Error: "lines", Wrong: []string{"1"}},
		{About: "no line 2", Text: with(2, ""), Error: "lines", Missing: []string{"2"}},
		{About: "wrong number of lines", Text: with(3, count), Error: "lines", Wrong: []string{"end"}},
		{About: "two lines 1", Text: papers[0].Text + other[1], Error: "lines", Mixed: []string{"1"}},
		{About: "a line 3", Text: papers[0].Text + other[3], Error: "lines", Mixed: []string{"3"}},
		{About: "a line without a name", Text: papers[0].Text + "abcd efgh\n", Error: "lines"},
		{About: "the line of another paper", Text: with(1, other[1]), Error: "sum"},
		{About: "another kind", Text: with(0, strings.SplitAfter(papers[1].Text, "\n")[0]), Error: "sum"},
		{About: "longer than a paper", Text: papers[0].Text + strings.Repeat("#", paper.MaxText), Error: "refused"},
	}
}

func (s paperSection) check(t *testing.T) {
	for _, v := range s.Papers {
		sameText(t, "paper", must(paper.Paper{Kind: v.Kind, Data: v.Data}.Text())(t), v.Text)
		v.byHand(t)
	}
	for _, v := range append(s.Typed, typedPaper{"as written", 0, s.Papers[0].Text}) {
		p, err := paper.Parse(v.Text)
		if want := s.Papers[v.Paper]; err != nil || p.Kind != want.Kind || !bytes.Equal(p.Data, want.Data) {
			t.Errorf("%s: %q, %x, %v", v.About, p.Kind, p.Data, err)
		}
	}
	for _, v := range s.Joined {
		v.check(t)
	}
	for _, v := range s.Refused {
		_, err := paper.Parse(v.Text)
		if errorName(err) != v.Error {
			t.Errorf("%s: error %q, want %q", v.About, errorName(err), v.Error)
		}
		var lines paper.LinesError
		if e, ok := err.(*paper.LinesError); ok {
			lines = *e
		}
		got, want := [][]string{lines.Wrong, lines.Missing, lines.Mixed}, [][]string{v.Wrong, v.Missing, v.Mixed}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: %v", v.About, err)
		}
	}
}

// byHand makes the text as the document says it, without the package's code.
func (v paperVector) byHand(t *testing.T) {
	letters := base32Letters(v.Data)
	end := func(name, content string) string {
		return base32Letters(sum([]byte("saksi/v1/line " + name + " " + content)))[:2]
	}
	want := []string{"paper", v.Kind, end("paper", v.Kind)}
	n := 0
	for ; letters != ""; letters = letters[min(32, len(letters)):] {
		n++
		row := letters[:min(32, len(letters))]
		want = append(want, fmt.Sprint(n), row, end(fmt.Sprint(n), row))
	}
	whole := base32Letters(sum(append([]byte("saksi/v1/paper "+v.Kind+"\n"), v.Data...)))[:16]
	want = append(want, "end", fmt.Sprint(n), whole, end("end", fmt.Sprint(n, " ", whole)))
	got := strings.Join(strings.Fields(v.Text), "")
	sameText(t, "paper by hand", got, strings.ReplaceAll(strings.Join(want, ""), " ", ""))
}

func base32Letters(b []byte) string {
	return strings.ToLower(strings.TrimRight(base32.StdEncoding.EncodeToString(b), "="))
}

func paperSizes(t *testing.T) map[string]int64 {
	fits := func(kind string, size int64) bool {
		return paper.Paper{Kind: kind, Data: make([]byte, size)}.Check() == nil
	}
	lines := must(paper.Paper{Kind: "a", Data: make([]byte, 50)}.Lines())(t)
	text := strings.Join(lines, "")
	words := strings.Fields(lines[len(lines)-1])
	read := func(more int64) bool {
		_, err := paper.Parse(text + strings.Repeat("#", int(more)))
		return err == nil
	}
	doubts := func(n int64) bool {
		end := base32Letters(sum([]byte("saksi/v1/line 1 " + strings.Repeat("l", int(n)))))[:2]
		_, err := paper.Parse("1 " + strings.Repeat("1", int(n)) + end)
		return err.(*paper.LinesError).Wrong == nil
	}
	return map[string]int64{
		"bytes on a paper": largest(10_000, func(n int64) bool { return fits("a", n) }),
		"kind, in bytes":   largest(500, func(n int64) bool { return fits(strings.Repeat("a", int(n)), 1) }),
		"bytes of a line":  int64(len(strings.Join(strings.Fields(lines[1])[1:9], "")) * 5 / 8),
		"text of a paper":  int64(len(text)) + largest(1<<17, read),

		"letters at the end of a line":      int64(len(words[len(words)-1])),
		"letters of the last line":          int64(len(strings.Join(words[2:len(words)-1], ""))),
		"letters that are read in two ways": largest(20, doubts),
	}
}

// TestProtocolPaper runs the document's commands on the papers of the vectors, and
// on the one that the document shows.
func TestProtocolPaper(t *testing.T) {
	papers := readVectors(t, must(os.ReadFile(vectorsFile))(t)).Paper.Papers
	if !strings.Contains(readProtocol(t), "```\n"+papers[0].Text+"```") {
		t.Errorf("the document should show\n%s", papers[0].Text)
	}
	commands := shellBlocks(t, "20. On paper", 3)
	for _, v := range papers {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "typed"), []byte(v.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		shell(t, folder, commands[0])
		same(t, v.Kind, must(os.ReadFile(filepath.Join(folder, "secret")))(t), v.Data)
		if v.Kind != "secret" {
			continue
		}
		shown := strings.TrimSpace(shell(t, folder, commands[1]))
		if !strings.Contains(strings.ReplaceAll(v.Text, " ", ""), shown) || len(shown) != 16 {
			t.Errorf("the last line by hand: %q", shown)
		}
	}
	line := strings.Split(papers[0].Text, "\n")[2]
	if shown := shell(t, t.TempDir(), commands[2]); !strings.HasSuffix(line, " "+strings.TrimSpace(shown)) {
		t.Errorf("line 2 by hand: %q", shown)
	}
}

// shell runs commands in a folder with the programs of the machine.
func shell(t *testing.T, folder, script string) string {
	t.Helper()
	cmd := exec.Command("bash", "-e", "-u", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
