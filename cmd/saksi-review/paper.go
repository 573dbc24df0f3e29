package main

// House rules of paper: it is found in drawers, and seen on desks. So neither text nor
// page names the drop, its people or this program; what to do with it is in the guide
// for reviewers. The page fetches nothing and runs nothing.

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/paper"
	"saksi/web/qrcode"
)

//go:embed paper.html
var paperPage string

// folderMode is that of the folder around secrets.
const folderMode = 0o700

// codeLines is how many lines of a paper are in one QR code: they make 97 modules a
// side, which a printer and a cheap camera stand.
const codeLines = 16

func paperWrite(flags *flag.FlagSet) action {
	need := flags.Int("need", 0, "how many of the papers give the secret back; 0 for one paper that holds all of it")
	of := flags.Int("of", 0, "how many papers there are, with -need")
	out := flags.String("out", "", "new `folder` for the papers; best on /dev/shm, so that no disk keeps them")
	return func(_ context.Context, c *console, args []string) error {
		if *out == "" {
			return fmt.Errorf("%w: missing -out", errUsage)
		}
		if (*need != 0 || *of != 0) && (*need < 2 || *of < *need) {
			return fmt.Errorf("%w: want -need 2 or more, and -of as many or more", errUsage)
		}
		// As it is: what is sealed under a passphrase stays so on paper.
		text, err := readKeyFile(c, args[0])
		if err != nil {
			return err
		}
		secret := []byte(text)
		papers := []paper.Paper{{Kind: paper.Whole, Data: secret}}
		if *of > 0 {
			papers, err = paper.Split(secret, *need, *of)
		}
		if err == nil {
			err = writePapers(*out, papers)
		}
		if err != nil {
			return err
		}
		c.sayPapers(*out, papers, isSealed(secret))
		return nil
	}
}

// isSealed reports whether a file is an age file: then the paper alone is not the
// key.
func isSealed(secret []byte) bool {
	sealed, _ := hybrid.IsSealed(secret)
	return sealed
}

// paperName is the name of a paper's files, without what stands behind the dot.
func paperName(p paper.Paper) string {
	if part, ok := p.Part(); ok {
		return fmt.Sprintf("share-%d", part.Number)
	}
	return "paper"
}

// writePapers writes each paper as text and as a page into a new folder, or nothing.
func writePapers(folder string, papers []paper.Paper) error {
	if err := os.Mkdir(folder, folderMode); err != nil {
		return err
	}
	for _, p := range papers {
		if err := writePaper(filepath.Join(folder, paperName(p)), p); err != nil {
			return takeBack(err, folder)
		}
	}
	return nil
}

func writePaper(path string, p paper.Paper) error {
	text, err := p.Text()
	if err != nil {
		return err
	}
	page, err := pageOf(p)
	if err != nil {
		return err
	}
	if err := writeNew(path+".txt", secretMode, text); err != nil {
		return err
	}
	return writeNew(path+".html", secretMode, page)
}

// pageOf returns the page that is printed.
func pageOf(p paper.Paper) (string, error) {
	text, err := p.Text()
	if err != nil {
		return "", err
	}
	codes, err := codesOf(p)
	if err != nil {
		return "", err
	}
	part, shared := p.Part()
	t, err := template.New("paper").Parse(paperPage)
	if err != nil {
		return "", fmt.Errorf("making page: %v", err)
	}
	var page bytes.Buffer
	err = t.Execute(&page, struct {
		Kind   string // repeated on each sheet: a paper may have several
		Text   string
		Shared bool
		Part   paper.Part
		Others int
		Codes  []code
	}{p.Kind, text, shared, part, part.Need - 1, codes})
	return page.String(), err
}

// A code is a QR code on the page.
type code struct {
	Number  int
	Picture template.HTML // of our own making
}

// codesOf returns QR codes of the paper's lines, in order. What they hold, one after
// the other, is the paper once more.
func codesOf(p paper.Paper) ([]code, error) {
	lines, err := p.Lines()
	if err != nil {
		return nil, err
	}
	var codes []code
	for some := range slices.Chunk(lines, codeLines) {
		var text strings.Builder
		for _, line := range some {
			text.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
		}
		picture, err := qrcode.SVG(text.String())
		if err != nil {
			return nil, err
		}
		codes = append(codes, code{len(codes) + 1, template.HTML(picture)})
	}
	return codes, nil
}

// sayPapers names the pages, and says what they are.
func (c *console) sayPapers(folder string, papers []paper.Paper, sealed bool) {
	for _, p := range papers {
		c.say("%s", filepath.Join(folder, paperName(p)+".html"))
	}
	part, shared := papers[0].Part()
	whose := "whoever sees the paper has the key"
	if shared {
		whose = fmt.Sprintf("whoever sees %d of the papers has the key", part.Need)
	}
	if !sealed {
		c.warn("the file is not sealed under a passphrase: %s", whose)
	}
	c.warn("print the pages without a network, and delete %q: it holds the secret as the papers do", folder)
}
