//go:build !race

package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"saksi/server/store"
)

// bring goes on with a payload where it is, in slices, each of which may break
// off; and makes an item of it if it comes to its end.
func bring(s store.Store, kind byte, k key, told func(now int64)) error {
	i, slots, payload := k.item(createFile)
	to, slice := i.Size, i.Size/3
	if kind == stageHalf {
		to /= 2
	}
	u, err := s.Settle(upload(k))
	if errors.Is(err, store.ErrUnknown) {
		_, err = s.Stage(upload(k), i.Size, 0, strings.NewReader(""))
	}
	if err != nil {
		return err
	}
	now := u.Offset
	told(now)
	for now < to {
		part := payload[now:min(now+slice, to)]
		now, err = s.Stage(upload(k), i.Size, now, io.MultiReader(bytes.NewReader(part), breaksOff{}))
		if now > 0 {
			told(now) // stands beside any error
		}
		if err != nil && !errors.Is(err, errBrokenOff) {
			return err
		}
	}
	if kind == stageHalf {
		return nil
	}
	return s.CreateStaged(i, slots, upload(k))
}

// breaksOff is a connection that breaks, half of the times.
type breaksOff struct{}

var errBrokenOff = errors.New("the connection broke off")

func (breaksOff) Read([]byte) (int, error) {
	if mathrand.IntN(2) == 0 {
		return 0, io.EOF
	}
	return 0, errBrokenOff
}

// upload is the name under which a key's payload is staged.
func upload(k key) store.UploadID {
	slices.Reverse(k[:])
	return store.UploadID(k)
}

// verifyStaged holds that what was acknowledged of a payload is there, by bringing
// the rest of it.
func verifyStaged(s store.Store, k key, r record) string {
	u, err := s.Settle(upload(k))
	switch {
	case errors.Is(err, store.ErrUnknown) && (r.begun[unstage] || *r.staged < 0):
		return ""
	case err != nil:
		return fmt.Sprintf("of %d bytes that were acknowledged nothing is there: %v", *r.staged, err)
	case r.done[unstage]:
		return "it was abandoned, and is there"
	case u.Offset < *r.staged:
		return fmt.Sprintf("%d bytes were acknowledged, and %d are there", *r.staged, u.Offset)
	}
	if err := do(s, stageFile, k); err != nil {
		return err.Error()
	}
	return wholeItem(s, k, createFile)
}
