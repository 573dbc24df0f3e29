package parcel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A carried file has parcels that another machine hands in: the label, and parcels
// with their payloads, one behind the other, to the end.
//
//	"saksi/v1/carry" LF              15
//	parcel, with flag 0              one or more, and at most 128
//
// It holds what a server would get and nothing else: no code, no token that deletes,
// no address.
const carryLabel = "saksi/v1/carry\n"

// MaxCarried is how many parcels a carried file has at most: those of one code.
const MaxCarried = 128

// BeginCarry writes what stands before the parcels of a carried file.
func BeginCarry(w io.Writer) error {
	_, err := io.WriteString(w, carryLabel)
	return err
}

// A Carry reads a carried file, parcel by parcel.
type Carry struct {
	r       *bufio.Reader
	payload *io.LimitedReader // of the parcel that was read last
	count   int
}

// OpenCarry begins to read a carried file. It returns [ErrMalformed], or the error
// of r.
func OpenCarry(r io.Reader) (*Carry, error) {
	c := &Carry{r: bufio.NewReader(r)}
	var label [len(carryLabel)]byte
	if err := readFull(c.r, label[:]); err != nil {
		return nil, fmt.Errorf("reading carried file: %w", err)
	}
	if string(label[:]) != carryLabel {
		return nil, fmt.Errorf("reading carried file: %w", malformed("another label"))
	}
	return c, nil
}

// Next returns the next parcel, whose payload is head.Size bytes long and has to be
// read before the next call, or is passed over then. It returns [io.EOF] at the end
// of the file, [ErrMalformed], or the error of the file.
func (c *Carry) Next() (head Head, payload io.Reader, err error) {
	if err := c.pass(); err != nil {
		return Head{}, nil, fmt.Errorf("reading carried file: %w", err)
	}
	if _, err := c.r.Peek(1); errors.Is(err, io.EOF) && c.count > 0 {
		return Head{}, nil, io.EOF
	}
	if c.count++; c.count > MaxCarried {
		return Head{}, nil, fmt.Errorf("reading carried file: %w", malformed("too many parcels"))
	}
	if head, err = ReadHead(c.r); err != nil {
		return Head{}, nil, fmt.Errorf("reading carried file: %w", err)
	}
	if head.Staged {
		return Head{}, nil, fmt.Errorf("reading carried file: %w", malformed("a parcel without its payload"))
	}
	c.payload = &io.LimitedReader{R: c.r, N: head.Size}
	return head, c.payload, nil
}

// pass passes over what is left of a payload.
func (c *Carry) pass() error {
	if c.payload == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, c.payload); err != nil {
		return err
	}
	if c.payload.N > 0 {
		return fmt.Errorf("%w: %w", ErrMalformed, io.ErrUnexpectedEOF)
	}
	return nil
}
