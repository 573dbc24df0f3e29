package crypto_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

type batchSection struct {
	About     []string      `json:"about"`
	Server    signingKey    `json:"server"`
	Batches   []batchVector `json:"batches"`
	Follows   []pair        `json:"follows"`
	NoteBad   []replacement `json:"note_refused"`
	TextBad   []replacement `json:"text_refused"`
	SumsBad   []replacement `json:"sums_refused"`
	PathsBad  []string      `json:"paths_refused"`
	Bundle    bundleVector  `json:"bundle"`
	Marks     []markVector  `json:"marks"`
	BundleBad []badBundle   `json:"bundle_refused"`
	Compare   compareVector `json:"compare"`
}

// A compareVector is what two desks read to each other.
type compareVector struct {
	Inputs  []challengeVector `json:"inputs"`
	Refused []string          `json:"refused"`
}

type challengeVector struct {
	Typed     string   `json:"typed"`
	Challenge []int    `json:"challenge"`
	Sequence  uint64   `json:"sequence"`
	Hash      hexBytes `json:"batch_sha256"`
	Words     []string `json:"words"`
}

type batchVector struct {
	Text   string   `json:"text"`
	SHA256 hexBytes `json:"sha256"`
	Note   string   `json:"note"`
	Sums   string   `json:"sums"`
}

type bundleVector struct {
	Members []memberVector `json:"members"`
	Missing []string       `json:"missing"`
	SHA256  hexBytes       `json:"sha256"`
	Tar     []byte         `json:"tar_base64"`
}

// A markVector is what somebody puts at gone/<id> of an item.
type markVector struct {
	About   string   `json:"about"`
	Path    string   `json:"path"`
	Content hexBytes `json:"content"`
	Proves  bool     `json:"proves"`
}

type badBundle struct {
	About string `json:"about"`
	Tar   []byte `json:"tar_base64"`
	Error string `json:"error"`
}

func makeBatches(t *testing.T, p *party, items itemSection) batchSection {
	s := batchSection{Server: makeSigningKey(p.server), About: []string{
		"batches: the first has the testimony and the message, the second the attachment. bundle: both, exported after the",
		"testimony was deleted by its reporter, and the attachment expired. The tar follows from its members.",
		"bundle.missing: paths below items/ that the sums name and the bundle does not have.",
		"marks: contents for a member of the bundle, and whether they prove that the reporter deleted the item.",
		"note_refused, text_refused, sums_refused: the second batch's signed note, its text and the first batch's SHA256SUMS",
		"after a replacement.",
		"compare: two words as typed, their numbers, a batch's sequence and hash, and the six words; and inputs that are",
		"no two words.",
		"follows: whether a batch is the next after previous. bundle_refused: the first of them is taken, to compare with.",
	}}
	first := batch.Note{Origin: "uji.saksi", Sequence: 1, Week: week.Week{Year: 2026, Number: 47}}
	one := makeBatch(t, p, first, sumsOf(p, 1, items.Items[:2]))
	second := batch.Note{
		Origin: "uji.saksi", Sequence: 2, Previous: roster.Hash(one.SHA256), Week: week.Week{Year: 2026, Number: 48},
	}
	two := makeBatch(t, p, second, sumsOf(p, 2, items.Items[2:]))
	s.Batches = []batchVector{one, two}
	s.Follows = []pair{{2, 1, ""}, {1, 2, "batch_chain"}, {2, 2, "batch_chain"}}
	s.NoteBad, s.TextBad, s.PathsBad = badNotes(), badTexts(one), badPaths()
	s.SumsBad = badSums(items.Items[0].gone())
	s.Bundle = makeBundle(t, p, s.Batches, items)
	s.Marks = makeMarks(p, items.Items[0].gone())
	s.BundleBad = badBundles(t)
	s.Compare = makeCompare(t, s.Batches)
	return s
}

func makeCompare(t *testing.T, batches []batchVector) compareVector {
	v := compareVector{Refused: []string{"", "abon", "abon acar adas", "abon xyzq", "ab acar"}}
	words := wordsOfTheList(t)
	for i, typed := range []string{
		words[0] + " " + words[1023], words[511] + ", " + strings.ToUpper(words[512]), words[3][:4] + "-" + words[700][:4],
	} {
		b := batches[i%2]
		v.Inputs = append(v.Inputs, newChallenge(t, typed, uint64(i%2)+1, b.SHA256))
	}
	return v
}

func wordsOfTheList(t *testing.T) []string {
	words := strings.Fields(string(must(os.ReadFile("receipt/words.txt"))(t)))
	if len(words) != 1024 {
		t.Fatalf("%d words", len(words))
	}
	return words
}

func newChallenge(t *testing.T, typed string, sequence uint64, hash hexBytes) challengeVector {
	c := must(batch.ParseChallenge(typed))(t)
	six := c.Compare(sequence, roster.Hash(hash))
	return challengeVector{typed, []int{int(c[0]), int(c[1])}, sequence, hash, six[:]}
}

// check takes the six words from the bytes, as a second implementation does.
func (v compareVector) check(t *testing.T) {
	list := wordsOfTheList(t)
	for _, c := range v.Inputs {
		b := []byte("saksi/v1/compare")
		for _, n := range c.Challenge {
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		}
		b = append(binary.BigEndian.AppendUint64(b, c.Sequence), c.Hash...)
		bits := fmt.Sprintf("%08b", sum(b)[:8])
		bits = strings.NewReplacer("[", "", "]", "", " ", "").Replace(bits)
		for i, word := range c.Words {
			if n := must(strconv.ParseInt(bits[10*i:10*i+10], 2, 0))(t); list[n] != word {
				t.Errorf("%q, word %d: %q, want %q", c.Typed, i+1, word, list[n])
			}
		}
		if again := newChallenge(t, c.Typed, c.Sequence, c.Hash); !slices.Equal(again.Words, c.Words) ||
			!slices.Equal(again.Challenge, c.Challenge) {
			t.Errorf("%q: %+v", c.Typed, again)
		}
	}
	for _, typed := range v.Refused {
		if _, err := batch.ParseChallenge(typed); errorName(err) != "challenge" {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func sumsOf(p *party, rosters int, items []itemVector) batch.Sums {
	sums := batch.Sums{}
	for i := range rosters {
		sums[fmt.Sprintf("rosters/%d.note", i+1)] = roster.Hash(sum(p.rosters[i].Note))
		for _, r := range p.recipients[i] {
			sums["rosters/"+r.Hash().String()+".recipients"] = r.Hash()
		}
	}
	for _, v := range items {
		for path, content := range v.files() {
			sums[path] = roster.Hash(sum(content))
		}
		sums[v.gone()] = roster.Hash(v.BurnHash)
	}
	return sums
}

// gone is where the proof of the item's deletion stands in a bundle.
func (v itemVector) gone() string { return "gone/" + hex.EncodeToString(v.ID) }

// files are the members of a bundle that an item has.
func (v itemVector) files() map[string][]byte {
	folder := "items/1/" + hex.EncodeToString(v.ID) + "/"
	files := map[string][]byte{folder + "payload.age": v.Payload}
	for i, slot := range v.Slots {
		files[fmt.Sprintf("%sslots/%03d.age", folder, i+1)] = slot.Sealed
	}
	return files
}

func makeBatch(t *testing.T, p *party, n batch.Note, sums batch.Sums) batchVector {
	n.Sums = sums.Hash()
	hash := n.Hash()
	return batchVector{n.Text(), hash[:], string(must(n.Sign(p.server))(t)), sums.Text()}
}

func makeBundle(t *testing.T, p *party, batches []batchVector, items itemSection) bundleVector {
	members := []member{
		{"BATCH.note", []byte(batches[1].Note)}, {"SHA256SUMS", []byte(batches[1].Sums)},
		{"batches/1/BATCH.note", []byte(batches[0].Note)},
		{"batches/1/SHA256SUMS", []byte(batches[0].Sums)},
	}
	members = append(members, rosterFiles(p)...)
	testimony, message, attachment := items.Items[0], items.Items[1], items.Items[2]
	members = append(members, sortedFiles(message.files())...)
	burn := p.code.Burn(testimony.Content.N)
	members = append(members, sortedMarks(
		member{testimony.gone(), burn[:]}, member{"expired/" + hex.EncodeToString(attachment.ID), nil},
	)...)
	v := bundleVector{Tar: writeBundle(t, members)}
	v.SHA256 = sum(v.Tar)
	for _, m := range members {
		v.Members = append(v.Members, memberVector{Name: m.name, Size: len(m.content), SHA256: sum(m.content)})
	}
	for _, gone := range []itemVector{testimony, attachment} {
		for path := range gone.files() {
			v.Missing = append(v.Missing, path)
		}
	}
	slices.Sort(v.Missing)
	return v
}

// rosterFiles are rosters by sequence, then recipients files by hash.
func rosterFiles(p *party) []member {
	var members []member
	files := map[string][]byte{}
	for i, signed := range p.rosters {
		members = append(members, member{fmt.Sprintf("rosters/%d.note", i+1), signed.Note})
		for _, r := range p.recipients[i] {
			files["rosters/"+r.Hash().String()+".recipients"] = []byte(r.Text())
		}
	}
	return append(members, sortedFiles(files)...)
}

// sortedMarks orders marks of both kinds by the id alone.
func sortedMarks(marks ...member) []member {
	id := func(m member) string { return m.name[strings.IndexByte(m.name, '/'):] }
	slices.SortFunc(marks, func(a, b member) int { return strings.Compare(id(a), id(b)) })
	return marks
}

func makeMarks(p *party, path string) []markVector {
	token, other := p.code.Burn(0), p.code.Burn(1)
	text := hex.EncodeToString(token[:]) + "\n"
	return []markVector{
		{"the burn token", path, token[:], true},
		{"the burn token of another item", path, other[:], false},
		{"the burn token in hexadecimal", path, hexBytes(text), false},
		{"the burn token and a line end", path, append(token[:], '\n'), false},
		{"half of the burn token", path, token[:16], false},
		{"the hash of the burn token", path, sum(token[:]), false},
		{"nothing", path, nil, false},
	}
}

func sortedFiles(files map[string][]byte) []member {
	var members []member
	for name, content := range files {
		members = append(members, member{name, content})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return members
}

func writeBundle(t *testing.T, members []member) []byte {
	var out bytes.Buffer
	w := batch.NewWriter(&out)
	for _, m := range members {
		if err := w.AddBytes(must(batch.ParsePath(m.name))(t), m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func badNotes() []replacement {
	return []replacement{
		{"another sequence", "sequence 2", "sequence 3", "refused"},
		{"another key's name", "— uji.saksi ", "— lain.saksi ", "signatures"},
		{"no empty line", "\n\n", "\n", "refused"},
	}
}

// badTexts are refused whoever signs them.
func badTexts(first batchVector) []replacement {
	hash := hex.EncodeToString(first.SHA256)
	return []replacement{
		{"another label", "saksi/v1/batch", "saksi/v2/batch", "refused"},
		{"an empty origin", "origin uji.saksi", "origin ", "refused"},
		{"no origin", "origin uji.saksi\n", "", "refused"},
		{"sequence 0", "sequence 2", "sequence 0", "refused"},
		{"a second spelling of a number", "sequence 2", "sequence 02", "refused"},
		{"the first batch with one before it", "sequence 2", "sequence 1", "refused"},
		{"the second batch without one before it", "previous " + hash, "previous -", "refused"},
		{"zeros for the hash of the batch before", hash, strings.Repeat("0", 64), "refused"},
		{"a week that is none", "week 2026-W48", "week 2026-W54", "refused"},
		{"a line too many", "sums ", "sums x\nsums ", "refused"},
	}
}

func badSums(gone string) []replacement {
	return []replacement{
		{"one space", "  items/", " items/", "refused"},
		{"a binary mark", "  items/", " *items/", "refused"},
		{"a path with a folder before it", "  items/", "  ./items/", "refused"},
		{"a member that is not for this list", "payload.age", "readme", "refused"},
		{"a carriage return", "payload.age\n", "payload.age\r\n", "refused"},
		{"an empty line", "payload.age\n", "payload.age\n\n", "refused"},
		{"a mark of expiry", "  " + gone, "  expired/" + gone[5:], "refused"},
		{"a batch's note", "  " + gone, "  BATCH.note", "refused"},
		{"a list in the list", "  " + gone, "  SHA256SUMS", "refused"},
		{"a path out of order", "  " + gone, "  rosters/9.note", "refused"},
	}
}

func badPaths() []string {
	id := strings.Repeat("0", 32)
	return []string{
		"", "/", "./BATCH.note", "/BATCH.note", "../BATCH.note", "BATCH.note/", "batch.note",
		"batches/0/BATCH.note",
		"batches/01/BATCH.note", "rosters/x.note", "rosters/1.recipients", "gone/..",
		"canary/2026-13/r1.age", "canary/2026-1/r1.age", "canary/2026-12/r1", "canary/2026-12/R1.age", "canary/2026-12/.age",
		"canary/2026-12/../r1.age", "canary/2026-12/r1.age.age",
		"gone/" + id + "/x", "gone/" + strings.ToUpper(id[:31]+"a"), "expired/..", "expired/" + id[1:],
		"rosters/0.note", "rosters/01.note", "rosters/" + id + id, "items/1/" + id,
		"items/0/" + id + "/payload.age", "items/0/" + id + "/slots/001.age",
		"items/1/" + id + "/slots/000.age", "items/1/" + id + "/slots/1.age",
		"items/1/" + id + "/slots/1000.age",
		"items/1/../payload.age", "items/+1/" + id + "/payload.age",
		"items/1/" + strings.ToUpper(id[:31]+"a") + "/payload.age",
	}
}

func badBundles(t *testing.T) []badBundle {
	note := member{"BATCH.note", []byte("isi\n")}
	good := writeBundle(t, []member{note})
	link := slices.Concat(ustarHeader("BATCH.note", 0, '2'), make([]byte, 1024))
	return []badBundle{
		{"a whole one", good, ""},
		{"empty", nil, "bundle"},
		{"an end marker alone", make([]byte, 1024), "bundle"},
		{"a member twice", ustar([]member{note, note}), "bundle"},
		{"a foreign member", ustar([]member{{"autorun.inf", nil}}), "bundle"},
		{"a way out", ustar([]member{{"../BATCH.note", nil}}), "bundle"},
		{"a symbolic link", link, "bundle"},
		{"half an end marker", good[:len(good)-512], "bundle"},
		{"no end marker", good[:len(good)-1024], "bundle"},
		{"cut in a member", good[:514], "bundle"},
		{"zeros after the end marker", append(bytes.Clone(good), make([]byte, 512)...), "bundle"},
	}
}

func (s batchSection) check(t *testing.T) {
	server := s.Server.check(t)
	var notes []batch.Note
	for _, v := range s.Batches {
		notes = append(notes, v.check(t, server))
	}
	for _, f := range s.Follows {
		if got := errorName(notes[f.Roster-1].Follows(notes[f.Previous-1])); got != f.Error {
			t.Errorf("batch %d after %d: %q, want %q", f.Roster, f.Previous, got, f.Error)
		}
	}
	s.checkRefused(t, server)
	s.Bundle.check(t, s.Batches)
	s.Compare.check(t)
	listed := must(batch.ParseSums(s.Batches[0].Sums))(t)
	for _, m := range s.Marks {
		if hash := roster.Hash(sum(m.Content)); (hash == listed[m.Path]) != m.Proves {
			t.Errorf("%s: it has the hash that is listed: %v", m.About, !m.Proves)
		}
	}
}

func (v batchVector) check(t *testing.T, server sign.Signer) batch.Note {
	n := must(batch.OpenNote([]byte(v.Note), server.Key()))(t)
	sameText(t, "batch", n.Text(), v.Text)
	same(t, "batch's hash", sum([]byte(v.Text)), v.SHA256)
	sameText(t, "signed batch", string(must(n.Sign(server))(t)), v.Note)
	sums := must(batch.ParseSums(v.Sums))(t)
	sameText(t, "sums", sums.Text(), v.Sums)
	same(t, "hash of the sums", sum([]byte(v.Sums)), n.Sums[:])
	return n
}

func (s batchSection) checkRefused(t *testing.T, server sign.Signer) {
	refuse(t, s.Batches[1].Note, s.NoteBad, func(text string) error {
		_, err := batch.OpenNote([]byte(text), server.Key())
		return err
	})
	refuse(t, s.Batches[1].Text, s.TextBad, func(text string) error {
		_, err := batch.ParseNote(text)
		return err
	})
	refuse(t, s.Batches[0].Sums, s.SumsBad, func(text string) error {
		_, err := batch.ParseSums(text)
		return err
	})
	for _, path := range s.PathsBad {
		if _, err := batch.ParsePath(path); err == nil {
			t.Errorf("path %q: taken", path)
		}
	}
	for _, b := range s.BundleBad {
		pass := func(batch.Path, int64, io.Reader) error { return nil }
		err := batch.Read(bytes.NewReader(b.Tar), pass)
		if got := errorName(err); got != b.Error {
			t.Errorf("bundle, %s: error %q (%v), want %q", b.About, got, err, b.Error)
		}
	}
}

// check reads the bundle as a desk does, and writes it again.
func (v bundleVector) check(t *testing.T, batches []batchVector) {
	same(t, "bundle's hash", sum(v.Tar), v.SHA256)
	var members []member
	seen := map[string]roster.Hash{}
	err := batch.Read(bytes.NewReader(v.Tar), func(p batch.Path, size int64, r io.Reader) error {
		content, err := io.ReadAll(r)
		want := v.Members[len(members)]
		sameText(t, "path", p.String(), want.Name)
		same(t, want.Name, sum(content), want.SHA256)
		members = append(members, member{p.String(), content})
		seen[p.String()] = roster.Hash(sum(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "bundle written again", sum(writeBundle(t, members)), v.SHA256)
	same(t, "bundle by hand", sum(ustar(members)), v.SHA256)
	v.checkSums(t, batches, seen)
}

// checkSums holds the members against the sums: what is missing belongs to
// items that are gone, and nothing else is.
func (v bundleVector) checkSums(t *testing.T, batches []batchVector, seen map[string]roster.Hash) {
	var missing []string
	for _, b := range batches {
		for path, hash := range must(batch.ParseSums(b.Sums))(t) {
			got, ok := seen[path]
			switch {
			case !ok && !strings.HasPrefix(path, "gone/"):
				missing = append(missing, path)
			case ok && got != hash:
				t.Errorf("%s is not what the sums say", path)
			}
		}
	}
	slices.Sort(missing)
	if !slices.Equal(missing, v.Missing) {
		t.Errorf("missing %q, want %q", missing, v.Missing)
	}
	for _, path := range missing {
		id := must(batch.ParsePath(path))(t).ID
		_, burned := seen["gone/"+id.String()]
		_, expired := seen["expired/"+id.String()]
		if burned == expired {
			t.Errorf("%s is missing: deleted %v, expired %v", path, burned, expired)
		}
	}
}
