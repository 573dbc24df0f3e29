package crypto_test

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/pass"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/share"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

const protocolFile = "../docs/protocol.md"

func readProtocol(t *testing.T) string {
	t.Helper()
	return string(must(os.ReadFile(protocolFile))(t))
}

// table returns the rows of every table in the document that begins with this
// heading, by their first cell, without code marks.
func table(t *testing.T, heading string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	inside := false
	for line := range strings.Lines(readProtocol(t)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| "+heading+" |"):
			inside = true
		case !strings.HasPrefix(line, "|"):
			inside = false
		case inside && !strings.HasPrefix(line, "|---"):
			cells := cellsOf(line)
			if _, ok := rows[cells[0]]; ok {
				t.Errorf("table %q has %q twice", heading, cells[0])
			}
			rows[cells[0]] = cells[1:]
		}
	}
	if len(rows) == 0 {
		t.Fatalf("the document has no table %q", heading)
	}
	return rows
}

func cellsOf(line string) []string {
	cells := strings.Split(strings.Trim(line, "|"), " | ")
	for i, c := range cells {
		cells[i] = strings.Trim(strings.TrimSpace(c), "`")
	}
	return cells
}

func number(t *testing.T, cell string) int64 {
	t.Helper()
	return must(strconv.ParseInt(strings.ReplaceAll(cell, ",", ""), 10, 64))(t)
}

// TestProtocolSizes holds every number of the tables "size or limit" against
// the code, and every number here against the document.
func TestProtocolSizes(t *testing.T) {
	told := map[string]int64{}
	for name, cells := range table(t, "size or limit") {
		told[name] = number(t, cells[0])
	}
	want := map[string]int64{}
	for _, part := range []map[string]int64{
		receiptSizes(), hybridSizes(), rosterSizes(t), itemSizes(t), replySizes(), travelSizes(t), passSizes(t),
		sharingSizes(), paperSizes(t), framesSizes(t), parcelSizes(),
	} {
		maps.Copy(want, part)
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		if got, ok := want[name]; !ok || got != told[name] {
			t.Errorf("%q: the document says %d, the code %d (known: %v)", name, told[name], got, ok)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%q is not in the document", name)
	}
}

func receiptSizes() map[string]int64 {
	_, err := receipt.Parse(strings.Repeat("kata ", 10000))
	counted := err.(*receipt.CountError).Found
	return map[string]int64{
		"code":            int64(len(receipt.Code{})),
		"check":           int64(len(receipt.Code{}.Field())/2 - len(receipt.Code{})),
		"words in a code": receipt.Words, "words on the list": int64(makeWords().Count),
		"letters that tell a word":  shortest(),
		"words counted in an input": int64(counted), "items of one code": receipt.MaxItems,
		"item id": int64(len(receipt.ItemID{})), "token": int64(len(receipt.Secret{})),
	}
}

// shortest is how many letters of a word suffice.
func shortest() int64 {
	words := receipt.Code{}.Words()
	for n := 1; ; n++ {
		cut := slices.Clone(words)
		cut[0] = cut[0][:n]
		if r, err := receipt.Parse(strings.Join(cut, " ")); err == nil && len(r.Mended) == 0 {
			return int64(n)
		}
	}
}

func hybridSizes() map[string]int64 {
	one, two := hybrid.SealedSize(0, 1), hybrid.SealedSize(0, 2)
	chunk := largest(1<<17, func(n int64) bool { return hybrid.SealedSize(n, 1) == one+n })
	return map[string]int64{
		"hybrid seed": 32, "recipient string": hybrid.RecipientSize,
		"identity string":                        hybrid.IdentitySize,
		"age file around nothing, one recipient": one, "each further recipient": two - one,
		"chunk of plaintext": chunk, "tag of a chunk": hybrid.SealedSize(chunk+1, 1) - one - chunk - 1,
	}
}

// largest returns the greatest n up to limit for which ok holds, where it holds
// from 1 to that n.
func largest(limit int64, ok func(int64) bool) int64 {
	low, high := int64(0), limit+1
	for high-low > 1 {
		if middle := (low + high) / 2; ok(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func rosterSizes(t *testing.T) map[string]int64 {
	p := newParty(t)
	line := p.reviewers[0].Line
	label := func(n int64) bool {
		v := line
		v.Label, v.Organisation = strings.Repeat("a", int(n)), strings.Repeat("a", int(n))
		return v.Check() == nil
	}
	origin := func(n int64) bool {
		r := p.rosters[0].Roster
		r.Origin = strings.Repeat("a", int(n))
		_, err := roster.Parse(r.Text())
		return err == nil
	}
	id := func(n int64) bool {
		_, err := reviewer.Generate(strings.Repeat("a", int(n)), "00", "Lembaga", "Penelaah", nil)
		return err == nil
	}
	endorsements := func(n int64) bool {
		r := p.rosters[1].Roster
		r.RootSets = slices.Clone(r.RootSets)
		r.RootSets[1].Endorsed = slices.Repeat(r.RootSets[1].Endorsed[:1], int(n))
		_, err := roster.Parse(r.Text())
		return err == nil
	}
	first := p.rosters[0]
	skew := largest(100,
		func(n int64) bool { return first.ValidAt(first.From.Add(-time.Duration(n)*time.Hour)) == nil })
	return map[string]int64{
		"reviewers of a roster": roster.MaxReviewers, "roots of a set": roster.MaxRoots,
		"terms of a card": reviewer.MaxTerms,
		"root sets":       roster.MaxRootSets, "recipients files": roster.MaxPeriods,
		"endorsements of a set":           largest(100, endorsements),
		"organisation or label, in bytes": largest(500, label), "origin": largest(500, origin),
		"reviewer id":                   largest(100, id),
		"characters of a fingerprint":   int64(len(strings.Join(p.rootSets[0].Fingerprint(), ""))),
		"hours that a clock may be off": skew,
		"weeks of a new roster":         int64(first.Until.Sub(first.From)/(24*time.Hour)+1) / 7,
	}
}

func itemSizes(t *testing.T) map[string]int64 {
	text := func(n int64) bool { return item.CheckText(strings.Repeat("a", int(n))) == nil }
	return map[string]int64{
		"part of a slot": item.ShareSize, "slot, alone": item.SlotSize(roster.Quorum{Needed: 1}),
		"slot, k": item.SlotSize(roster.Quorum{Needed: 2}), "slot, k with j": item.SlotSize(roster.Quorum{Needed: 2, Outside: 1}),
		"shares tried together":     item.MaxJoined,
		"items of a file of shares": share.MaxItems, "file of shares, in bytes": share.MaxSize,
		"text, in bytes": largest(1<<20, text), "attachment": item.MaxFile,
		"one answer, the taxonomy's reference, the original name, in bytes": item.MaxField,
		"questions that have answers":                                       item.MaxQuestions, "answers in all": item.MaxValues,
		"answers in all, in bytes": item.MaxAnswers, "smallest tar": item.Floor,
		"smallest payload": item.PayloadSize(item.Floor),
		"manifest.json":    memberLimit(t, 1, "manifest.json"),
		"testimony.json":   memberLimit(t, 0, "testimony.json"), "author.sig": 89,
		"extension of an attachment": extensionLimit(t),
	}
}

// memberLimit grows a JSON member with spaces until it is refused.
func memberLimit(t *testing.T, kind int, name string) int64 {
	p := newParty(t)
	v := makeItem(t, p, contents(p.code)[kind])
	e := must(hybrid.ParseIdentity(v.E))(t)
	f := &forger{t: t, item: v, members: untar(t, v.tar(t))}
	size := func(n int64) bool {
		tar := ustar(f.sign(f.change(name, "{\n", "{\n"+strings.Repeat(" ", int(n)))))
		payload := must(hybrid.SealBytes(tar, e.Recipient()))(t)
		_, err := item.Open(strings.NewReader(string(payload)), e, v.expect(), nil)
		return err == nil
	}
	for _, m := range f.members {
		if m.name == name {
			return int64(len(m.content)) + largest(1<<16, size)
		}
	}
	return 0
}

func extensionLimit(t *testing.T) int64 {
	p := newParty(t)
	return largest(20, func(n int64) bool {
		v := contents(p.code)[2]
		v.Content.FileName = "a." + strings.Repeat("b", int(n))
		return strings.HasSuffix(makeItem(t, p, v).Members[1].Name, strings.Repeat("b", int(n)))
	})
}

func replySizes() map[string]int64 {
	return map[string]int64{
		"plaintext of a reply": reply.PlainSize, "sealed reply": reply.SealedSize(),
		"JSON of a reply": reply.PlainSize - 66,
		"text of a reply": reply.MaxText, "name of a body": reply.MaxForwarded,
	}
}

func travelSizes(t *testing.T) map[string]int64 {
	slot := func(n int64) bool {
		_, err := batch.ParsePath(fmt.Sprintf("items/1/%032d/slots/%03d.age", 0, n))
		return err == nil
	}
	name := func(n int64) bool {
		raw := append([]byte{1}, make([]byte, 32)...)
		_, err := sign.ParseKey(notedKey(strings.Repeat("a", int(n)), raw))
		return err == nil
	}
	signer := must(sign.Generate("a"))(t)
	line := strings.SplitAfter(string(must(sign.Note("a\n", signer))(t)), "\n")[2]
	lines := func(n int64) bool {
		_, err := sign.Open([]byte("a\n\n"+strings.Repeat(line, int(n))), 1, signer.Key())
		return err == nil
	}
	return map[string]int64{
		"canary": canary.SealedSize(), "canaries in an outbox": outbox.MaxCanaries,
		"plaintext of a canary": canary.SealedSize() - hybrid.SealedSize(0, 1),
		"SHA256SUMS":            batch.MaxSums, "slot number in a path": largest(2000, slot),
		"outbox":                        outbox.MaxSize,
		"acknowledgements in an outbox": outbox.MaxAcks, "replies in an outbox": outbox.MaxReplies,
		"name of a signing key":     largest(500, name),
		"signature lines of a note": largest(500, lines),
	}
}

func passSizes(t *testing.T) map[string]int64 {
	name := func(n int64) bool { return pass.CheckName(strings.Repeat("a", int(n))) == nil }
	p := must(pass.New("a", "a", strings.Repeat("a", 56)+".onion", newParty(t).server.Key()))(t)
	value := func(n int64) bool {
		_, err := p.Sign(pass.Request{URI: strings.Repeat("a", int(n))})
		return err == nil
	}
	return map[string]int64{
		"courier's name": largest(100, name), "pass": pass.MaxSize,
		"couriers on a list": pass.MaxCouriers, "list of couriers": pass.MaxListSize,
		"value in a request, in bytes": largest(10_000, value), "nonce": int64(len(pass.Nonce{})),
		"seconds that a courier's clock may be off": int64(pass.Window / time.Second),
	}
}

// inCode calls f with each file of the programs and of the script, tests aside.
func inCode(t *testing.T, f func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "node_modules":
			return fs.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			return nil
		case strings.HasSuffix(path, ".go"), strings.HasPrefix(path, "../web/client/src/") && strings.HasSuffix(path, ".ts"):
			f(path, string(must(os.ReadFile(path))(t)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestProtocolLabels holds the table of labels against those in the code, wherever
// they are: two that begin alike must meet here.
func TestProtocolLabels(t *testing.T) {
	told := slices.Sorted(maps.Keys(table(t, "label")))
	used := map[string]bool{}
	pattern := regexp.MustCompile(`saksi/v1(/[a-z]+(\.[a-z]+)?)?`)
	inCode(t, func(_, text string) {
		for _, label := range pattern.FindAllString(text, -1) {
			used[label] = true
		}
	})
	if all := slices.Sorted(maps.Keys(used)); !slices.Equal(told, all) {
		t.Errorf("the document has %q, the code %q", told, all)
	}
	for _, a := range told[1:] {
		for _, b := range told[1:] {
			if a != b && strings.HasPrefix(b, a) {
				t.Errorf("label %q begins label %q", a, b)
			}
		}
	}
}

// TestProtocolDerivations holds the table of HKDF infos and the example.
func TestProtocolDerivations(t *testing.T) {
	code := receipt.Code{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	r := makeReceipt(code)
	want := map[string]hexBytes{
		"check": r.Check, "T": r.Token, "SHA-256(T)": r.TokenHash, "reply seed": r.ReplySeed,
		"author seed": r.AuthorSeed,
		"A":           r.Author, "key hash": r.KeyHash, "M": r.Mailbox, "id of item 0": r.Items[0].ID,
		"id of item 127": r.Items[2].ID, "burn token of item 0": r.Items[0].Burn,
	}
	told := table(t, "value | hex")
	for name, value := range want {
		if len(told[name]) == 0 || told[name][0] != hex.EncodeToString(value) {
			t.Errorf("%s is %x, the document has %q", name, []byte(value), told[name])
		}
	}
	sizes := map[string]int{
		"mailbox": len(r.Token), "reply": len(r.ReplySeed), "author": len(r.AuthorSeed),
		"item/<n>": len(r.Items[0].ID), "burn/<n>": len(r.Items[0].Burn), "desk": 32, "weeks": 32,
		"courier/sign": 32, "courier/tor": 32, "cases": 32, "case/<name>/<subject>": 32,
	}
	infos := table(t, "info")
	if len(told) != len(want) || len(infos) != len(sizes) {
		t.Errorf("the document has %d values and %d infos", len(told), len(infos))
	}
	var derive []string
	inCode(t, func(path, text string) {
		if strings.Contains(text, `"crypto/hkdf"`) && !strings.Contains(path, "/servertest/") {
			derive = append(derive, path)
		}
	})
	if want := []string{ // whose infos are in the table
		"../cmd/saksi-review/desk/cases.go", "../crypto/pass/pass.go", "../crypto/receipt/receipt.go",
		"../crypto/reviewer/reviewer.go",
	}; !slices.Equal(derive, want) {
		t.Errorf("keys are derived in %q, the table is of those in %q", derive, want)
	}
	for info, size := range sizes {
		if len(infos[info]) < 2 || infos[info][1] != strconv.Itoa(size) {
			t.Errorf("info %q gives %d bytes, the document has %q", info, size, infos[info])
		}
	}
}

func TestProtocolErrors(t *testing.T) {
	told := slices.Sorted(maps.Keys(table(t, "error")))
	want := []string{"count", "word", "lines"}
	for _, named := range namedErrors() {
		want = append(want, named.name)
	}
	slices.Sort(want)
	if !slices.Equal(told, want) {
		t.Errorf("the document has %q, the code %q", told, want)
	}
}

func TestProtocolStatuses(t *testing.T) {
	told := table(t, "status")
	for _, s := range reply.Statuses() {
		if _, ok := told[string(s)]; !ok {
			t.Errorf("status %q is not in the document", s)
		}
		delete(told, string(s))
	}
	for s := range told {
		t.Errorf("status %q is not in the code", s)
	}
}

func TestProtocolPayloadSizes(t *testing.T) {
	for needs, cells := range table(t, "tar needs") {
		tar := item.Padme(number(t, needs))
		if tar != number(t, cells[0]) || item.PayloadSize(tar) != number(t, cells[1]) {
			t.Errorf("a tar of %s: the document has %q, the code %d and %d", needs, cells, tar,
				item.PayloadSize(tar))
		}
	}
}

// TestProtocolPaths holds the table of a bundle's members against the code:
// each pattern, filled in, is a path, and every kind of path is there.
func TestProtocolPaths(t *testing.T) {
	kinds := map[batch.Kind]bool{}
	fill := strings.NewReplacer("<sequence>", "7", "<roster sequence>", "2",
		"<id>", strings.Repeat("0", 32),
		"<hash>", strings.Repeat("0", 64), "<number>", "001", "<month>", "2026-12", "<reviewer id>", "r1")
	for pattern := range table(t, "member | content") {
		p, err := batch.ParsePath(fill.Replace(pattern))
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
		kinds[p.Kind] = true
	}
	if len(kinds) != int(batch.ExpiryMark)+1 {
		t.Errorf("the document has %d kinds of members", len(kinds))
	}
}

// TestProtocolExamples: the day and the week of the notation are read.
func TestProtocolExamples(t *testing.T) {
	written := table(t, "written")
	if _, err := week.Parse(written["week"][0][:len("2026-W47")]); err != nil {
		t.Error(err)
	}
	if _, err := time.Parse(time.DateOnly, written["day"][0][:len("2026-11-22")]); err != nil {
		t.Error(err)
	}
}
