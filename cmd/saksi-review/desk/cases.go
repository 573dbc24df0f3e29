package desk

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"saksi/crypto/hybrid"
)

// caseFileSize is a whole block of random bytes, all of which are the key. A
// file system may keep a smaller file beside its name and copy it into its
// journal, where nothing overwrites it.
const caseFileSize = 4096

// secretSize is the size of an item's E, sealed under a case key.
func secretSize() int { return int(hybrid.SealedSize(hybrid.IdentitySize, 1)) }

// A caseKey seals what opens the items of one thread, for as long as the case is
// open. Its identity follows from the file and from the desk's identity
// together: neither the file alone, nor the reviewer's keys with an old copy of
// the index, opens a case whose file was overwritten.
type caseKey struct {
	name     string // of its file: random, so that the folder names no thread
	secret   []byte // what goes into the file; nil when it is there
	identity *hybrid.Identity
}

// newCase makes a case key for a subject: a thread's mailbox, or the id of an item
// that waits for something before it can be filed. It is in memory alone until
// keepCases, which an import announces.
func (d *Desk) newCase(subject string) (*caseKey, error) {
	name, secret := make([]byte, 16), make([]byte, caseFileSize)
	rand.Read(name)
	rand.Read(secret)
	k := &caseKey{name: hex.EncodeToString(name), secret: secret}
	var err error
	k.identity, err = caseIdentity(d.identity, k.name, subject, secret)
	return k, err
}

// openCase reads a case key. It returns [ErrNoCase] when its file is not there,
// or not as it was made.
func (d *Desk) openCase(name, subject string) (*caseKey, error) {
	secret, err := readFile(d.casePath(name), caseFileSize)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(secret) != caseFileSize {
		return nil, fmt.Errorf("reading case key %s: %w", name, ErrNoCase)
	}
	if err != nil {
		return nil, fmt.Errorf("reading case key: %w", err)
	}
	k := &caseKey{name: name}
	k.identity, err = caseIdentity(d.identity, name, subject, secret)
	return k, err
}

// caseIdentity derives what a case's secrets are sealed to.
func caseIdentity(desk *hybrid.Identity, name, subject string, secret []byte) (*hybrid.Identity, error) {
	own, err := hkdf.Key(sha256.New, []byte(desk.String()), []byte("saksi/v1"), "cases", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving case key: %v", err)
	}
	label := "case/" + name + "/" + subject
	seed, err := hkdf.Key(sha256.New, slices.Concat(secret, own), []byte("saksi/v1"), label, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving case key: %v", err)
	}
	return hybrid.FromSeed([32]byte(seed))
}

// seal seals a secret of whatever size.
func (k *caseKey) seal(secret string) ([]byte, error) {
	return hybrid.SealBytes([]byte(secret), k.identity.Recipient())
}

// open opens a secret of that many bytes. What does not open is not what was
// sealed here.
func (k *caseKey) open(sealed []byte, size int) (string, error) {
	secret, err := hybrid.OpenBytes(sealed, size, k.identity)
	if err != nil {
		return "", fmt.Errorf("opening secret of an item: %w: %v", ErrNoCase, err)
	}
	return string(secret), nil
}

func validCase(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}

func (d *Desk) casePath(name string) string { return d.path("cases", name+".key") }

// keepCases writes new case keys. They survive a power cut only when the file
// system was synced after it: that is once, for all that an import writes.
func (d *Desk) keepCases(keys []*caseKey) error {
	for _, k := range keys {
		if err := writeFile(d.casePath(k.name), strings.NewReader(string(k.secret))); err != nil {
			return fmt.Errorf("keeping case key: %w", err)
		}
	}
	return nil
}

// newCases returns the case keys that an import made and its index names, by name.
func (im *importer) newCases() (keys []*caseKey) {
	named := im.next.cases()
	for _, k := range im.cases {
		if k.secret != nil && named[k.name] {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b *caseKey) int { return strings.Compare(a.name, b.name) })
	return keys
}

// endCases notes that case keys are to be destroyed which the index before this one
// needed, and this one does not: those of items that waited and were opened. Keys that
// neither names are left, for a newer index needs them, perhaps: who puts an old one back
// by mistake can still take that.
func (x *index) endCases(before *index) {
	ended, needed := before.cases(), x.cases()
	for _, c := range x.Closing {
		needed[c.Case] = true // noted already
	}
	maps.DeleteFunc(ended, func(name string, _ bool) bool { return name == "" || needed[name] })
	for _, name := range slices.Sorted(maps.Keys(ended)) {
		x.Closing = append(x.Closing, closing{Case: name})
	}
}

// cases returns the names of the case keys that the index needs.
func (x *index) cases() map[string]bool {
	names := map[string]bool{}
	for _, t := range x.Threads {
		names[t.Case] = true
	}
	for _, w := range x.Waiting {
		names[w.Case] = true
	}
	return names
}

// removeIn removes what has these names in a folder, for good. Any of it may be
// gone already.
func removeIn(folder string, names ...string) error {
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	err := syncPath(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// wipe overwrites a file in its place with random bytes, down to the disk. It may
// be gone already.
func wipe(path string) error {
	f, err := overwrite(path)
	if f == nil {
		return err
	}
	return errors.Join(err, unix.Fdatasync(int(f.Fd())), f.Close())
}

// overwrite writes random bytes over a file and leaves it open, to be synced;
// there is no file when there was none.
func overwrite(path string) (*os.File, error) {
	f, err := openToScrub(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, scrub(f)
}

// scrub writes random bytes over all of an open file.
func scrub(f *os.File) error {
	info, err := f.Stat()
	if err == nil {
		_, err = io.Copy(io.NewOffsetWriter(f, 0), io.LimitReader(rand.Reader, info.Size()))
	}
	return err
}
