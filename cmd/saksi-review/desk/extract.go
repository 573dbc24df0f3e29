package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
)

// An Extracted item has its files in a folder of its number.
type Extracted struct {
	*Item
	Files  []string          // below the folder that was asked for
	Tells  Tells             // of attachments, by their path in the item's folder
	Copies map[string]string // as those of a [Page]
}

// ErrLeft is returned when an extract to the same folder was killed before its end.
var ErrLeft = errors.New("an extract that broke off left plaintext there")

// Extract writes items in plaintext to dir, which must not be there yet: it
// appears when every item was verified to its end. Until then the files are in
// dir with ".part" behind its name, which goes away on an error; where it is there
// already, the error is [ErrLeft].
//
// Names of files are neutral. Nothing that a reporter chose is in them but
// letters and digits of an extension.
func (d *Desk) Extract(ctx context.Context, items []*Item, dir string) ([]Extracted, error) {
	if len(items) == 0 {
		return nil, fmt.Errorf("extracting: %w", ErrClosed)
	}
	dir = filepath.Clean(dir)
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("extracting to %q: %w", dir, fs.ErrExist)
	}
	part := dir + ".part"
	if err := os.Mkdir(part, folderMode); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("extracting to %q: %w", part, ErrLeft)
	} else if err != nil {
		return nil, fmt.Errorf("extracting: %w", err)
	}
	var total int64
	for _, i := range items {
		total += i.Size
	}
	count := d.counter("extracting", total)
	var extracted []Extracted
	same := d.index.holders()
	for _, i := range items {
		x := &extraction{desk: d, item: i, dir: filepath.Join(part, fmt.Sprintf("%03d", i.N)), count: count}
		if err := x.run(ctx); err != nil {
			return nil, takeBack(err, part)
		}
		extracted = append(extracted, Extracted{i, x.relative(part), x.tells, same.copies(i)})
	}
	if err := os.Rename(part, dir); err != nil {
		return nil, takeBack(fmt.Errorf("extracting: %w", err), part)
	}
	return extracted, nil
}

// takeBack removes the plaintext that was written before err. A stick that turns read-only
// when it fails keeps it: that is [ErrLeft].
func takeBack(err error, part string) error {
	if left := os.RemoveAll(part); left != nil {
		return fmt.Errorf("%w; and %w: %w", err, ErrLeft, left)
	}
	return err
}

// An extraction is that of one item.
type extraction struct {
	desk  *Desk
	item  *Item
	dir   string
	count func(int)
	files []string
	tells Tells
}

func (x *extraction) run(ctx context.Context) error {
	if err := os.Mkdir(x.dir, folderMode); err != nil {
		return fmt.Errorf("extracting: %w", err)
	}
	opened, err := x.desk.openItem(ctx, x.item, x.count, func(f item.File, content io.Reader) error {
		return x.write(f.Path, content)
	})
	if err != nil {
		return err
	}
	if err := x.writeTexts(opened); err != nil {
		return err
	}
	for _, a := range x.item.Attachments {
		if a.Sealed == SealedToDesk {
			if err := x.unwrap(ctx, a.Path); err != nil {
				return err
			}
		}
	}
	x.tells, err = x.look()
	return err
}

// write makes one file. Its name is the desk's own, or one that item.Open
// found to be neutral.
func (x *extraction) write(name string, content io.Reader) error {
	path := filepath.Join(x.dir, filepath.FromSlash(name))
	if err := writeFile(path, content); err != nil {
		return fmt.Errorf("extracting: %w", err)
	}
	x.files = append(x.files, path)
	return nil
}

func (x *extraction) writeTexts(o *item.Opened) error {
	switch x.item.Kind {
	case item.Testimony:
		form, err := json.MarshalIndent(o.Form, "", "  ")
		if err != nil {
			return fmt.Errorf("extracting: %v", err)
		}
		return errors.Join(
			x.write("testimony.json", strings.NewReader(string(form)+"\n")),
			x.write("testimony.txt", strings.NewReader(o.Text)))
	case item.Message:
		return x.write("message.txt", strings.NewReader(o.Text))
	}
	return nil
}

// unwrap opens an attachment that the reporter sealed to this reviewer
// beforehand, beside the original. Only the direct identity is tried, and only
// once: what is inside is not opened again. A file that breaks off stays as it
// came.
func (x *extraction) unwrap(ctx context.Context, name string) error {
	f, err := os.Open(filepath.Join(x.dir, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("extracting: %w", err)
	}
	defer f.Close()
	in := &meter{ctx: ctx, r: f, count: func(int) {}}
	plain, sealed, err := hybrid.Unwrap(in, x.desk.keys.Direct)
	if err != nil || !sealed {
		return in.err
	}
	source := &meter{ctx: ctx, r: plain, count: func(int) {}}
	opened := strings.TrimSuffix(name, filepath.Ext(name)) + ".opened"
	err = x.write(opened, source)
	if err != nil && source.err != nil && in.err == nil && ctx.Err() == nil {
		return os.Remove(filepath.Join(x.dir, filepath.FromSlash(opened)))
	}
	return err
}

// relative returns the files by their path below a folder.
func (x *extraction) relative(base string) []string {
	names := make([]string, len(x.files))
	for i, path := range x.files {
		names[i] = filepath.ToSlash(strings.TrimPrefix(path, base+string(filepath.Separator)))
	}
	return names
}
