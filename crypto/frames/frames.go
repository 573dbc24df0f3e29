// Package frames carries a small file across an air gap as lines of text, each of
// which fits a QR code:
//
//	SAKSI/V1/FRAME <set> <i>/<n> <data> <check>
//
// set is the beginning of the SHA-256 of the file, 8 digits. data is a piece of the
// 32 bytes of that SHA-256 and the file behind them, in base32 (RFC 4648) without
// padding: 480 bytes, in the last frame what is left. check is the beginning of the
// SHA-256 of the line before it, without the space, 8 digits. Digits are hexadecimal,
// and all letters capitals, so that a QR code takes them in its alphanumeric mode.
//
// Frames come in any order and several times. Nothing here says who made a file: what
// travels so is signed, or compared by its hash.
package frames

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits, in bytes.
const (
	// MaxFile is the largest file.
	MaxFile = 64 << 10
	// piece is what one frame carries.
	piece = 480
	// maxLine bounds a line that is read: a frame has at most 809 characters.
	maxLine = 1 << 10
)

// maxFrames is how many the largest file has.
const maxFrames = (sha256.Size + MaxFile + piece - 1) / piece

const label = "SAKSI/V1/FRAME "

// Errors that a caller acts on.
var (
	// ErrSize is returned for a file that is empty or too large.
	ErrSize = fmt.Errorf("a file of 1 to %d bytes fits into frames", MaxFile)
	// ErrNone is returned when there is no frame in a text.
	ErrNone = errors.New("no frame is in it")
	// ErrMixed is returned when frames are not of one file.
	ErrMixed = errors.New("these are frames of different files")
	// ErrDamaged is returned when all frames are there and do not make the file.
	ErrDamaged = errors.New("the frames do not make the file that they came from")
)

// A MissingError names the frames that are not there yet.
type MissingError struct {
	Missing []int // from 1
	Of      int
	Damaged int // lines that begin as a frame does and are none
}

func (e *MissingError) Error() string {
	const shown = 20
	var names []string
	for _, n := range e.Missing[:min(shown, len(e.Missing))] {
		names = append(names, strconv.Itoa(n))
	}
	text := fmt.Sprintf("of %d frames these are missing: %s", e.Of, strings.Join(names, ", "))
	if more := len(e.Missing) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if e.Damaged > 0 {
		text += fmt.Sprintf("; damaged lines: %d", e.Damaged)
	}
	return text
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Split makes the frames of a file, in order.
func Split(file []byte) ([]string, error) {
	if len(file) == 0 || len(file) > MaxFile {
		return nil, ErrSize
	}
	sum := sha256.Sum256(file)
	stream := append(sum[:], file...)
	n := (len(stream) + piece - 1) / piece
	frames := make([]string, n)
	for i := range frames {
		part := stream[i*piece : min((i+1)*piece, len(stream))]
		line := fmt.Sprintf("%s%X %d/%d %s", label, sum[:4], i+1, n, encoding.EncodeToString(part))
		frames[i] = line + " " + check(line)
	}
	return frames, nil
}

func check(line string) string {
	sum := sha256.Sum256([]byte(line))
	return fmt.Sprintf("%X", sum[:4])
}

// A frame is one line that was read.
type frame struct {
	set   string
	i, n  int
	bytes []byte
}

// parse reads a line that begins with the label. There is one spelling of a frame.
func parse(line string) (f frame, ok bool) {
	fields := strings.Split(line, " ")
	if len(line) > maxLine || len(fields) != 5 {
		return f, false
	}
	number, count, _ := strings.Cut(fields[2], "/")
	var errNumber, errCount, errData error
	f.set = fields[1]
	f.i, errNumber = strconv.Atoi(number)
	f.n, errCount = strconv.Atoi(count)
	f.bytes, errData = encoding.DecodeString(fields[3])
	switch {
	case errNumber != nil || errCount != nil || errData != nil:
		return f, false
	case f.n < 1 || f.n > maxFrames || f.i < 1 || f.i > f.n || len(f.bytes) < 1 || len(f.bytes) > piece:
		return f, false
	case f.i < f.n && len(f.bytes) != piece:
		return f, false
	}
	again := fmt.Sprintf("%s%s %d/%d %s", label, f.set, f.i, f.n, encoding.EncodeToString(f.bytes))
	return f, line == again+" "+check(again)
}

// Join finds the frames in what a scanner wrote, one a line, and puts their file
// together. Before a frame anything may stand, lines without one are passed over, and
// small letters are read as capitals. It returns [ErrNone], [ErrMixed], [ErrDamaged] or
// a [MissingError].
func Join(text string) ([]byte, error) {
	var first frame
	found, damaged := map[int][]byte{}, 0
	for line := range strings.Lines(text) {
		line = strings.ToUpper(strings.TrimSpace(line[:min(len(line), 2*maxLine)]))
		at := strings.Index(line, label)
		if at < 0 {
			continue
		}
		f, ok := parse(line[at:])
		if !ok {
			damaged++
			continue
		}
		if len(found) == 0 {
			first = f
		}
		if known, twice := found[f.i]; f.set != first.set || f.n != first.n || twice && !bytes.Equal(known, f.bytes) {
			return nil, ErrMixed
		}
		found[f.i] = f.bytes
	}
	return assemble(first, found, damaged)
}

func assemble(first frame, found map[int][]byte, damaged int) ([]byte, error) {
	if len(found) == 0 {
		if damaged > 0 {
			return nil, fmt.Errorf("%w that is whole; damaged lines: %d", ErrNone, damaged)
		}
		return nil, ErrNone
	}
	var missing []int
	var stream []byte
	for i := 1; i <= first.n; i++ {
		if found[i] == nil {
			missing = append(missing, i)
		}
		stream = append(stream, found[i]...)
	}
	if missing != nil {
		return nil, &MissingError{missing, first.n, damaged}
	}
	if len(stream) <= sha256.Size {
		return nil, ErrDamaged
	}
	file := stream[sha256.Size:]
	sum := sha256.Sum256(file)
	if !bytes.Equal(sum[:], stream[:sha256.Size]) || first.set != fmt.Sprintf("%X", sum[:4]) || len(file) > MaxFile {
		return nil, ErrDamaged
	}
	return file, nil
}
