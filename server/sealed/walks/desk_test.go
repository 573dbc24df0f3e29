package walks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"saksi/cmd/saksi-review/desk"
)

// stockAge builds age as its author wrote it, once.
var stockAge = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "saksi-age-")
	if err != nil {
		return "", err
	}
	age := filepath.Join(dir, "age")
	return age, exec.Command("go", "build", "-o", age, "filippo.io/age/cmd/age").Run()
})

// TestMain gives the tests, with the servers and the desks in them, a folder for temporary
// files of their own: nothing stays in it.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	temporary, err := os.MkdirTemp("", "saksi-walks-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(temporary)
	os.Setenv("TMPDIR", temporary)
	code := m.Run()
	if age, err := stockAge(); err == nil {
		os.RemoveAll(filepath.Dir(age))
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the folder for temporary files has %v, %v\n", left, err)
		return 1
	}
	return code
}

// opened closes a batch, takes the bundle to a reviewer's desk, and returns its
// folder and the thread of the words with its texts.
func (w *walk) opened() (folder string, thread *desk.Thread, texts []string) {
	w.t.Helper()
	_, err := w.d.Inbox.Close()
	w.must(err)
	var bundle bytes.Buffer
	damaged, err := w.d.Inbox.Bundle(&bundle)
	if err != nil || len(damaged) > 0 {
		w.t.Fatalf("bundle: %v, damaged %v", err, damaged)
	}
	folder = filepath.Join(w.t.TempDir(), "meja")
	table, err := desk.Open(desk.Config{
		Folder: folder, Keys: w.d.Reviewers[0], Create: true, Now: w.d.Inbox.Now,
	})
	w.must(err)
	w.t.Cleanup(func() { table.Close() })
	_, err = table.Import(context.Background(), bytes.NewReader(bundle.Bytes()), int64(bundle.Len()), w.d.Trusted)
	w.must(err)
	thread, err = table.Thread(w.code().Keys().Mailbox().String())
	w.must(err)
	if apart := table.Apart(); len(apart) > 0 {
		w.t.Errorf("the desk puts apart %+v", apart)
	}
	pages, err := table.Read(context.Background(), thread)
	w.must(err)
	for _, p := range pages {
		texts = append(texts, p.Text)
	}
	return folder, thread, texts
}

// reachesReviewers holds that a reviewer reads the texts and gets the file, on the desk
// and with stock age and tar alone.
func (w *walk) reachesReviewers(file []byte, texts ...string) {
	w.t.Helper()
	folder, thread, got := w.opened()
	for _, text := range texts {
		if !slices.Contains(got, text) {
			w.t.Errorf("the desk reads %q, and not %q", got, text)
		}
	}
	sum := sha256.Sum256(file)
	found := 0
	for _, i := range thread.Items {
		for _, a := range i.Attachments {
			found++
			if a.Hash != hex.EncodeToString(sum[:]) || a.Size != int64(len(file)) || a.Original != "" {
				w.t.Errorf("the file has %d bytes, hash %s, name %q", a.Size, a.Hash, a.Original)
			}
			w.byHand(filepath.Join(folder, "items", i.ID), a.Path, file)
		}
	}
	if found != 1 {
		w.t.Errorf("the desk has %d files", found)
	}
}

// byHand opens an item as a person does who has age and tar.
func (w *walk) byHand(folder, path string, file []byte) {
	w.t.Helper()
	age, err := stockAge()
	w.must(err)
	dir := w.t.TempDir()
	run := func(stdin []byte, program string, args ...string) []byte {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
		var complaint strings.Builder
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			w.t.Fatalf("%s: %v: %s", program, err, complaint.String())
		}
		return out
	}
	w.must(os.WriteFile(filepath.Join(dir, "weeks"), []byte(w.d.Reviewers[0].SlotIdentities()[0].String()+"\n"), 0o600))
	e := run(nil, age, "-d", "-i", "weeks", filepath.Join(folder, "slots", "001.age"))
	w.must(os.WriteFile(filepath.Join(dir, "e.key"), append(e, '\n'), 0o600))
	run(nil, age, "-d", "-i", "e.key", "-o", "item.tar", filepath.Join(folder, "payload.age"))
	if got := run(nil, "tar", "-xOf", "item.tar", path); !bytes.Equal(got, file) {
		w.t.Errorf("by hand the file has %d bytes, and not these %d", len(got), len(file))
	}
}
