package release

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"saksi/crypto/sign"
)

// ErrManifest is returned for a text that is no manifest of a release.
var ErrManifest = errors.New("the file is no release note")

const (
	label = "saksi/v1/release"
	// MaxNote is what a note may have, in bytes.
	MaxNote  = 64 << 10
	maxLines = 200
	unsigned = "not signed: make release KEY=FILE signs it"
)

// A Hash is a SHA-256 value.
type Hash [32]byte

// HashOf returns the hash of some bytes.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// A Manifest says what a release is. Its text, each line in this order:
//
//	saksi/v1/release
//	version v0.6.0
//	file <64 hex> saksi-linux-amd64        one line a file, by name
//	style <64 hex> /style.css
//	script <64 hex> /saksi-<16 hex>.js     or: script -
//	headers <64 hex>                       of the lines "Name: value" on each page
//	page <64 hex> <64 hex> /               one line a page: the page, and its shape
//
// The pages are those of a drop without words of its own, with the roster that is
// in this package, on the first day of that roster. A text has one spelling.
type Manifest struct {
	Version string
	Files   []Entry // by name
	Style   Hash
	Script  Entry // no name: the release has none
	Headers Hash
	Pages   []PageEntry // by path
}

// An Entry is the hash of something with a name or a path.
type Entry struct {
	Hash Hash
	Name string
}

// A PageEntry is a page, its hash, and that of its [Shape].
type PageEntry struct {
	Hash, Shape Hash
	Path        string
}

// Text writes the manifest in its one spelling.
func (m *Manifest) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nversion %s\n", label, m.Version)
	for _, f := range m.Files {
		fmt.Fprintf(&b, "file %s %s\n", f.Hash, f.Name)
	}
	fmt.Fprintf(&b, "style %s /style.css\n", m.Style)
	if m.Script.Name == "" {
		b.WriteString("script -\n")
	} else {
		fmt.Fprintf(&b, "script %s %s\n", m.Script.Hash, m.Script.Name)
	}
	fmt.Fprintf(&b, "headers %s\n", m.Headers)
	for _, p := range m.Pages {
		fmt.Fprintf(&b, "page %s %s %s\n", p.Hash, p.Shape, p.Path)
	}
	return b.String()
}

var (
	version    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$`)
	fileName   = regexp.MustCompile(`^[0-9a-z][0-9A-Za-z.-]{0,99}$`)
	scriptPath = regexp.MustCompile(`^/saksi-[0-9a-f]{16}\.js$`)
	pagePath   = regexp.MustCompile(`^/[0-9a-z/]{0,99}$`)
)

// Parse reads what Text wrote. It returns [ErrManifest].
func Parse(text string) (*Manifest, error) {
	if len(text) > MaxNote || strings.Count(text, "\n") > maxLines {
		return nil, ErrManifest
	}
	m := &Manifest{}
	for line := range strings.Lines(text) {
		if !m.line(strings.Fields(line)) {
			return nil, ErrManifest
		}
	}
	if !m.valid() || m.Text() != text {
		return nil, ErrManifest
	}
	return m, nil
}

// line takes in one line; the order is held by writing it all again.
func (m *Manifest) line(words []string) (ok bool) {
	switch {
	case len(words) == 1:
		return words[0] == label
	case len(words) == 2 && words[0] == "version":
		m.Version = words[1]
		return true
	case len(words) == 2 && words[0] == "script":
		return words[1] == "-"
	case len(words) == 2 && words[0] == "headers":
		return parseHash(words[1], &m.Headers)
	case len(words) == 3 && words[0] == "file":
		f := Entry{Name: words[2]}
		ok = parseHash(words[1], &f.Hash)
		m.Files = append(m.Files, f)
		return ok
	case len(words) == 3 && words[0] == "style":
		return parseHash(words[1], &m.Style)
	case len(words) == 3 && words[0] == "script":
		m.Script.Name = words[2]
		return parseHash(words[1], &m.Script.Hash)
	case len(words) == 4 && words[0] == "page":
		p := PageEntry{Path: words[3]}
		ok = parseHash(words[1], &p.Hash) && parseHash(words[2], &p.Shape)
		m.Pages = append(m.Pages, p)
		return ok
	}
	return false
}

func parseHash(s string, h *Hash) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && copy(h[:], raw) == len(h) && len(raw) == len(h)
}

// valid holds names, paths and orders.
func (m *Manifest) valid() bool {
	for i, f := range m.Files {
		if !fileName.MatchString(f.Name) || i > 0 && f.Name <= m.Files[i-1].Name {
			return false
		}
	}
	for i, p := range m.Pages {
		if !pagePath.MatchString(p.Path) || i > 0 && p.Path <= m.Pages[i-1].Path {
			return false
		}
	}
	named := m.Script.Name == "" || scriptPath.MatchString(m.Script.Name) && m.fits()
	return version.MatchString(m.Version) && len(m.Pages) > 0 && named
}

// fits reports whether the script's address is that of its hash.
func (m *Manifest) fits() bool { return m.Script.Name == "/saksi-"+m.Script.Hash.String()[:16]+".js" }

// Note returns the manifest as a signed note, or as one that says that nobody signed it.
func (m *Manifest) Note(signers ...sign.Signer) ([]byte, error) {
	slices.SortFunc(m.Files, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	if _, err := Parse(m.Text()); err != nil {
		return nil, fmt.Errorf("writing the release note: %w", err)
	}
	if len(signers) == 0 {
		return []byte(m.Text() + "\n" + unsigned + "\n"), nil
	}
	return sign.Note(m.Text(), signers...)
}

// Open checks a note and returns its manifest. It returns [ErrUnsigned],
// [sign.ErrSignatures] or [ErrManifest].
func Open(note []byte, key sign.Key) (*Manifest, error) {
	if len(note) > MaxNote {
		return nil, ErrManifest
	}
	if bytes.HasSuffix(note, []byte("\n\n"+unsigned+"\n")) {
		return nil, ErrUnsigned
	}
	if _, _, err := sign.Split(note); err != nil {
		return nil, ErrManifest
	}
	text, err := sign.Open(note, 1, key)
	if err != nil {
		return nil, fmt.Errorf("checking the release note: %w", sign.ErrSignatures)
	}
	return Parse(text)
}

// ErrUnsigned is returned for a note that was made without a key.
var ErrUnsigned = errors.New("nobody has signed this release note")

// Has reports whether the release has a page.
func (m *Manifest) Has(path string) bool {
	return slices.ContainsFunc(m.Pages, func(p PageEntry) bool { return p.Path == path })
}
