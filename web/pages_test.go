package web

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"saksi/web/taxonomy"
)

var testDay = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// A state is one thing a page can look like.
type state struct {
	name string
	view any
}

const testCode = "00112233445566778899aabbccddee"

func testReviewers() []Reviewer {
	return []Reviewer{
		{Label: "Penelaah 1", Organisation: "LBH Contoh", Region: "-"},
		{Label: "Penelaah 2", Organisation: "Perkumpulan Pemilu Bersih", Region: "73"},
		{Label: "Penelaah 3", Organisation: "Universitas Contoh", Region: "32.73"},
	}
}

// testReaders has one of three excluded, and a quorum.
func testReaders() Readers {
	people := testReviewers()
	for i := range people {
		people[i].Value = "id:r" + string(rune('1'+i))
	}
	people[1].Withheld = true
	return Readers{
		People: people, Choice: true, Needed: 2, Outside: 1, Province: "73", Roster: strings.Repeat("ab", 32),
		Groups: []Group{{Value: "region:73", Region: "73", Withheld: true}, {Value: "org:LBH Contoh", Organisation: "LBH Contoh"}},
	}
}

// laterReaders are those of a form that knows nothing of the first.
func laterReaders() Readers {
	r := testReaders()
	r.Again, r.Place = true, true
	return r
}

func testWords() []string {
	return strings.Fields("bayam layar kerbau sendok pagar nanas tikar gerobak cangkir kelapa rumput jendela")
}

// states lists every page in every shape it has, filled with harmless data.
func states() []state {
	onion, mark := strings.Repeat("k7qa2mfe", 7)+".onion", []string{"k7qa", "2mfe", "x9d4", "tt0p", "b3rw"}
	list := []state{
		{"outside", Outside{onion, mark}},
		{"outside-unknown", Outside{}},
		{"front", Front{onion, mark, false}},
		{"front-unknown", Front{}},
		{"front-missing", Front{onion, mark, true}},
		{"start", Start{testReviewers(), mark, true, false}},
		{"start-closed", Start{testReviewers(), mark, true, true}},
		{"start-empty", Start{}},
		{"info", Info{}},
	}
	list = append(list, writeStates()...)
	list = append(list, wordStates()...)
	list = append(list, conversationStates()...)
	list = append(list,
		state{"confirm-one", Confirm{testCode, 1, false}},
		state{"confirm-all", Confirm{testCode, -1, false}},
		state{"confirm-doubt", Confirm{testCode, 1, true}},
		state{"gone-one", Gone{Code: testCode}},
		state{"gone-all", Gone{testCode, true}},
	)
	return append(list, failureStates()...)
}

func testDraft() Draft {
	return Draft{
		Text: "\nPada awal bulan kami dikumpulkan.\nKami diminta memilih satu nama.",
		Answers: taxonomy.Answers{
			"tempat": {"73.02"}, "waktu": {"2026-10"}, "tindakan": {"hadir", "medsos"}, "jumlah_tahu": {"sedikit"},
			"unit": {"Dinas Contoh"}, "bahaya": {"ya"},
		},
	}
}

func writeStates() []state {
	w := Write{Code: testCode, MaxText: 24000, Readers: testReaders(), Today: testDay}
	list := []state{{"write", w}}
	w.Draft = testDraft()
	list = append(list, state{"write-filled", w})
	w.Length = 25310
	for _, p := range []string{"empty", "too_long", "far_too_long", "not_text", "cut", "damaged", "field_long", "unasked"} {
		w.Problems = []Problem{{"uraian", p}}
		list = append(list, state{"write-" + p, w})
	}
	w.Problems = []Problem{
		{"tempat", "strange"}, {"tekanan", "missing"}, {"uraian", "empty"}, {"cara_tahu", "missing"},
		{"unit", "long"}, {"kecamatan", "sign"}, {"tahap", "strange"},
	}
	return append(list, state{"write-many", w})
}

func wordStates() []state {
	draft := testDraft()
	r := Receipt{Words: testWords(), Code: testCode, NextN: 1, MaxFile: 20 << 20, MaxText: 24000, KeepSpread: 13, KeepAtMost: 52}
	r.Readers = testReaders()
	r.KeptFrom = r.Readers.Withheld()
	r.Advice, r.Carried = taxonomy.Current().Advice(draft.Answers), taxonomy.Current().Advising(draft.Answers)
	again, unsent := r, r
	again.Again = true
	unsent.Again, unsent.Unsent = true, &draft
	full := unsent
	full.NextN = -1
	var mended []SuggestedWord
	for i, w := range testWords() {
		mended = append(mended, SuggestedWord{w, i == 3})
	}
	return []state{
		{"receipt", r}, {"receipt-again", again}, {"receipt-unsent", unsent}, {"receipt-full", full},
		{"open", Open{}},
		{"open-empty", Open{Problem: "empty"}},
		{"open-word_count", Open{Words: "bayam layar", Problem: "word_count", Count: 2}},
		{"open-word_unknown", Open{
			Words: "bayam layat", Problem: "word_unknown", Word: "layat", Number: 2}},
		{"open-check", Open{Words: strings.Join(testWords(), " "), Problem: "check"}},
		{"suggest", Suggest{Words: mended, Code: testCode, Typed: "bayam layat"}},
	}
}

func testReplies() []Reply {
	return []Reply{
		{Label: "Penelaah 2", Organisation: "LBH Contoh", Status: "butuh_keterangan",
			Text: "Terima kasih.\nKira-kira berapa orang yang hadir?", Number: 2, Gap: true},
		{Label: "Penelaah 2", Organisation: "LBH Contoh", Status: "diteruskan", Forwarded: "Bawaslu",
			Text: "Sudah kami teruskan.", Number: 1, Repeat: true},
		{Label: "Penelaah 1", Organisation: "LBH Contoh", Status: "diambil", Number: 1, Revoked: true,
			Text: "Kesaksian Anda sudah kami baca."},
	}
}

func testConversation() Conversation {
	return Conversation{
		Code: testCode, Replies: testReplies(), NextN: 5, Readers: laterReaders(),
		MaxFile: 20 << 20, MaxText: 24000,
		Items: []Item{
			{0, Carried, "2026-W47", "2027-W07"}, {1, Batched, "2026-W48", "2027-W47"}, {2, Waiting, "2026-W49", "2027-W48"},
			{3, Deleted, "2026-W49", ""}, {4, Expired, "2020-W53", ""}, {5, Lost, "2026-W38", ""},
		},
	}
}

func conversationStates() []state {
	c := testConversation()
	kept, removed, left, again, page, full, closed := c, c, c, c, c, c, c
	closed.Closed = true
	kept.Kept, kept.Number = true, 4
	removed.Kept, removed.Number, removed.Removed = true, 4, strings.Fields("place time camera author organisation "+
		"software title comment thumbnail other")
	left.Kept, left.Number, left.Left = true, 4, true
	again.Again = true
	page.Page, page.Replies, page.Unchecked = 1, nil, 2
	full.NextN, full.Problem, full.Draft = -1, "empty", testDraft()
	list := []state{
		{"conversation", c}, {"conversation-kept", kept}, {"conversation-again", again},
		{"conversation-removed", removed}, {"conversation-left", left},
		{"conversation-page", page}, {"conversation-full", full},
		{"conversation-nothing", Conversation{
			Code: testCode, Words: strings.Join(testWords(), " "), MaxFile: 20 << 20, MaxText: 24000}},
		{"conversation-closed", closed},
	}
	c.Draft, c.Length = testDraft(), 25310
	for _, p := range []string{"empty", "too_long", "far_too_long", "not_text", "cut", "damaged", "no_file", "empty_file", "file_number_used",
		"picture_damaged"} {
		c.Problem = p
		list = append(list, state{"conversation-" + p, c})
	}
	return list
}

func failureKeys() []string {
	return strings.Fields("bad_request not_found method too_large length_required upload_cut " +
		"form_damaged form_cut text_large store files_full disk internal unread shut busy closed no_reader deleted code_invalid")
}

func failureStates() []state {
	draft := testDraft()
	var list []state
	for _, key := range failureKeys() {
		list = append(list, state{"failure-" + key, Failure{Key: key, Limit: 20 << 20}})
	}
	f := Failure{Key: "store", Code: testCode, Draft: &draft, Retryat: "/write"}
	message, only, deleted := f, f, f
	message.Retryat, message.N = "/message", 3
	only.Key, only.Code = "internal", ""
	begins := f
	begins.Key = "text_large"
	file := Failure{Key: "upload_cut", Code: testCode, Chosen: Draft{Roster: "00", Withheld: []string{"id:r1"}}}
	deleted.Key = "deleted"
	busy, busyMessage, busyWords := f, message, Failure{Key: "busy", Code: testCode, Retryat: "/receipt", Minutes: 1}
	busy.Key, busy.Minutes, busyMessage.Key, busyMessage.Minutes = "busy", 5, "busy", 5
	return append(list,
		state{"failure-write-again", f},
		state{"failure-message-again", message},
		state{"failure-draft-only", only},
		state{"failure-draft-deleted", deleted},
		state{"failure-busy-write", busy}, state{"failure-busy-message", busyMessage}, state{"failure-busy-words", busyWords},
		state{"failure-begins", begins}, state{"failure-file", file},
		state{"failure-unread-receipt", Failure{Key: "unread", Code: testCode, Retryat: "/receipt"}},
	)
}

// hostileStates fills every string a stranger can choose with the same text.
func hostileStates(evil string) []state {
	d := Draft{
		Text: evil, Roster: evil, Withheld: []string{evil}, Province: evil,
		Answers: taxonomy.Answers{"unit": {evil}, "tempat": {evil}, "tindakan": {evil}, evil: {evil}},
	}
	people := []Reviewer{{Label: evil, Organisation: evil, Region: evil, Value: evil, Withheld: true}}
	readers := Readers{
		People: people, Choice: true, Place: true, Province: evil, Roster: evil,
		Groups: []Group{{Value: evil, Region: evil}, {Value: evil, Organisation: evil}},
	}
	reply := Reply{Label: evil, Organisation: evil, Status: evil, Forwarded: evil, Text: evil}
	c := testConversation()
	c.Code, c.Words, c.Draft, c.Problem, c.Readers = evil, evil, d, "empty", readers
	c.Replies, c.Items = []Reply{reply}, []Item{{0, Waiting, evil, evil}}
	return []state{
		{"start", Start{people, []string{evil}, true, true}},
		{"outside", Outside{evil, []string{evil}}},
		{"front", Front{evil, []string{evil}, true}},
		{"write", Write{Code: evil, Draft: d, Problems: []Problem{{"uraian", "empty"}}, Readers: readers, Today: testDay}},
		{"receipt", Receipt{Words: []string{evil}, Code: evil, Unsent: &d, Carried: d.Answers, Draft: d, Readers: readers, KeptFrom: people}},
		{"open", Open{Words: evil, Problem: "word_unknown", Word: evil}},
		{"suggest", Suggest{Words: []SuggestedWord{{evil, true}}, Code: evil, Typed: evil}},
		{"conversation", c},
		{"confirm", Confirm{Code: evil}},
		{"gone", Gone{Code: evil}},
		{"failure", Failure{Key: "store", Code: evil, Draft: &d, Retryat: "/write"}},
		{"failure-message", Failure{Key: "store", Code: evil, Draft: &d, Retryat: "/message", N: 1}},
		{"failure-draft", Failure{Key: "store", Draft: &d}},
		{"failure-file", Failure{Key: "disk", Code: evil, Chosen: d}},
	}
}

func newPages(t *testing.T) *Pages {
	t.Helper()
	p, err := New(Site{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func render(t *testing.T, p *Pages, lang Lang, view any) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Render(&b, lang, view); err != nil {
		t.Fatalf("%T in %q: %v", view, lang, err)
	}
	return b.String()
}

// everyPage calls f with each state in both languages.
func everyPage(t *testing.T, list []state, f func(t *testing.T, lang Lang, s state, page string)) {
	t.Helper()
	p := newPages(t)
	for _, lang := range []Lang{ID, EN} {
		for _, s := range list {
			t.Run(string(lang)+"/"+s.name, func(t *testing.T) {
				f(t, lang, s, render(t, p, lang, s.view))
			})
		}
	}
}
