// Package pass is what lets a courier do the errand over the couriers' onion
// service: a pass in his hands, a card of it on the server, and a signature on
// every request.
//
// The pass is a secret file:
//
//	saksi/v1/pass
//	origin kotak.example            the drop
//	courier budi                    his name at this drop
//	onion <56 letters>.onion        the couriers' service
//	server kotak.example+...        key by which the server signs batches
//	seed <64 hex>                   secret
//
// Two keys follow from the seed by HKDF-SHA256, salt "saksi/v1", info
//
//	courier/sign    32 bytes  Ed25519 seed: signs requests
//	courier/tor     32 bytes  X25519 private key: opens the onion's descriptor
//
// The server keeps the public halves, a card of one line for each courier:
//
//	saksi/v1/couriers
//	courier budi <Ed25519, 64 hex> <X25519, 64 hex>
//	courier citra ...               by name, each name and each key once
//
// A request over HTTP is signed as this text, whose last line ends like all
// others:
//
//	saksi/v1/request
//	courier budi
//	method GET
//	host <56 letters>.onion         not what a header says: what each side knows
//	uri /v1/bundle
//	time 1795305600                 seconds since 1970
//	nonce <32 hex>                  random
//	range bytes=1048576-            header Range; nothing if there is none
//	if-range "0123..."              header If-Range
//	body <64 hex>                   SHA-256 of the body
//
// # What it is against
//
// What a courier fetches is sealed, and what he brings is signed by a reviewer:
// a stolen pass opens nothing and forges nothing. It gives away how many
// testimonies there are and how large. Tor's client authorization alone keeps
// strangers out, but it does not let go: a client that runs on with the old
// descriptor still gets in after its key was taken off. So the server asks for
// a signature as well, and holds each request against the list as it is at that
// moment.
//
// The time and the nonce keep a request from being sent twice, the body's hash
// from being used for another outbox, the host from being shown to another drop
// by one that the courier also serves. The body's hash comes in a header, so
// that nothing of a body is read before the signature was found right.
//
// One key signs nothing but requests, and one does nothing but open
// descriptors: what tor is given, in a file of its own, cannot sign.
package pass

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"saksi/crypto/sign"
)

// A Pass is what a courier holds: a secret.
type Pass struct {
	Origin  string   // the drop's name
	Courier string   // his
	Onion   string   // the couriers' service, with ".onion"
	Server  sign.Key // signs batches
	seed    [seedSize]byte
}

const seedSize = 32

// MaxSize bounds the file of a pass, in bytes.
const MaxSize = 1 << 10

// MaxName bounds a courier's name.
const MaxName = 32

// New makes a pass with a new secret.
func New(origin, courier, onion string, server sign.Key) (*Pass, error) {
	p := &Pass{Origin: origin, Courier: courier, Onion: onion, Server: server}
	rand.Read(p.seed[:])
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("making pass: %w", err)
	}
	return p, nil
}

// Text writes the pass in its one spelling: a secret.
func (p *Pass) Text() string {
	return fmt.Sprintf("saksi/v1/pass\norigin %s\ncourier %s\nonion %s\nserver %s\nseed %x\n",
		p.Origin, p.Courier, p.Onion, p.Server, p.seed)
}

// Parse reads what Text wrote. Its errors hold nothing of the input.
func Parse(text string) (*Pass, error) {
	if len(text) > MaxSize {
		return nil, errors.New("reading pass: too long")
	}
	fields := [...]string{"origin", "courier", "onion", "server", "seed"}
	lines := strings.SplitN(text, "\n", len(fields)+3)
	if len(lines) != len(fields)+2 || lines[0] != "saksi/v1/pass" {
		return nil, errors.New("reading pass: want six lines, the first \"saksi/v1/pass\"")
	}
	var values [len(fields)]string
	for i, field := range fields {
		value, ok := strings.CutPrefix(lines[i+1], field+" ")
		if !ok {
			return nil, fmt.Errorf("reading pass, line %d: want %q", i+2, field)
		}
		values[i] = value
	}
	p, err := parseValues(values)
	if err != nil {
		return nil, fmt.Errorf("reading pass: %w", err)
	}
	if p.Text() != text {
		return nil, errors.New("reading pass: not in the one canonical spelling")
	}
	return p, nil
}

func parseValues(values [5]string) (*Pass, error) {
	p := &Pass{Origin: values[0], Courier: values[1], Onion: values[2]}
	var err error
	if p.Server, err = sign.ParseKey(values[3]); err != nil {
		return nil, err
	}
	seed, err := hex.DecodeString(values[4])
	if err != nil || len(seed) != seedSize {
		return nil, errors.New("the seed is damaged")
	}
	p.seed = [seedSize]byte(seed)
	return p, p.check()
}

func (p *Pass) check() error {
	switch {
	case !only(p.Origin, letters+digits+".-", 60) || strings.ContainsAny(p.Origin[:1], ".-"):
		return errors.New("the origin is not the name of a drop")
	case CheckName(p.Courier) != nil:
		return CheckName(p.Courier)
	case !isOnion(p.Onion):
		return errors.New("the onion address is not 56 letters and \".onion\"")
	case p.Server.IsZero():
		return errors.New("no key of the server")
	}
	return nil
}

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// only reports whether s has 1 to most characters, all of them in set.
func only(s, set string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, set) == ""
}

// CheckName returns an error unless a courier may have this name.
func CheckName(name string) error {
	if !only(name, letters+digits+"-", MaxName) {
		return fmt.Errorf("a courier's name has 1 to %d small letters, digits and dashes", MaxName)
	}
	return nil
}

// isOnion reports whether s has the shape of an onion address.
func isOnion(s string) bool {
	name, ok := strings.CutSuffix(s, ".onion")
	return ok && len(name) == 56 && only(name, letters+"234567", 56)
}

// derive never fails for sizes like these.
func (p *Pass) derive(info string) []byte {
	key, err := hkdf.Key(sha256.New, p.seed[:], []byte("saksi/v1"), info, 32)
	if err != nil {
		panic("pass: internal error: " + err.Error())
	}
	return key
}

func (p *Pass) signer() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(p.derive("courier/sign")) }

func (p *Pass) tor() *ecdh.PrivateKey {
	key, err := ecdh.X25519().NewPrivateKey(p.derive("courier/tor"))
	if err != nil {
		panic("pass: internal error: " + err.Error())
	}
	return key
}

// Card returns the public half of the pass.
func (p *Pass) Card() Card {
	return Card{
		Name: p.Courier,
		Sign: [32]byte(p.signer().Public().(ed25519.PublicKey)), Tor: [32]byte(p.tor().PublicKey().Bytes()),
	}
}

// TorPrivate returns the X25519 private key by which tor lets the courier in.
func (p *Pass) TorPrivate() [32]byte { return [32]byte(p.tor().Bytes()) }

// AuthPrivate returns the line that the courier's tor wants in a file that ends
// in .auth_private, in its ClientOnionAuthDir: a secret.
func (p *Pass) AuthPrivate() string {
	return strings.TrimSuffix(p.Onion, ".onion") + ":descriptor:x25519:" + inBase32(p.tor().Bytes()) + "\n"
}

// inBase32 writes a key as tor does.
func inBase32(key []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
}
