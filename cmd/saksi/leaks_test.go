package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/crypto/receipt"
	"saksi/server/servertest/leaks"
)

// agent is what the stories' browser calls itself.
const agent = "Mozilla/5.0 (penanda-agen-4711; rv:140.0)"

// secrets are what a story gave away to the server, or a reviewer to the desk,
// and what nobody may find afterwards on either disk or in any log.
type secrets struct{ *leaks.Secrets }

func newSecrets() *secrets {
	s := &secrets{leaks.New()}
	s.Add("the user agent", agent, "penanda-agen")
	return s
}

// field remembers what was typed into a form.
func (s *secrets) field(name, value string) {
	if question, ok := strings.CutPrefix(name, "q."); ok {
		s.answer(question, value)
		return
	}
	switch name {
	case "code":
		if code, err := receipt.ParseField(value); err == nil {
			s.Code(code)
		}
	case "words":
		s.Words(value)
	case "text":
		s.Text("what was typed", value)
	}
}

// answer remembers what a question was answered with. The name of a choice is short: it
// is looked for together with its question, as forms and items spell it.
func (s *secrets) answer(question, value string) {
	s.Add("an answer", "q."+question+"="+value, `"`+question+`":["`+value, `"`+question+`":"`+value)
	if choices := []string{"tempat", "tempat.finer", "apa", "kapan", "tahu"}; !slices.Contains(choices, question) {
		s.Text("what was typed", value)
	}
}

// deleted remembers that all of a code's items are deleted, which has a proof.
func (s *secrets) deleted(field string) {
	if code, err := receipt.ParseField(field); err == nil {
		s.Burned(code)
	}
}

var answerText = regexp.MustCompile(`-text '([^']+)'`)

// script remembers the answers that reviewers write in a story.
func (s *secrets) script(text string) {
	for _, m := range answerText.FindAllStringSubmatch(text, -1) {
		s.Text("a reviewer's answer", m[1])
	}
}

// secret FIELD VALUE tells the story what nobody may find: a text, or the words that
// a program showed. secret file FILE... does so with the names of files and what is in them.
func cmdSecret(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts).secrets
	if args[0] != "file" {
		s.field(args[0], args[1])
		return
	}
	for _, file := range args[1:] {
		content, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		s.File(filepath.Base(file), content)
	}
}

// A doorway leads to a server from an address that nobody else has: whoever comes
// through it, be it a browser or a program that connects by itself, comes from there.
type doorway struct {
	net.Listener
	from net.IP
	to   string
}

func openDoorway(to string) (*doorway, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &doorway{l, net.IPv4(127, 47, byte(100+rand.IntN(100)), byte(100+rand.IntN(100))), to}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go d.lead(conn)
		}
	}()
	return d, nil
}

func (d *doorway) lead(in net.Conn) {
	defer in.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: d.from}}
	out, err := dialer.DialContext(context.Background(), "tcp", d.to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, in) // it ends as the connection ends
		_ = out.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(in, out)
}
