package crypto_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"saksi/crypto/hybrid"
	"saksi/crypto/sign"
)

type hybridSection struct {
	About             []string       `json:"about"`
	Keys              []hybridKey    `json:"keys"`
	RefusedRecipients []refusedKey   `json:"recipients_refused"`
	RefusedIdentities []refusedKey   `json:"identities_refused"`
	Sealed            []sealedVector `json:"sealed"`
	Refused           []damagedFile  `json:"refused"`
}

type hybridKey struct {
	Seed      hexBytes `json:"seed"`
	Identity  string   `json:"identity"`
	Recipient string   `json:"recipient"`
}

type refusedKey struct {
	About string `json:"about"`
	Key   string `json:"key"`
}

type sealedVector struct {
	About      string   `json:"about"`
	Plain      hexBytes `json:"plain"`
	Identities []string `json:"identities"`
	Sealed     []byte   `json:"sealed_base64"`
}

// A damagedFile is the first sealed file after edits, or opened with another
// identity or for another length.
type damagedFile struct {
	About    string `json:"about"`
	Size     int    `json:"size"`
	Edits    []edit `json:"edits,omitempty"`
	Identity string `json:"identity"`
	Plain    int    `json:"plain_size"`
	Error    string `json:"error"`
}

func makeHybrid(t *testing.T) hybridSection {
	s := hybridSection{About: []string{
		"keys: an identity is the bech32 of its seed; the recipient follows from it.",
		"sealed: each of the identities opens the file to plain.",
		"refused: the first sealed file, brought to size bytes and edited, opened with identity for exactly plain_size bytes.",
	}}
	for i := range 3 {
		seed := [32]byte(bytes.Repeat([]byte{byte(0x55 * i)}, 32))
		id := must(hybrid.FromSeed(seed))(t)
		s.Keys = append(s.Keys, hybridKey{seed[:], id.String(), id.Recipient().String()})
	}
	s.RefusedRecipients = refusedRecipients(t, s.Keys[1].Recipient)
	s.RefusedIdentities = refusedIdentities(t, s.Keys[1].Identity)
	s.Sealed = []sealedVector{
		makeSealed(t, "to one recipient", []byte("saksi"), s.Keys[:1]),
		makeSealed(t, "nothing, to two recipients", nil, s.Keys[:2]),
	}
	s.Refused = damagedFiles(s.Keys, s.Sealed[0])
	return s
}

func refusedRecipients(t *testing.T, good string) []refusedKey {
	classic := must(age.GenerateX25519Identity())(t).Recipient().String()
	// A key of the section, its last 32 bytes zero, spelled with a right checksum.
	smallOrder := strings.TrimSpace(string(must(os.ReadFile("testdata/small-order.recipient"))(t)))
	return []refusedKey{
		{"classic X25519", classic}, {"empty", ""}, {"upper case", strings.ToUpper(good)},
		{"cut", good[:len(good)-1]}, {"a line break", good + "\n"},
		{"one character changed", turn(good, 100)},
		{"the X25519 half is zero, a point of small order", smallOrder},
	}
}

func refusedIdentities(t *testing.T, good string) []refusedKey {
	classic := must(age.GenerateX25519Identity())(t).String()
	return []refusedKey{
		{"classic X25519", classic}, {"empty", ""}, {"lower case", strings.ToLower(good)},
		{"cut", good[:len(good)-1]}, {"a space", " " + good[1:]},
		{"one character changed", turn(good, 40)},
	}
}

// turn changes one character into another of bech32's alphabet.
func turn(s string, at int) string {
	for _, c := range []string{"q", "p"} {
		if c = matchCase(c, s); s[at:at+1] != c {
			return s[:at] + c + s[at+1:]
		}
	}
	return s
}

func matchCase(c, s string) string {
	if s == strings.ToUpper(s) {
		return strings.ToUpper(c)
	}
	return c
}

func makeSealed(t *testing.T, about string, plain []byte, to []hybridKey) sealedVector {
	v := sealedVector{About: about, Plain: plain}
	var recipients []*hybrid.Recipient
	for _, k := range to {
		recipients = append(recipients, must(hybrid.ParseRecipient(k.Recipient))(t))
		v.Identities = append(v.Identities, k.Identity)
	}
	v.Sealed = must(hybrid.SealBytes(plain, recipients...))(t)
	return v
}

func damagedFiles(keys []hybridKey, v sealedVector) []damagedFile {
	whole, plain, id := len(v.Sealed), len(v.Plain), keys[0].Identity
	flip := func(at int) []edit { return []edit{{at, hexBytes{v.Sealed[at] ^ 1}}} }
	mac := bytes.Index(v.Sealed, []byte("\n--- ")) + 8
	return []damagedFile{
		{"as it is", whole, nil, id, plain, ""},
		{"another identity", whole, nil, keys[1].Identity, plain, "no_match"},
		{"the last byte is missing", whole - 1, nil, id, plain, "refused"},
		{"a byte too many", whole + 1, nil, id, plain, "refused"},
		{"the version line is another", whole, flip(21), id, plain, "refused"},
		{"the wrapped file key is changed", whole, flip(mac - 20), id, plain, "no_match"},
		{"the header's MAC is changed", whole, flip(mac), id, plain, "refused"},
		{"the nonce is changed", whole, flip(whole - 30), id, plain, "refused"},
		{"the last tag is changed", whole, flip(whole - 1), id, plain, "refused"},
		{"the plaintext is longer than promised", whole, nil, id, plain - 1, "refused"},
		{"the plaintext is shorter than promised", whole, nil, id, plain + 1, "refused"},
	}
}

func (s hybridSection) check(t *testing.T) {
	for _, k := range s.Keys {
		id := must(hybrid.FromSeed([32]byte(k.Seed)))(t)
		sameText(t, "identity", id.String(), k.Identity)
		sameText(t, "recipient", must(hybrid.ParseIdentity(k.Identity))(t).Recipient().String(),
			k.Recipient)
		sameText(t, "parsed recipient", must(hybrid.ParseRecipient(k.Recipient))(t).String(),
			k.Recipient)
	}
	for _, r := range s.RefusedRecipients {
		if _, err := hybrid.ParseRecipient(r.Key); err == nil {
			t.Errorf("recipient, %s: taken", r.About)
		}
	}
	for _, r := range s.RefusedIdentities {
		if _, err := hybrid.ParseIdentity(r.Key); err == nil {
			t.Errorf("identity, %s: taken", r.About)
		}
	}
	for _, v := range s.Sealed {
		v.check(t)
	}
	for _, d := range s.Refused {
		d.check(t, s.Sealed[0].Sealed)
	}
}

func (v sealedVector) check(t *testing.T) {
	for _, text := range v.Identities {
		plain := must(hybrid.OpenBytes(v.Sealed, len(v.Plain), must(hybrid.ParseIdentity(text))(t)))(t)
		same(t, v.About, plain, v.Plain)
	}
	if want := hybrid.SealedSize(int64(len(v.Plain)), len(v.Identities)); int64(len(v.Sealed)) != want {
		t.Errorf("%s: %d bytes, want %d", v.About, len(v.Sealed), want)
	}
}

func (d damagedFile) check(t *testing.T, sealed []byte) {
	id := must(hybrid.ParseIdentity(d.Identity))(t)
	_, err := hybrid.OpenBytes(apply(sealed, d.Size, d.Edits), d.Plain, id)
	if got := errorName(err); got != d.Error {
		t.Errorf("%s: error %q (%v), want %q", d.About, got, err, d.Error)
	}
}

type signSection struct {
	About   []string     `json:"about"`
	Keys    []signingKey `json:"keys"`
	Refused []refusedKey `json:"keys_refused"`
	Note    noteVector   `json:"note"`
	Open    []openVector `json:"open"`
}

type signingKey struct {
	Name    string   `json:"name"`
	Seed    hexBytes `json:"seed"`
	ID      hexBytes `json:"id"`
	Private string   `json:"private_key"`
	Public  string   `json:"public_key"`
}

type noteVector struct {
	Text   string `json:"text"`
	Signed string `json:"signed"`
}

// An openVector is a signed note, opened with some of the keys by name.
type openVector struct {
	About     string   `json:"about"`
	Note      string   `json:"note"`
	Keys      []string `json:"keys"`
	Threshold int      `json:"threshold"`
	Error     string   `json:"error"`
}

func makeSign(t *testing.T, p *party) signSection {
	s := signSection{About: []string{
		"keys: id is the first 4 bytes of SHA-256(name || 0x0a || 0x01 || public key); the seed is of Ed25519.",
		"note: signed by the first and the second key, in this order.",
		"open: the notes are opened with the keys of these names; an empty error means that the text comes out.",
	}}
	for _, k := range p.roots[:3] {
		s.Keys = append(s.Keys, makeSigningKey(k))
	}
	s.Refused = refusedSigningKeys(s.Keys[0])
	text := "contoh\nbaris kedua: é\n"
	s.Note = noteVector{text, string(must(sign.Note(text, p.roots[0], p.roots[1]))(t))}
	s.Open = makeOpens(t, s.Note, p)
	return s
}

func makeSigningKey(k sign.Signer) signingKey {
	id, _ := hex.DecodeString(strings.Split(k.Key().String(), "+")[1])
	return signingKey{k.Key().Name(), k.Private().Seed(), id, k.String(), k.Key().String()}
}

func refusedSigningKeys(k signingKey) []refusedKey {
	id := hex.EncodeToString(k.ID)
	other := slices.Clone(k.ID)
	other[0] ^= 1
	raw, _ := base64.StdEncoding.DecodeString(k.Public[len(k.Name)+10:])
	return []refusedKey{
		{"empty", ""}, {"a private key", k.Private}, {"a line break", k.Public + "\n"},
		{"another id", strings.Replace(k.Public, id, hex.EncodeToString(other), 1)},
		{"another name", "akar-9" + k.Public[len(k.Name):]},
		{"a cut key", k.Public[:len(k.Public)-4]},
		{"another algorithm", notedKey(k.Name, append([]byte{2}, raw[1:]...))},
		{"a byte too many", notedKey(k.Name, append(raw, 0))},
		{"no name", notedKey("", raw)}, {"a colon in the name", notedKey("akar:1", raw)},
		{"a letter outside ASCII in the name", notedKey("akár", raw)},
		{"a name of 65 characters", notedKey(strings.Repeat("a", 65), raw)},
	}
}

// notedKey spells a verifier key with the id that belongs to it.
func notedKey(name string, raw []byte) string {
	id := sum(slices.Concat([]byte(name), []byte("\n"), raw))[:4]
	return name + "+" + hex.EncodeToString(id) + "+" + base64.StdEncoding.EncodeToString(raw)
}

func makeOpens(t *testing.T, note noteVector, p *party) []openVector {
	first, second, third := "akar-1", "akar-2", "akar-3"
	lines := strings.SplitAfter(note.Signed, "\n")
	again := strings.Join(append(slices.Clone(lines), lines[len(lines)-3]), "")
	changed := strings.Replace(note.Signed, "kedua", "ketiga", 1)
	stranger := string(must(sign.Note(note.Text, p.roots[2]))(t))
	return []openVector{
		{"two of two", note.Signed, []string{first, second}, 2, ""},
		{"two of three", note.Signed, []string{first, second, third}, 2, ""},
		{"signatures by other keys are passed over", note.Signed, []string{second}, 1, ""},
		{"three are wanted", note.Signed, []string{first, second, third}, 3, "signatures"},
		{"one of two is a stranger", note.Signed, []string{first, third}, 2, "signatures"},
		{"signed by a stranger", stranger, []string{first, second}, 1, "signatures"},
		{"one signature standing twice is one", again, []string{first}, 2, "signatures"},
		{"another text", changed, []string{first, second}, 1, "refused"},
		{"no signature", note.Text + "\n", []string{first}, 1, "refused"},
		{"no empty line", strings.Replace(note.Signed, "\n\n", "\n", 1), []string{first}, 1, "refused"},
		{"a carriage return", strings.Replace(note.Signed, "contoh", "contoh\r", 1),
			[]string{first}, 1, "refused"},
		{"the last line does not end", strings.TrimSuffix(note.Signed, "\n"), []string{first}, 1,
			"refused"},
	}
}

func (s signSection) check(t *testing.T) {
	byName := map[string]sign.Key{}
	var signers []sign.Signer
	for _, k := range s.Keys {
		signer := k.check(t)
		byName[k.Name] = signer.Key()
		signers = append(signers, signer)
	}
	for _, r := range s.Refused {
		if _, err := sign.ParseKey(r.Key); err == nil {
			t.Errorf("signing key, %s: taken", r.About)
		}
	}
	sameText(t, "note", string(must(sign.Note(s.Note.Text, signers[0], signers[1]))(t)), s.Note.Signed)
	sameText(t, "note by hand",
		s.Note.Text+"\n"+s.Keys[0].line(s.Note.Text)+s.Keys[1].line(s.Note.Text), s.Note.Signed)
	for _, o := range s.Open {
		o.check(t, byName, s.Note.Text)
	}
}

func (k signingKey) check(t *testing.T) sign.Signer {
	signer := must(sign.ParseSigner(k.Private))(t)
	public := ed25519.NewKeyFromSeed(k.Seed)[32:]
	sameText(t, "public key", signer.Key().String(), k.Public)
	sameText(t, "public key by hand", notedKey(k.Name, append([]byte{1}, public...)), k.Public)
	same(t, "seed", signer.Private().Seed(), k.Seed)
	sameText(t, "parsed key", must(sign.ParseKey(k.Public))(t).Name(), k.Name)
	return signer
}

// line is a note's signature line, made without the package's code.
func (k signingKey) line(text string) string {
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(k.Seed), []byte(text))
	both := slices.Concat(k.ID, signature)
	return "— " + k.Name + " " + base64.StdEncoding.EncodeToString(both) + "\n"
}

func (o openVector) check(t *testing.T, byName map[string]sign.Key, want string) {
	var keys []sign.Key
	for _, name := range o.Keys {
		keys = append(keys, byName[name])
	}
	text, err := sign.Open([]byte(o.Note), o.Threshold, keys...)
	if got := errorName(err); got != o.Error {
		t.Errorf("%s: error %q (%v), want %q", o.About, got, err, o.Error)
	}
	if err == nil {
		sameText(t, o.About, text, want)
	}
}
