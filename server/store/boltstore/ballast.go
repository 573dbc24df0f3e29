package boltstore

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"saksi/server/store"
)

// Deleting needs room too: bbolt writes changed pages to new places first. When
// another program has filled the disk, the ballast is thrown overboard, so that
// no reporter has to hear that there is no room for a deletion.
const (
	ballastName   = "ballast"
	besideBallast = 4 << 20 // left free when it is made

	ballastSize = 16 << 20 // also for the list of free pages, which is 14 MiB after 100,000 deletions
)

// makeBallast writes the ballast unless it is there, whole. Without room for it and
// some more there is none, until the next deletion or Open: it must not take the
// last room from those who write beside it.
func (s *Store) makeBallast() {
	name := filepath.Join(s.dir, ballastName)
	if info, err := os.Stat(name); err == nil && info.Size() == ballastSize {
		return
	}
	if free, err := s.Free(); err != nil || free < ballastSize+besideBallast {
		return
	}
	defer s.blur(".")                    // it has a new name in it
	content := make([]byte, ballastSize) // random: zeros might take no room
	rand.Read(content)
	if err := os.WriteFile(name, content, fileMode); err != nil {
		os.Remove(name)
		return
	}
	s.blur(ballastName)
}

// withBallast runs a deletion, and once more without the ballast if there is no
// room for it.
func (s *Store) withBallast(run func() error) error {
	err := run()
	if errors.Is(err, store.ErrFull) && os.Remove(filepath.Join(s.dir, ballastName)) == nil {
		s.blur(".")
		err = run()
	}
	if err == nil {
		s.makeBallast()
	}
	return err
}
