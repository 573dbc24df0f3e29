package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"path/filepath"
	"strings"

	"saksi/crypto/frames"
	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
	"saksi/web/qrcode"
)

//go:embed codes.html
var codesPage string

// errSecret is returned for a file with a key, open or sealed: a code is seen by every
// camera.
var errSecret = errors.New("it has a secret key")

// qrWrite makes a page of QR codes of a public file, such as a roster on its way from
// one root to the next.
func qrWrite(flags *flag.FlagSet) action {
	out := flags.String("out", "", "`file` for a page to show or to print; without it the frames are printed as text")
	return func(_ context.Context, c *console, args []string) error {
		content, err := readText(args[0])
		if err != nil {
			return err
		}
		if isSecret(args[0], content) {
			return fmt.Errorf("drawing %q: %w", args[0], errSecret)
		}
		lines, err := frames.Split([]byte(content))
		if err != nil {
			return fmt.Errorf("drawing %q: %w", args[0], err)
		}
		if *out == "" {
			c.say("%s", strings.Join(lines, "\n"))
			return nil
		}
		page, err := codes(filepath.Base(args[0]), content, lines)
		if err != nil {
			return err
		}
		if err := writeNew(*out, publicMode, page); err != nil {
			return fmt.Errorf("writing page: %w", err)
		}
		c.say("%s has %s", *out, plural(len(lines), "code"))
		c.sayFile(args[0], content)
		return nil
	}
}

// isSecret reports whether a file is one of keys, also where it is sealed: what a camera
// sees of a passphrase's file can be tried against, and nobody takes a copy of a weeks file
// back. That one tells by its name alone what it is; shares are sealed as it is.
func isSecret(path, content string) bool {
	_, passphrase := hybrid.IsSealed([]byte(strings.TrimSpace(content)))
	return passphrase || strings.EqualFold(filepath.Ext(path), weeksSuffix) ||
		strings.Contains(content, "PRIVATE+KEY+") || strings.Contains(content, "AGE-SECRET-KEY-")
}

// codes draws the page. It runs nothing and fetches nothing.
func codes(name, content string, lines []string) (string, error) {
	type code struct {
		N    int
		Text string
		SVG  template.HTML // of our own making
	}
	sum := sha256.Sum256([]byte(content))
	view := struct {
		Name, Hash  string
		Size, Count int
		Aloud       []string
		Codes       []code
	}{
		Name: name, Hash: hex.EncodeToString(sum[:]), Size: len(content), Count: len(lines),
		Aloud: roster.Aloud([]byte(content)),
	}
	for i, line := range lines {
		svg, err := qrcode.SVG(line)
		if err != nil {
			return "", err
		}
		view.Codes = append(view.Codes, code{i + 1, line, template.HTML(svg)})
	}
	page, err := template.New("codes").Parse(codesPage)
	if err != nil {
		return "", fmt.Errorf("making page: %v", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		return "", fmt.Errorf("making page: %v", err)
	}
	return b.String(), nil
}

// qrRead puts a file together from what a scanner read.
func qrRead(flags *flag.FlagSet) action {
	out := flags.String("out", "", "`file` for what the codes carried")
	return func(_ context.Context, c *console, args []string) error {
		if err := need("out", *out); err != nil {
			return err
		}
		var all strings.Builder
		for _, path := range args {
			text, err := readText(path)
			if err != nil {
				return err
			}
			all.WriteString(text + "\n")
		}
		content, err := frames.Join(all.String())
		if err != nil {
			return fmt.Errorf("joining frames: %w", err)
		}
		if err := writeNew(*out, publicMode, string(content)); err != nil {
			return fmt.Errorf("writing file: %w", err)
		}
		c.sayFile(*out, string(content))
		return nil
	}
}

// sayFile prints what two people compare.
func (c *console) sayFile(path, content string) {
	c.say("%s: %s bytes", path, number(int64(len(content))))
	c.say("  SHA-256      %x", sha256.Sum256([]byte(content)))
	c.say("  aloud        %s", strings.Join(roster.Aloud([]byte(content)), " "))
}
