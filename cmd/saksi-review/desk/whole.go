package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"saksi/crypto/batch"
	"saksi/crypto/roster"
)

// isWhole reports whether the files of an item that lies on the desk are those that
// came, and says so in the report if they are not.
func (im *importer) isWhole(ctx context.Context, p *parcel) (bool, error) {
	l, folder := listing{parcelKey: p.parcelKey}, im.folderOf(p)
	members := []batch.Path{{Kind: batch.Payload, Sequence: p.roster, ID: p.id}}
	for n := range p.slots {
		members = append(members, batch.Path{Kind: batch.Slot, Sequence: p.roster, ID: p.id, Slot: n})
	}
	top := filepath.Dir(members[0].String())
	for _, m := range members {
		hash, err := hashFile(ctx, filepath.Join(folder, strings.TrimPrefix(m.String(), top)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("opening item %s: %w", p.id, err)
		}
		l.lines = append(l.lines, line{m, hash})
	}
	if l.digest() == p.digest {
		return true, nil
	}
	im.warn("item %s may open now, and its files on this desk are not those that came: put back the folder %q, from a "+
		"copy of the desk, or from %s in a bundle that has batch %d; then do this again", p.id, folder, top, p.batch.Sequence)
	return false, nil
}

// hashFile returns the SHA-256 of a file.
func hashFile(ctx context.Context, path string) (roster.Hash, error) {
	f, err := os.Open(path)
	if err != nil {
		return roster.Hash{}, err
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, &meter{ctx: ctx, r: f, count: func(int) {}})
	return roster.Hash(hash.Sum(nil)), err
}
