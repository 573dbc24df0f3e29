package desk

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"saksi/crypto/item"
	"saksi/web/evidence"
)

// Tells is what the files of an item tell beside what they show, by their path: what may
// point to the reporter. Values are hostile until cleaned. It is for the desk's own eyes;
// nothing of it goes on a sheet by itself.
type Tells map[string]evidence.Finding

// maxLook is how much of an item is held in memory to look into it, in bytes.
const maxLook = evidence.MaxPicture

// Look says what an item's attachments tell. Large ones, and age files, are in no answer:
// [Desk.Extract] looks into those.
func (d *Desk) Look(ctx context.Context, i *Item) (Tells, error) {
	tells := Tells{}
	if i.Kind != item.Attachment || i.Size > 2*maxLook {
		return tells, nil
	}
	known := map[string]Attachment{}
	for _, a := range i.Attachments {
		known[a.Path] = a
	}
	_, err := d.openItem(ctx, i, func(int) {}, func(f item.File, content io.Reader) error {
		if a := known[f.Path]; a.Sealed != "" || a.Size > maxLook {
			return nil
		}
		b, err := io.ReadAll(io.LimitReader(content, maxLook))
		tells[f.Path] = evidence.InspectBytes(b, f.Path)
		return err
	})
	if err != nil {
		return nil, err // what was found in a file that does not verify is worth nothing
	}
	return tells, nil
}

// look says what the files tell that were extracted.
func (x *extraction) look() (Tells, error) {
	tells := Tells{}
	if x.item.Kind != item.Attachment {
		return tells, nil
	}
	for _, path := range x.files {
		finding, err := inspect(path)
		if err != nil {
			return nil, err
		}
		tells[filepath.ToSlash(strings.TrimPrefix(path, x.dir+string(filepath.Separator)))] = finding
	}
	return tells, nil
}

func inspect(path string) (evidence.Finding, error) {
	f, err := os.Open(path)
	if err != nil {
		return evidence.Finding{}, fmt.Errorf("extracting: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return evidence.Finding{}, fmt.Errorf("extracting: %w", err)
	}
	return evidence.Inspect(f, info.Size(), path), nil
}
