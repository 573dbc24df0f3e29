package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/crypto/receipt"
)

// A listener runs scripts and hears what the programs in them print.
type listener struct {
	*testing.T
	stories *sync.Map // a script's name -> its *story
	name    string
}

// Run implements [testscript.T].
func (l listener) Run(name string, f func(testscript.T)) {
	l.T.Run(name, func(t *testing.T) { f(listener{t, l.stories, name}) })
}

// Verbose implements [testscript.T]: else what went well is cut from the log.
func (l listener) Verbose() bool { return true }

// Log gets all that a script did, once, when it is over.
func (l listener) Log(args ...any) {
	text := fmt.Sprint(args...)
	if testing.Verbose() || strings.Contains(text, "\nFAIL: ") {
		l.T.Log(text)
	}
	if s, ok := l.stories.Load(l.name); ok {
		for _, leak := range s.(*story).secrets.said(text) {
			l.Errorf("%s", leak)
		}
	}
}

// ran begins what one command of a script printed: the command as the script has it.
var ran = regexp.MustCompile(`(?m)^> (?:[!?] )?(.*)$`)

// said searches what programs printed that ran once and were over. A desk shows
// testimonies, and who seals and sends sees his own words: of a desk's output what was
// written is no leak, of theirs nothing is.
func (s *secrets) said(log string) (wrong []string) {
	starts := ran.FindAllStringSubmatchIndex(log, -1)
	for i, at := range starts {
		end := len(log)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		command, printed := log[at[2]:at[3]], log[at[1]:end]
		program, ok := strings.CutPrefix(command, "exec saksi")
		if !ok || strings.HasPrefix(program, " seal") {
			continue
		}
		for _, leak := range s.FindTimeless(fmt.Sprintf("what %.40q printed", command), []byte(printed)) {
			if !strings.HasPrefix(program, "-review") || !written.MatchString(leak) {
				wrong = append(wrong, leak)
			}
		}
	}
	return wrong
}

// written is what a reporter or a reviewer wrote, as a search names it.
var written = regexp.MustCompile(` holds (a part of )?(what was typed|a reviewer's answer|a file)`)

// TestWhatProgramsPrintIsSearched: of commands that name what they take, as all of a
// script's lines do, only the output is.
func TestWhatProgramsPrintIsSearched(t *testing.T) {
	code, typed := receipt.New(), "isi kesaksian yang agak panjang"
	s := newSecrets()
	s.Code(code)
	s.Text("what was typed", typed)
	for log, want := range map[string]int{
		"> exec saksi import " + typed + "\n[stdout]\ndone\n":                                    0,
		"> post /write text=" + typed + "\n> cat page\n" + typed:                                 0,
		"> exec saksi seal a\n[stdout]\n" + code.Field():                                         0,
		"> exec saksi-review show\n[stdout]\n" + typed + " ":                                     0,
		"> exec saksi-review show\n[stderr]\n" + code.Field():                                    1,
		"> exec saksi export\n[stdout]\nx\n[stderr]\n" + code.Field() + "\n> exec saksi check\n": 1,
		"# a\n> ! exec saksi import $A\n[stderr]\n" + agent + "\n[exit status 1]\nPASS\n":        2,
	} {
		if wrong := s.said(log); len(wrong) != want {
			t.Errorf("%q: found %q, want %d", log, wrong, want)
		}
	}
}
