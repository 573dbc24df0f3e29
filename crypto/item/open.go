package item

import (
	"archive/tar"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/strictjson"
)

// Errors that a caller acts on.
var (
	// ErrNotForUs is returned when a slot opens to something that is no
	// identity: its reader is excluded, or the item is a decoy.
	ErrNotForUs = errors.New("the slot opens to no identity")
	// ErrForged is returned when an item is well formed and yet not what its
	// author signed: another id, other slots, a wrong signature.
	ErrForged = errors.New("the item is not what its author signed")
	// ErrMalformed is returned when a payload is no item at all.
	ErrMalformed = errors.New("the payload is not an item")
)

// OpenSlot returns E, the identity that opens the payload. It returns
// [ErrNotForUs] when the slot holds random bytes, and [hybrid.ErrNoMatch] when
// none of the identities opens the slot.
func OpenSlot(slot []byte, ids ...*hybrid.Identity) (*hybrid.Identity, error) {
	share, err := hybrid.OpenBytes(slot, ShareSize, ids...)
	if err != nil {
		return nil, fmt.Errorf("opening slot: %w", err)
	}
	e, err := hybrid.ParseIdentity(string(share))
	if err != nil {
		return nil, fmt.Errorf("opening slot: %w", ErrNotForUs)
	}
	return e, nil
}

// An Opened item has been read to its end and checked: its mailbox follows
// from its parts, its author signed it, and the slots are those it was sealed
// with.
type Opened struct {
	Manifest    Manifest
	ID          receipt.ItemID
	Mailbox     receipt.Mailbox
	Author      ed25519.PublicKey
	Reply       *hybrid.Recipient
	Form        Form   // kind testimony
	Text        string // kinds testimony and message
	Attachments []File // without content
}

// A File is one attachment.
type File struct {
	Path     string // in the tar: attachments/NNN.<ext>
	Original string // as the reporter named it, if kept; hostile until cleaned
	Size     int64
	Hash     [32]byte
}

// Expect is what the opener knows of an item from outside.
type Expect struct {
	ID     receipt.ItemID
	Roster *roster.Signed // that the item is said to be sealed under
	Slots  [][]byte
}

// Open reads payload.age to its end and checks everything. Each attachment is
// handed to extract, unless that is nil, while it streams by: before the
// signature at the end was checked. If Open then returns an error, what was
// extracted must be thrown away.
//
// It returns [ErrMalformed], [ErrForged], or the error of payload or extract.
func Open(payload io.Reader, e *hybrid.Identity, want Expect, extract func(File, io.Reader) error) (*Opened, error) {
	plain, err := hybrid.Open(payload, e)
	if err != nil {
		return nil, fmt.Errorf("opening payload: %w", err)
	}
	o := &opener{in: &countingReader{r: plain}, extract: extract}
	o.tar = tar.NewReader(o.in)
	if err := o.read(); err != nil {
		return nil, err
	}
	if err := o.compare(want); err != nil {
		return nil, err
	}
	return &o.opened, nil
}

type opener struct {
	in        *countingReader
	tar       *tar.Reader
	extract   func(File, io.Reader) error
	opened    Opened
	parts     *identity
	signed    *signedBytes
	signature []byte
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("opening payload: %w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// read takes the members in their one order.
func (o *opener) read() error {
	if err := o.readManifest(); err != nil {
		return err
	}
	var err error
	switch o.opened.Manifest.Kind {
	case Testimony:
		if err = o.readForm(); err == nil {
			err = o.readText("testimony.txt")
		}
	case Message:
		err = o.readText("message.txt")
	case Attachment:
		err = o.readAttachment()
	}
	if err != nil {
		return err
	}
	if err := o.readSignature(); err != nil {
		return err
	}
	return o.readPadding()
}

// next returns the header of the next member, which must be a regular file.
func (o *opener) next() (*tar.Header, error) {
	header, err := o.tar.Next()
	if err == io.EOF {
		return nil, malformed("a member is missing")
	}
	if errors.Is(err, tar.ErrHeader) {
		return nil, malformed("damaged tar header")
	}
	if err != nil {
		return nil, fmt.Errorf("opening payload: %w", err)
	}
	// GNU and PAX extensions bring sparse files, long names and global
	// headers: none of them is needed, each has been used for mischief.
	if header.Typeflag != tar.TypeReg || header.Format != tar.FormatUSTAR {
		return nil, malformed("a member is not a regular USTAR file")
	}
	return header, nil
}

// small reads a member of this name and at most limit bytes.
func (o *opener) small(name string, limit int64) ([]byte, error) {
	header, err := o.next()
	if err != nil {
		return nil, err
	}
	if header.Name != name {
		return nil, malformed("want member %q", name)
	}
	if header.Size > limit {
		return nil, malformed("member %q has %d bytes, at most %d", name, header.Size, limit)
	}
	content, err := io.ReadAll(o.tar)
	if err != nil {
		return nil, fmt.Errorf("opening payload: %w", err)
	}
	return content, nil
}

func (o *opener) readManifest() error {
	content, err := o.small("manifest.json", maxManifest)
	if err != nil {
		return err
	}
	m := &o.opened.Manifest
	if err := strictjson.Unmarshal(content, m); err != nil {
		return malformed("manifest.json is no JSON of the right form")
	}
	if o.parts, err = m.identify(); err != nil {
		return malformed("%v", err)
	}
	o.opened.ID, o.opened.Mailbox = o.parts.id, o.parts.mailbox
	o.opened.Author, o.opened.Reply = o.parts.author, o.parts.reply
	o.signed = newSignedBytes(o.parts, m.N)
	o.signed.add("manifest.json", sha256.Sum256(content))
	return nil
}

func (o *opener) readForm() error {
	content, err := o.small("testimony.json", maxForm)
	if err != nil {
		return err
	}
	form := &o.opened.Form
	if err := strictjson.Unmarshal(content, form); err != nil || form.Format != testimonyLabel {
		return malformed("testimony.json is no testimony")
	}
	if err := form.check(); err != nil {
		return malformed("testimony.json: %v", err)
	}
	o.signed.add("testimony.json", sha256.Sum256(content))
	return nil
}

func (o *opener) readText(name string) error {
	content, err := o.small(name, MaxText)
	if err != nil {
		return err
	}
	if err := CheckText(string(content)); err != nil {
		return malformed("%s: %v", name, err)
	}
	o.opened.Text = string(content)
	o.signed.add(name, sha256.Sum256(content))
	return nil
}

var attachmentPath = regexp.MustCompile(`^attachments/001\.[a-z0-9]{1,5}$`)

func (o *opener) readAttachment() error {
	header, err := o.next()
	if err != nil {
		return err
	}
	if !attachmentPath.MatchString(header.Name) {
		return malformed("want a member attachments/001.<ext>")
	}
	if err := checkFileSize(header.Size); err != nil {
		return malformed("%v", err)
	}
	file := File{Path: header.Name, Original: o.opened.Manifest.Original[header.Name], Size: header.Size}
	hash, digest := sha256.New(), newPieces(file.Size)
	content := io.TeeReader(o.tar, io.MultiWriter(hash, digest))
	if o.extract != nil {
		if err := o.extract(file, content); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return fmt.Errorf("opening payload: %w", err)
	}
	file.Hash = [32]byte(hash.Sum(nil))
	o.opened.Attachments = append(o.opened.Attachments, file)
	o.signed.add(file.Path, digest.sum())
	return nil
}

func (o *opener) readSignature() error {
	content, err := o.small("author.sig", signatureSize)
	if err != nil {
		return err
	}
	line, ok := strings.CutSuffix(string(content), "\n")
	o.signature, err = base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || !ok || len(o.signature) != ed25519.SignatureSize {
		return malformed("author.sig is not one line of base64")
	}
	return nil
}

// readPadding reads the rest of the tar. Its size must be the padded size of
// what came before, so that no second payload hides behind it.
func (o *opener) readPadding() error {
	header, err := o.next()
	if err != nil {
		return err
	}
	if header.Name != ".padding" {
		return malformed("want member %q", ".padding")
	}
	used := o.in.n + 2*blockSize
	if _, err := io.Copy(onlyZeros{}, o.tar); err != nil {
		return fmt.Errorf("opening payload: %w", err)
	}
	if _, err := o.tar.Next(); err != io.EOF {
		return malformed("a member too many")
	}
	if _, err := io.Copy(io.Discard, o.in); err != nil {
		return fmt.Errorf("opening payload: %w", err)
	}
	if o.in.n != Padme(used) || header.Size != o.in.n-used {
		return malformed("the padding has the wrong size")
	}
	return nil
}

// compare holds the item against its signature and what is known from outside.
func (o *opener) compare(want Expect) error {
	m := &o.opened.Manifest
	switch {
	case !ed25519.Verify(o.parts.author, o.signed.b, o.signature):
		return fmt.Errorf("checking item: %w: the signature is wrong", ErrForged)
	case o.parts.id != want.ID:
		return fmt.Errorf("checking item: %w: it was sealed under another id", ErrForged)
	case m.Roster.Sequence != want.Roster.Sequence || o.parts.roster != want.Roster.Hash:
		return fmt.Errorf("checking item: %w: it was sealed under another roster", ErrForged)
	case len(o.parts.slots) != len(want.Slots):
		return fmt.Errorf("checking item: %w: it was sealed with another number of slots", ErrForged)
	}
	for i, slot := range want.Slots {
		if sha256.Sum256(slot) != o.parts.slots[i] {
			return fmt.Errorf("checking item: %w: slot %03d is not the one it was sealed with", ErrForged, i+1)
		}
	}
	return nil
}

// BurnedBy reports whether token deletes this item.
func (o *Opened) BurnedBy(token receipt.Secret) bool {
	hash := token.Hash()
	return hex.EncodeToString(hash[:]) == o.Manifest.Burn
}

// onlyZeros takes zero bytes and refuses all others.
type onlyZeros struct{}

func (onlyZeros) Write(p []byte) (int, error) {
	for i, b := range p {
		if b != 0 {
			return i, malformed("the padding is not zero")
		}
	}
	return len(p), nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
