package crypto_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

type sizeSection struct {
	About          []string     `json:"about"`
	Sealed         []sealedSize `json:"sealed"`
	Padme          []padded     `json:"padme"`
	ValidPayload   []int64      `json:"payload_valid"`
	InvalidPayload []int64      `json:"payload_invalid"`
	Digests        []digest     `json:"digests"`
}

type sealedSize struct {
	Plain      int64 `json:"plain"`
	Recipients int   `json:"recipients"`
	Sealed     int64 `json:"sealed"`
}

type digest struct {
	Size   int64    `json:"size"`
	Digest hexBytes `json:"digest"`
}

type padded struct {
	Size   int64 `json:"size"`
	Padded int64 `json:"padded"`
}

func makeSizes() sizeSection {
	s := sizeSection{About: []string{
		"sealed: the size of an age file from its plaintext's and the number of recipients.",
		"padme: the padded size of a tar. payload: sizes that a payload.age may have, and some that it may not.",
		"digests: what an author signs of an attachment of that size, with byte i*i/7 mod 256 at i.",
	}}
	for _, plain := range []int64{0, 1, 77, 4096, 65535, 65536, 65537, 131072, 1 << 30} {
		for _, n := range []int{1, 3} {
			s.Sealed = append(s.Sealed, sealedSize{plain, n, hybrid.SealedSize(plain, n)})
		}
	}
	for _, size := range []int64{1, 4096, 65535, 65536, 65537, 67584, 67585, 100000, 131071, 131072,
		131073,
		1000000, 16777217, 104857600, 1<<33 - 1, 1 << 33} {
		s.Padme = append(s.Padme, padded{size, item.Padme(size)})
		s.ValidPayload = append(s.ValidPayload, item.PayloadSize(item.Padme(size)))
	}
	slices.Sort(s.ValidPayload)
	s.ValidPayload = slices.Compact(s.ValidPayload)
	s.InvalidPayload = []int64{0, 65536, 67194, 67196, item.PayloadSize(65537),
		item.PayloadSize(131072 + 2048)}
	for _, size := range []int64{1, 70001, 262143, 262144, 262145, 524288, 1000000} {
		s.Digests = append(s.Digests, digest{size, inPieces(fileOf(size))})
	}
	return s
}

// inPieces is the document's words over again.
func inPieces(content []byte) hexBytes {
	all := binary.BigEndian.AppendUint64([]byte("saksi/v1/pieces"), uint64(len(content)))
	for piece := range slices.Chunk(content, 262144) {
		all = append(all, sum(piece)...)
	}
	return sum(all)
}

func (s sizeSection) check(t *testing.T) {
	for _, v := range s.Digests {
		same(t, "digest", inPieces(fileOf(v.Size)), v.Digest)
	}
	for _, v := range s.Sealed {
		if got := hybrid.SealedSize(v.Plain, v.Recipients); got != v.Sealed {
			t.Errorf("%d bytes for %d: %d, the file has %d", v.Plain, v.Recipients, got, v.Sealed)
		}
	}
	for _, v := range s.Padme {
		if got := item.Padme(v.Size); got != v.Padded {
			t.Errorf("Padmé of %d: %d, the file has %d", v.Size, got, v.Padded)
		}
	}
	for _, size := range s.ValidPayload {
		if !item.ValidPayloadSize(size) {
			t.Errorf("payload of %d bytes: refused", size)
		}
	}
	for _, size := range s.InvalidPayload {
		if item.ValidPayloadSize(size) {
			t.Errorf("payload of %d bytes: taken", size)
		}
	}
}

type itemSection struct {
	About       []string      `json:"about"`
	Items       []itemVector  `json:"items"`
	Unsealable  []unsealable  `json:"content_refused"`
	RefusedTars []refusedTar  `json:"tar_refused"`
	Payloads    []refusedFile `json:"payload_refused"`
}

type itemVector struct {
	Name        string         `json:"name"`
	Content     contentVector  `json:"content"`
	ID          hexBytes       `json:"id"`
	BurnHash    hexBytes       `json:"burn_hash"`
	Mailbox     hexBytes       `json:"mailbox"`
	RosterHash  hexBytes       `json:"roster_hash"`
	E           string         `json:"e_identity"`
	Slots       []slotVector   `json:"slots"`
	Payload     []byte         `json:"payload_base64"`
	SHA256      hexBytes       `json:"payload_sha256"`
	TarSize     int            `json:"tar_size"`
	TarSHA256   hexBytes       `json:"tar_sha256"`
	Members     []memberVector `json:"members"`
	SignedBytes hexBytes       `json:"signed_bytes"`
	Signature   hexBytes       `json:"signature"`
}

// A contentVector is what a reporter gives. A file of file_size bytes has at
// each place i the byte i*i/7 mod 256.
type contentVector struct {
	Code     hexBytes  `json:"code"`
	N        int       `json:"n"`
	Roster   uint64    `json:"roster"`
	Kind     item.Kind `json:"kind"`
	Language string    `json:"language"`
	Text     string    `json:"text,omitempty"`
	Taxonomy string    `json:"taxonomy,omitempty"`

	Answers  map[string][]string `json:"answers,omitempty"`
	FileSize int64               `json:"file_size,omitempty"`
	FileName string              `json:"file_name,omitempty"`
	KeepName bool                `json:"keep_name,omitempty"`
	Excluded []string            `json:"excluded,omitempty"`
}

type slotVector struct {
	Reviewer string   `json:"reviewer"`
	SHA256   hexBytes `json:"sha256"`
	Plain    hexBytes `json:"plain"`
	Sealed   []byte   `json:"sealed_base64"`
}

type memberVector struct {
	Name   string   `json:"name"`
	Size   int      `json:"size"`
	SHA256 hexBytes `json:"sha256"`
	Digest hexBytes `json:"digest,omitempty"` // of an attachment
	Text   string   `json:"text,omitempty"`
}

func contents(code receipt.Code) []itemVector {
	return []itemVector{
		{Name: "testimony", Content: contentVector{
			Code: code[:], N: 0, Roster: 1, Kind: item.Testimony, Language: "id",
			Text:     "Kami diminta hadir di lapangan.\nBaju bebas, \"jangan pakai seragam\" — kata camat & lurah.\n",
			Taxonomy: "asn 2026-11-22 0123abcd",
			Answers:  map[string][]string{"tempat": {"73.02"}, "tindakan": {"hadir", "simbol"}, "waktu_rinci": {"akhir <Oktober>"}},
		}},
		{Name: "message", Content: contentVector{
			Code: code[:], N: 1, Roster: 1, Kind: item.Message, Language: "en", Text: "é", Excluded: []string{"r2"},
		}},
		{Name: "attachment", Content: contentVector{
			Code: code[:], N: 127, Roster: 1, Kind: item.Attachment, Language: "id",
			FileSize: 70001, FileName: "Surat & <undangan>.PDF", KeepName: true,
		}},
	}
}

func fileOf(size int64) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * i / 7)
	}
	return b
}

func (c contentVector) content() item.Content {
	return item.Content{
		Kind: c.Kind, Language: c.Language, Readers: item.Readers{Withheld: c.Excluded}, Text: c.Text,
		Form: item.Form{Answers: c.Answers}, Taxonomy: c.Taxonomy,
		File: bytes.NewReader(fileOf(c.FileSize)), Size: c.FileSize, Name: c.FileName, KeepName: c.KeepName,
	}
}

func makeItems(t *testing.T, p *party) itemSection {
	s := itemSection{About: []string{
		"items: content is what a reporter gives, sealed under the first roster. E and the plaintexts of slots are random where",
		"they are no identity; slots, payload and members are one sealing of it. JSON members may be spelled in other ways;",
		"from given members the tar, the signed bytes and the signature follow to the byte. A file has byte i*i/7 mod 256 at i.",
		"content_refused: what cannot be sealed under the first roster; of kind testimony unless said otherwise.",
		"tar_refused: the tar of the item named, brought to size bytes and edited, sealed to its E again.",
		"payload_refused: the payload.age itself, edited, or held against another id, roster or slot.",
		"In all three an empty error means that it is taken.",
	}}
	for _, v := range contents(p.code) {
		s.Items = append(s.Items, makeItem(t, p, v))
	}
	s.Unsealable = unsealables()
	s.RefusedTars = slices.Concat(refusedTars(t, s.Items[1]), refusedForms(t, s.Items[0]))
	s.Payloads = refusedFiles(s.Items[1])
	return s
}

func makeItem(t *testing.T, p *party, v itemVector) itemVector {
	c := v.Content
	sealed := must(item.Seal(p.circle, p.code, c.N, c.content()))(t)
	var payload bytes.Buffer
	must(sealed.WriteTo(&payload))(t)
	mailbox, hash := p.thread().Mailbox, p.circle.Hash
	v.ID, v.BurnHash, v.Mailbox, v.RosterHash = sealed.ID[:], sealed.Burn[:], mailbox[:], hash[:]
	for i, slot := range sealed.Slots {
		plain := must(hybrid.OpenBytes(slot, item.ShareSize, p.reviewers[i].SlotIdentities()...))(t)
		v.Slots = append(v.Slots, slotVector{p.reviewers[i].Line.ID, sum(slot), plain, slot})
	}
	v.E = string(v.Slots[0].Plain)
	v.Payload, v.SHA256 = payload.Bytes(), sum(payload.Bytes())
	tar := v.tar(t)
	v.TarSize, v.TarSHA256 = len(tar), sum(tar)
	for _, m := range untar(t, tar) {
		v.Members = append(v.Members, newMember(m))
	}
	v.SignedBytes = v.signedBytes()
	v.Signature = v.signature(t)
	return v
}

// tar opens the payload.
func (v itemVector) tar(t *testing.T) []byte {
	r := must(hybrid.Open(bytes.NewReader(v.Payload), must(hybrid.ParseIdentity(v.E))(t)))(t)
	return must(io.ReadAll(r))(t)
}

func newMember(m member) memberVector {
	v := memberVector{Name: m.name, Size: len(m.content), SHA256: sum(m.content)}
	if strings.HasPrefix(m.name, "attachments/") {
		v.Digest = inPieces(m.content)
	}
	if !strings.HasPrefix(m.name, "attachments/") && m.name != ".padding" {
		v.Text = string(m.content)
	}
	return v
}

// signedBytes is the document's words over again.
func (v itemVector) signedBytes() hexBytes {
	n := []byte{byte(v.Content.N)}
	b := slices.Concat([]byte("saksi/v1/item"), v.ID, n, v.Mailbox, v.RosterHash)
	for _, m := range v.Members {
		if m.Name == "author.sig" {
			break
		}
		digest := m.SHA256
		if m.Digest != nil {
			digest = m.Digest
		}
		b = slices.Concat(b, sum([]byte(m.Name)), digest)
	}
	return b
}

func (v itemVector) signature(t *testing.T) hexBytes {
	text := v.Members[len(v.Members)-2].Text
	return must(base64.StdEncoding.DecodeString(strings.TrimSuffix(text, "\n")))(t)
}

func (s itemSection) check(t *testing.T, all vectors) {
	for _, v := range s.Items {
		t.Run(v.Name, func(t *testing.T) {
			v.checkSlots(t, all)
			v.checkTar(t)
			v.checkManifest(t, all)
			v.checkOpened(t)
		})
	}
	s.checkRefused(t, all)
}

func (v itemVector) checkSlots(t *testing.T, all vectors) {
	reviewers := readReviewers(t, all.Reviewer)
	for _, slot := range v.Slots {
		same(t, "slot's hash", sum(slot.Sealed), slot.SHA256)
		k := reviewers[slot.Reviewer]
		same(t, "slot", must(hybrid.OpenBytes(slot.Sealed, item.ShareSize, k.SlotIdentities()...))(t), slot.Plain)
		e, err := item.OpenSlot(slot.Sealed, k.SlotIdentities()...)
		switch excluded := slices.Contains(v.Content.Excluded, slot.Reviewer); {
		case excluded && errorName(err) != "not_for_us":
			t.Errorf("%s opens: %v", slot.Reviewer, err)
		case !excluded && (err != nil || e.String() != v.E):
			t.Errorf("%s does not open: %v", slot.Reviewer, err)
		}
	}
}

func (v itemVector) checkTar(t *testing.T) {
	tar := v.tar(t)
	same(t, "payload's hash", sum(v.Payload), v.SHA256)
	same(t, "tar's hash", sum(tar), v.TarSHA256)
	var members []member
	for i, m := range untar(t, tar) {
		same(t, m.name, sum(m.content), v.Members[i].SHA256)
		sameText(t, "member", m.name, v.Members[i].Name)
		members = append(members, m)
	}
	same(t, "tar by hand", sum(ustar(members)), v.TarSHA256)
	if len(tar) != v.TarSize || int64(len(v.Payload)) != item.PayloadSize(item.Padme(v.used())) {
		t.Errorf("tar of %d bytes, payload of %d", len(tar), len(v.Payload))
	}
	same(t, "signed bytes", v.signedBytes(), v.SignedBytes)
	same(t, "signature", v.signature(t), v.Signature)
	author := receipt.Code(v.Content.Code).Keys().Author
	same(t, "signature by hand", ed25519.Sign(author, v.SignedBytes), v.Signature)
}

// used is the size of the tar with an empty padding.
func (v itemVector) used() int64 {
	size := int64(512 + 1024)
	for _, m := range v.Members[:len(v.Members)-1] {
		size += 512 + (int64(m.Size)+511)/512*512
	}
	return size
}

// checkManifest holds the JSON's values against the document.
func (v itemVector) checkManifest(t *testing.T, all vectors) {
	code := receipt.Code(v.Content.Code)
	r := makeReceipt(code)
	burn := code.Burn(v.Content.N).Hash()
	want := map[string]any{
		"format": "saksi/v1/item", "kind": string(v.Content.Kind), "id": hex.EncodeToString(v.ID),
		"n": float64(v.Content.N), "mailbox": hex.EncodeToString(r.Mailbox),
		"token_hash": hex.EncodeToString(r.TokenHash),
		"author":     hex.EncodeToString(r.Author), "reply_recipient": r.ReplyRecipient,
		"burn":     hex.EncodeToString(burn[:]),
		"language": v.Content.Language, "slots": []any{},
		"roster": map[string]any{"sequence": 1.0,
			"hash": hex.EncodeToString(all.Roster.Rosters[0].SHA256)},
	}
	for _, slot := range v.Slots {
		want["slots"] = append(want["slots"].([]any), hex.EncodeToString(slot.SHA256))
	}
	if v.Content.Taxonomy != "" {
		want["taxonomy"] = v.Content.Taxonomy
	}
	for _, id := range v.Content.Excluded {
		withheld, _ := want["withheld"].([]any)
		want["withheld"] = append(withheld, id)
	}
	if v.Content.KeepName {
		want["original_names"] = map[string]any{"attachments/001.pdf": v.Content.FileName}
	}
	compareJSON(t, v.Members[0].Text, want)
	if v.Content.Kind == item.Testimony {
		compareJSON(t, v.Members[1].Text, map[string]any{
			"format": "saksi/v1/testimony", "answers": v.Content.Answers,
		})
	}
}

func compareJSON(t *testing.T, text string, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	equal := func(a, b any) bool {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return bytes.Equal(x, y)
	}
	if !maps.EqualFunc(got, want, equal) {
		t.Errorf("JSON is %v, want %v", got, want)
	}
}

func (v itemVector) expect() item.Expect {
	e := item.Expect{ID: receipt.ItemID(v.ID), Roster: rosterOf(v.Content.Roster, v.RosterHash)}
	for _, slot := range v.Slots {
		e.Slots = append(e.Slots, slot.Sealed)
	}
	return e
}

// rosterOf is as much of a roster as an item is held against.
func rosterOf(sequence uint64, hash hexBytes) *roster.Signed {
	return &roster.Signed{Roster: roster.Roster{Sequence: sequence}, Hash: roster.Hash(hash)}
}

func (v itemVector) checkOpened(t *testing.T) {
	e := must(hybrid.ParseIdentity(v.E))(t)
	var file []byte
	extract := func(_ item.File, r io.Reader) (err error) {
		file, err = io.ReadAll(r)
		return err
	}
	o, err := item.Open(bytes.NewReader(v.Payload), e, v.expect(), extract)
	if err != nil {
		t.Fatal(err)
	}
	c := v.Content
	same(t, "file", file, fileOf(c.FileSize))
	sameText(t, "text", o.Text, c.Text)
	sameText(t, "form", fmt.Sprint(o.Form.Answers, o.Manifest.Taxonomy), fmt.Sprint(c.Answers, c.Taxonomy))
	same(t, "mailbox", o.Mailbox[:], v.Mailbox)
	if !o.BurnedBy(receipt.Code(c.Code).Burn(c.N)) || o.Manifest.Kind != c.Kind || o.Manifest.Language != c.Language {
		t.Errorf("opened as %+v", o.Manifest)
	}
	for _, f := range o.Attachments {
		sameText(t, "original name", f.Original, c.FileName)
	}
}
