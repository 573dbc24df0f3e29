package desk

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
)

// A thief has files, and secrets of a reviewer and of a reporter. It knows the
// formats, and tries every secret on every file until nothing new comes of it.
type thief struct {
	t          testing.TB
	desk       *hybrid.Identity
	identities map[string]*hybrid.Identity
	blobs      map[string]bool // content, and whether it was searched
	keys       map[string]bool // what may be a case key
	cases      [][2]string     // names and threads, from every index that opened
	tried      map[[2]string]bool
	plain      []string
}

func newThief(t testing.TB, keys *reviewer.Keys, code receipt.Code) *thief {
	t.Helper()
	desk, err := keys.Desk()
	if err != nil {
		t.Fatal(err)
	}
	th := &thief{
		t: t, desk: desk, identities: map[string]*hybrid.Identity{}, blobs: map[string]bool{},
		keys: map[string]bool{}, tried: map[[2]string]bool{},
	}
	for _, id := range append(keys.SlotIdentities(), desk, keys.Weeks(), keys.Direct, code.Keys().Reply) {
		th.identities[id.String()] = id
	}
	return th
}

// take reads all files below folders.
func (th *thief) take(folders ...string) {
	th.t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			th.found(content)
			return err
		})
		if err != nil {
			th.t.Fatal(err)
		}
	}
}

func (th *thief) found(content []byte) {
	if _, known := th.blobs[string(content)]; !known {
		th.blobs[string(content)] = false
	}
	if len(content) == caseFileSize {
		th.keys[string(content)] = true
	}
}

// texts returns the texts of all items that open.
func (th *thief) texts() (texts []string) {
	for th.search() {
	}
	for _, plain := range th.plain {
		r := tar.NewReader(strings.NewReader(plain))
		for h, err := r.Next(); err == nil; h, err = r.Next() {
			if content, _ := io.ReadAll(r); h.Name == "message.txt" {
				texts = append(texts, string(content))
			}
		}
	}
	return texts
}

// search tries everything once, and reports whether something new was found.
func (th *thief) search() bool {
	files, secrets := len(th.blobs), len(th.identities)
	for blob := range th.blobs {
		for name, id := range th.identities {
			if th.tried[[2]string{name, blob}] {
				continue
			}
			th.tried[[2]string{name, blob}] = true
			th.open([]byte(blob), id)
		}
	}
	for key := range th.keys {
		for _, c := range th.cases {
			id, err := caseIdentity(th.desk, c[0], c[1], []byte(key))
			if err != nil {
				th.t.Fatal(err)
			}
			th.identities[id.String()] = id
		}
	}
	return len(th.blobs) > files || len(th.identities) > secrets
}

var secretPattern = regexp.MustCompile(`AGE-SECRET-KEY-PQ-1[A-Z0-9]+`)

// open opens an age file and looks at what is in it.
func (th *thief) open(blob []byte, id *hybrid.Identity) {
	r, err := hybrid.Open(bytes.NewReader(blob), id)
	if err != nil {
		return
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return
	}
	th.plain = append(th.plain, string(plain))
	th.found(plain)
	for _, text := range secretPattern.FindAllString(string(plain), -1) {
		if id, err := hybrid.ParseIdentity(text); err == nil {
			th.identities[text] = id
		}
	}
	x := &index{}
	if json.Unmarshal(plain, x) == nil {
		th.learn(x)
	}
}

// learn takes what an index knows.
func (th *thief) learn(x *index) {
	for _, t := range x.Threads {
		th.cases = append(th.cases, [2]string{t.Case, t.Mailbox})
		for _, i := range t.Items {
			th.found(i.Secret)
		}
	}
}
