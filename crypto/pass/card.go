package pass

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Card is what the server keeps of a courier.
type Card struct {
	Name string
	Sign [32]byte // Ed25519 public key: verifies requests
	Tor  [32]byte // X25519 public key: for tor's client authorization
}

// Line writes the card in its one spelling, without an end of line.
func (c Card) Line() string { return fmt.Sprintf("courier %s %x %x", c.Name, c.Sign, c.Tor) }

// ParseCard reads what Line wrote.
func ParseCard(line string) (Card, error) {
	fields := strings.SplitN(line, " ", 5)
	if len(fields) != 4 {
		return Card{}, errors.New("parsing courier: want \"courier\", a name and two keys")
	}
	c := Card{Name: fields[1]}
	if err := CheckName(c.Name); err != nil {
		return Card{}, fmt.Errorf("parsing courier: %w", err)
	}
	for i, key := range []*[32]byte{&c.Sign, &c.Tor} {
		raw, err := hex.DecodeString(fields[2+i])
		if err != nil || len(raw) != len(key) {
			return Card{}, errors.New("parsing courier: a key is damaged")
		}
		*key = [32]byte(raw)
	}
	if c.Line() != line {
		return Card{}, errors.New("parsing courier: not in the one canonical spelling")
	}
	return c, nil
}

// Auth returns the line that the server's tor wants in authorized_clients, in a
// file named after the courier that ends in .auth.
func (c Card) Auth() string { return "descriptor:x25519:" + inBase32(c.Tor[:]) + "\n" }

// MaxCouriers bounds a list.
const MaxCouriers = 64

// MaxListSize bounds the text of a list, in bytes.
const MaxListSize = 64 << 10

// A List is all couriers of a drop, by name.
type List []Card

// Text writes the list in its one spelling.
func (l List) Text() string {
	var b strings.Builder
	b.WriteString("saksi/v1/couriers\n")
	for _, c := range l {
		b.WriteString(c.Line() + "\n")
	}
	return b.String()
}

// ParseList reads what Text wrote.
func ParseList(text string) (List, error) {
	if len(text) > MaxListSize {
		return nil, errors.New("parsing couriers: too long")
	}
	rest, ok := strings.CutPrefix(text, "saksi/v1/couriers\n")
	if !ok {
		return nil, errors.New("parsing couriers: the first line is not \"saksi/v1/couriers\"")
	}
	l := List{}
	number := 1
	for line := range strings.Lines(rest) {
		number++
		c, err := ParseCard(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("parsing couriers, line %d: %w", number, err)
		}
		if l, err = l.Add(c); err != nil {
			return nil, fmt.Errorf("parsing couriers, line %d: %w", number, err)
		}
	}
	if l.Text() != text {
		return nil, errors.New("parsing couriers: not sorted, or the last line does not end")
	}
	return l, nil
}

// Errors that a caller acts on.
var (
	// ErrTaken is returned by Add for a name or a key that is on the list.
	ErrTaken = errors.New("there is a courier of this name or with this key")
	// ErrMany is returned by Add when the list is full.
	ErrMany = fmt.Errorf("there are %d couriers: no more are taken", MaxCouriers)
	// ErrNoCourier is returned by Remove for a name that is not on the list.
	ErrNoCourier = errors.New("there is no courier of this name")
)

// Add returns the list with one courier more.
func (l List) Add(c Card) (List, error) {
	at, found := l.find(c.Name)
	same := func(o Card) bool { return o.Sign == c.Sign || o.Tor == c.Tor }
	if found || slices.ContainsFunc(l, same) {
		return nil, ErrTaken
	}
	if len(l) >= MaxCouriers {
		return nil, ErrMany
	}
	return slices.Insert(slices.Clip(l), at, c), nil
}

// Remove returns the list without a courier.
func (l List) Remove(name string) (List, error) {
	at, found := l.find(name)
	if !found {
		return nil, ErrNoCourier
	}
	return slices.Concat(l[:at], l[at+1:]), nil
}

// Find returns the courier of a name.
func (l List) Find(name string) (Card, bool) {
	at, found := l.find(name)
	if !found {
		return Card{}, false
	}
	return l[at], true
}

func (l List) find(name string) (at int, found bool) {
	return slices.BinarySearchFunc(l, name, func(c Card, name string) int { return strings.Compare(c.Name, name) })
}
