package hybrid

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Work of scrypt, as the power of two: about a second on a laptop of 2026 for
// what is written, four for the most that is read. Whoever writes a file could
// ask for more, and have a machine without memory for it fall over.
const (
	writtenWork = 18
	readWork    = 20
)

// ErrPassphrase is returned when a passphrase does not open a file.
var ErrPassphrase = errors.New("the passphrase does not open it")

// SealPassphrase seals a small secret under a passphrase, with ASCII armor, so
// that it can be printed. It is what stock age writes with -p -a.
func SealPassphrase(plain []byte, passphrase string) ([]byte, error) {
	return sealPassphrase(plain, passphrase, writtenWork)
}

func sealPassphrase(plain []byte, passphrase string, work int) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("sealing: %v", err)
	}
	to.SetWorkFactor(work)
	var buf bytes.Buffer
	armored := armor.NewWriter(&buf)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return nil, fmt.Errorf("sealing: %v", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("sealing: %v", err)
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return nil, fmt.Errorf("sealing: %v", err)
	}
	return buf.Bytes(), nil
}

// IsSealed reports whether content begins as an age file does, with or without
// armor; and whether it is one under a passphrase.
func IsSealed(content []byte) (sealed, passphrase bool) {
	in, sealed := unarmored(content)
	if !sealed {
		return false, false
	}
	const want = "age-encryption.org/v1\n-> scrypt "
	start, _ := in.Peek(len(want))
	return true, string(start) == want
}

// unarmored returns the binary form of an age file.
func unarmored(content []byte) (*bufio.Reader, bool) {
	switch {
	case bytes.HasPrefix(content, []byte("age-encryption.org/")):
		return bufio.NewReader(bytes.NewReader(content)), true
	case bytes.HasPrefix(content, []byte(armor.Header)):
		return bufio.NewReader(armor.NewReader(bytes.NewReader(content))), true
	}
	return nil, false
}

// OpenPassphrase opens what SealPassphrase or stock age sealed under a
// passphrase. It returns [ErrPassphrase], or says that the file is damaged: one
// that was cut short is never taken for a shorter one.
func OpenPassphrase(sealed []byte, passphrase string) ([]byte, error) {
	if _, ok := IsSealed(sealed); !ok {
		return nil, errors.New("opening: not sealed under a passphrase, or damaged")
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, ErrPassphrase
	}
	id.SetMaxWorkFactor(readWork)
	in, _ := unarmored(sealed)
	r, err := age.Decrypt(in, id)
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, &headerError{err}
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, errors.New("opening: the file is damaged or cut short")
	}
	return plain, nil
}
