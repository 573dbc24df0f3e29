package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"saksi/crypto/onionname"
	"saksi/server/folder"
	"saksi/server/onion"
	"saksi/web/poster"
)

// runPoster writes what is printed. It reads the data folder beside a running
// server, and writes nothing there.
func runPoster(_ context.Context, e env, args []string) error {
	fs := flags(e, "poster")
	data := fs.String("data", "", "")
	out := fs.String("out", "", "")
	given := fs.String("onion", "", "")
	if err := parse(e, fs, args, 0, data, out); err != nil {
		return err
	}
	trusted, err := folder.Roots(*data)
	if err != nil {
		return explain(err, *data)
	}
	site, err := folder.Site(*data)
	if err != nil {
		return explain(err, *data)
	}
	name, err := onionOf(*data, *given)
	if err != nil {
		return err
	}
	p := poster.Poster{Onion: name, Fingerprint: trusted.Fingerprint(), Name: site.Instance.Name.ID}
	if len(site.Instance.About) > 0 {
		p.About = site.Instance.About[0].ID
	}
	files, err := p.Files()
	if err != nil {
		return err
	}
	if err := writeFolder(*out, files); err != nil {
		return explain(err, *data)
	}
	fmt.Fprintf(e.stdout, "%s has poster.html (A4), card.html (ten cards on A4) and qr.svg, for %s.\n", *out, name)
	fmt.Fprintf(e.stdout, "Compare address and fingerprint with a second person before you print:\n%s\n",
		strings.Join(p.Fingerprint, " "))
	return nil
}

// onionOf returns the reporters' address: the one that was given, or the published one.
func onionOf(data, given string) (onionname.Name, error) {
	what, hint := "-onion", "copy it from the file hostname of tor's HiddenServiceDir, whole, with .onion and without http://"
	if given == "" {
		var err error
		if given, err = publishedName(data, onion.Reporters); err != nil {
			return onionname.Name{}, explain(err, data)
		}
		if given == "" {
			return onionname.Name{}, hinted{errors.New("making a poster: the onion address is not known"),
				"give it with -onion: it is in the file hostname of tor's HiddenServiceDir"}
		}
		what, hint = "the address in hostname or health.json", "give the right one with -onion"
	}
	name, err := onionname.Parse(given)
	if err != nil {
		return onionname.Name{}, hinted{fmt.Errorf("reading %s: %w", what, err), hint}
	}
	return name, nil
}

// writeFolder writes files into a folder that is new or empty.
func writeFolder(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("writing a poster: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("writing a poster: %w", err)
	}
	if len(entries) > 0 {
		return hinted{fmt.Errorf("writing a poster: %q is not empty", dir), "give a new folder, or empty this one"}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("writing a poster: %w", err)
		}
	}
	return nil
}
