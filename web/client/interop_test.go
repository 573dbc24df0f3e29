package client_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

var day = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// party makes a party whose roster asks for a quorum, one reviewer a region.
func party(t *testing.T, q roster.Quorum, regions ...string) *partytest.Party {
	t.Helper()
	p := partytest.New(t, day, len(regions))
	for i, region := range regions {
		p.Reviewers[i].Line.Region = region
	}
	d := p.Draft(day)
	d.Quorum = q
	p.Sign(t, d)
	return p
}

// trust returns what a request has of a party: its roster, its recipients and the
// fingerprint of its roots.
func trust(p *partytest.Party) map[string]any {
	return map[string]any{
		"note": p.Roster.Note, "recipients": []byte(p.Recipients[0].Text()),
		"fingerprint": fingerprint(p), "now": day,
	}
}

func fingerprint(p *partytest.Party) string {
	f := p.Trusted.Fingerprint()
	return fmt.Sprintf("%s-%s-%s-%s-%s", f[0], f[1], f[2], f[3], f[4])
}

// A sealed item as the script hands it in.
type sealedItem struct {
	refusal
	ID      string `json:"id"`
	Size    int64  `json:"size"`
	Head    []byte `json:"head"`
	Payload []byte `json:"payload"`
}

// content is what a reporter gives.
func content(kind, text string, more map[string]any) map[string]any {
	c := map[string]any{
		"kind": kind, "language": "id", "text": text,
		"readers": map[string]any{"withheld": []string{}, "province": "73"},
	}
	for name, value := range more {
		c[name] = value
	}
	return c
}

func file(size int, name string, keep bool) map[string]any {
	return map[string]any{"file": map[string]any{"size": size, "name": name, "keepName": keep}}
}

// pattern is what stands in a file of the tests.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func without(ids ...string) map[string]any {
	return map[string]any{"readers": map[string]any{"withheld": ids, "province": "73"}}
}

// TestWhatTheScriptSealsOpens: each kind of item, of all sorts of sizes and under
// all sorts of quorums, opens on a desk, is what its author signed, and has the
// sizes that the server expects.
func TestWhatTheScriptSealsOpens(t *testing.T) {
	s := newScript(t)
	alone, two := roster.Quorum{Needed: 1}, roster.Quorum{Needed: 2}
	nested := roster.Quorum{Needed: 2, Outside: 1}
	answers := map[string]any{
		"answers":  map[string]any{"tempat": []string{"73.71"}, "tindakan": []string{"hadir", "simbol"}},
		"taxonomy": "asn 2026-11-22 0123",
	}
	long := strings.Repeat("🙏", 90) + ".mp4"
	text := "Kami diminta hadir.\r\n\t\"jangan\" <seragam> \u2028 – kata\u00a0camat & lurah 🙏\n"
	for name, test := range map[string]struct {
		quorum  roster.Quorum
		content map[string]any
		n       int
	}{
		"a testimony":             {alone, content("testimony", text, answers), 0},
		"without answers":         {alone, content("testimony", text, nil), 1},
		"the longest":             {alone, content("testimony", strings.Repeat("é", 12000), answers), 2},
		"a message":               {alone, content("message", text, nil), 127},
		"two of five":             {two, content("testimony", text, answers), 3},
		"two of five, one not":    {two, content("message", text, without("r2")), 4},
		"nested":                  {nested, content("testimony", text, answers), 5},
		"nested, two not":         {nested, content("testimony", text, without("r1", "r5")), 6},
		"alone, all but one not":  {alone, content("message", text, without("r5", "r4", "r3", "r1")), 7},
		"one from elsewhere":      {roster.Quorum{Needed: 1, Outside: 1}, content("message", text, nil), 8},
		"a file of one byte":      {alone, content("attachment", "", file(1, "a.JPG", false)), 9},
		"a file of a block":       {alone, content("attachment", "", file(512, "Surat & <undangan>.PDF", true)), 10},
		"a file of a chunk":       {nested, content("attachment", "", file(65536, "x", true)), 11},
		"a file of 1,000,000":     {two, content("attachment", "", file(1_000_000, ".gz", true)), 12},
		"a file of 9,000,001":     {alone, content("attachment", "", file(9_000_001, "a.tar.xyzzyx", true)), 13},
		"a name of many letters":  {alone, content("attachment", "", file(3, long, true)), 14},
		"a name with odd letters": {alone, content("attachment", "", file(3, "a\u0000\u0085\ufffd.İP", true)), 15},
	} {
		t.Run(name, func(t *testing.T) {
			p := party(t, test.quorum, "73.71", "73", "00", "74", "73.02")
			sealAndOpen(t, s, p, test.content, test.n)
		})
	}
}

func sealAndOpen(t *testing.T, s *script, p *partytest.Party, c map[string]any, n int) {
	t.Helper()
	code := receipt.New()
	got := seal(t, s, p, code, n, c)
	head, err := parcel.ReadHead(bytes.NewReader(got.Head))
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(got.Payload)) != got.Size || head.Size != got.Size || !item.ValidPayloadSize(got.Size) {
		t.Errorf("a payload of %d bytes, announced as %d and %d", len(got.Payload), got.Size, head.Size)
	}
	if !bytes.Equal(head.Append(nil), got.Head) || head.ID != code.ItemID(n) || head.Burn != code.Burn(n).Hash() {
		t.Error("the head is of another item")
	}
	if size := int64(len(head.Slots[0])); size != item.SlotSize(p.Roster.Quorum) {
		t.Errorf("slots of %d bytes", size)
	}
	checkOpened(t, open(t, p, head, got.Payload, c), code, n, c)
}

func seal(t *testing.T, s *script, p *partytest.Party, code receipt.Code, n int, c map[string]any) (got sealedItem) {
	t.Helper()
	request := trust(p)
	request["op"], request["code"], request["n"] = "seal", hex.EncodeToString(code[:]), n
	request["content"], request["staged"] = c, n%2 == 0
	s.ask(request, &got)
	if got.Key != "" {
		t.Fatalf("it is not sealed: %q", got.Key)
	}
	return got
}

// opened is an item with the content of its file.
type opened struct {
	*item.Opened
	file []byte
}

// open opens an item as its readers do: alone, or one of them with the shares of all
// others; and holds that who is excluded does not.
func open(t *testing.T, p *partytest.Party, head parcel.Head, payload []byte, c map[string]any) (o opened) {
	t.Helper()
	withheld := c["readers"].(map[string]any)["withheld"].([]string)
	want := item.Expect{ID: head.ID, Roster: p.Roster, Slots: head.Slots}
	extract := func(_ item.File, r io.Reader) (err error) {
		o.file, err = io.ReadAll(r)
		return err
	}
	for i, slot := range head.Slots {
		e, err := openSlot(p, head.Slots, slot, i)
		if slices.Contains(withheld, p.Reviewers[i].Line.ID) {
			if err == nil {
				t.Errorf("reviewer %d is excluded, and opens it", i+1)
			}
			continue
		}
		if err != nil {
			t.Fatalf("reviewer %d: %v", i+1, err)
		}
		if o.Opened, err = item.Open(bytes.NewReader(payload), e, want, extract); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func openSlot(p *partytest.Party, all [][]byte, slot []byte, number int) (*hybrid.Identity, error) {
	q, own := p.Roster.Quorum, p.Reviewers[number].SlotIdentities()
	if q.Alone() {
		return item.OpenSlot(slot, own...)
	}
	var others []item.Handed
	for i, other := range all {
		parts, err := item.OpenParts(q, other, i, p.Reviewers[i].SlotIdentities()...)
		if err != nil {
			return nil, err
		}
		others = append(others, parts.Handed)
	}
	parts, err := item.OpenParts(q, slot, number, own...)
	if err != nil {
		return nil, err
	}
	return item.Join(q, parts, others, nil)
}

func checkOpened(t *testing.T, o opened, code receipt.Code, n int, c map[string]any) {
	t.Helper()
	m := o.Manifest
	if m.N != n || o.Mailbox != code.Keys().Mailbox() || !o.BurnedBy(code.Burn(n)) || m.Language != "id" {
		t.Errorf("another manifest: %+v", m)
	}
	if string(m.Kind) != c["kind"] || o.Text != c["text"] {
		t.Errorf("a %s with the text %.80q", m.Kind, o.Text)
	}
	withheld := slices.Sorted(slices.Values(c["readers"].(map[string]any)["withheld"].([]string)))
	if !slices.Equal(m.Withheld, withheld) {
		t.Errorf("excluded are %q", m.Withheld)
	}
	if answers, ok := c["answers"].(map[string]any); ok {
		if fmt.Sprint(o.Form.Answers) != fmt.Sprint(answers) || m.Taxonomy != c["taxonomy"] {
			t.Errorf("answers %q to %q", o.Form.Answers, m.Taxonomy)
		}
	}
	if f, ok := c["file"].(map[string]any); ok {
		checkFile(t, o, f)
	}
}

// checkFile holds a file to what Go would have sealed: its content, path and name.
func checkFile(t *testing.T, o opened, f map[string]any) {
	t.Helper()
	size := f["size"].(int)
	if !bytes.Equal(o.file, pattern(size)) || len(o.Attachments) != 1 {
		t.Fatal("another file")
	}
	ours := sealInGo(t, item.Content{
		Kind: item.Attachment, File: bytes.NewReader(o.file), Size: int64(size),
		Name: f["name"].(string), KeepName: f["keepName"].(bool),
	})
	got, want := o.Attachments[0], ours.Attachments[0]
	if got.Path != want.Path || got.Original != want.Original {
		t.Errorf("named %q %q, want %q %q", got.Path, got.Original, want.Path, want.Original)
	}
}

func sealInGo(t *testing.T, c item.Content) *item.Opened {
	t.Helper()
	p := partytest.New(t, day, 1)
	s, err := item.Seal(p.Circle, receipt.New(), 0, c)
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	e, err := item.OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()...)
	if err != nil {
		t.Fatal(err)
	}
	o, err := item.Open(&payload, e, item.Expect{ID: s.ID, Roster: p.Roster, Slots: s.Slots}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestTheScriptSealsToNobodyElse: with other roots than those on the poster, for a
// week without recipients, with a changed file, or with too few readers left, the
// script seals nothing, and says why by the key that the pages have.
func TestTheScriptSealsToNobodyElse(t *testing.T) {
	s, p, other := newScript(t), partytest.New(t, day, 3), partytest.New(t, day, 3)
	text, nobody := content("message", "x", nil), content("message", "x", without("r1", "r2", "r3"))
	recipients := []byte(other.Recipients[0].Text())
	nothing := content("attachment", "", file(0, "a", false))
	changed := bytes.Replace(p.Roster.Note, []byte("Uji"), []byte("Uju"), 1)
	for name, test := range map[string]struct {
		want   string
		change func(request map[string]any)
	}{
		"as it is":          {"", func(map[string]any) {}},
		"other roots":       {"roots", func(r map[string]any) { r["fingerprint"] = fingerprint(other) }},
		"another roster":    {"roots", func(r map[string]any) { r["note"] = other.Roster.Note }},
		"other recipients":  {"no_recipients", func(r map[string]any) { r["recipients"] = recipients }},
		"too early":         {"not_yet", func(r map[string]any) { r["now"] = day.AddDate(0, 0, -3) }},
		"too late":          {"expired", func(r map[string]any) { r["now"] = day.AddDate(1, 0, 0) }},
		"nobody left":       {"few_readers", func(r map[string]any) { r["content"] = nobody }},
		"nobody known":      {"no_reader", func(r map[string]any) { r["content"] = content("message", "x", without("r7")) }},
		"nothing to say":    {"empty", func(r map[string]any) { r["content"] = content("message", " \n", nil) }},
		"an unsigned note":  {"malformed", func(r map[string]any) { r["note"] = []byte(p.Roster.Text) }},
		"a changed roster":  {"malformed", func(r map[string]any) { r["note"] = changed }},
		"nobody signed it":  {"signatures", func(r map[string]any) { r["note"] = signedByNobody(t, p) }},
		"a file of nothing": {"empty", func(r map[string]any) { r["content"] = nothing }},
	} {
		request := trust(p)
		request["op"], request["code"], request["n"], request["content"] = "seal", "00112233445566778899aabbccdd", 0, text
		test.change(request)
		var got sealedItem
		if s.ask(request, &got); got.Key != test.want {
			t.Errorf("%s: %q, want %q", name, got.Key, test.want)
		}
	}
}

// signedByNobody returns the roster of p, signed by somebody who is no root.
func signedByNobody(t *testing.T, p *partytest.Party) []byte {
	t.Helper()
	stranger, err := sign.Generate("orang-lain")
	if err != nil {
		t.Fatal(err)
	}
	note, err := sign.Note(p.Roster.Text, stranger)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// openedReply is what the script makes of an entry of the mailbox.
type openedReply struct {
	refusal
	Kind, Author, Status, Forwarded, Text, Number, Previous, Hash, Roster string
	Items                                                                 []int
	Revoked                                                               bool
}

// TestTheScriptReadsWhatADeskAnswers: replies that Go sealed, and none that is a
// filler, of another thread or of nobody.
func TestTheScriptReadsWhatADeskAnswers(t *testing.T) {
	s, p := newScript(t), partytest.New(t, day, 2)
	code, other := receipt.New(), receipt.New()
	thread := reply.Thread{Mailbox: code.Keys().Mailbox(), Reply: code.Keys().Reply.Recipient()}
	for i, r := range []reply.Reply{
		{Status: reply.Received, Number: 1},
		{Status: reply.Taken, Number: 2, Items: []int{0, 3, 127}, Previous: roster.Hash{7}},
		{Status: reply.Forwarded, Number: 3, Forwarded: "Bawaslu <provinsi>",
			Text: "Terima kasih.\n\"Kami\" teruskan \u2028 🙏"},
		{Status: reply.Closed, Number: 1<<64 - 1, Text: string(bytes.Repeat([]byte("é"), 1000))},
	} {
		r.Reviewer, r.Roster = "r2", 1
		sealed, hash, err := reply.Seal(r, thread, p.Reviewers[1].Signer)
		if err != nil {
			t.Fatal(err)
		}
		got := s.read(code, sealed, p)
		want := openedReply{
			Kind: "reply", Author: "r2", Status: string(r.Status), Forwarded: r.Forwarded, Text: r.Text, Roster: "1",
			Number: fmt.Sprint(r.Number), Previous: r.Previous.String(), Hash: hash.String(), Items: append([]int{}, r.Items...),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("reply %d: %+v, want %+v", i, got, want)
		}
		if got := s.read(other, sealed, p); got.Kind != "none" {
			t.Errorf("reply %d: another code reads %q", i, got.Kind)
		}
		if got := s.read(code, sealed, partytest.New(t, day, 2)); got.Kind != "unsigned" {
			t.Errorf("reply %d: under another roster it is %q", i, got.Kind)
		}
	}
}

func (s *script) read(code receipt.Code, sealed []byte, p *partytest.Party) (got openedReply) {
	s.t.Helper()
	s.ask(map[string]any{
		"op": "reply", "code": hex.EncodeToString(code[:]), "entry": sealed, "notes": [][]byte{p.Roster.Note},
	}, &got)
	got.Values = nil
	return got
}

// TestTheScriptFollowsTheRoots: a roster under a root set that the first endorsed,
// and none that it did not.
func TestTheScriptFollowsTheRoots(t *testing.T) {
	s, p := newScript(t), partytest.New(t, day, 2)
	first := trust(p)["fingerprint"]
	next, err := sign.Generate("akar-dua")
	if err != nil {
		t.Fatal(err)
	}
	set := roster.RootSet{Threshold: 1, Keys: []sign.Key{next.Key()}}
	endorsed, err := p.Trusted.Endorse(set, p.Roots...)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		sets   []roster.RootSet
		signer sign.Signer
		want   string
	}{
		"endorsed":             {[]roster.RootSet{p.Trusted, endorsed}, next, ""},
		"by the set before":    {[]roster.RootSet{p.Trusted, endorsed}, p.Roots[0], "signatures"},
		"endorsed by nobody":   {[]roster.RootSet{p.Trusted, set}, next, "signatures"},
		"endorsed, not signed": {[]roster.RootSet{p.Trusted}, next, "signatures"},
		"other first roots":    {[]roster.RootSet{set}, next, "roots"},
	} {
		d := p.Draft(day)
		d.Roots = test.sets
		r, _, err := d.Roster()
		if err != nil {
			t.Fatal(err)
		}
		note, err := sign.Note(r.Text(), test.signer)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			refusal
			Text, Hash string
		}
		s.ask(map[string]any{"op": "roster", "note": note, "fingerprint": first}, &got)
		if got.Key != test.want || got.Key == "" && got.Text != r.Text() {
			t.Errorf("%s: %q, want %q", name, got.Key, test.want)
		}
		if _, err := roster.Verify(note, p.Trusted); (err == nil) != (test.want == "") || !errors.Is(err, named(test.want)) {
			t.Errorf("%s: Go says %v", name, err)
		}
	}
}

// named returns the error of a key.
func named(key string) error {
	return map[string]error{"signatures": sign.ErrSignatures, "roots": roster.ErrRoots}[key]
}
