package browser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Violation is a rule of axe-core that elements of a page break.
type Violation struct {
	ID, Impact, Help string
	Nodes            []string // selectors
}

// BestPractice is the tag of axe's rules that no standard asks for.
const BestPractice = "best-practice"

// Axe holds the present page against the rules of axe-core with these tags, or
// with those of WCAG 2.2 AA and all below it if none is given. axe works with
// promises and timers, so scripts are on while it runs; those that the page
// brought were passed over when it was parsed, and are not made up for.
func Axe(p *ChromiumPage, tags ...string) (found []Violation, err error) {
	if len(tags) == 0 {
		tags = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"}
	}
	source, err := axeSource()
	if err != nil {
		return nil, err
	}
	if err := p.c.do(allowScripts(true)); err != nil {
		return nil, p.wrap(err, "allowing scripts for axe")
	}
	if err = p.c.evaluate(source+"\n;0", nil); err == nil {
		err = p.c.evaluate(call(axeJS, tags), &found)
	}
	if back := p.c.do(allowScripts(p.c.script)); err == nil {
		err = back
	}
	return found, p.wrap(err, "running axe")
}

// axeJS runs axe and keeps what a test reports.
const axeJS = `tags => axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] })
	.then(result => result.violations.map(v => ({
		ID: v.id, Impact: v.impact || "", Help: v.help, Nodes: v.nodes.map(n => n.target.flat().join(" ")),
	})))`

// axeSource reads axe-core from where npm put it.
func axeSource() (string, error) {
	root, err := module()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(root, "server/browser/node_modules/axe-core/axe.min.js"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("axe-core is missing: run .ci/deps")
	}
	if err != nil {
		return "", fmt.Errorf("reading axe-core: %w", err)
	}
	return string(text), nil
}
