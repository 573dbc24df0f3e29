package crypto_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
)

// wordListFile is read here as a file: the package does not export its list.
const wordListFile = "receipt/words.txt"

type wordsSection struct {
	About  string   `json:"about"`
	Count  int      `json:"count"`
	SHA256 hexBytes `json:"sha256"`
	First  string   `json:"first"`
	Last   string   `json:"last"`
}

func makeWords() wordsSection {
	file, _ := os.ReadFile(wordListFile)
	list := strings.Fields(string(file))
	return wordsSection{
		About: "The list is one word a line, sorted, each line ended; sha256 is of the file. A word's number is its line, from 0.",
		Count: len(list), SHA256: sum(file), First: list[0], Last: list[len(list)-1],
	}
}

func (s wordsSection) check(t *testing.T) {
	file := must(os.ReadFile(wordListFile))(t)
	list := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	same(t, "word list", sum(file), s.SHA256)
	if len(list) != s.Count || list[0] != s.First || list[len(list)-1] != s.Last || !slices.IsSorted(list) {
		t.Error("the word list is another one")
	}
}

type receiptSection struct {
	About    []string        `json:"about"`
	Receipts []receiptVector `json:"receipts"`
	Parse    []parseVector   `json:"parse"`
	Fields   []fieldVector   `json:"fields_refused"`
}

type receiptVector struct {
	Code           hexBytes     `json:"code"`
	Check          hexBytes     `json:"check"`
	Field          string       `json:"field"`
	Words          []string     `json:"words"`
	Token          hexBytes     `json:"token"`
	TokenHash      hexBytes     `json:"token_hash"`
	ReplySeed      hexBytes     `json:"reply_seed"`
	ReplyIdentity  string       `json:"reply_identity"`
	ReplyRecipient string       `json:"reply_recipient"`
	AuthorSeed     hexBytes     `json:"author_seed"`
	Author         hexBytes     `json:"author"`
	KeyHash        hexBytes     `json:"key_hash"`
	Mailbox        hexBytes     `json:"mailbox"`
	Items          []itemNumber `json:"items"`
}

type itemNumber struct {
	N        int      `json:"n"`
	ID       hexBytes `json:"id"`
	Burn     hexBytes `json:"burn"`
	BurnHash hexBytes `json:"burn_hash"`
}

func codes() []receipt.Code {
	counting := receipt.Code{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	return []receipt.Code{
		{}, receipt.Code(bytes.Repeat([]byte{0xff}, 14)), counting,
		receipt.Code([]byte("saksi mata dua")),
	}
}

func makeReceipts(t *testing.T) receiptSection {
	s := receiptSection{About: []string{
		"receipts: code is the 14 secret bytes; everything else follows from it.",
		"parse: what a person typed, and the code that it is read as. mended has the places, from 0, of words read as their neighbour.",
		"parse, error count: found has how many words were seen, up to a limit. error word: number is the place, from 1.",
		"fields_refused: values of a hidden field that are no code.",
	}}
	for _, code := range codes() {
		s.Receipts = append(s.Receipts, makeReceipt(code))
	}
	s.Parse = makeParses(t)
	s.Fields = makeFields(codes()[2].Field())
	return s
}

func makeReceipt(code receipt.Code) receiptVector {
	keys := code.Keys()
	tokenHash, keyHash, mailbox := keys.Token.Hash(), keys.KeyHash(), keys.Mailbox()
	field := code.Field()
	v := receiptVector{
		Code: code[:], Field: field, Words: code.Words(), Check: checkByte(code[:]),
		Token: keys.Token[:], TokenHash: tokenHash[:], ReplySeed: derive(code[:], "reply", 32),
		ReplyIdentity: keys.Reply.String(), ReplyRecipient: keys.Reply.Recipient().String(),
		AuthorSeed: keys.Author.Seed(), Author: hexBytes(keys.AuthorPublic()),
		KeyHash: keyHash[:], Mailbox: mailbox[:],
	}
	for _, n := range []int{0, 1, 127} {
		id, burn := code.ItemID(n), code.Burn(n)
		hash := burn.Hash()
		v.Items = append(v.Items, itemNumber{N: n, ID: id[:], Burn: burn[:], BurnHash: hash[:]})
	}
	return v
}

// derive and checkByte are the document's words over again, without the
// package's code.
func derive(code []byte, label string, size int) hexBytes {
	key, err := hkdf.Key(sha256.New, code, []byte("saksi/v1"), label, size)
	if err != nil {
		panic("crypto_test: internal error: " + err.Error())
	}
	return key
}

func checkByte(code []byte) hexBytes { return sum(append([]byte("saksi/v1/check"), code...))[:1] }

func (s receiptSection) check(t *testing.T) {
	for _, v := range s.Receipts {
		v.checkCode(t)
		v.checkKeys(t)
		v.checkItems(t)
	}
	for _, v := range s.Parse {
		v.check(t)
	}
	for _, v := range s.Fields {
		if _, err := receipt.ParseField(v.Field); !errors.Is(err, receipt.ErrField) {
			t.Errorf("%s: %v", v.About, err)
		}
	}
}

func (v receiptVector) checkCode(t *testing.T) {
	code := receipt.Code(v.Code)
	same(t, "check byte", checkByte(v.Code), v.Check)
	sameText(t, "field", code.Field(), v.Field)
	sameText(t, "words", strings.Join(code.Words(), " "), strings.Join(v.Words, " "))
	sameText(t, "words by hand", strings.Join(wordsByHand(t, append(v.Code, v.Check...)), " "),
		strings.Join(v.Words, " "))
	if back, err := receipt.ParseField(v.Field); err != nil || back != code {
		t.Errorf("field %q: %v", v.Field, err)
	}
	r, err := receipt.Parse(strings.Join(v.Words, " "))
	if err != nil || r.Code != code || len(r.Mended) > 0 {
		t.Errorf("words of %x: %+v, %v", v.Code, r, err)
	}
}

// wordsByHand reads 120 bits as a string of digits.
func wordsByHand(t *testing.T, b []byte) []string {
	list := strings.Fields(string(must(os.ReadFile(wordListFile))(t)))
	digits := ""
	for _, octet := range b {
		digits += fmt.Sprintf("%08b", octet)
	}
	var words []string
	for ; digits != ""; digits = digits[10:] {
		number := 0
		fmt.Sscanf(digits[:10], "%b", &number)
		words = append(words, list[number])
	}
	return words
}

func (v receiptVector) checkKeys(t *testing.T) {
	keys := receipt.Code(v.Code).Keys()
	tokenHash, mailbox := keys.Token.Hash(), keys.Mailbox()
	same(t, "token", keys.Token[:], v.Token)
	same(t, "token by hand", derive(v.Code, "mailbox", 32), v.Token)
	same(t, "token hash", tokenHash[:], v.TokenHash)
	same(t, "reply seed", derive(v.Code, "reply", 32), v.ReplySeed)
	same(t, "author seed", derive(v.Code, "author", 32), v.AuthorSeed)
	same(t, "author", ed25519.NewKeyFromSeed(v.AuthorSeed)[32:], v.Author)
	same(t, "author key", keys.AuthorPublic(), v.Author)
	reply := must(hybrid.FromSeed([32]byte(v.ReplySeed)))(t)
	sameText(t, "reply identity", reply.String(), v.ReplyIdentity)
	sameText(t, "reply recipient", reply.Recipient().String(), v.ReplyRecipient)
	same(t, "key hash", sum(append(bytes.Clone(v.Author), v.ReplyRecipient...)), v.KeyHash)
	same(t, "mailbox", mailbox[:], v.Mailbox)
	parts := slices.Concat([]byte("saksi/v1/mailbox"), v.TokenHash, v.KeyHash)
	same(t, "mailbox by hand", sum(parts), v.Mailbox)
}

func (v receiptVector) checkItems(t *testing.T) {
	code := receipt.Code(v.Code)
	for _, i := range v.Items {
		id, burn := code.ItemID(i.N), code.Burn(i.N)
		same(t, "item id", id[:], i.ID)
		same(t, "item id by hand", derive(v.Code, fmt.Sprintf("item/%d", i.N), 16), i.ID)
		same(t, "burn token", burn[:], i.Burn)
		same(t, "burn token by hand", derive(v.Code, fmt.Sprintf("burn/%d", i.N), 32), i.Burn)
		same(t, "burn hash", sum(i.Burn), i.BurnHash)
	}
}

type fieldVector struct {
	About string `json:"about"`
	Field string `json:"field"`
}

func makeFields(field string) []fieldVector {
	other := "0"
	if field[29:] == other {
		other = "1"
	}
	return []fieldVector{
		{"empty", ""}, {"upper case", strings.ToUpper(field)}, {"cut", field[:28]},
		{"longer", field + "00"},
		{"wrong check byte", field[:29] + other}, {"no digits", strings.Repeat("g", 30)},
		{"space", " " + field[1:]},
	}
}
