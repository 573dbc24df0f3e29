package crypto_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/cryptotest"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/paper"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/share"
	"saksi/crypto/sign"
)

const (
	vectorsFile = "testdata/vectors.json"
	// vectorsSeed fixes all randomness of the generator: keys, and what age and
	// ML-KEM draw while they seal.
	vectorsSeed = 20261122
)

func init() { flag.Bool("update", false, "write "+vectorsFile+" anew") }

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// vectors is the file. Each section has its type beside its generator and its
// check.
type vectors struct {
	About    []string        `json:"about"`
	Words    wordsSection    `json:"words"`
	Receipt  receiptSection  `json:"receipt"`
	Week     weekSection     `json:"week"`
	Hybrid   hybridSection   `json:"hybrid"`
	Sign     signSection     `json:"sign"`
	Reviewer reviewerSection `json:"reviewer"`
	Roster   rosterSection   `json:"roster"`
	Size     sizeSection     `json:"size"`
	Item     itemSection     `json:"item"`
	Reply    replySection    `json:"reply"`
	Batch    batchSection    `json:"batch"`
	Outbox   outboxSection   `json:"outbox"`
	Onion    onionSection    `json:"onion"`
	Pass     passSection     `json:"pass"`
	Shamir   shamirSection   `json:"shamir"`
	Paper    paperSection    `json:"paper"`
	Quorum   quorumSection   `json:"quorum"`
	Frames   framesSection   `json:"frames"`
	Canary   canarySection   `json:"canary"`
	Parcel   parcelSection   `json:"parcel"`
}

// TestVectors makes the vectors anew and holds the file against them, then
// reads the file as a second implementation would: from what is given in it to
// what is said to follow.
func TestVectors(t *testing.T) {
	made := generate(t)
	if !bytes.Equal(made, generate(t)) {
		t.Fatal("two generations differ: some randomness does not come from the seed")
	}
	if updating() {
		if err := os.WriteFile(vectorsFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, kept) {
		t.Errorf("%s is not what the code makes, see line %d; if the format or the word list was changed on purpose: "+
			"go test ./crypto -run TestVectors -update", vectorsFile, firstDifference(made, kept))
	}
	checkVectors(t, readVectors(t, kept))
}

func generate(t *testing.T) []byte {
	var made []byte
	t.Run("generate", func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, vectorsSeed)
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", " ")
		if err := encoder.Encode(makeVectors(t)); err != nil {
			t.Fatal(err)
		}
		made = out.Bytes()
	})
	return made
}

func makeVectors(t *testing.T) vectors {
	p := newParty(t)
	v := vectors{About: about()}
	v.Words, v.Receipt, v.Week = makeWords(), makeReceipts(t), makeWeeks()
	v.Hybrid, v.Sign = makeHybrid(t), makeSign(t, p)
	v.Reviewer, v.Roster = makeReviewers(t, p), makeRoster(t, p)
	v.Size, v.Item = makeSizes(), makeItems(t, p)
	v.Reply = makeReplies(t, p)
	v.Batch = makeBatches(t, p, v.Item)
	v.Outbox = makeOutboxes(t, p, v.Batch, v.Reply)
	v.Onion = makeOnions(p)
	v.Pass = makePasses(t, p)
	v.Shamir = makeShamir(t)
	v.Paper = makePapers(t)
	v.Quorum = makeQuorum(t)
	v.Frames = makeFrames(t)
	v.Canary = makeCanaries(t, p)
	v.Parcel = makeParcels()
	return v
}

func about() []string {
	return []string{
		"Test vectors of the formats that docs/protocol.md describes.",
		"Bytes are lower-case hexadecimal; in fields that end in _base64 they are standard base64 with padding.",
		"Texts are the exact bytes, line breaks included. All keys are for tests: none has ever guarded anything.",
		"What is random is given; what follows from it must come out to the byte. Sealed files are to be opened, not made.",
		"An error is one of the names in docs/protocol.md; \"refused\" is any error at all.",
		"A replacement is made once, at the first place where the old text stands. An edit overwrites bytes at an offset.",
	}
}

func firstDifference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count(a[:n], []byte("\n"))
}

func readVectors(t *testing.T, file []byte) vectors {
	var v vectors
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func checkVectors(t *testing.T, v vectors) {
	t.Run("words", v.Words.check)
	t.Run("receipt", v.Receipt.check)
	t.Run("week", v.Week.check)
	t.Run("hybrid", v.Hybrid.check)
	t.Run("sign", v.Sign.check)
	t.Run("reviewer", v.Reviewer.check)
	t.Run("roster", v.Roster.check)
	t.Run("size", v.Size.check)
	t.Run("item", func(t *testing.T) { v.Item.check(t, v) })
	t.Run("reply", func(t *testing.T) { v.Reply.check(t, v) })
	t.Run("batch", v.Batch.check)
	t.Run("outbox", func(t *testing.T) { v.Outbox.check(t, v) })
	t.Run("onion", func(t *testing.T) { v.Onion.check(t, v) })
	t.Run("pass", v.Pass.check)
	t.Run("shamir", v.Shamir.check)
	t.Run("paper", v.Paper.check)
	t.Run("quorum", v.Quorum.check)
	t.Run("frames", v.Frames.check)
	t.Run("canary", v.Canary.check)
	t.Run("parcel", v.Parcel.check)
}

// hexBytes are bytes that the file holds in hexadecimal. A plain []byte is
// held in base64.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func sum(b []byte) hexBytes {
	h := sha256.Sum256(b)
	return h[:]
}

// A replacement makes a text that must be refused out of a good one.
type replacement struct {
	About string `json:"about"`
	Old   string `json:"old"`
	New   string `json:"new"`
	Error string `json:"error"`
}

func (r replacement) in(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, r.Old) || r.Old == r.New {
		t.Fatalf("%s: the replacement changes nothing", r.About)
	}
	return strings.Replace(text, r.Old, r.New, 1)
}

// refuse holds that parse refuses the text after each replacement, by name.
func refuse(t *testing.T, text string, replacements []replacement, parse func(string) error) {
	t.Helper()
	for _, r := range replacements {
		if got := errorName(parse(r.in(t, text))); got != r.Error {
			t.Errorf("%s: error %q, want %q", r.About, got, r.Error)
		}
	}
}

// An edit overwrites bytes.
type edit struct {
	At  int      `json:"at"`
	Hex hexBytes `json:"hex"`
}

// apply brings b to size bytes, cut or filled with zeros, and then edits it.
func apply(b []byte, size int, edits []edit) []byte {
	out := make([]byte, size)
	copy(out, b)
	for _, e := range edits {
		copy(out[e.At:], e.Hex)
	}
	return out
}

// diff returns the edits that turn a, cut or filled to b's length, into b.
func diff(a, b []byte) []edit {
	a = apply(a, len(b), nil)
	var edits []edit
	for i := 0; i < len(b); {
		if a[i] == b[i] {
			i++
			continue
		}
		end := i
		for end < len(b) && !bytes.Equal(a[end:min(end+8, len(a))], b[end:min(end+8, len(b))]) {
			end++
		}
		edits = append(edits, edit{At: i, Hex: hexBytes(b[i:end])})
		i = end
	}
	return edits
}

// A namedError is an error that must be told apart from others.
type namedError struct {
	name string
	err  error
}

func namedErrors() []namedError {
	return []namedError{
		{"check", receipt.ErrCheck}, {"field", receipt.ErrField}, {"no_match", hybrid.ErrNoMatch},
		{"signatures", sign.ErrSignatures}, {"roots", roster.ErrRoots}, {"expired", roster.ErrExpired},
		{"not_yet", roster.ErrNotYet}, {"roster_chain", roster.ErrChain}, {"no_recipients",
			roster.ErrNoRecipients},
		{"too_long", item.ErrTooLong}, {"long_field", item.ErrLongField}, {"empty", item.ErrEmpty}, {"not_text", item.ErrNotText},
		{"few_readers", item.ErrFewReaders}, {"no_reader", item.ErrNoReader}, {"not_yet_open", item.ErrNotYet},
		{"not_my_shares", share.ErrNotMine}, {"sender", share.ErrSender}, {"share_signature", share.ErrSignature}, {"size", item.ErrSize}, {"not_for_us", item.ErrNotForUs},
		{"forged", item.ErrForged}, {"malformed", item.ErrMalformed}, {"not_mine", reply.ErrNotMine},
		{"unsigned", reply.ErrUnsigned}, {"reply_too_long", reply.ErrTooLong}, {"reply_invalid",
			reply.ErrInvalid},
		{"batch_chain", batch.ErrChain}, {"bundle", batch.ErrBundle}, {"challenge", batch.ErrChallenge},
		{"canary", canary.ErrClosed}, {"outbox_signature",
			outbox.ErrSignature},
		{"unknown_reviewer", outbox.ErrUnknown}, {"revoked", outbox.ErrRevoked}, {"sum", paper.ErrSum},
		{"too_few", paper.ErrTooFew}, {"sets", paper.ErrSets}, {"parcel", parcel.ErrMalformed},
	}
}

// errorName returns the name that an error has in the file and the document.
func errorName(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.As(err, new(*receipt.CountError)):
		return "count"
	case errors.As(err, new(*receipt.WordError)):
		return "word"
	case errors.As(err, new(*paper.LinesError)):
		return "lines"
	}
	for _, named := range namedErrors() {
		if errors.Is(err, named.err) {
			return named.name
		}
	}
	return "refused"
}

// must passes a value on, and ends the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// same reports when a value is not the one that the file has.
func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %x, the file has %x", what, shorten(got), shorten(want))
	}
}

func sameText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, the file has %q", what, shorten([]byte(got)), shorten([]byte(want)))
	}
}

func shorten(b []byte) []byte { return b[:min(len(b), 80)] }
