package reporter

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/web"
)

// Errors of uploads.
var (
	// ErrLength is returned when a request does not say how long it is: the
	// size of a file must be known before its first byte is sealed.
	ErrLength = errors.New("the length of the upload is unknown")
	// ErrCut is returned when an upload ends early.
	ErrCut = errors.New("the upload was cut off")
	// ErrNoFile is returned when a form has no file in it.
	ErrNoFile = errors.New("no file was chosen")
	// ErrEmptyFile is returned when the file has no bytes.
	ErrEmptyFile = errors.New("the file is empty")
	// ErrFileSize is returned when a file is above the limit.
	ErrFileSize = errors.New("the file is too large")
)

// Limits of the fields that stand before a file, in bytes.
const (
	maxFields     = 8 + roster.MaxReviewers // one for each who is excluded, at most
	maxFieldSize  = 256
	maxFileName   = 4096
	multipartRoom = 32 << 10 // all that is not the file

	readAhead = 256 << 10 // of the body; multipart itself reads 4 KiB at a time
)

// File takes an attachment. The file is the last field of its form: what is
// left of the announced length is its size.
//
// A length that lies cannot be told from a true one before the file's end, where
// the form must end too, on the byte: until there what arrives is the beginning
// of an honest upload of that length. Nothing is kept of it then.
func (h *Handler) File(c echo.Context) error {
	start := time.Now()
	up, err := openUpload(c.Request())
	code, codeErr := receipt.ParseField(up.fields["code"])
	if codeErr != nil {
		return cmp.Or(err, codeErr)
	}
	failed := &Failed{Code: code.Field(), Chosen: up.chosen, Limit: h.MaxFile}
	remember(c, failed)
	n, numberErr := parseNumber(up.fields["n"])
	failed.Cause = cmp.Or(err, numberErr)
	if failed.Cause == nil {
		failed.Cause = h.takeFile(c, start, code, n, up)
	}
	if failed.Cause == nil {
		return nil
	}
	return failed
}

// takeFile sends a file, and shows the conversation.
func (h *Handler) takeFile(c echo.Context, start time.Time, code receipt.Code, n int, up *upload) error {
	defer h.Scribe.Expect(code, n)() // a picture is read whole first, and a deletion is short
	if err := cmp.Or(refusal(c), h.askMailbox(c)); err != nil {
		return err
	}
	sent, outcome, err := h.sendFile(c, code, n, up)
	problem := problemOf(err)
	if outcome == inbox.Again && err == nil {
		// The same file, sent again, or another one from an old page: nobody can
		// tell, and a file cannot be handed back.
		problem = "file_number_used"
	}
	switch {
	case problem != "":
		return h.converse(c, start, code, web.Conversation{Problem: problem, Draft: up.chosen})
	case err != nil:
		return err
	}
	return h.converse(c, start, code, web.Conversation{
		Kept: true, Number: n, Draft: up.chosen, Removed: sent.names(), Left: sent.left,
	})
}

// sendFile asks the gate by the announced length, before a byte of the file is
// read. What was not kept gives its bytes back: a weak signal cuts many uploads.
func (h *Handler) sendFile(c echo.Context, code receipt.Code, n int, up *upload) (sent, inbox.Outcome, error) {
	switch {
	case up.size > h.MaxFile:
		return sent{}, 0, ErrFileSize
	case up.name == "" && up.size <= 0:
		return sent{}, 0, ErrNoFile
	case up.size <= 0:
		return sent{}, 0, ErrEmptyFile
	}
	readers, err := h.choice(up.chosen)
	if err != nil {
		return sent{}, 0, err
	}
	giveBack, err := h.Gate.File(c.Request().Context(), up.size)
	if err != nil {
		return sent{}, 0, err
	}
	what, outcome, err := h.seal(c, code, n, up, readers)
	// What was deleted meanwhile may have its tombstone: whoever made that has had a file.
	if (err != nil || outcome == inbox.Again) && !errors.Is(err, store.ErrGone) {
		giveBack()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, item.ErrSize) {
		return sent{}, 0, fmt.Errorf("%w: %w", ErrCut, err)
	}
	return what, outcome, err
}

// seal seals an upload, or what is left of it.
func (h *Handler) seal(
	c echo.Context, code receipt.Code, n int, up *upload, readers item.Readers,
) (sent, inbox.Outcome, error) {
	of, err := h.content(c.Request().Context(), up)
	if err != nil {
		return sent{}, 0, err
	}
	defer of.release()
	outcome, err := h.Scribe.Send(code, n, item.Content{
		Kind: item.Attachment, Readers: readers, Language: string(h.Lang),
		File: of.file, Size: of.size, Name: up.name, KeepName: up.fields["keep"] == "1",
	})
	return of.sent, outcome, err
}

// upload is a multipart form whose last field is a file.
type upload struct {
	fields map[string]string
	chosen web.Draft // whom its form excludes
	name   string    // of the file, as the browser gives it
	size   int64     // of the file, by the announced length
	body   *precise
	parts  *multipart.Reader
	part   *multipart.Part
	read   int64
	ended  error // once there is no more
}

// openUpload reads a form up to where its file begins, and no further. With an
// error come the fields that did arrive.
func openUpload(r *http.Request) (*upload, error) {
	up := &upload{fields: map[string]string{}}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return up, fmt.Errorf("reading upload: %w", ErrForm)
	}
	up.body = &precise{r: bufio.NewReaderSize(r.Body, readAhead)}
	up.parts = multipart.NewReader(up.body, params["boundary"])
	err = up.readFields()
	switch {
	case up.body.broken:
		return up, fmt.Errorf("reading upload: %w", ErrCut)
	case r.ContentLength < 0:
		return up, fmt.Errorf("reading upload: %w", ErrLength)
	case err != nil:
		return up, err
	}
	closing := int64(len("\r\n--") + len(params["boundary"]) + len("--\r\n"))
	up.size = r.ContentLength - up.body.n - closing
	up.body.bulk = true
	return up, nil
}

// readFields reads the small fields, and the header of the file.
func (up *upload) readFields() error {
	for range maxFields {
		part, err := up.parts.NextRawPart()
		if err == io.EOF {
			return fmt.Errorf("reading upload: %w", ErrNoFile)
		}
		if err != nil {
			return fmt.Errorf("reading upload: %w", ErrForm)
		}
		if part.FormName() == "file" {
			up.part, up.name = part, fileName(part)
			return nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFieldSize+1))
		if err != nil || len(value) > maxFieldSize {
			return fmt.Errorf("reading upload: %w", ErrForm)
		}
		switch name := part.FormName(); name {
		case web.SkipField:
			up.chosen.Withheld = append(up.chosen.Withheld, string(value))
		case web.ProvinceField:
			up.chosen.Province = string(value)
		case web.RosterField:
			up.chosen.Roster = string(value)
		default:
			up.fields[name] = string(value)
		}
	}
	return fmt.Errorf("reading upload: %w", ErrForm)
}

func fileName(part *multipart.Part) string {
	if name := part.FileName(); len(name) <= maxFileName {
		return name
	}
	return "x"
}

// Read reads the file. At its end the form must end too, just where the
// announced length says; else the error is one that keeps nothing.
func (up *upload) Read(p []byte) (int, error) {
	if up.ended != nil {
		return 0, up.ended
	}
	n, err := up.part.Read(p)
	up.read += int64(n)
	if err != nil {
		up.ended = up.end(err)
	}
	return n, up.ended
}

func (up *upload) end(err error) error {
	if err != io.EOF || up.read != up.size {
		return io.ErrUnexpectedEOF // and not err, which names addresses
	}
	if _, err := up.parts.NextRawPart(); err != io.EOF {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// precise counts what is read of a body. Until bulk is set it gives out single
// bytes, so that the reader behind it, which reads ahead, stops just where a
// part's content begins.
type precise struct {
	r      io.Reader
	n      int64
	bulk   bool
	broken bool // an error other than the end
}

func (p *precise) Read(b []byte) (int, error) {
	if !p.bulk && p.n > multipartRoom {
		return 0, ErrForm
	}
	if !p.bulk && len(b) > 1 {
		b = b[:1]
	}
	n, err := p.r.Read(b)
	p.n += int64(n)
	p.broken = p.broken || err != nil && err != io.EOF
	return n, err
}
