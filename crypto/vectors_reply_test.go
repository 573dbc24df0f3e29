package crypto_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
)

type replySection struct {
	About   []string       `json:"about"`
	Code    hexBytes       `json:"code"`
	Replies []replyVector  `json:"replies"`
	Refused []refusedReply `json:"refused"`
	// Confirms says who of some readers confirms the thread.
	Confirms []confirmVector `json:"confirms"`
}

type confirmVector struct {
	Readers []string `json:"readers"`
	By      string   `json:"by"`
}

type replyVector struct {
	Reviewer    string       `json:"reviewer"`
	Roster      uint64       `json:"roster"`
	Number      uint64       `json:"number"`
	Previous    hexBytes     `json:"previous"`
	Status      reply.Status `json:"status"`
	Forwarded   string       `json:"forwarded,omitempty"`
	Items       []int        `json:"items,omitempty"`
	Text        string       `json:"text,omitempty"`
	JSON        string       `json:"json"`
	SignedBytes hexBytes     `json:"signed_bytes"`
	Signature   hexBytes     `json:"signature"`
	Hash        hexBytes     `json:"hash"`
	Revoked     bool         `json:"revoked"`
	Sealed      []byte       `json:"sealed_base64"`
}

type refusedReply struct {
	About  string `json:"about"`
	Sealed []byte `json:"sealed_base64"`
	Error  string `json:"error"`
}

func makeReplies(t *testing.T, p *party) replySection {
	s := replySection{Code: p.code[:], About: []string{
		"replies: to the thread of code. signed_bytes and signature follow from json; hash is of the 4,096 plain bytes.",
		"JSON may be spelled in other ways. revoked: the key has been revoked since, and the reply names a roster from before;",
		"it is shown with the remark that it may be forged. refused: files that the reporter's side must not show; an empty",
		"error means that it is shown. confirms: who of some readers confirms the thread.",
	}}
	for _, readers := range [][]string{{}, {"r1"}, {"r1", "r2"}, {"r2", "r1"}, {"r1", "r2", "r3", "r4", "r5"}, {"r1", "r2", "r4", "r5"}} {
		s.Confirms = append(s.Confirms, confirmVector{readers, p.thread().Confirmer(readers)})
	}
	first := makeReply(t, p, reply.Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: reply.Taken,
		Items: []int{0, 1}})
	second := makeReply(t, p, reply.Reply{
		Reviewer: "r1", Roster: 2, Number: 2, Previous: roster.Hash(first.Hash), Status: reply.Forwarded,
		Forwarded: "Bawaslu <provinsi>", Text: "Terima kasih.\nKami teruskan — \"segera\".",
	})
	other := makeReply(t, p, reply.Reply{Reviewer: "r4", Roster: 1, Number: 1, Status: reply.Closed})
	other.Revoked = true
	s.Replies = []replyVector{first, second, other}
	s.Refused = refusedReplies(t, p)
	return s
}

func makeReply(t *testing.T, p *party, r reply.Reply) replyVector {
	signer := p.reviewers[r.Reviewer[1]-'1'].Signer
	sealed, hash, err := reply.Seal(r, p.thread(), signer)
	if err != nil {
		t.Fatal(err)
	}
	plain := must(hybrid.OpenBytes(sealed, reply.PlainSize, p.code.Keys().Reply))(t)
	size := binary.BigEndian.Uint16(plain[64:])
	v := replyVector{
		Reviewer: r.Reviewer, Roster: r.Roster, Number: r.Number, Previous: r.Previous[:], Status: r.Status,
		Forwarded: r.Forwarded, Items: r.Items, Text: r.Text, JSON: string(plain[66 : 66+size]),
		Signature: plain[:64], Hash: hash[:], Sealed: sealed,
	}
	v.SignedBytes = v.signedBytes(p.thread())
	return v
}

// signedBytes is the document's words over again.
func (v replyVector) signedBytes(thread reply.Thread) hexBytes {
	b := slices.Concat([]byte("saksi/v1/reply"), thread.Mailbox[:], sum([]byte(thread.Reply.String())))
	b = binary.BigEndian.AppendUint64(b, v.Roster)
	b = append(append(b, byte(len(v.Reviewer))), v.Reviewer...)
	b = binary.BigEndian.AppendUint64(b, v.Number)
	return slices.Concat(b, v.Previous, sum([]byte(v.JSON)))
}

// plain puts the 4,096 bytes together.
func (v replyVector) plain() []byte {
	b := binary.BigEndian.AppendUint16(slices.Clone(v.Signature), uint16(len(v.JSON)))
	return apply(append(b, v.JSON...), reply.PlainSize, nil)
}

func refusedReplies(t *testing.T, p *party) []refusedReply {
	good := reply.Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: reply.Received, Text: "isi"}
	thread := p.thread()
	foreign := reply.Thread{Mailbox: receipt.Mailbox{1}, Reply: thread.Reply}
	stranger := receipt.Code{9}.Keys()
	elsewhere := reply.Thread{Mailbox: stranger.Mailbox(), Reply: stranger.Reply.Recipient()}
	unknown, early := good, good
	unknown.Roster, early.Reviewer = 3, "r2"
	seal := func(r reply.Reply, to reply.Thread, by int) []byte {
		sealed, _, err := reply.Seal(r, to, p.reviewers[by].Signer)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	refused := []refusedReply{
		{"for another thread", seal(good, elsewhere, 0), "not_mine"},
		{"signed for another mailbox", seal(good, foreign, 0), "unsigned"},
		{"signed by a colleague", seal(good, thread, 2), "unsigned"},
		{"under a roster that is unknown", seal(unknown, thread, 0), "unsigned"},
		{"by a key that is void from the beginning", seal(early, thread, 1), "unsigned"},
		{"cut", seal(good, thread, 0)[:5000], "not_mine"},
	}
	return append(refused, craftedReplies(t, p)...)
}

// craftedReplies are signed well by r1, around plaintexts that Seal does not
// make.
func craftedReplies(t *testing.T, p *party) []refusedReply {
	thread := p.thread()
	crafted := func(about, wantError, from, to string, edits ...edit) refusedReply {
		v := makeReply(t, p, reply.Reply{Reviewer: "r1", Roster: 1, Number: 1,
			Status: reply.Received, Text: "isi"})
		v.JSON = replacement{About: about, Old: from, New: to}.in(t, v.JSON)
		v.Signature = ed25519.Sign(p.reviewers[0].Signer.Private(), v.signedBytes(thread))
		sealed := must(hybrid.SealBytes(apply(v.plain(), reply.PlainSize, edits), thread.Reply))(t)
		return refusedReply{about, sealed, wantError}
	}
	craft := func(about, from, to string, edits ...edit) refusedReply {
		return crafted(about, "unsigned", from, to, edits...)
	}
	items := func(about, numbers string) refusedReply {
		return craft(about, `"text"`, `"items":[`+numbers+`],"text"`)
	}
	return []refusedReply{
		crafted("JSON spelled in another way, with an unknown name", "", `"text":"isi"`,
			` "later" : { "a" : [ ] },`+"\n"+`"text" : "\u0069si"`),
		crafted("a value in 32 objects and arrays", "", `"text"`, nested(31)),
		craft("a value in 33 objects and arrays", `"text"`, nested(32)),
		craft("a padding that is not zero", "isi", "isu", edit{reply.PlainSize - 1, hexBytes{1}}),
		craft("a length beyond the end", "isi", "isu", edit{64, hexBytes{0xff, 0xff}}),
		craft("another format", "saksi/v1/reply", "saksi/v2/reply"),
		craft("an unknown status", "diterima", "ditolak"),
		craft("number 0", `"number":1`, `"number":0`),
		craft("a text with a NUL", "isi", `\u0000`),
		craft("a previous hash in upper case", `"previous":"0`, `"previous":"A`),
		craft("another number than was signed", `"number":1`, `"number":2`),
		craft("a text with a control character beyond ASCII", "isi", "\u0085"),
		items("items in another order", "1,0"), items("an item twice", "1,1"),
		items("item 128", "0,128"), items("an item below 0", "-1"),
		craft("a name twice", `"status"`, `"number":1,"status"`),
		craft("a name in upper case", `"text"`, `"Text"`),
		craft("an object after the JSON", `"isi"}`, `"isi"}{}`),
		craft("a number with a fraction", `"number":1`, `"number":1.0`),
	}
}

// nested is an unknown name of a reply, with a value in so many arrays.
func nested(n int) string {
	return `"later":` + strings.Repeat("[", n) + "1" + strings.Repeat("]", n) + `,"text"`
}

func (s replySection) check(t *testing.T, all vectors) {
	rosters := readRosters(t, all.Roster)
	keys := receipt.Code(s.Code).Keys()
	thread := reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}
	reviewers := readReviewers(t, all.Reviewer)
	for _, v := range s.Replies {
		same(t, "signed bytes", v.signedBytes(thread), v.SignedBytes)
		same(t, "signature", ed25519.Sign(reviewers[v.Reviewer].Signer.Private(), v.SignedBytes),
			v.Signature)
		same(t, "plaintext", must(hybrid.OpenBytes(v.Sealed, reply.PlainSize, keys.Reply))(t),
			v.plain())
		same(t, "hash", sum(v.plain()), v.Hash)
		v.checkJSON(t)
		v.checkOpened(t, must(reply.Open(v.Sealed, keys, rosters))(t))
	}
	for _, r := range s.Refused {
		if _, err := reply.Open(r.Sealed, keys, rosters); errorName(err) != r.Error {
			t.Errorf("%s: %v, want %q", r.About, err, r.Error)
		}
	}
	for _, v := range s.Confirms {
		drawn := func(id string) string {
			return string(sum(slices.Concat([]byte("saksi/v1/confirms"), sum([]byte(thread.Reply.String())), []byte(id))))
		}
		lowest := slices.SortedFunc(slices.Values(v.Readers), func(a, b string) int { return strings.Compare(drawn(a), drawn(b)) })
		if len(lowest) > 0 && lowest[0] != v.By || len(lowest) == 0 && v.By != "" {
			t.Errorf("of %q confirms %q", v.Readers, v.By)
		}
	}
}

func (v replyVector) checkJSON(t *testing.T) {
	previous, _ := v.Previous.MarshalText()
	want := map[string]any{
		"format": "saksi/v1/reply", "reviewer": v.Reviewer, "roster": v.Roster, "number": v.Number,
		"previous": string(previous), "status": v.Status,
	}
	if v.Forwarded != "" {
		want["forwarded"] = v.Forwarded
	}
	if v.Text != "" {
		want["text"] = v.Text
	}
	if v.Items != nil {
		want["items"] = v.Items
	}
	compareJSON(t, v.JSON, want)
}

func (v replyVector) checkOpened(t *testing.T, o *reply.Opened) {
	o.Format, o.Prev = "", ""
	got, _ := json.Marshal(o.Reply)
	want, _ := json.Marshal(reply.Reply{
		Reviewer: v.Reviewer, Roster: v.Roster, Number: v.Number, Status: v.Status,
		Forwarded: v.Forwarded, Items: v.Items, Text: v.Text,
	})
	same(t, "opened reply", got, want)
	same(t, "opened reply's previous hash", o.Previous[:], v.Previous)
	same(t, "opened reply's hash", o.Hash[:], v.Hash)
	if o.Revoked != v.Revoked || o.Author.ID != v.Reviewer {
		t.Errorf("reply of %s: revoked %v", o.Author.ID, o.Revoked)
	}
}
