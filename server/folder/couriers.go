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

const couriersName = "couriers"

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
	if err := replace(filepath.Join(c.Dir, couriersName), []byte(list.Text())); err != nil {
		return fmt.Errorf("writing couriers: %w", err)
	}
	if c.OnChange != nil {
		c.OnChange()
	}
	return nil
}

// ServerKey returns the public key by which a data folder's server signs.
func ServerKey(dir string) (sign.Key, error) {
	signer, err := openKey(dir)
	return signer.Key(), err
}
