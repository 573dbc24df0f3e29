package boltstore

import (
	"errors"
	"io"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

var errLater = errors.New("staging payload: not built yet")

// Stage implements [store.Store].
func (s *Store) Stage(receipt.ItemID, int64, int64, io.Reader) (int64, error) { return 0, errLater }

// Settle implements [store.Store].
func (s *Store) Settle(receipt.ItemID) (store.Upload, error) { return store.Upload{}, errLater }

// Unstage implements [store.Store].
func (s *Store) Unstage(receipt.ItemID) error { return errLater }

// Staged implements [store.Store].
func (s *Store) Staged() ([]store.Upload, error) { return nil, nil }

// CreateStaged implements [store.Store].
func (s *Store) CreateStaged(store.Item, [][]byte) error { return errLater }
