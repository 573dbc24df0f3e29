package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"saksi/web"
	"saksi/web/taxonomy"
)

// Files that an operator may lay into the data folder; none is needed.
const (
	taxonomyName = "taxonomy.json" // other questions
	instanceName = "instance.json" // the drop's own name and words
)

// ErrSite is returned by Site for a file of the operator's that cannot be used.
var ErrSite = errors.New("the operator's file cannot be used")

// Site reads what the operator chose. It returns an error that wraps [ErrSite] and
// names the file and what is wrong in it.
func Site(dir string) (web.Site, error) {
	var site web.Site
	err := errors.Join(
		read(dir, taxonomyName, taxonomy.MaxFile, func(data []byte) (err error) {
			site.Taxonomy, err = taxonomy.Parse(data)
			return err
		}),
		read(dir, instanceName, web.MaxInstance, func(data []byte) (err error) {
			site.Instance, err = web.ParseInstance(data)
			return err
		}))
	return site, err
}

// read hands a file to parse, if it is there.
func read(dir, name string, limit int64, parse func([]byte) error) error {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1)) // one more is refused by parse
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if err := parse(data); err != nil {
		return fmt.Errorf("reading %s: %w: %w", name, ErrSite, err)
	}
	return nil
}
