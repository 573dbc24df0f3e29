package pass

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Headers that a request carries beside Range and If-Range.
const (
	HeaderCourier   = "Saksi-Courier"
	HeaderTime      = "Saksi-Time"
	HeaderNonce     = "Saksi-Nonce"
	HeaderBody      = "Saksi-Body"
	HeaderSignature = "Saksi-Signature"
)

// Window is how far a request's time may be from the server's, either way.
const Window = 10 * time.Minute

// A Nonce makes a request the only one of its kind.
type Nonce [16]byte

// NewNonce makes one.
func NewNonce() (n Nonce) {
	rand.Read(n[:])
	return n
}

// A Request is what a courier signs.
type Request struct {
	Stamp
	Method  string
	Host    string // the couriers' onion address, as each side knows it
	URI     string
	Range   string
	IfRange string
}

// A Stamp is what a request says of itself in headers of ours.
type Stamp struct {
	Courier string
	Time    int64 // seconds since 1970
	Nonce   Nonce
	Body    [sha256.Size]byte
}

// text writes what is signed. A value with a line end would make one text of
// two requests: there is none for it.
func (r Request) text() (string, error) {
	for _, value := range []string{r.Courier, r.Method, r.Host, r.URI, r.Range, r.IfRange} {
		if !printable(value) {
			return "", errors.New("a request has characters that nobody signs")
		}
	}
	return fmt.Sprintf("saksi/v1/request\ncourier %s\nmethod %s\nhost %s\nuri %s\ntime %d\nnonce %x\n"+
		"range %s\nif-range %s\nbody %x\n",
		r.Courier, r.Method, r.Host, r.URI, r.Time, r.Nonce, r.Range, r.IfRange, r.Body), nil
}

// maxValue bounds each value of a request, in bytes.
const maxValue = 1 << 10

func printable(s string) bool {
	return len(s) <= maxValue && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Sign returns the values of the headers, by name, with which the request is
// sent. The courier and the host are those of the pass.
func (p *Pass) Sign(r Request) (map[string]string, error) {
	r.Courier, r.Host = p.Courier, p.Onion
	text, err := r.text()
	if err != nil {
		return nil, fmt.Errorf("signing request: %w", err)
	}
	signature := ed25519.Sign(p.signer(), []byte(text))
	return map[string]string{
		HeaderCourier: r.Courier, HeaderTime: strconv.FormatInt(r.Time, 10), HeaderNonce: hex.EncodeToString(r.Nonce[:]),
		HeaderBody: hex.EncodeToString(r.Body[:]), HeaderSignature: base64.StdEncoding.EncodeToString(signature),
	}, nil
}

// Verify reports whether the courier of this card signed the request.
func (c Card) Verify(r Request, signature []byte) bool {
	text, err := r.text()
	return err == nil && r.Courier == c.Name && ed25519.Verify(c.Sign[:], []byte(text), signature)
}

// ParseStamp reads what Sign returned, each value in its one spelling.
func ParseStamp(header func(name string) string) (s Stamp, signature []byte, err error) {
	bad := errors.New("reading request: it is not signed as a courier's")
	s.Courier = header(HeaderCourier)
	if CheckName(s.Courier) != nil {
		return Stamp{}, nil, bad
	}
	if s.Time, err = strconv.ParseInt(header(HeaderTime), 10, 64); err != nil || s.Time < 0 ||
		strconv.FormatInt(s.Time, 10) != header(HeaderTime) {
		return Stamp{}, nil, bad
	}
	if !unhex(s.Nonce[:], header(HeaderNonce)) || !unhex(s.Body[:], header(HeaderBody)) {
		return Stamp{}, nil, bad
	}
	text := header(HeaderSignature)
	if len(text) != base64.StdEncoding.EncodedLen(ed25519.SignatureSize) {
		return Stamp{}, nil, bad
	}
	signature, err = base64.StdEncoding.DecodeString(text)
	if err != nil || len(signature) != ed25519.SignatureSize || base64.StdEncoding.EncodeToString(signature) != text {
		return Stamp{}, nil, bad
	}
	return s, signature, nil
}

// unhex fills b, and reports whether text is the one spelling of it.
func unhex(b []byte, text string) bool {
	if len(text) != hex.EncodedLen(len(b)) || strings.ToLower(text) != text {
		return false
	}
	_, err := hex.Decode(b, []byte(text))
	return err == nil
}
