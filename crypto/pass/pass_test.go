package pass

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"testing"

	"saksi/crypto/sign"
)

var onion = strings.Repeat("abcdefg2", 7) + ".onion"

func newPass(t testing.TB, courier string) *Pass {
	t.Helper()
	server, err := sign.Generate("kotak.example")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New("kotak.example", courier, onion, server.Key())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPassComesBack(t *testing.T) {
	p := newPass(t, "budi")
	again, err := Parse(p.Text())
	if err != nil || again.Text() != p.Text() || again.Card() != p.Card() {
		t.Errorf("the pass does not come back: %v", err)
	}
}

// TestAPassForNobody: what stands in a file name, a header or a torrc is held to
// few characters.
func TestAPassForNobody(t *testing.T) {
	p := newPass(t, "budi")
	for _, bad := range []Pass{
		{Origin: "", Courier: "budi", Onion: onion}, {Origin: "a b", Courier: "budi", Onion: onion},
		{Origin: ".a", Courier: "budi", Onion: onion}, {Origin: "a", Courier: "", Onion: onion},
		{Origin: "a", Courier: "Budi", Onion: onion}, {Origin: "a", Courier: "../x", Onion: onion},
		{Origin: "a", Courier: strings.Repeat("a", 33), Onion: onion}, {Origin: "a", Courier: "budi", Onion: "a.onion"},
		{Origin: "a", Courier: "budi", Onion: strings.ToUpper(onion)}, {Origin: "a", Courier: "budi", Onion: onion[1:]},
		{Origin: "a", Courier: "budi", Onion: strings.Replace(onion, "2", "1", 1)},
	} {
		if _, err := New(bad.Origin, bad.Courier, bad.Onion, p.Server); err == nil {
			t.Errorf("%q at %q over %q was taken", bad.Courier, bad.Origin, bad.Onion)
		}
	}
	if _, err := New("a", "budi", onion, sign.Key{}); err == nil {
		t.Error("a pass without a server's key was made")
	}
}

// TestTorsLinesBelongTogether: the key in the client's file is the private half
// of the one in the service's.
func TestTorsLinesBelongTogether(t *testing.T) {
	p := newPass(t, "budi")
	last := func(line string) []byte {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(fields[len(fields)-1])
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if want := onion[:56] + ":descriptor:x25519:"; !strings.HasPrefix(p.AuthPrivate(), want) {
		t.Errorf("the client's line is %q", p.AuthPrivate())
	}
	auth, want := p.Card().Auth(), "descriptor:x25519:"
	if !strings.HasPrefix(auth, want) || len(auth) != len(want)+52+1 {
		t.Errorf("the service's line is %q", auth)
	}
	private, err := ecdh.X25519().NewPrivateKey(last(p.AuthPrivate()))
	if err != nil || string(private.PublicKey().Bytes()) != string(last(p.Card().Auth())) {
		t.Errorf("the two lines have other keys: %v", err)
	}
	if strings.Contains(p.AuthPrivate(), string(p.signer().Seed())) || string(p.tor().Bytes()) == string(p.signer().Seed()) {
		t.Error("what tor is given can sign")
	}
}

func TestAListHasEachCourierOnce(t *testing.T) {
	budi, citra := newPass(t, "budi").Card(), newPass(t, "citra").Card()
	l, err := List{}.Add(citra)
	if err != nil {
		t.Fatal(err)
	}
	if l, err = l.Add(budi); err != nil || l[0] != budi || l[1] != citra {
		t.Fatalf("%v, %v: want budi, citra", l, err)
	}
	again := newPass(t, "budi").Card()
	renamed := citra
	renamed.Name = "dewi"
	onlyTor := newPass(t, "dewi").Card()
	onlyTor.Tor = citra.Tor
	for _, taken := range []Card{again, renamed, onlyTor} {
		if _, err := l.Add(taken); !errors.Is(err, ErrTaken) {
			t.Errorf("%q: %v, want ErrTaken", taken.Name, err)
		}
	}
	if l, err = l.Remove("budi"); err != nil || len(l) != 1 {
		t.Fatal(l, err)
	}
	if _, err := l.Remove("budi"); !errors.Is(err, ErrNoCourier) {
		t.Errorf("removed twice: %v", err)
	}
	if _, found := l.Find("budi"); found {
		t.Error("a courier who was removed is found")
	}
	if l, err = l.Add(again); err != nil || l[0] != again {
		t.Errorf("a removed name is not given again: %v", err)
	}
}

func TestAListIsBounded(t *testing.T) {
	l := List{}
	var err error
	for n := range MaxCouriers {
		if l, err = l.Add(newPass(t, fmt.Sprintf("%032d", n)).Card()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Add(newPass(t, "satu-lagi").Card()); !errors.Is(err, ErrMany) {
		t.Errorf("one too many: %v", err)
	}
	if text := l.Text(); len(text) > MaxListSize {
		t.Errorf("a full list has %d bytes, and is read up to %d", len(text), MaxListSize)
	} else if again, err := ParseList(text); err != nil || len(again) != MaxCouriers {
		t.Errorf("a full list does not come back: %v", err)
	}
}

func sample() Request {
	return Request{
		Stamp:  Stamp{Courier: "budi", Time: 1795305600, Nonce: Nonce{1, 2, 3}, Body: [32]byte{4}},
		Method: "GET", Host: onion, URI: "/v1/bundle", Range: "bytes=10-", IfRange: `"0123"`,
	}
}

// TestASignatureCoversAllOfARequest: changed in any place it is nobody's.
func TestASignatureCoversAllOfARequest(t *testing.T) {
	p := newPass(t, "budi")
	headers, err := p.Sign(sample())
	if err != nil {
		t.Fatal(err)
	}
	stamp, signature, err := ParseStamp(func(name string) string { return headers[name] })
	if err != nil || stamp != sample().Stamp {
		t.Fatalf("the headers say %v, %v", stamp, err)
	}
	if !p.Card().Verify(sample(), signature) {
		t.Fatal("an honest request is refused")
	}
	if newPass(t, "budi").Card().Verify(sample(), signature) {
		t.Error("another's key verifies it")
	}
	for what, change := range map[string]func(*Request){
		"courier": func(r *Request) { r.Courier = "citra" }, "method": func(r *Request) { r.Method = "POST" },
		"host": func(r *Request) { r.Host = "b" + onion[1:] }, "uri": func(r *Request) { r.URI += "?a" },
		"time": func(r *Request) { r.Time++ }, "nonce": func(r *Request) { r.Nonce[15]++ },
		"range": func(r *Request) { r.Range = "" }, "if-range": func(r *Request) { r.IfRange = `"0124"` },
		"body": func(r *Request) { r.Body[0]++ }, "line end": func(r *Request) { r.URI += "\n" },
	} {
		r := sample()
		if change(&r); p.Card().Verify(r, signature) {
			t.Errorf("the signature does not cover the %s", what)
		}
	}
	renamed := p.Card()
	renamed.Name = "citra"
	if renamed.Verify(sample(), signature) {
		t.Error("another name's card verifies it")
	}
	if len(signature) != ed25519.SignatureSize {
		t.Errorf("a signature of %d bytes", len(signature))
	}
}

// TestARequestWithALineEndIsNotSigned: its text would be that of another.
func TestARequestWithALineEndIsNotSigned(t *testing.T) {
	for _, odd := range []string{"/v1\ntime 5", "/v1\r", "/v1\x00", "/v1é", strings.Repeat("a", 1025)} {
		r := sample()
		r.URI = odd
		if _, err := newPass(t, "budi").Sign(r); err == nil {
			t.Errorf("%.20q was signed", odd)
		}
	}
}
