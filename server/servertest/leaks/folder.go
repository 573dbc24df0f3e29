package leaks

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"saksi/crypto/week"
)

// Search looks through everything that a server or a desk keeps below a folder, and
// through what is carried between them: bundles, also half of one, outboxes, passes,
// shares, carried files.
func (s *Secrets) Search(root string) (wrong []string, files int, err error) {
	return s.walk(root, func(name string) (kept, store string) {
		kept = keptFolder(filepath.Dir(name), root)
		_, err := os.Stat(filepath.Join(kept, "root.vkey"))
		if kept != "" && err == nil { // nobody comes before the first roster
			store = filepath.Join(kept, "store")
		}
		return kept, store
	})
}

// SearchStore looks through a store's own folder.
func (s *Secrets) SearchStore(dir string) (wrong []string, files int, err error) {
	return s.walk(dir, func(string) (kept, store string) { return dir, dir })
}

// walk searches what is kept, and holds the times of a store's files against their weeks.
func (s *Secrets) walk(
	root string, keeps func(name string) (kept, store string),
) (wrong []string, files int, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		kept, store := keeps(name)
		if err != nil || kept == "" && !carried(name, content) {
			return err
		}
		files++
		wrong = append(wrong, s.FindTimeless(name, append(content, name...))...)
		if !forOperators(kept, name) {
			wrong = append(wrong, s.FindTimes(name, content)...)
			wrong = append(wrong, oddTimes(name, store, d, content)...)
		}
		return err
	})
	return wrong, files, err
}

// forOperators are the files of a data folder that say when they were written, and what
// tor keeps for itself.
func forOperators(kept, name string) bool {
	inside, err := filepath.Rel(kept, name)
	return err == nil && (inside == "health.json" || strings.HasPrefix(inside, "tor"+string(filepath.Separator)))
}

// carried reports whether a file goes from one place to another: by its name, or by the
// label that it begins with.
func carried(name string, content []byte) bool {
	switch filepath.Ext(name) {
	case ".tar", ".outbox", ".part", ".pass", ".share":
		return true
	}
	return bytes.HasPrefix(content, []byte("saksi/v1/carry\n")) || bytes.HasPrefix(content, []byte("saksi/v1/share\n"))
}

// keptFolder returns the data folder or desk that a folder is in, or "".
func keptFolder(dir, root string) string {
	for ; strings.HasPrefix(dir, root); dir = filepath.Dir(dir) {
		for _, format := range []string{"server.vkey", "index.age"} {
			if _, err := os.Stat(filepath.Join(dir, format)); err == nil {
				return dir
			}
		}
	}
	return ""
}

// oddTimes holds that the times of a store's files, and those inside a bundle,
// are no finer than a week.
func oddTimes(name, store string, d fs.DirEntry, content []byte) (wrong []string) {
	if store != "" && strings.HasPrefix(name, store) {
		info, err := d.Info()
		if err != nil || !info.ModTime().Equal(week.Of(info.ModTime()).Monday()) {
			wrong = append(wrong, fmt.Sprintf("%s was modified %v: %v", name, info.ModTime(), err))
		}
	}
	if filepath.Ext(name) != ".tar" && filepath.Ext(name) != ".part" {
		return wrong
	}
	for members := tar.NewReader(bytes.NewReader(content)); ; {
		head, err := members.Next()
		if err == io.EOF {
			return wrong
		}
		if err != nil {
			return wrong // it is cut
		}
		if !head.ModTime.Equal(time.Unix(0, 0)) && !head.ModTime.Equal(week.Of(head.ModTime).Monday()) {
			wrong = append(wrong, fmt.Sprintf("%s: %s is of %v", name, head.Name, head.ModTime))
		}
	}
}
