package client_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/strictjson"
	"saksi/web/regions"
	"saksi/web/taxonomy"
)

// rounds is how many inputs of each kind Go and the script are held to each other by.
const rounds = 2000

// A mutator changes inputs by a seed that the test tells.
type mutator struct{ *rand.Rand }

func newMutator(t *testing.T) mutator {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return mutator{rand.New(rand.NewPCG(seed, 0))}
}

// change makes up to three changes: pieces of words, whatever they are of. Every
// fourth input stays as it is.
func (m mutator) change(s string, words ...string) string {
	for range m.IntN(4) {
		at := m.IntN(len(s) + 1)
		end := min(len(s), at+m.IntN(6))
		switch m.IntN(4) {
		case 0:
			s = s[:at] + s[end:]
		case 1:
			s = s[:end] + s[at:]
		case 2:
			s = s[:at] + words[m.IntN(len(words))] + s[end:]
		default:
			s = m.replace(s, words)
		}
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// replace puts one of the words in the place of another.
func (m mutator) replace(s string, words []string) string {
	old := words[m.IntN(len(words))]
	if n := strings.Count(s, old); n > 0 && old != "" {
		parts := strings.SplitN(s, old, 2+m.IntN(n))
		last := len(parts) - 1
		return strings.Join(parts[:last], old) + words[m.IntN(len(words))] + parts[last]
	}
	return s
}

// TestGoAndTheScriptReadTheSameRosters: no roster means one thing to a server or a
// desk and another to a browser.
func TestGoAndTheScriptReadTheSameRosters(t *testing.T) {
	s, m := newScript(t), newMutator(t)
	texts := rosterTexts(t)
	words := []string{
		" ", "\n", "\r", "0", "1", "2", "9", "-", " | ", "|", "é", "\u202e", "\ufffd", "\u00a0", "\u0301", "A", "a", "+",
		"00", "73", "73.71", "2026-W47", "2026-W53", "2027-02-29", "2028-02-29", "quorum 1 outside 0", "quorum 2 outside 1",
		"sequence 1", "sequence 2", "previous -", "Uji", "r1", "r2", "Penelaah 1", "Penelaah 2", "revoked ", " from 1",
		strings.Repeat("0", 64), "threshold 1", "endorsed x AAAA\n", strings.Repeat("x", 81), "root ", "18446744073709551615",
	}
	taken := 0
	for range rounds {
		text := m.change(texts[m.IntN(len(texts))], words...)
		want := ""
		if r, err := roster.Parse(text); err == nil {
			want, taken = r.Text(), taken+1
		}
		var got struct {
			refusal
			Text string
		}
		s.ask(map[string]any{"op": "text", "text": text}, &got)
		if got.Text != want && !strings.Contains(text, "18446744073709551615") {
			t.Fatalf("Go takes it: %t, the script: %t (%s)\n%q", want != "", got.Text != "", got.Key, text)
		}
	}
	bothWays(t, taken)
}

// bothWays holds that a test saw inputs that are taken, and others.
func bothWays(t *testing.T, taken int) {
	t.Helper()
	t.Logf("%d of %d taken", taken, rounds)
	if taken < rounds/20 || taken > rounds*19/20 {
		t.Errorf("%d of %d inputs were taken: they say little", taken, rounds)
	}
}

func rosterTexts(t *testing.T) (texts []string) {
	t.Helper()
	for _, q := range []roster.Quorum{{Needed: 1}, {Needed: 2, Outside: 1}} {
		p := party(t, q, "73.71", "00", "74")
		texts = append(texts, p.Roster.Text)
		d := p.Draft(day)
		d.Revoked = []roster.Revocation{{Key: p.Reviewers[1].Line.Key, From: 1}}
		p.Sign(t, d)
		texts = append(texts, p.Roster.Text)
	}
	return texts
}

// TestGoAndTheScriptReadTheSameWords: whatever is typed, both find the same code, or
// the same mistake.
func TestGoAndTheScriptReadTheSameWords(t *testing.T) {
	s, m := newScript(t), newMutator(t)
	words := []string{
		"", " ", "-", "1", "é", "e\u0301", "\u212a", "\u0130", "\u03a3", "a", "i", "k", "ab", "\n", "🙏", "\ufffd", "ABON", "ǅ", "\u1e9e",
	}
	taken := 0
	for range rounds {
		typed := m.change(strings.Join(receipt.New().Words(), " "), words...)
		want := map[string]any{}
		r, err := receipt.Parse(typed)
		if err == nil {
			taken++
			want["code"], want["mended"] = hex.EncodeToString(r.Code[:]), append([]int{}, r.Mended...)
		} else {
			want["key"], want["values"] = mistake(err)
		}
		var got map[string]any
		s.ask(map[string]any{"op": "words", "typed": typed}, &got)
		if asJSON(t, got) != asJSON(t, want) {
			t.Fatalf("Go says %v, the script %v: %q", want, got, typed)
		}
	}
	bothWays(t, taken)
}

// mistake is what server/reporter makes of an error, in the script's words.
func mistake(err error) (key string, values map[string]any) {
	switch e := err.(type) {
	case *receipt.CountError:
		if e.Found == 0 {
			return "empty", map[string]any{}
		}
		return "word_count", map[string]any{"count": e.Found}
	case *receipt.WordError:
		word := []rune(e.Typed)
		if len(word) > 30 {
			word = append(word[:30:30], '…')
		}
		return "word_unknown", map[string]any{"number": e.Number, "word": string(word)}
	default:
		return "check", map[string]any{}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGoAndTheScriptReadTheSameReplies: each reply is signed as its JSON says, so
// that it is taken just if the JSON is.
func TestGoAndTheScriptReadTheSameReplies(t *testing.T) {
	s, m, p := newScript(t), newMutator(t), partytest.New(t, day, 2)
	code := receipt.New()
	words := []string{
		"", " ", "\t", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "-1", "1.0", "1e0", "128", "127", "null", "true",
		`"text"`, `"items"`, `"items":[0,1],`, `"number"`, "diterima", "ditutup", `"x-y/z":{"a":[]},`, `"X":1,`,
		`\u0000`, `\ud83d`,
		`\ud83d\ude4f`, "\u0085", "\u007f", "\ufffd", `\n`, `\x`, "18446744073709551616", "18446744073709551615",
		"é", "r2", "r1",
		strings.Repeat("&", 400), strings.Repeat("0", 64), `"status":"diterima",`, "01",
	}
	base := `{"format":"saksi/v1/reply","reviewer":"r1","roster":1,"number":1,"previous":"` + strings.Repeat("0", 64) +
		`","status":"diterima","forwarded":"a","items":[0,3],"text":"Terima kasih.\n"}`
	taken := 0
	for range rounds {
		plain := signedReply(p, code, m.change(base, words...))
		want := inGo(t, p, code, plain)
		var got openedReply
		s.ask(map[string]any{
			"op": "plain", "code": hex.EncodeToString(code[:]), "plain": plain, "notes": [][]byte{p.Roster.Note},
		}, &got)
		if got.Values = nil; got.Key != "" {
			got = openedReply{Kind: "unsigned"}
		}
		if want.Kind == "reply" {
			taken++
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("Go reads %+v, the script %+v: %q", want, got, plain[66:])
		}
	}
	bothWays(t, taken)
}

// signedReply is a plaintext of this JSON, signed by r1 if it can be read at all.
func signedReply(p *partytest.Party, code receipt.Code, body string) []byte {
	var r reply.Reply
	json.Unmarshal([]byte(body), &r)
	previous, _ := hex.DecodeString(r.Prev)
	recipient := sha256.Sum256([]byte(code.Keys().Reply.Recipient().String()))
	hash := sha256.Sum256([]byte(body))
	mailbox := code.Keys().Mailbox()
	message := append([]byte("saksi/v1/reply"), mailbox[:]...)
	message = append(message, recipient[:]...)
	message = binary.BigEndian.AppendUint64(message, r.Roster)
	message = append(append(message, byte(len(r.Reviewer))), r.Reviewer...)
	message = binary.BigEndian.AppendUint64(message, r.Number)
	message = append(append(message, previous...), hash[:]...)
	plain := make([]byte, reply.PlainSize)
	copy(plain, ed25519.Sign(p.Reviewers[0].Signer.Private(), message))
	binary.BigEndian.PutUint16(plain[64:], uint16(len(body)))
	copy(plain[66:], body)
	return plain
}

func inGo(t *testing.T, p *partytest.Party, code receipt.Code, plain []byte) openedReply {
	t.Helper()
	sealed, err := hybrid.SealBytes(plain, code.Keys().Reply.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	r, err := reply.Open(sealed, code.Keys(), partytest.Rosters{p.Roster})
	if err != nil {
		return openedReply{Kind: "unsigned"}
	}
	return openedReply{
		Kind: "reply", Author: r.Author.ID, Status: string(r.Status), Forwarded: r.Forwarded, Text: r.Text,
		Roster: fmt.Sprint(r.Roster), Number: fmt.Sprint(r.Number), Previous: r.Previous.String(), Hash: r.Hash.String(),
		Items: append([]int{}, r.Items...), Revoked: r.Revoked,
	}
}

// TestGoAndTheScriptReadTheSameJSON: strict JSON is as strict for both.
func TestGoAndTheScriptReadTheSameJSON(t *testing.T) {
	s, m := newScript(t), newMutator(t)
	words := []string{
		"", " ", "\n", "\v", "\u00a0", "\ufeff", "{", "}", "[", "]", ",", ":", `"`, `\`, `\u00e9`, `\ud83d`,
		`\ude4f`, `\u0061`, "0", "00", "1.", ".5", "1.5", "1E+5", "1e", "-", "-0", "+1", "true", "false", "null", "nul", "é", "A",
		"\x00", "\x7f", `"a":1`, `{"a":{"a":1}}`, "[[]]",
		strings.Repeat(`{"a":[`, 15) + "[]" + strings.Repeat("]}", 15),
	}
	taken := 0
	for range rounds {
		data := []byte(m.change(`{"a":[1,2.5e3,true,{"b-/.":"\ud83d\ude4f\n"},[]], "c_9":{}}`, words...))
		if m.IntN(20) == 0 {
			data = append(data, byte(m.IntN(256)))
		}
		var value json.RawMessage
		err := strictjson.Unmarshal(data, &value)
		var got refusal
		s.ask(map[string]any{"op": "json", "data": data}, &got)
		if (err == nil) != (got.Key == "") {
			t.Fatalf("Go says %v, the script %q: %q", err, got.Key, data)
		}
		if err == nil {
			taken++
		}
	}
	bothWays(t, taken)
}

// TestGoAndTheScriptReadJSONToTheSameDepth: a reply under a name that nobody knows,
// nested deeper than one of them reads, would be an answer to one and nothing to the
// other.
func TestGoAndTheScriptReadJSONToTheSameDepth(t *testing.T) {
	s := newScript(t)
	for _, n := range []int{1, 15, 16, 17, 31, 32, 33, 34, 999, 1001, 1500} {
		for _, around := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {`[1,{"a":1,"b":`, "}]"}} {
			for _, value := range []string{"1", "[]", "{}", `"a"`, "true"} {
				data := []byte(strings.Repeat(around[0], n) + value + strings.Repeat(around[1], n))
				var v json.RawMessage
				err := strictjson.Unmarshal(data, &v)
				var got refusal
				s.ask(map[string]any{"op": "json", "data": data}, &got)
				if (err == nil) != (got.Key == "") || around[0] == "[" && (err == nil) != (n <= 32) {
					t.Errorf("%s in %d times %s: Go says %v, the script %q", value, n, around[0], err, got.Key)
				}
			}
		}
	}
}

// TestGoAndTheScriptAskTheSame: of the same taxonomy and the same answers both keep
// the same, miss the same and advise the same.
func TestGoAndTheScriptAskTheSame(t *testing.T) {
	s, m, asn := newScript(t), newMutator(t), taxonomy.Current()
	file := taxonomyFile(t, asn)
	for range rounds / 10 {
		answers := m.answers(asn)
		tidy := asn.Tidy(answers)
		var got struct {
			refusal
			Reference string
			Answers   taxonomy.Answers
			Problems  []taxonomy.Problem
			Advice    []taxonomy.Text
		}
		s.ask(map[string]any{"op": "taxonomy", "file": file, "answers": answers, "places": places()}, &got)
		want := []any{asn.Reference(), tidy, asn.Check(tidy), asn.Advice(tidy)}
		made := []any{got.Reference, got.Answers, got.Problems, got.Advice}
		if fmt.Sprintf("%q", made) != fmt.Sprintf("%q", want) {
			t.Fatalf("of %q\nGo makes %q\nthe script %q", answers, want, made)
		}
	}
}

// TestGoAndTheScriptBelieveTheSameSignatures: about keys and signatures that
// verifiers are known to differ on, both say the same, and what protocol.md says.
func TestGoAndTheScriptBelieveTheSameSignatures(t *testing.T) {
	s := newScript(t)
	var got struct {
		refusal
		Signatures []struct {
			About, Key, Signature string
			Taken                 bool
		}
	}
	s.ask(map[string]any{"op": "signatures", "message": "Saksi"}, &got)
	taken := map[string]int{}
	for _, sig := range got.Signatures {
		key, _ := hex.DecodeString(sig.Key)
		signature, _ := hex.DecodeString(sig.Signature)
		if want := ed25519.Verify(key, []byte("Saksi"), signature); want != sig.Taken {
			t.Errorf("%s: Go says %t, the script %t: %s %s", sig.About, want, sig.Taken, sig.Key, sig.Signature)
		}
		if sig.Taken {
			taken[sig.About]++
		}
	}
	bad := taken["S is not reduced"] + taken["R with a part of small order"] + taken["R beyond the field"]
	if taken["honest"] != 40 || bad > 0 {
		t.Errorf("taken: %v", taken)
	}
	// With the cofactor all of these would be taken.
	if n := taken["a key with a part of small order"]; n == 0 || n > 20 {
		t.Errorf("%d of 40 with a key that has a part of small order are taken, want about five", n)
	}
	t.Log(taken)
}

// places are the codes that the script gets from the server.
func places() (codes []string) {
	for _, p := range regions.Provinces() {
		codes = append(codes, p.Code)
		for _, r := range regions.Within(p.Code) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// taxonomyFile returns the file that a taxonomy was read from.
func taxonomyFile(t *testing.T, asn *taxonomy.Taxonomy) []byte {
	t.Helper()
	paths, err := filepath.Glob("../taxonomy/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if hash := sha256.Sum256(file); bytes.HasSuffix([]byte(asn.Reference()), []byte(hex.EncodeToString(hash[:]))) {
			return file
		}
	}
	t.Fatal("no file of this taxonomy")
	return nil
}

// answers answers some questions, not always as they are asked.
func (m mutator) answers(asn *taxonomy.Taxonomy) taxonomy.Answers {
	odd := []string{
		"", " ", "x", " 73 ", "73.71", "99", "2026-10", "2026-13", "0000-01", "a\u0085", "\u0085a\ufeff", "\u2028",
		"\ufffd", "\x00", strings.Repeat("é", 150), strings.Repeat("é", 150) + "x", "baris", "a\nb", "constructor", "__proto__",
	}
	answers := taxonomy.Answers{}
	for _, q := range asn.Questions() {
		for range m.IntN(3) {
			value := odd[m.IntN(len(odd))]
			if len(q.Choices) > 0 && m.IntN(3) > 0 {
				value = q.Choices[m.IntN(len(q.Choices))].Code
			}
			answers[q.ID] = append(answers[q.ID], value)
		}
	}
	answers["constructor"], answers["nobody_asked"] = []string{"x"}, []string{"y"}
	return answers
}
