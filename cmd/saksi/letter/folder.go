package letter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/web/evidence"
)

// TextName is the file that has the testimony, if there are several texts.
const TextName = "kesaksian.txt"

// Errors of a folder.
var (
	// ErrNoText is returned when a folder has no testimony, or several texts of
	// which none has its name.
	ErrNoText = errors.New("the folder has no " + TextName + ", nor one text alone")
	// ErrNotAFile is returned when a folder has something else than files.
	ErrNotAFile = errors.New("not a file: a folder, a link or a device cannot be sent")
	// ErrTooMany is returned when a folder has more files than a code has numbers.
	ErrTooMany = errors.New("the folder has too many files")
	// ErrPicture is returned for a picture that is damaged, or not understood: what
	// it tells cannot be taken off.
	ErrPicture = errors.New("the picture is damaged, or not understood")
)

// A Folder is what is to be sent: it was looked at, and stays as it is.
type Folder struct {
	Text  string
	Files []File // by name
}

// A File is one attachment.
type File struct {
	Name    string // as it stands in the folder
	Size    int64
	Finding evidence.Finding
	// Strip is whether what it tells about is taken off before it is sealed.
	Strip bool
	// Stays is what the picture tells all the same once that was taken off.
	Stays []evidence.Reveal
	path  string
}

// Read reads a folder: its text, and what its other files tell. A picture that can be
// stripped will be, unless keep is set. It returns the errors of this file,
// [item.ErrEmpty], [item.ErrTooLong] or [item.ErrNotText].
func Read(dir string, keep bool) (*Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the folder: %w", err)
	}
	text, err := textOf(entries)
	if err != nil {
		return nil, fmt.Errorf("reading the folder: %w", err)
	}
	if len(entries) > receipt.MaxItems {
		return nil, fmt.Errorf("reading the folder: %w", ErrTooMany)
	}
	f := &Folder{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			return nil, fmt.Errorf("reading the folder: %q: %w", entry.Name(), ErrNotAFile)
		}
		path := filepath.Join(dir, entry.Name())
		if entry.Name() == text {
			if f.Text, err = readText(path); err != nil {
				return nil, fmt.Errorf("reading %q: %w", text, err)
			}
			continue
		}
		file, err := look(path, entry.Name(), keep)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", entry.Name(), err)
		}
		f.Files = append(f.Files, file)
	}
	return f, nil
}

// textOf returns the name of the testimony.
func textOf(entries []fs.DirEntry) (string, error) {
	var texts []string
	for _, entry := range entries {
		if strings.EqualFold(filepath.Ext(entry.Name()), ".txt") {
			texts = append(texts, entry.Name())
		}
	}
	switch {
	case slices.Contains(texts, TextName):
		return TextName, nil
	case len(texts) == 1:
		return texts[0], nil
	}
	return "", ErrNoText
}

// readText reads the testimony, and holds it to what the form takes.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	const mark = "\ufeff" // of editors that say so that it is UTF-8
	b, err := io.ReadAll(io.LimitReader(f, item.MaxText+int64(len(mark))+1))
	if err != nil {
		return "", err
	}
	text := strings.TrimPrefix(string(b), mark)
	return text, item.CheckText(text)
}

// look looks at a file.
func look(path, name string, keep bool) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	file := File{Name: name, Size: info.Size(), path: path}
	switch {
	case file.Size == 0:
		return File{}, item.ErrEmpty
	case file.Size > item.MaxFile:
		return File{}, item.ErrTooLong
	}
	file.Finding = evidence.Inspect(f, file.Size, name)
	file.Strip = file.Finding.Strippable && !keep
	if file.Strip {
		clean, err := file.stripped()
		if err != nil {
			return File{}, err
		}
		file.Stays = evidence.InspectBytes(clean, name).Reveals
	}
	return file, nil
}

// stripped returns a picture without what it tells about.
func (f File) stripped() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, evidence.MaxPicture+1))
	if err != nil {
		return nil, err
	}
	if len(b) > evidence.MaxPicture {
		return nil, ErrPicture
	}
	clean, _, err := evidence.Strip(b)
	if err != nil {
		return nil, ErrPicture
	}
	return clean, nil
}

// open returns the content as it is sealed, and its size.
func (f File) open() (io.ReadCloser, int64, error) {
	if f.Strip {
		clean, err := f.stripped()
		return io.NopCloser(bytes.NewReader(clean)), int64(len(clean)), err
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	return file, f.Size, nil
}
