package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"saksi/crypto/pass"
	"saksi/crypto/sign"
)

const (
	couriersName = "couriers"
	// couriersPart is the list while it is written; a crash may leave it.
	couriersPart = "couriers.part"
)

// Couriers is the list of couriers in a data folder. Who changes it holds the
// lock of the folder's store, or asks the server that does.
type Couriers struct {
	Dir string
	// OnChange is called after each change, if it is set, one call at a time.
	OnChange func()

	mu sync.Mutex // held while the list changes
}

// Couriers reads the list as it is now. Without a file there are none.
func (c *Couriers) Couriers() (pass.List, error) {
	f, err := os.Open(filepath.Join(c.Dir, couriersName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading couriers: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, pass.MaxListSize+1)) // one more is refused
	if err != nil {
		return nil, fmt.Errorf("reading couriers: %w", err)
	}
	return pass.ParseList(string(text))
}

// AddCourier adds a courier. It returns [pass.ErrTaken] for a name that is on the
// list.
func (c *Couriers) AddCourier(card pass.Card) error {
	return c.change(func(l pass.List) (pass.List, error) { return l.Add(card) })
}

// RemoveCourier removes a courier, or returns [pass.ErrNoCourier].
func (c *Couriers) RemoveCourier(name string) error {
	return c.change(func(l pass.List) (pass.List, error) { return l.Remove(name) })
}

func (c *Couriers) change(edit func(pass.List) (pass.List, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := c.Couriers()
	if err != nil {
		return err
	}
	if list, err = edit(list); err != nil {
		return err
	}
	if err := c.write(list.Text()); err != nil {
		return fmt.Errorf("writing couriers: %w", err)
	}
	if c.OnChange != nil {
		c.OnChange()
	}
	return nil
}

// write puts a new list in the place of the old one: after a crash there is one
// of the two, whole.
func (c *Couriers) write(text string) error {
	part := filepath.Join(c.Dir, couriersPart)
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, filepath.Join(c.Dir, couriersName)); err != nil {
		return err
	}
	dir, err := os.Open(c.Dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ServerKey returns the public key by which a data folder's server signs.
func ServerKey(dir string) (sign.Key, error) {
	signer, err := openKey(dir)
	return signer.Key(), err
}
