package item

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Errors that a caller acts on.
var (
	// ErrTooLong is returned when a text has more than [MaxText] bytes, or a
	// file more than [MaxFile].
	ErrTooLong = errors.New("the text is too long")
	// ErrLongField is returned when a short field has more than [MaxField] bytes.
	ErrLongField = errors.New("a short field is too long")
	// ErrEmpty is returned when a text is empty, or holds white space alone.
	ErrEmpty = errors.New("the text is empty")
	// ErrNotText is returned when a text is not UTF-8 or holds control
	// characters other than tab and line breaks.
	ErrNotText = errors.New("not a text")
	// ErrFewReaders is returned when so many reviewers are excluded that those who
	// are left are no quorum.
	ErrFewReaders = errors.New("too few reviewers are left to open it")
	// ErrNoReader is returned when an excluded reviewer is not on the roster: the
	// choice was made under another one.
	ErrNoReader = errors.New("the roster has no such reviewer")
	// ErrSize is returned when an attachment turns out longer or shorter than
	// announced. Nothing that was written may be kept.
	ErrSize = errors.New("the file has another size than announced")
)

// A Content is what goes into one item. Exactly one of its groups is set.
type Content struct {
	Kind     Kind
	Language string // of the page: "id" or "en"

	Readers Readers

	Text     string // testimony and message
	Form     Form   // testimony; Format is filled in
	Taxonomy string // testimony: of the form's questions

	File     io.Reader // attachment
	Size     int64     // of File, in bytes
	Name     string    // as the reporter's device named it
	KeepName bool      // put Name in the manifest
}

// A Sealed item has its slots; its payload is written once, by WriteTo.
type Sealed struct {
	ID     receipt.ItemID
	Burn   [32]byte // SHA-256 of the token that deletes it
	Roster uint64
	Slots  [][]byte
	Size   int64 // of payload.age

	content  Content
	author   ed25519.PrivateKey
	manifest Manifest
	parts    *identity
	payload  *hybrid.Recipient
	members  []member
	tarSize  int64
}

// A member is a small member of the tar.
type member struct {
	name    string
	content []byte
}

// Seal prepares the n-th item of a code: it checks the content, makes E and
// seals the slots.
//
// It returns [ErrTooLong], [ErrLongField], [ErrEmpty], [ErrNotText],
// [ErrFewReaders] or [ErrNoReader].
func Seal(circle *roster.Circle, code receipt.Code, n int, c Content) (*Sealed, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	e, err := hybrid.Generate()
	if err != nil {
		return nil, err
	}
	s := &Sealed{
		ID: code.ItemID(n), Burn: code.Burn(n).Hash(), Roster: circle.Sequence,
		content: c, payload: e.Recipient(),
	}
	if s.Slots, err = sealSlots(circle, e, c.Readers); err != nil {
		return nil, err
	}
	keys := code.Keys()
	s.author = keys.Author
	s.parts = &identity{id: s.ID, mailbox: keys.Mailbox(), roster: circle.Hash}
	s.manifest = newManifest(circle, keys, s, n)
	s.members = c.members(s.manifest)
	s.tarSize = s.padded()
	if c.Kind != Attachment && s.tarSize != Floor {
		return nil, fmt.Errorf("sealing item: %w", ErrTooLong)
	}
	s.Size = PayloadSize(s.tarSize)
	return s, nil
}

func newManifest(circle *roster.Circle, keys receipt.Keys, s *Sealed, n int) Manifest {
	tokenHash := keys.Token.Hash()
	return Manifest{
		Format: formatLabel, Kind: s.content.Kind, ID: s.ID.String(), N: n,
		Mailbox: s.parts.mailbox.String(), TokenHash: hex.EncodeToString(tokenHash[:]),
		Author: hex.EncodeToString(keys.AuthorPublic()), ReplyRecipient: keys.Reply.Recipient().String(),
		Burn:   hex.EncodeToString(s.Burn[:]),
		Roster: ManifestRoster{Sequence: circle.Sequence, Hash: circle.Hash.String()},
		Slots:  slotHashes(s.Slots), Withheld: s.content.Readers.sorted(), Language: s.content.Language,
		Original: s.content.originals(), Taxonomy: s.content.Taxonomy,
	}
}

// check holds a content against the limits.
func (c *Content) check() error {
	c.Form.Format = testimonyLabel
	if err := c.Form.check(); err != nil {
		return err
	}
	if c.Taxonomy != "" {
		if err := checkField(c.Taxonomy); err != nil {
			return fmt.Errorf("sealing item: taxonomy: %w", err)
		}
	}
	if !languagePattern.MatchString(c.Language) {
		return fmt.Errorf("sealing item: %q is no code of a language", c.Language)
	}
	switch c.Kind {
	case Testimony, Message:
		return CheckText(c.Text)
	case Attachment:
		return checkFileSize(c.Size)
	default:
		return fmt.Errorf("sealing item: unknown kind %q", c.Kind)
	}
}

func checkFileSize(size int64) error {
	if size < 1 {
		return fmt.Errorf("sealing item: %w", ErrEmpty)
	}
	if size > MaxFile {
		return fmt.Errorf("sealing item: a file of %d bytes: %w", size, ErrTooLong)
	}
	return nil
}

// check holds the short fields against the limits.
func (f *Form) check() error {
	values, size := 0, 0
	for question, answers := range f.Answers {
		if !questionPattern.MatchString(question) || len(answers) == 0 {
			return errors.New("checking form: a question without a name or without an answer")
		}
		for _, v := range answers {
			if err := checkField(v); err != nil {
				return fmt.Errorf("checking form: %w", err)
			}
			values, size = values+1, size+len(v)
		}
	}
	if len(f.Answers) > MaxQuestions || values > MaxValues || size > MaxAnswers {
		return fmt.Errorf("checking form: %d questions, %d answers of %d bytes: %w",
			len(f.Answers), values, size, ErrLongField)
	}
	return nil
}

var questionPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func checkField(field string) error {
	switch {
	case field == "":
		return ErrEmpty
	case len(field) > MaxField:
		return ErrLongField
	// A form has U+FFFD in the place of what it could not say.
	case !isText(field) || strings.ContainsRune(field, utf8.RuneError):
		return ErrNotText
	}
	return nil
}

// CheckText returns nil for a text that can be sealed, else [ErrTooLong],
// [ErrEmpty] or [ErrNotText].
func CheckText(text string) error {
	switch {
	case len(text) > MaxText:
		return fmt.Errorf("checking text: %w", ErrTooLong)
	case !isText(text):
		return fmt.Errorf("checking text: %w", ErrNotText)
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("checking text: %w", ErrEmpty)
	}
	return nil
}

func isText(s string) bool {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
	return utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}

// members returns the small members that stand before a file.
func (c *Content) members(m Manifest) []member {
	members := []member{{"manifest.json", marshal(m)}}
	switch c.Kind {
	case Testimony:
		return append(members, member{"testimony.json", marshal(&c.Form)}, member{"testimony.txt", []byte(c.Text)})
	case Message:
		return append(members, member{"message.txt", []byte(c.Text)})
	default:
		return members
	}
}

// path returns the neutral name that the attachment has in the tar.
func (c *Content) path() string { return "attachments/001." + extension(c.Name) }

// extension returns a name's extension if it is short and plain, for a
// reviewer's programs to go by; else "bin".
func extension(name string) string {
	at := strings.LastIndexByte(name, '.')
	ext := strings.ToLower(name[at+1:])
	odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	if at < 0 || ext == "" || len(ext) > 5 || strings.IndexFunc(ext, odd) >= 0 {
		return "bin"
	}
	return ext
}

func (c *Content) originals() map[string]string {
	if c.Kind != Attachment || !c.KeepName || c.Name == "" {
		return nil
	}
	plain := func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}
	name := strings.Map(plain, c.Name)
	for len(name) > MaxField {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return map[string]string{c.path(): name}
}

const (
	blockSize     = 512
	signatureSize = 89 // 64 bytes in base64 and a newline
)

// stored is what a member of that size takes in a tar.
func stored(size int64) int64 { return blockSize + (size+blockSize-1)/blockSize*blockSize }

// padded returns the padded size of the tar.
func (s *Sealed) padded() int64 {
	size := stored(signatureSize) + stored(0) + 2*blockSize // author.sig, .padding, end marker
	for _, m := range s.members {
		size += stored(int64(len(m.content)))
	}
	if s.content.Kind == Attachment {
		size += stored(s.content.Size)
	}
	return Padme(size)
}

// WriteTo writes payload.age, Size bytes of it, reading the file to its end on
// the way. On an error, [ErrSize] among them, what was written is worthless.
func (s *Sealed) WriteTo(dst io.Writer) (int64, error) {
	count := &countingWriter{w: dst}
	sealed, err := hybrid.Seal(count, s.payload)
	if err != nil {
		return count.n, err
	}
	if err := s.writeTar(sealed); err != nil {
		return count.n, err
	}
	if err := sealed.Close(); err != nil {
		return count.n, fmt.Errorf("sealing payload: %w", err)
	}
	if count.n != s.Size {
		return count.n, fmt.Errorf("sealing payload: %w", ErrSize)
	}
	return count.n, nil
}

func (s *Sealed) writeTar(dst io.Writer) error {
	count := &countingWriter{w: dst}
	w := tar.NewWriter(count)
	signed := newSignedBytes(s.parts, s.manifest.N)
	for _, m := range s.members {
		if err := writeMember(w, m.name, int64(len(m.content)), bytes.NewReader(m.content)); err != nil {
			return err
		}
		signed.add(m.name, sha256.Sum256(m.content))
	}
	if s.content.Kind == Attachment {
		if err := s.writeFile(w, signed); err != nil {
			return err
		}
	}
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(s.author, signed.b)) + "\n"
	if err := writeMember(w, "author.sig", signatureSize, strings.NewReader(signature)); err != nil {
		return err
	}
	padding := s.tarSize - count.n - 3*blockSize - pendingBlock(signatureSize)
	if err := writeMember(w, ".padding", padding, io.LimitReader(zeros{}, padding)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("sealing payload: %w", err)
	}
	return nil
}

// pendingBlock is what archive/tar still has to write of the last member to
// fill its block.
func pendingBlock(size int64) int64 { return stored(size) - blockSize - size }

func (s *Sealed) writeFile(w *tar.Writer, signed *signedBytes) error {
	digest := newPieces(s.content.Size)
	if err := writeMember(w, s.content.path(), s.content.Size, io.TeeReader(s.content.File, digest)); err != nil {
		return err
	}
	signed.add(s.content.path(), digest.sum())
	return nil
}

func writeMember(w *tar.Writer, name string, size int64, from io.Reader) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600,
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
	if err := w.WriteHeader(header); err != nil {
		return fmt.Errorf("sealing payload: %w", err)
	}
	n, err := io.Copy(w, from)
	if errors.Is(err, tar.ErrWriteTooLong) || err == nil && n != size {
		return fmt.Errorf("sealing payload: %w", ErrSize)
	}
	if err != nil {
		return fmt.Errorf("sealing payload: %w", err)
	}
	return nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// zeros reads as an endless run of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
