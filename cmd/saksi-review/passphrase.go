package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
)

const (
	// minPassphrase is the length in bytes below which a passphrase is refused:
	// a stolen stick is tried by machines, a million times a day and more.
	minPassphrase = 16
	// suggestedWords of the receipts' list of 1,024 are 70 bits.
	suggestedWords = 7
)

// Errors about passphrases.
var (
	// errNoTerminal is returned when a passphrase must be typed and nobody can.
	errNoTerminal = errors.New("asking for the passphrase: there is no terminal")
	// errShort is returned when a passphrase has too few characters.
	errShort = fmt.Errorf("the passphrase has fewer than %d characters", minPassphrase)
	// errUnlike is returned when a passphrase was typed in two ways.
	errUnlike = errors.New("the two passphrases are not the same")
	// errToken is returned for a key file that is sealed to a key, not to a
	// passphrase.
	errToken = errors.New("the key file is sealed, and not under a passphrase")
)

// newKeyFlags say what a new key file is sealed under.
type newKeyFlags struct {
	file          string
	suggest, none bool
}

func (f *newKeyFlags) declare(flags *flag.FlagSet) {
	flags.StringVar(&f.file, "passphrase-file", "", passphraseUsage)
	flags.BoolVar(&f.suggest, "suggest", false, "propose a passphrase: seven words, 70 bits")
	flags.BoolVar(&f.none, "no-passphrase", false,
		"leave the key file open to whoever has it: for tests and hardware tokens")
}

const passphraseUsage = "`file` with the passphrase, or - for the first line of standard input; otherwise it is typed"

// seal returns the key file as it is to lie on the disk.
func (f *newKeyFlags) seal(c *console, keyFile string) (string, error) {
	if f.none {
		if f.suggest || f.file != "" {
			return "", fmt.Errorf("%w: -no-passphrase stands alone", errUsage)
		}
		c.warn("the key file is under no passphrase: whoever finds it has the key")
		return keyFile, nil
	}
	passphrase, err := f.choose(c)
	if err != nil {
		return "", err
	}
	sealed, err := await(c.ended, func() ([]byte, error) { return hybrid.SealPassphrase([]byte(keyFile), passphrase) })
	return string(sealed), err
}

// choose returns a new passphrase, which was typed twice or stands in a file.
func (f *newKeyFlags) choose(c *console) (string, error) {
	if f.suggest && f.file != "" {
		return "", fmt.Errorf("%w: -suggest and -passphrase-file exclude each other", errUsage)
	}
	if f.file != "" {
		passphrase, err := c.passphraseFrom(f.file)
		return passphrase, errors.Join(err, longEnough(passphrase))
	}
	if f.suggest {
		words, err := suggestion()
		if err != nil {
			return "", err
		}
		c.say("A passphrase, seven words chosen by chance (70 bits). It is shown this once: write it on paper now.")
		c.say("\n    %s\n", words)
	}
	first, err := c.typed("New passphrase: ")
	if err == nil {
		err = longEnough(first)
	}
	if err != nil {
		return "", err
	}
	second, err := c.typed("The same again: ")
	if err == nil && first != second {
		err = errUnlike
	}
	return first, err
}

func longEnough(passphrase string) error {
	if len(passphrase) < minPassphrase {
		return errShort
	}
	return nil
}

func suggestion() (string, error) {
	var words []string
	for range suggestedWords {
		n, err := rand.Int(rand.Reader, big.NewInt(1<<10))
		if err != nil {
			return "", err
		}
		words = append(words, receipt.Word(int(n.Int64())))
	}
	return strings.Join(words, " "), nil
}

// passphraseFrom reads the first line of a file, or of standard input, of which
// the rest is left to be read.
func (c *console) passphraseFrom(path string) (string, error) {
	in := c.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	line, err := firstLine(in)
	if err != nil {
		return "", fmt.Errorf("reading the passphrase: %w", err)
	}
	return strings.TrimSuffix(line, "\r"), nil
}

// firstLine reads up to the end of a line, and not a byte more.
func firstLine(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 1<<10; line = append(line, b[0]) {
		if _, err := io.ReadFull(in, b); err == io.EOF || b[0] == '\n' {
			break
		} else if err != nil {
			return "", err
		}
	}
	return string(line), nil
}

// typed asks at the terminal, also when standard input is something else.
func (c *console) typed(question string) (string, error) {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", errNoTerminal
	}
	defer terminal.Close()
	return c.typedAt(terminal, question)
}

// typedAt asks at a terminal, which shows what is typed again when it returns.
func (c *console) typedAt(terminal *os.File, question string) (string, error) {
	// Before the question: somebody may answer it at once, or have typed ahead.
	restore, err := hideTyping(int(terminal.Fd()))
	if err != nil {
		return "", fmt.Errorf("%w: %v", errNoTerminal, err)
	}
	defer restore()
	fmt.Fprint(terminal, question)
	passphrase, err := await(c.ended, func() (string, error) { return firstLine(terminal) })
	fmt.Fprintln(terminal)
	switch {
	case errors.Is(err, errInterrupted):
		return "", err
	case err != nil:
		return "", fmt.Errorf("%w: %v", errNoTerminal, err)
	}
	return passphrase, nil
}

// hideTyping has a terminal not show what is typed, until restore. It gives whole lines,
// and hears Ctrl-C.
func hideTyping(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag = hidden.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}

// readSecret reads a key file, or standard input if path is "-", and asks for its
// passphrase if it has one. It warns when others may read the file.
func readSecret(c *console, path string) (io.ReadCloser, error) {
	content, err := readKeyFile(c, path)
	if err != nil {
		return nil, err
	}
	sealed, passphrase := hybrid.IsSealed([]byte(content))
	switch {
	case passphrase:
		if content, err = c.unlock(path, content); err != nil {
			return nil, err
		}
	case sealed:
		return nil, fmt.Errorf("reading %q: %w", path, errToken)
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

func readKeyFile(c *console, path string) (string, error) {
	if path == "-" {
		return readAll(c.stdin)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		c.warn("others may read the key file %q: chmod 600 closes it", path)
	}
	return readText(path)
}

// unlock opens a key file with the passphrase that is typed, or stands where
// -passphrase-file says.
func (c *console) unlock(path, content string) (string, error) {
	var passphrase string
	var err error
	if c.passphraseFile != "" {
		passphrase, err = c.passphraseFrom(c.passphraseFile)
	} else {
		passphrase, err = c.typed(fmt.Sprintf("Passphrase of %s: ", path))
	}
	if err != nil {
		return "", err
	}
	plain, err := await(c.ended, func() ([]byte, error) {
		return hybrid.OpenPassphrase(bytes.TrimSpace([]byte(content)), passphrase)
	})
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", path, err)
	}
	return string(plain), nil
}
