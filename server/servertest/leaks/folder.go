package leaks

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// walk searches what is kept, and holds the times of what a server keeps against their
// weeks. Of folders, links and sockets it searches the names.
func (s *Secrets) walk(
	root string, keeps func(name string) (kept, store string),
) (wrong []string, files int, err error) {
	wrong = s.tooShort()
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in := filepath.Join(name, "x") // a folder is in itself
		if !d.IsDir() {
			in = name
		}
		kept, store := keeps(in)
		if kept != "" {
			wrong = append(wrong, s.findInName(kept, name)...)
			wrong = append(wrong, oddTime(kept, name, store, d)...)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil || kept == "" && !carried(name, content) {
			return err
		}
		files++
		wrong = append(wrong, s.FindTimeless(name, append(content, name...))...)
		if !forOperators(kept, name) {
			wrong = append(wrong, s.FindTimes(name, content)...)
			wrong = append(wrong, oddMembers(name, content)...)
		}
		return err
	})
	return wrong, files, err
}

// findInName is Find in the name of what is kept, and in what a link points to.
func (s *Secrets) findInName(kept, name string) []string {
	inside, err := filepath.Rel(kept, name)
	if err != nil {
		inside = name
	}
	target, _ := os.Readlink(name) // nothing but a link has one
	return s.Find("the name "+name, []byte(inside+"\n"+target))
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

// oddTime holds that the times of a store's files and folders are no finer than a week.
// Beside it is what its operator writes, or the server by the clock, and nobody's visit
// does: see package folder. What nobody knows there must not tell when it came.
func oddTime(kept, name, store string, d fs.DirEntry) []string {
	inside, err := filepath.Rel(kept, name)
	first, _, _ := strings.Cut(inside, string(filepath.Separator))
	ours := []string{
		".", "FORMAT", "server.key", "server.vkey", "root.vkey", "next", "saksi.sock", "tor", "health.json", "couriers",
		"taxonomy.json", "instance.json",
	}
	if store == "" || err == nil && kept != store && slices.Contains(ours, first) {
		return nil
	}
	info, err := d.Info()
	if err == nil && info.ModTime().Equal(week.Of(info.ModTime()).Monday()) {
		return nil
	}
	return []string{fmt.Sprintf("%s was modified %v: %v", name, info.ModTime(), err)}
}

// oddMembers holds that the times inside a bundle are no finer than a week.
func oddMembers(name string, content []byte) (wrong []string) {
	if filepath.Ext(name) != ".tar" && filepath.Ext(name) != ".part" {
		return nil
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
