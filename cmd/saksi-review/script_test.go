package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/crypto/batch"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
	"saksi/web/taxonomy"
)

// server plays the server in a script:
//
//	server keygen NAME            makes server.key and server.vkey
//	server bundle FILE TEXT...    a bundle with one batch: a testimony for the
//	                              first text, messages for the rest; "@CARD" is
//	                              a file sealed to the direct recipient of CARD,
//	                              "+NAME" a sample of package evidence.
//	                              The roster is roster.note, roots in akar.vkey.
//	                              ANSWERS, if set, is a JSON file with the answers
//	                              of the testimony, TAXONOMY its taxonomy. It is
//	                              batch 1, or BATCH, which follows the last one;
//	                              of this week, or of WEEK.
//	server read FILE              prints what an outbox brings
func server(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: server keygen|bundle|read ...")
	}
	switch args[0] {
	case "keygen":
		s, err := sign.Generate(args[1])
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("server.key"), []byte(s.String()+"\n"), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs("server.vkey"), []byte(s.Key().String()+"\n"), 0o600))
	case "bundle":
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), bundle(ts, args[2:]), 0o600))
	case "read":
		readOutbox(ts, args[1])
	}
}

// history is a single roster.
type history struct{ *roster.Signed }

func (h history) At(sequence uint64) (*roster.Signed, bool) { return h.Signed, sequence == h.Sequence }
func (h history) Newest() *roster.Signed                    { return h.Signed }

func signedRoster(ts *testscript.TestScript) *roster.Signed {
	trusted, err := roster.ParseRootSet(ts.ReadFile("akar.vkey"))
	ts.Check(err)
	signed, err := roster.Verify([]byte(ts.ReadFile("roster.note")), trusted)
	ts.Check(err)
	return signed
}

func bundle(ts *testscript.TestScript, texts []string) []byte {
	signed := signedRoster(ts)
	files := map[roster.Hash]string{}
	members := map[batch.Path][]byte{{Kind: batch.RosterNote, Sequence: signed.Sequence}: signed.Note}
	for _, p := range signed.Recipients {
		files[p.File] = ts.ReadFile(p.From.String() + roster.RecipientsSuffix)
		members[batch.Path{Kind: batch.RecipientsFile, File: p.File}] = []byte(files[p.File])
	}
	now := time.Now()
	circle, err := signed.CircleAt(now, files)
	ts.Check(err)
	code := codeOf(signed)
	ts.Setenv("CODE", code.Field())
	for n, text := range texts {
		addItem(ts, members, circle, code, n, text)
	}
	sums := batch.Sums{}
	for path, content := range members {
		sums[path.String()] = sha256.Sum256(content)
	}
	for n := range texts {
		sums[batch.Path{Kind: batch.BurnMark, ID: code.ItemID(n)}.String()] = code.Burn(n).Hash()
	}
	note := chained(ts, batch.Note{Origin: signed.Origin, Sequence: 1, Week: week.Of(now), Sums: sums.Hash()})
	key, err := sign.ParseSigner(strings.TrimSpace(ts.ReadFile("server.key")))
	ts.Check(err)
	msg, err := note.Sign(key)
	ts.Check(err)
	members[batch.Path{Kind: batch.BatchNote}] = msg
	members[batch.Path{Kind: batch.BatchSums}] = []byte(sums.Text())
	var out bytes.Buffer
	w := batch.NewWriter(&out)
	for path, content := range members {
		ts.Check(w.AddBytes(path, content))
	}
	ts.Check(w.Close())
	return out.Bytes()
}

// codeOf returns a code whose thread the first reviewer confirms.
func codeOf(signed *roster.Signed) receipt.Code {
	var ids []string
	for _, v := range signed.Reviewers {
		ids = append(ids, v.ID)
	}
	for {
		code := receipt.New()
		if (reply.Thread{Reply: code.Keys().Reply.Recipient()}).Confirmer(ids) == ids[0] {
			return code
		}
	}
}

// chained gives a batch the number and the week that a script asks for, and has it
// follow the one before it in the script.
func chained(ts *testscript.TestScript, note batch.Note) batch.Note {
	var err error
	if w := ts.Getenv("WEEK"); w != "" {
		note.Week, err = week.Parse(w)
		ts.Check(err)
	}
	if n := ts.Getenv("BATCH"); n != "" && n != "1" {
		note.Sequence, err = strconv.ParseUint(n, 10, 64)
		ts.Check(err)
		note.Previous, err = roster.ParseHash(ts.Getenv("LAST"))
		ts.Check(err)
	}
	ts.Setenv("LAST", note.Hash().String())
	return note
}

func addItem(ts *testscript.TestScript, members map[batch.Path][]byte, circle *roster.Circle, code receipt.Code, n int, text string) {
	c := item.Content{Kind: item.Message, Language: "id", Text: text}
	if n == 0 {
		c.Kind, c.Form, c.Taxonomy = item.Testimony, item.Form{Answers: answered(ts)}, reference(ts)
	}
	if card, ok := strings.CutPrefix(text, "@"); ok {
		to, err := reviewer.ParseCard(ts.ReadFile(card))
		ts.Check(err)
		sealed, err := hybrid.SealBytes([]byte("isi berkas\n"), to.Line.Direct)
		ts.Check(err)
		c = item.Content{
			Kind: item.Attachment, File: bytes.NewReader(sealed), Size: int64(len(sealed)),
			Name: "\u202esurat.age", KeepName: true,
		}
	}
	if name, ok := strings.CutPrefix(text, "+"); ok {
		file := evidenceSample(ts, name)
		c = item.Content{Kind: item.Attachment, File: bytes.NewReader(file), Size: int64(len(file)), Name: "foto.bin"}
	}
	c.Readers = item.Readers{Province: "73", Withheld: strings.Fields(ts.Getenv("WITHHELD"))}
	sealed, err := item.Seal(circle, code, n, c)
	ts.Check(err)
	var payload bytes.Buffer
	_, err = sealed.WriteTo(&payload)
	ts.Check(err)
	at := batch.Path{Kind: batch.Payload, Sequence: circle.Sequence, ID: sealed.ID}
	members[at] = payload.Bytes()
	for i, slot := range sealed.Slots {
		at.Kind, at.Slot = batch.Slot, i
		members[at] = slot
	}
}

func evidenceSample(ts *testscript.TestScript, name string) []byte {
	b, err := os.ReadFile(ts.Getenv("SAMPLES"))
	ts.Check(err)
	var samples []struct {
		Name string
		In   []byte
	}
	ts.Check(json.Unmarshal(b, &samples))
	for _, s := range samples {
		if s.Name == name {
			return s.In
		}
	}
	ts.Fatalf("no sample %q", name)
	return nil
}

// answered returns what the testimony of a script answers.
func answered(ts *testscript.TestScript) map[string][]string {
	answers := map[string][]string{"tempat": {"73.02"}}
	if name := ts.Getenv("ANSWERS"); name != "" {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &answers))
	}
	return answers
}

func reference(ts *testscript.TestScript) string {
	name := ts.Getenv("TAXONOMY")
	if name == "" {
		return taxonomy.Current().Reference()
	}
	t, err := taxonomy.Parse([]byte(ts.ReadFile(name)))
	ts.Check(err)
	return t.Reference()
}

// readOutbox prints an outbox as the reporter and the server see it.
func readOutbox(ts *testscript.TestScript, name string) {
	code, err := receipt.ParseField(ts.Getenv("CODE"))
	ts.Check(err)
	rosters := history{signedRoster(ts)}
	o, err := outbox.Open([]byte(ts.ReadFile(name)), rosters)
	ts.Check(err)
	w := ts.Stdout()
	fmt.Fprintf(w, "outbox %d of %s\n", o.Number, o.Reviewer)
	for _, a := range o.Acks {
		fmt.Fprintf(w, "batch %d\n", a.Sequence)
	}
	for _, sealed := range o.Replies {
		r, err := reply.Open(sealed.Sealed, code.Keys(), rosters)
		ts.Check(err)
		fmt.Fprintf(w, "reply %d by %s: %s %s%v %s\n", r.Number, r.Author.Label, r.Status, r.Forwarded, r.Items, r.Text)
	}
}

// threadNames puts the beginning of the thread's name into $THREAD.
func threadNames(ts *testscript.TestScript, _ bool, _ []string) {
	code, err := receipt.ParseField(ts.Getenv("CODE"))
	ts.Check(err)
	ts.Setenv("THREAD", code.Keys().Mailbox().String()[:6])
	ts.Setenv("ITEM", code.ItemID(0).String())
}

// keygen makes a reviewer's key under no passphrase, copies it and tries the copy,
// as people do. Its arguments are those of saksi-review keygen, -out last.
func keygenAll(ts *testscript.TestScript, _ bool, args []string) {
	out := args[len(args)-1]
	ts.Check(ts.Exec("saksi-review", append([]string{"keygen", "-no-passphrase"}, args...)...))
	ts.Check(os.WriteFile(ts.MkAbs(out+".copy"), []byte(ts.ReadFile(out)), 0o600))
	ts.Check(ts.Exec("saksi-review", "rehearse", "-key", out+".copy", "-out", beside(out, ".card")))
}

// fileMode holds that a file has a mode, such as 0600.
func fileMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode()&fs.ModePerm); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// signingKey puts the signing key of a card into a variable.
func signingKey(ts *testscript.TestScript, _ bool, args []string) {
	card, err := reviewer.ParseCard(ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], card.Line.Key.String())
}

// unheard runs the program with nobody to read what it prints, as after a pager that was
// left, and puts its warnings into a file of this name.
func unheard(ts *testscript.TestScript, _ bool, args []string) {
	closed, out, err := os.Pipe()
	ts.Check(err)
	ts.Check(closed.Close())
	defer out.Close()
	warnings, err := os.Create(ts.MkAbs("unheard"))
	ts.Check(err)
	defer warnings.Close()
	cmd := exec.Command("saksi-review", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), out, warnings
	ts.Check(cmd.Run())
}
