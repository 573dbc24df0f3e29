package batch

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Writer writes a bundle. Members go in as Add is called; the caller adds
// them in the package's order.
type Writer struct {
	tar *tar.Writer
	out *bufio.Writer
}

// gather is how many bytes a Writer writes at a time: most members are small,
// and each write may be one to a socket.
const gather = 256 << 10

// NewWriter returns a Writer to w. What was added is written by Close at the
// latest.
func NewWriter(w io.Writer) *Writer {
	out := bufio.NewWriterSize(w, gather)
	return &Writer{tar: tar.NewWriter(out), out: out}
}

// Add writes one member of exactly size bytes.
func (w *Writer) Add(path Path, size int64, content io.Reader) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: path.String(), Size: size, Mode: 0o600,
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
	if err := w.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("writing bundle: %w", err)
	}
	n, err := io.Copy(w.tar, content)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("writing bundle, member %q: %w", path, err)
	}
	return nil
}

// AddBytes writes one small member.
func (w *Writer) AddBytes(path Path, content []byte) error {
	return w.Add(path, int64(len(content)), bytes.NewReader(content))
}

// Close writes the end marker.
func (w *Writer) Close() error {
	if err := errors.Join(w.tar.Close(), w.out.Flush()); err != nil {
		return fmt.Errorf("writing bundle: %w", err)
	}
	return nil
}

// ErrBundle is returned when a file is not a bundle, or a damaged one.
var ErrBundle = errors.New("not a whole bundle")

// Read walks through a bundle and hands each member to visit. It takes regular
// USTAR files with a bundle's paths, each once, and nothing else; what a member
// contains is not checked. It returns [ErrBundle], the error of visit, or that of r:
// a stick that was pulled out says nothing of the bundle on it.
func Read(r io.Reader, visit func(Path, int64, io.Reader) error) error {
	counted := &countingReader{r: r}
	err := counted.walk(visit)
	if counted.failed != nil {
		return fmt.Errorf("reading bundle: %w", counted.failed)
	}
	return err
}

// walk is Read, for a reader that does not fail.
func (c *countingReader) walk(visit func(Path, int64, io.Reader) error) error {
	in := tar.NewReader(c)
	seen := map[string]bool{}
	whole := int64(2 * blockSize) // the end marker
	for {
		header, err := in.Next()
		if err == io.EOF && len(seen) > 0 {
			return c.checkEnd(whole)
		}
		if err != nil {
			return fmt.Errorf("reading bundle: %w: %v", ErrBundle, err)
		}
		if header.Typeflag != tar.TypeReg || header.Format != tar.FormatUSTAR {
			return fmt.Errorf("reading bundle: %w: member %.40q is not a regular file", ErrBundle, header.Name)
		}
		path, err := ParsePath(header.Name)
		if err != nil {
			return fmt.Errorf("reading bundle: %w: %v", ErrBundle, err)
		}
		if seen[header.Name] {
			return fmt.Errorf("reading bundle: %w: member %q stands twice", ErrBundle, header.Name)
		}
		seen[header.Name] = true
		whole += blockSize + (header.Size+blockSize-1)/blockSize*blockSize
		err = visit(path, header.Size, in)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("reading bundle: %w: it is cut off", ErrBundle)
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			return fmt.Errorf("reading bundle: %w: %v", ErrBundle, err)
		}
	}
}

const blockSize = 512

type countingReader struct {
	r      io.Reader
	n      int64
	failed error // the reader's own
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.failed = err
	}
	return n, err
}

// checkEnd holds that the bundle ends where its members and one end marker do:
// archive/tar is content with less, and with more.
func (c *countingReader) checkEnd(whole int64) error {
	if _, err := io.Copy(io.Discard, c); err != nil || c.n != whole {
		return fmt.Errorf("reading bundle: %w: it has %d bytes, its members need %d", ErrBundle, c.n, whole)
	}
	return nil
}
