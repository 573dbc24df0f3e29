package crypto_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

type parcelSection struct {
	About       []string       `json:"about"`
	Code        hexBytes       `json:"code"`
	Parcels     []parcelVector `json:"parcels"`
	BadParcels  []badBytes     `json:"parcels_refused"`
	Read        readVector     `json:"read"`
	BadReads    []badBytes     `json:"read_refused"`
	Answers     []answerVector `json:"answers"`
	BadAnswers  []badBytes     `json:"answers_refused"`
	Burns       []burnVector   `json:"burns"`
	BadBurns    []badBytes     `json:"burns_refused"`
	LargestSize int64          `json:"largest_payload"`
}

// A parcelVector is a head. Begin is what stands before the slots.
type parcelVector struct {
	About    string   `json:"about"`
	N        int      `json:"n"`
	Roster   uint64   `json:"roster"`
	Slots    int      `json:"slots"`
	SlotSize int64    `json:"slot_size"`
	Payload  int64    `json:"payload"`
	Staged   bool     `json:"staged"`
	Upload   hexBytes `json:"upload,omitempty"`
	Begin    hexBytes `json:"begin"`
	Size     int      `json:"size"`
	Hash     hexBytes `json:"sha256"`
}

// badBytes are the first good bytes of their kind, cut or filled with zeros to
// size, and then edited.
type badBytes struct {
	About string `json:"about"`
	Size  int    `json:"size"`
	Edits []edit `json:"edits"`
	Error string `json:"error"`
}

type readVector struct {
	Page    uint32   `json:"page"`
	Request hexBytes `json:"request"`
}

type answerVector struct {
	About string        `json:"about"`
	Ends  bool          `json:"ends"`
	Shown []stateVector `json:"states"`
	Begin hexBytes      `json:"begin"`
	Size  int           `json:"size"`
	Hash  hexBytes      `json:"sha256"`
}

type stateVector struct {
	N     int    `json:"n"`
	Stand int    `json:"stand"`
	Week  string `json:"week"`
	Until string `json:"until"`
}

type burnVector struct {
	About   string   `json:"about"`
	Numbers []int    `json:"numbers"`
	Empty   bool     `json:"empty"`
	Request hexBytes `json:"request"`
}

func makeParcels() parcelSection {
	code := receipt.Code{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	s := parcelSection{
		About: []string{
			"All is of the code. parcels: heads; begin is the head up to its slots, size and sha256 are of the whole head.",
			"Slot i, from 0, is slot_size times the byte i. n is the number of the item.",
			"answers: begin is the answer up to its entries. Entry i, from 0, is all of the byte i. States that are not listed are unused.",
			"refused: the first of the kind, cut or filled with zeros to size, then edited.",
		},
		Code: code[:], LargestSize: parcel.MaxPayload(),
	}
	s.makeHeads()
	s.Read = readVector{Page: 258, Request: parcel.NewRequest(code, 258).Bytes()}
	s.BadReads = []badBytes{
		{"another label", 2130, []edit{{7, hexBytes("2")}}, "parcel"},
		{"a byte less", 2129, nil, "parcel"},
		{"a byte more", 2131, nil, "parcel"},
	}
	s.makeAnswers()
	s.makeBurns(code)
	return s
}

func (s *parcelSection) makeHeads() {
	s.Parcels = []parcelVector{
		{About: "a text", N: 0, Roster: 1, Slots: 3, SlotSize: item.SlotSize(roster.Quorum{Needed: 1}),
			Payload: item.PayloadSize(item.Floor)},
		{About: "a file that was staged, under a quorum", N: 127, Roster: 1 << 40, Slots: 100,
			SlotSize: item.SlotSize(roster.Quorum{Needed: 2, Outside: 1}), Payload: item.PayloadSize(item.Padme(512 << 20)),
			Staged: true, Upload: hexBytes(bytes.Repeat([]byte{0xa5}, 16))},
	}
	for i := range s.Parcels {
		v := &s.Parcels[i]
		whole := v.head(receipt.Code(s.Code)).Append(nil)
		v.Begin, v.Size, v.Hash = whole[:85+len(v.Upload)], len(whole), sum(whole)
	}
	size := s.Parcels[0].Size
	larger := binary.BigEndian.AppendUint64(nil, uint64(item.PayloadSize(item.Padme(item.MaxFile+128<<20))))
	s.BadParcels = []badBytes{
		{"another label", size, []edit{{7, hexBytes("2")}}, "parcel"},
		{"no slots", size, []edit{{72, hexBytes{0, 0}}}, "parcel"},
		{"101 slots", size, []edit{{72, hexBytes{0, 101}}}, "parcel"},
		{"slots of another size", size, []edit{{74, hexBytes{0, 1}}}, "parcel"},
		{"a payload of a size that none has", size, []edit{{83, hexBytes{7}}}, "parcel"},
		{"a payload above the largest", size, []edit{{76, larger}}, "parcel"},
		{"a payload of 2^63 bytes", size, []edit{{76, hexBytes{128}}}, "parcel"},
		{"a flag of 2", size, []edit{{84, hexBytes{2}}}, "parcel"},
		{"a staged one without its upload", 85 + 15, []edit{{84, hexBytes{1}}}, "parcel"},
		{"a slot is cut", size - 1, nil, "parcel"},
		{"nothing", 0, nil, "parcel"},
	}
}

func (v parcelVector) head(code receipt.Code) parcel.Head {
	h := parcel.Head{
		ID: code.ItemID(v.N), Burn: code.Burn(v.N).Hash(), Roster: v.Roster, Size: v.Payload, Staged: v.Staged,
	}
	copy(h.Upload[:], v.Upload)
	for i := range v.Slots {
		h.Slots = append(h.Slots, bytes.Repeat([]byte{byte(i)}, int(v.SlotSize)))
	}
	return h
}

func (s *parcelSection) makeAnswers() {
	s.Answers = []answerVector{
		{About: "nothing", Ends: true, Shown: []stateVector{}},
		{About: "one of each stand", Shown: []stateVector{
			{0, 1, "2026-W53", "2027-W52"}, {1, 2, "2026-W47", "2027-W46"}, {2, 3, "2026-W01", "2026-W52"},
			{3, 4, "2026-W47", ""}, {4, 6, "2026-W48", ""}, {127, 5, "9999-W52", ""},
		}},
	}
	for i := range s.Answers {
		v := &s.Answers[i]
		whole := v.answer().Bytes()
		v.Begin, v.Size, v.Hash = whole[:897], len(whole), sum(whole)
	}
	size := s.Answers[0].Size
	s.BadAnswers = []badBytes{
		{"a flag of 2", size, []edit{{0, hexBytes{2}}}, "parcel"},
		{"a stand of 7", size, []edit{{1, hexBytes{7}}}, "parcel"},
		{"an unused id with a week", size, []edit{{2, hexBytes{7, 234, 47}}}, "parcel"},
		{"what waits without a week", size, []edit{{1, hexBytes{1}}}, "parcel"},
		{"what waits without a last week", size, []edit{{1, hexBytes{1, 7, 234, 47}}}, "parcel"},
		{"what is gone with a last week", size, []edit{{1, hexBytes{4, 7, 234, 47, 7, 235, 46}}}, "parcel"},
		{"week 53 of a year that has 52", size, []edit{{1, hexBytes{4, 7, 235, 53}}}, "parcel"},
		{"the year 1999", size, []edit{{1, hexBytes{4, 7, 207, 1}}}, "parcel"},
		{"a byte less", size - 1, nil, "parcel"},
		{"a byte more", size + 1, nil, "parcel"},
	}
}

func (v answerVector) answer() parcel.Answer {
	a := parcel.Answer{Ends: v.Ends}
	for _, s := range v.Shown {
		a.States[s.N] = parcel.State{Stand: parcel.Stand(s.Stand), Week: weekOf(s.Week), Until: weekOf(s.Until)}
	}
	for i := range a.Entries {
		a.Entries[i] = bytes.Repeat([]byte{byte(i)}, int(reply.SealedSize()))
	}
	return a
}

// weekOf reads a week, or the zero week where there is none.
func weekOf(s string) week.Week {
	w, err := week.Parse(s)
	if err != nil && s != "" {
		panic("crypto_test: internal error: " + err.Error())
	}
	return w
}

func (s *parcelSection) makeBurns(code receipt.Code) {
	all := parcel.BurnAll(code)
	s.Burns = []burnVector{
		{About: "two items", Numbers: []int{0, 127}, Request: parcel.NewBurn(code, 0, 127).Bytes()},
		{About: "the mailbox alone", Numbers: []int{}, Empty: true,
			Request: parcel.Burn{Empty: true, Token: all.Token, KeyHash: all.KeyHash}.Bytes()},
		{About: "everything", Numbers: numbersBelow(receipt.MaxItems), Empty: true, Request: all.Bytes()},
	}
	size := len(s.Burns[0].Request)
	s.BadBurns = []badBytes{
		{"another label", size, []edit{{7, hexBytes("2")}}, "parcel"},
		{"an item more than there are", size, []edit{{14, hexBytes{3}}}, "parcel"},
		{"an item less than there are", size, []edit{{14, hexBytes{1}}}, "parcel"},
		{"129 items", 16 + 129*48, []edit{{14, hexBytes{129}}}, "parcel"},
		{"a mailbox that is not there", size, []edit{{size - 1, hexBytes{1}}}, "parcel"},
		{"a mailbox that is there without its flag", size + 64, nil, "parcel"},
		{"a flag of 2", size, []edit{{size - 1, hexBytes{2}}}, "parcel"},
		{"a byte less", size - 1, nil, "parcel"},
		{"nothing to delete", 16, []edit{{14, hexBytes{0, 0}}}, "parcel"},
	}
}

func numbersBelow(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func (s parcelSection) check(t *testing.T) {
	code := receipt.Code(s.Code)
	for _, v := range s.Parcels {
		whole := v.head(code).Append(nil)
		same(t, v.About, whole[:len(v.Begin)], v.Begin)
		same(t, v.About+": the whole", sum(whole), v.Hash)
		head := must(parcel.ReadHead(bytes.NewReader(whole)))(t)
		if len(whole) != v.Size || head.Size != v.Payload || head.Staged != v.Staged || !bytes.Equal(head.Upload[:len(v.Upload)], v.Upload) || len(head.Slots) != v.Slots {
			t.Errorf("%s: read as something else", v.About)
		}
	}
	refuseBytes(t, s.Parcels[0].head(code).Append(nil), s.BadParcels, func(b []byte) error {
		_, err := parcel.ReadHead(bytes.NewReader(b))
		return err
	})
	same(t, "read request", parcel.NewRequest(code, s.Read.Page).Bytes(), s.Read.Request)
	if q := must(parcel.ParseRequest(s.Read.Request))(t); q != parcel.NewRequest(code, s.Read.Page) {
		t.Error("the read request is read as something else")
	}
	refuseBytes(t, s.Read.Request, s.BadReads, func(b []byte) error {
		_, err := parcel.ParseRequest(b)
		return err
	})
	s.checkAnswers(t)
	s.checkBurns(t, code)
}

func (s parcelSection) checkAnswers(t *testing.T) {
	for _, v := range s.Answers {
		whole := v.answer().Bytes()
		same(t, v.About, whole[:len(v.Begin)], v.Begin)
		same(t, v.About+": the whole", sum(whole), v.Hash)
		got := must(parcel.ParseAnswer(whole))(t)
		if got.Ends != v.Ends || got.States != v.answer().States || !bytes.Equal(got.Entries[7], v.answer().Entries[7]) {
			t.Errorf("%s: read as something else", v.About)
		}
	}
	refuseBytes(t, s.Answers[0].answer().Bytes(), s.BadAnswers, func(b []byte) error {
		_, err := parcel.ParseAnswer(b)
		return err
	})
}

func (s parcelSection) checkBurns(t *testing.T, code receipt.Code) {
	for _, v := range s.Burns {
		want := parcel.NewBurn(code, v.Numbers...)
		if all := parcel.BurnAll(code); v.Empty {
			want.Empty, want.Token, want.KeyHash = true, all.Token, all.KeyHash
		}
		same(t, v.About, want.Bytes(), v.Request)
		got := must(parcel.ParseBurn(v.Request))(t)
		if !slices.Equal(got.Items, want.Items) || got.Empty != want.Empty || got.Token != want.Token {
			t.Errorf("%s: read as something else", v.About)
		}
	}
	refuseBytes(t, s.Burns[0].Request, s.BadBurns, func(b []byte) error {
		_, err := parcel.ParseBurn(b)
		return err
	})
}

// refuseBytes holds that parse refuses the bytes after each change, by name.
func refuseBytes(t *testing.T, good []byte, bad []badBytes, parse func([]byte) error) {
	t.Helper()
	if err := parse(good); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	for _, b := range bad {
		if got := errorName(parse(apply(good, b.Size, b.Edits))); got != b.Error {
			t.Errorf("%s: error %q, want %q", b.About, got, b.Error)
		}
	}
}

func parcelSizes() map[string]int64 {
	code := receipt.Code{}
	return map[string]int64{
		"parcel without slots and payload": parcel.MinHead() - item.SlotSize(roster.Quorum{Needed: 1}),
		"largest payload":                  parcel.MaxPayload(),
		"read request":                     int64(len(parcel.NewRequest(code, 0).Bytes())),
		"entries of an answer":             parcel.PageEntries,
		"read answer":                      int64(parcel.AnswerSize()),
		"largest burn request":             int64(len(parcel.BurnAll(code).Bytes())),
	}
}
