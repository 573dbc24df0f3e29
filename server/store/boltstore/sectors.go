package boltstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/unix"

	"saksi/server/store"
)

// sectors is keys.slots: a file of 512-byte sectors, each of random bytes. The
// first 32 bytes of a sector in use are a key; the rest is never used. A sector
// of 512 bytes is what a disk writes in one piece.
//
// Sector 0 is no key: it says which index the file belongs to. Keys of another
// folder would open nothing, and everything would look damaged.
//
// The file grows by whole pieces of random bytes that are really written, so
// that overwriting a sector later is a true overwrite on file systems that
// write in place (ext4, xfs). Which sector a new key gets is left to chance:
// their order tells nothing.
type sectors struct {
	file   *os.File
	health *health
	synced together
	mu     sync.Mutex // guards what is below
	used   []bool     // by number: all that the file has
	free   []uint32
}

const (
	sectorSize = 512
	keySize    = chacha20poly1305.KeySize
	// pieceSectors is how many sectors the file grows by: 1 MiB.
	pieceSectors = 2048
	// spareSectors is how many stay free at least, for chance to choose from.
	spareSectors = 1024
	// maxSectors is more than any drop uses: 16 million, in 8 GiB. A start keeps a few
	// bytes for each.
	maxSectors = 1 << 24
	// answerSectors is how many may be in use when an answer takes one: a reviewer brings
	// any number of answers, and must not take the room of texts.
	answerSectors = maxSectors / 2
)

// A key is what a sector holds.
type key [keySize]byte

// A fileID ties keys.slots to its index.
type fileID [32]byte

const sectorsLabel = "saksi/v1/keys.slots\n"

// createSectors makes keys.slots for a new index.
func createSectors(name string) (fileID, error) {
	var id fileID
	rand.Read(id[:])
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return id, fail("creating key sectors", err)
	}
	s := newSectors(f, new(health))
	defer s.close()
	if err := s.grow(); err != nil {
		return id, err
	}
	if _, err := f.WriteAt(append([]byte(sectorsLabel), id[:]...), 0); err != nil {
		return id, fail("creating key sectors", err)
	}
	return id, s.synced.wait()
}

// openUnnoticed opens a file of which no time is to tell when it was read: keys are read
// when somebody looks for answers. Only the file's owner may do that; for others the kernel
// notes it.
func openUnnoticed(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		return os.OpenFile(name, os.O_RDWR, 0)
	}
	return f, err
}

func newSectors(f *os.File, h *health) *sectors {
	s := &sectors{file: f, health: h}
	s.synced.sync = s.sync
	return s
}

// openSectors opens keys.slots, which must belong to the index with this id. It
// returns [store.ErrDamaged] for another one.
func openSectors(name string, id fileID, h *health) (*sectors, error) {
	f, err := openUnnoticed(name)
	if err != nil {
		return nil, fmt.Errorf("opening key sectors: %w", err)
	}
	s := newSectors(f, h)
	head := make([]byte, len(sectorsLabel)+len(id))
	if _, err := f.ReadAt(head, 0); err != nil || string(head) != sectorsLabel+string(id[:]) {
		f.Close()
		return nil, fmt.Errorf("opening key sectors: keys.slots is not the one of this index: %w", store.ErrDamaged)
	}
	size, err := s.count()
	if err != nil {
		f.Close()
		return nil, err
	}
	if size == 0 { // it was made with a whole piece
		f.Close()
		return nil, fmt.Errorf("opening key sectors: keys.slots was cut off: %w", store.ErrDamaged)
	}
	s.used = make([]bool, size)
	s.used[0] = true
	for i := uint32(1); i < size; i++ {
		s.free = append(s.free, i)
	}
	return s, nil
}

// count returns how many sectors the file has in whole pieces.
func (s *sectors) count() (uint32, error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("opening key sectors: %w", err)
	}
	n := info.Size() / (pieceSectors * sectorSize) * pieceSectors
	if n > maxSectors {
		return 0, fmt.Errorf("opening key sectors: keys.slots is larger than any: %w", store.ErrDamaged)
	}
	return uint32(n), nil
}

// claim marks sectors as used that the index refers to. It returns
// [store.ErrDamaged] for one that does not exist or is claimed twice, and then
// changed nothing: the file may be a copy that broke off.
func (s *sectors) claim(numbers []uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		if int(n) >= len(s.used) {
			return fmt.Errorf("key sector %d of %d: %w", n, len(s.used), store.ErrDamaged)
		}
		if s.used[n] {
			return fmt.Errorf("key sector %d: two entries use it: %w", n, store.ErrDamaged)
		}
		s.used[n] = true
	}
	s.free = s.free[:0]
	for n, used := range s.used {
		if !used {
			s.free = append(s.free, uint32(n))
		}
	}
	return nil
}

// sweep overwrites all free sectors. After a crash, or a disk that failed, one
// of them may hold the key of something that was never acknowledged: when it is
// sent again, kept under another key, and deleted, that key would still open
// what bbolt has of the first. Half a piece at the end, left by a crash while the
// file grew, is cut off.
func (s *sectors) sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.file.Truncate(int64(len(s.used)) * sectorSize); err != nil {
		return err
	}
	for from := 0; from < len(s.free); { // in rising order, as claim left them
		to := from + 1
		for to < len(s.free) && s.free[to] == s.free[to-1]+1 && to-from < pieceSectors {
			to++
		}
		noise := make([]byte, (to-from)*sectorSize)
		rand.Read(noise)
		if _, err := s.file.WriteAt(noise, int64(s.free[from])*sectorSize); err != nil {
			return s.health.writing(err)
		}
		from = to
	}
	return s.synced.wait()
}

// put writes a fresh key into a free sector, and has it synced while the caller goes
// on: nothing may refer to the sector before settled has returned nil. One that the
// disk did not confirm stays out of use. It returns [store.ErrFull] where so many are in
// use that there is no room for one more of its kind.
func (s *sectors) put(room int) (n uint32, k key, settled func() error, err error) {
	if n, err = s.take(room); err != nil {
		return 0, key{}, nil, err
	}
	content, err := s.overwrite(n)
	if err != nil {
		return 0, key{}, nil, err
	}
	done := make(chan error, 1)
	go func() { done <- s.synced.wait() }()
	return n, key(content[:keySize]), sync.OnceValue(func() error { return <-done }), nil
}

// take picks a free sector by chance, and grows the file first when few are
// left.
func (s *sectors) take(room int) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.used)-len(s.free) >= room {
		return 0, store.ErrFull
	}
	if len(s.free) <= spareSectors {
		if err := s.grow(); err != nil && len(s.free) == 0 {
			return 0, err
		}
	}
	at, err := rand.Int(rand.Reader, big.NewInt(int64(len(s.free))))
	if err != nil {
		return 0, fmt.Errorf("choosing key sector: %w", err)
	}
	i := at.Int64()
	n := s.free[i]
	s.free[i] = s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.used[n] = true
	return n, nil
}

// grow adds one piece. The lock is held.
func (s *sectors) grow() error {
	if len(s.used)+pieceSectors > maxSectors {
		return store.ErrFull
	}
	first := uint32(len(s.used))
	piece := make([]byte, pieceSectors*sectorSize)
	rand.Read(piece)
	if _, err := s.file.WriteAt(piece, int64(first)*sectorSize); err != nil {
		return errors.Join(s.health.writing(err), s.file.Truncate(int64(first)*sectorSize))
	}
	if err := s.health.syncing(s.file.Sync()); err != nil {
		return err
	}
	s.used = append(s.used, make([]bool, pieceSectors)...)
	for n := range uint32(pieceSectors) {
		s.free = append(s.free, first+n)
	}
	return nil
}

// overwrite replaces a sector's bytes by random ones; a sync makes it final.
func (s *sectors) overwrite(n uint32) ([]byte, error) {
	if err := s.health.check(); err != nil {
		return nil, err
	}
	content := make([]byte, sectorSize)
	rand.Read(content)
	_, err := s.file.WriteAt(content, int64(n)*sectorSize)
	return content, s.health.writing(err)
}

func (s *sectors) sync() error {
	if err := s.health.check(); err != nil {
		return err
	}
	return s.health.syncing(unix.Fdatasync(int(s.file.Fd())))
}

// destroy overwrites the keys and returns once that is on disk. The sectors
// stay used until release, so that no crash can let two entries share one.
func (s *sectors) destroy(numbers ...uint32) error {
	for _, n := range numbers {
		if _, err := s.overwrite(n); err != nil {
			return err
		}
	}
	return s.synced.wait()
}

// release gives sectors back.
func (s *sectors) release(numbers ...uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		if int(n) < len(s.used) && s.used[n] {
			s.used[n] = false
			s.free = append(s.free, n)
		}
	}
}

// get reads the key of a sector.
func (s *sectors) get(n uint32) (k key, err error) {
	if _, err := s.file.ReadAt(k[:], int64(n)*sectorSize); err != nil && err != io.EOF {
		return k, fmt.Errorf("reading key sector: %w", err)
	}
	return k, nil
}

func (s *sectors) close() error { return s.file.Close() }

// seal seals a value under a sector's key, bound to the name it is kept under.
// The nonce is random, and a key seals one value in its life.
func (k key) seal(value, name []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, fmt.Errorf("sealing value: %v", err)
	}
	const size = chacha20poly1305.NonceSizeX
	nonce := make([]byte, size, size+len(value)+chacha20poly1305.Overhead)
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, value, name), nil
}

// errDestroyed is returned by open when the key is not the one that sealed the
// value: it has been overwritten since.
var errDestroyed = errors.New("the value's key was destroyed")

func (k key) open(sealed, name []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, fmt.Errorf("opening value: %v", err)
	}
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, errDestroyed
	}
	nonce, body := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	value, err := aead.Open(nil, nonce, body, name)
	if err != nil {
		return nil, errDestroyed
	}
	return value, nil
}
