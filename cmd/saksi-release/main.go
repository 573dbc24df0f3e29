// Command saksi-release writes the note of a release: what its files, pages and
// script are, by their hashes, signed by whoever makes the release. It is for those
// who build the programs; make release calls it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"saksi/cmd/saksi/release"
	"saksi/crypto/sign"
)

const usage = `Usage:

    saksi-release key -name NAME -out FILE
    saksi-release note -version VERSION -dir DIR [-key FILE]

key makes the key that signs releases: FILE is secret, and FILE.vkey is for
everybody. note writes DIR/release.note, DIR/SHA256SUMS and the script, for the
files that are in DIR; without a key the note says that nobody signed it.
`

// errUsage is returned for wrong arguments.
var errUsage = errors.New("wrong arguments")

func main() {
	err := run(os.Stdout, os.Args[1:])
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "saksi-release: error: %v\n", err)
		os.Exit(1)
	}
}

func run(out io.Writer, args []string) error {
	if len(args) > 0 && args[0] == "key" {
		return runKey(out, args[1:])
	}
	if len(args) > 0 && args[0] == "note" {
		return runNote(out, args[1:])
	}
	return errUsage
}

func runKey(out io.Writer, args []string) error {
	fs := flag.NewFlagSet("key", flag.ContinueOnError)
	name, file := fs.String("name", "", ""), fs.String("out", "", "")
	if err := fs.Parse(args); err != nil || *name == "" || *file == "" {
		return errUsage
	}
	signer, err := sign.Generate(*name)
	if err != nil {
		return err
	}
	secret := "# Saksi releases: keep this file secret, and off the machine that builds.\n" + signer.String() + "\n"
	if err := create(*file, []byte(secret), 0o600); err != nil {
		return err
	}
	if err := create(*file+".vkey", []byte(signer.Key().String()+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is secret. Publish %s.vkey.\n", *file, *file)
	return nil
}

// create writes a file that does not exist yet.
func create(name string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return fmt.Errorf("writing: %w", err)
	}
	return f.Close()
}

func runNote(out io.Writer, args []string) error {
	fs := flag.NewFlagSet("note", flag.ContinueOnError)
	version, dir, key := fs.String("version", "", ""), fs.String("dir", "", ""), fs.String("key", "", "")
	if err := fs.Parse(args); err != nil || *version == "" || *dir == "" {
		return errUsage
	}
	var signers []sign.Signer
	if *key != "" {
		if lies(*key, *dir) {
			return fmt.Errorf("writing the note: %q is secret, and lies among what is published: move it elsewhere", *key)
		}
		signer, err := readSigner(*key)
		if err != nil {
			return err
		}
		signers = append(signers, signer)
	}
	if err := writeNote(*version, *dir, signers...); err != nil {
		return err
	}
	if *key == "" {
		fmt.Fprintf(out, "%s is not signed, and nobody should trust it: make release KEY=FILE signs it.\n",
			filepath.Join(*dir, "release.note"))
	}
	return nil
}

// lies reports whether a file is in a folder.
func lies(file, dir string) bool {
	of, err := os.Stat(filepath.Dir(file))
	folder, err2 := os.Stat(dir)
	return err == nil && err2 == nil && os.SameFile(of, folder)
}

func readSigner(name string) (sign.Signer, error) {
	f, err := os.Open(name)
	if err != nil {
		return sign.Signer{}, fmt.Errorf("reading the key: %w", err)
	}
	defer f.Close()
	return sign.ReadSigner(f)
}

// writeNote describes the files of a folder.
func writeNote(version, dir string, signers ...sign.Signer) error {
	m, err := release.Make(version)
	if err != nil {
		return err
	}
	if err := writeScript(dir, m); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the folder: %w", err)
	}
	var sums strings.Builder
	for _, entry := range entries {
		if entry.Name() == "release.note" || entry.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return fmt.Errorf("reading the folder: %w", err)
		}
		hash := release.HashOf(content)
		m.Files = append(m.Files, release.Entry{Hash: hash, Name: entry.Name()})
		fmt.Fprintf(&sums, "%s  %s\n", hash, entry.Name())
	}
	note, err := m.Note(signers...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "release.note"), note, 0o644)
}

// writeScript lays the script beside the programs, for who wants to read it.
func writeScript(dir string, m *release.Manifest) error {
	if m.Script.Name == "" {
		return nil
	}
	answers, err := release.Reference()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, filepath.Base(m.Script.Name)), answers[m.Script.Name].Body, 0o644)
}
