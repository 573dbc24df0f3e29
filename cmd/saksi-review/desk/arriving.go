package desk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"saksi/crypto/receipt"
)

// arrivingFile is on the desk while an import moves what it brought.
const arrivingFile = "arriving.age"

// An arriving is what an import is about to move to where no folder was before. Killed
// before the index names it, it would lie there for good: its reporter deletes it, so it
// comes in no other bundle, and no case that is closed has it. That the index does not
// name a folder is no reason to destroy it: the index can be an older copy, or begun anew
// where one was lost. That this import made the folder, and the index is the same to the
// byte as when it began, is one.
// The same holds for case keys: one of an import that was killed has an index among the
// free blocks of the disk, perhaps, and one that a newer index names is all that opens
// its case.
type arriving struct {
	Index string   `json:"index"` // SHA-256 of index.age; empty where there was none
	Items []string `json:"items,omitempty"`
	Apart []string `json:"apart,omitempty"`
	Cases []string `json:"cases,omitempty"` // names of new case keys
}

// announce notes what the import is about to move, and the case keys that it makes.
func (im *importer) announce() error {
	d, a := im.desk, arriving{}
	for _, k := range im.newCases() {
		a.Cases = append(a.Cases, k.name)
	}
	for _, m := range im.moves {
		id := m.parcel.id.String()
		if m.parcel.kept || m.parcel.apart || d.stands(filepath.Join(m.folder, id)) {
			continue
		}
		if m.folder == "items" {
			a.Items = append(a.Items, id)
		} else {
			a.Apart = append(a.Apart, id)
		}
	}
	if len(a.Items)+len(a.Apart)+len(a.Cases) == 0 {
		return nil
	}
	var err error
	if a.Index, err = d.indexHash(); err != nil {
		return err
	}
	return d.writeSealed(d.path(arrivingFile), a.format())
}

func (a arriving) format() []byte {
	note, err := json.Marshal(a)
	if err != nil {
		panic("desk: internal error: " + err.Error())
	}
	return note
}

// parseArriving reads what format wrote: what it names is destroyed.
func parseArriving(note []byte) (a arriving, err error) {
	if json.Unmarshal(note, &a) != nil {
		return a, errors.New("parsing what arrives: no JSON of the right form")
	}
	for _, id := range slices.Concat(a.Items, a.Apart) {
		if _, err := receipt.ParseItemID(id); err != nil {
			return a, fmt.Errorf("parsing what arrives: %w", err)
		}
	}
	for _, name := range a.Cases {
		if !validCase(name) {
			return a, errors.New("parsing what arrives: a case without a name")
		}
	}
	if !bytes.Equal(a.format(), note) {
		return a, errors.New("parsing what arrives: not in the one canonical spelling")
	}
	return a, nil
}

// arrived takes the note back: the index names what it names.
func (d *Desk) arrived() error {
	if !d.stands(arrivingFile) {
		return nil
	}
	return removeIn(d.folder, arrivingFile)
}

// indexHash returns the SHA-256 of index.age as it is on the disk, or nothing.
func (d *Desk) indexHash() (string, error) {
	f, err := os.Open(d.path(indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// sweepArriving destroys what an import had moved, and its case keys, when it was killed, or
// failed, before it wrote the index. A note that does not read is left, and so is what it may name.
func (d *Desk) sweepArriving() error {
	note, err := d.readSealed(d.path(arrivingFile))
	if err != nil {
		return nil
	}
	a, err := parseArriving(note)
	if err != nil {
		return nil
	}
	now, err := d.indexHash()
	if err != nil {
		return fmt.Errorf("removing an interrupted import: %w", err)
	}
	if now == a.Index {
		err = errors.Join(d.sweepCases(a.Cases), d.sweepItems("items", a.Items), d.sweepItems("apart", a.Apart))
	}
	if err == nil {
		err = d.arrived()
	}
	if err != nil {
		return fmt.Errorf("removing an interrupted import: %w", err)
	}
	return nil
}

// sweepCases overwrites case keys that the index does not need, and removes them.
func (d *Desk) sweepCases(names []string) error {
	needed := d.index.cases()
	var files []string
	for _, name := range names {
		if !needed[name] {
			files = append(files, name+".key")
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := d.wipeCases(files); err != nil {
		return err
	}
	return removeIn(d.path("cases"), files...)
}

// sweepItems overwrites the slots of items in a folder, and removes their files.
func (d *Desk) sweepItems(within string, items []string) error {
	known := d.index.known()
	items = slices.DeleteFunc(items, func(id string) bool {
		return known[id] != "" || !d.stands(filepath.Join(within, id))
	})
	if len(items) == 0 {
		return nil
	}
	if err := d.wipeSlots(within, items); err != nil {
		return err
	}
	return removeIn(d.path(within), items...)
}

// unnamed returns the folders of items that the index does not name.
func (d *Desk) unnamed() (paths []string, err error) {
	named := d.index.known()
	for _, a := range d.index.Apart {
		named[a.ID] = a.Digest
	}
	for _, c := range d.index.Closing {
		for _, id := range slices.Concat(c.Items, c.Apart) {
			named[id] = c.Case
		}
	}
	for _, within := range []string{"items", "apart"} {
		entries, err := os.ReadDir(d.path(within))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			if _, err := receipt.ParseItemID(entry.Name()); err == nil && named[entry.Name()] == "" {
				paths = append(paths, d.path(within, entry.Name()))
			}
		}
	}
	return paths, nil
}

// warnOfUnnamed says that there are some. They are left: only the reviewer can know
// whether there is another index, which names them.
func (im *importer) warnOfUnnamed() error {
	paths, err := im.desk.unnamed()
	if err != nil {
		return fmt.Errorf("looking for items that the index does not name: %w", err)
	}
	if len(paths) > 0 {
		im.warn("folders of items that the index of this desk does not name: %d, the first is %q. Keep them: this is "+
			"an older copy of the desk, or of its index.age. Look for the newer one, and use that: nothing else opens "+
			"them, and what was confirmed comes in no other bundle", len(paths), paths[0])
	}
	return nil
}
