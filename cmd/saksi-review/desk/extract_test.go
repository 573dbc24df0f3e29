package desk

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

// tree returns the content of all files below a folder, by their path.
func tree(t testing.TB, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 || !e.IsDir() && !info.Mode().IsRegular() {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		if e.IsDir() {
			return nil
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (d *table) extract(items []*Item) map[string]string {
	d.t.Helper()
	dir := filepath.Join(d.t.TempDir(), "hasil")
	if _, err := d.Extract(context.Background(), items, dir+"/"); err != nil {
		d.t.Fatal(err)
	}
	if _, err := os.Stat(dir + ".part"); !errors.Is(err, fs.ErrNotExist) {
		d.t.Errorf("the folder of the work is left: %v", err)
	}
	return tree(d.t, dir)
}

func TestExtract(t *testing.T) {
	s := newDrop(t, 2)
	code := receipt.New()
	picture := strings.Repeat("gambar", 50_000)
	s.close(
		s.seal(code, 0, item.Content{Kind: item.Testimony, Text: marker + "\n", Form: item.Form{Answers: map[string][]string{"tempat": {"73.02"}}}}),
		s.seal(code, 1, file(picture, "../../\u202egpj.JPG")), s.message(code, 7, marker+" lagi"))
	d := s.sit(1)
	d.take(s.bundle(1, 1))
	got := d.extract(d.Threads()[0].Items)
	form := "{\n  \"format\": \"saksi/v1/testimony\",\n  \"answers\": {\n    \"tempat\": [\n      \"73.02\"\n    ]\n  }\n}\n"
	want := map[string]string{
		"000/testimony.txt": marker + "\n", "000/testimony.json": form,
		"001/attachments/001.jpg": picture, "007/message.txt": marker + " lagi",
	}
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s is %.40q, want %.40q", name, got[name], content)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d files, want %d", len(got), len(want))
	}
	if a := d.Threads()[0].Items[1].Attachments[0]; a.Original != "../../\u202egpj.JPG" || a.Size != int64(len(picture)) {
		t.Errorf("attachment is %+v", a)
	}
	d.check()
}

// TestFilesSealedBeforehand: only the direct identity opens what a reporter
// attached, and only one layer of it. A slot sent as an attachment, a
// colleague's or one's own, stays shut: the desk is no oracle.
func TestFilesSealedBeforehand(t *testing.T) {
	s := newDrop(t, 2)
	own, colleague := s.Reviewers[0], s.Reviewers[1]
	direct := sealed(t, marker+" isi", own.Direct)
	victim := s.message(receipt.New(), 0, marker)
	var slot []byte
	for path, content := range victim {
		if strings.HasSuffix(path, "slots/001.age") {
			slot = content
		}
	}
	for name, test := range map[string]struct {
		content string
		sealed  Sealed
		opened  string
	}{
		"to the desk":    {string(direct), SealedToDesk, marker + " isi"},
		"with armor":     {armored(direct), SealedToDesk, marker + " isi"},
		"twice":          {string(sealed(t, string(direct), own.Direct)), SealedToDesk, string(direct)},
		"to a colleague": {string(sealed(t, marker, colleague.Direct)), SealedToOther, ""},
		"to the slots":   {string(sealed(t, marker, own.SlotIdentities()[0])), SealedToOther, ""},
		"a slot":         {string(slot), SealedToOther, ""},
		"broken off":     {string(direct[:len(direct)-1]), SealedToDesk, ""},
		"header alone":   {"age-encryption.org/v1\n", SealedToOther, ""},
		"not age":        {"age-encryption.org/v2\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			served := *s
			served.t, served.batches = t, nil
			served.close(served.seal(receipt.New(), 0, file(test.content, "foto.jpg.AGE")))
			d := served.sit(0)
			d.take(served.bundle(1, 1))
			i := d.Threads()[0].Items[0]
			if i.Attachments[0].Sealed != test.sealed {
				t.Errorf("shown as %q, want %q", i.Attachments[0].Sealed, test.sealed)
			}
			got := d.extract([]*Item{i})
			opened, ok := got["000/attachments/001.opened"]
			if got["000/attachments/001.age"] != test.content || opened != test.opened || ok != (test.opened != "") {
				t.Errorf("got %d files, opened is %.40q, want %.40q", len(got), opened, test.opened)
			}
		})
	}
}

func sealed(t testing.TB, plain string, to *hybrid.Identity) []byte {
	t.Helper()
	b, err := hybrid.SealBytes([]byte(plain), to.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// armored writes a file as age -a does.
func armored(b []byte) string {
	text := "-----BEGIN AGE ENCRYPTED FILE-----\n"
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(b)), 64) {
		text += string(line) + "\n"
	}
	return text + "-----END AGE ENCRYPTED FILE-----\n"
}

// TestFailedExtractLeavesNothing: not of the item that failed, nor of those
// before it.
func TestFailedExtractLeavesNothing(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.seal(code, 1, file(strings.Repeat(marker, 100_000), "x.pdf")))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	base := t.TempDir()
	path := d.path("items", code.ItemID(1).String(), "payload.age")
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(ctx context.Context, want error) {
		t.Helper()
		if _, err := d.Extract(ctx, d.Threads()[0].Items, filepath.Join(base, "hasil")); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if left, _ := os.ReadDir(base); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if err := os.WriteFile(path, was[:len(was)-10], fileMode); err != nil {
		t.Fatal(err)
	}
	try(context.Background(), ErrDamaged)
	if err := os.WriteFile(path, was, fileMode); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.progress = func(_ string, done, _ int64) {
		if done > 100_000 {
			cancel()
		}
	}
	try(ctx, context.Canceled)
}

func TestExtractOverwritesNothing(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	base := t.TempDir()
	for taken, want := range map[string]error{"hasil": fs.ErrExist, "lain.part": ErrLeft} {
		if err := os.Mkdir(filepath.Join(base, taken), folderMode); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(base, strings.TrimSuffix(taken, ".part"))
		if _, err := d.Extract(context.Background(), d.Threads()[0].Items, dir); !errors.Is(err, want) {
			t.Errorf("%s is there: %v, want %v", taken, err, want)
		}
		if _, err := os.Stat(filepath.Join(base, taken)); err != nil {
			t.Errorf("%s is gone: %v", taken, err)
		}
	}
}

// TestHostileExtensionsStayOut: an extension is all that a name gives to a
// file, and never one that has a meaning to the desk.
func TestHostileExtensionsStayOut(t *testing.T) {
	s := newDrop(t, 1)
	for i, name := range []string{"x.opened", "x./../../y", "x.part", ".age", "x.\x1b[2J", "con"} {
		code := receipt.New()
		sealed := s.seal(code, 0, file("x", name))
		s.batches = nil
		s.close(sealed)
		d := s.sit(0)
		d.take(s.bundle(1, 1))
		for path := range d.extract(d.Threads()[0].Items) {
			if p := strings.TrimPrefix(path, "000/attachments/001."); strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") != "" || len(p) > 5 {
				t.Errorf("name %d gives path %q", i, path)
			}
		}
	}
}

// TestPlaintextThatCannotBeTakenBackIsNamed: a stick that failed takes no removing any more.
func TestPlaintextThatCannotBeTakenBackIsNamed(t *testing.T) {
	const left = "/proc/self/comm" // which nobody removes
	full := errors.New("no space left")
	if err := takeBack(full, left); !errors.Is(err, full) || !errors.Is(err, ErrLeft) || !strings.Contains(err.Error(), left) {
		t.Errorf("of what is left it is said: %v", err)
	}
	if err := takeBack(full, filepath.Join(t.TempDir(), "gone")); err != full {
		t.Errorf("of what is gone it is said: %v", err)
	}
}
