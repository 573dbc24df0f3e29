package watch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"saksi/crypto/onionname"
	"saksi/crypto/roster"
)

// Errors of a watchdog's folder.
var (
	// ErrBusy is returned when another watchdog uses the folder.
	ErrBusy = errors.New("another monitor uses this folder")
	// ErrMemory is returned when the rosters in the folder are not those that the
	// log has, or are damaged.
	ErrMemory = errors.New("the rosters that were kept do not fit the log")
	// ErrOther is returned for the folder of another drop, or of other roots.
	ErrOther = errors.New("this folder is for another address or other roots")
)

const (
	logName  = "monitor.log"
	headName = "monitor.head"
)

// memory is the folder of a watchdog that is open.
type memory struct {
	*Log
	dir     string
	file    *os.File // monitor.log, locked
	rosters map[uint64]*roster.Signed
	roots   roster.RootSet
}

// open opens a folder, or makes one.
func open(dir string, onion onionname.Name, roots roster.RootSet) (*memory, error) {
	for _, name := range []string{dir, filepath.Join(dir, "rosters"), filepath.Join(dir, "alarms")} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return nil, fmt.Errorf("opening the folder: %w", err)
		}
	}
	m := &memory{dir: dir, rosters: map[uint64]*roster.Signed{}, roots: roots}
	if err := m.begin(NewLog(onion, roots)); err != nil {
		return nil, err
	}
	if err := m.load(onion); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// begin writes a log without looks, if there is none.
func (m *memory) begin(l *Log) error {
	_, err := os.Lstat(m.path(logName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(m.path(headName)); err == nil {
			return fmt.Errorf("%w: it is gone, and %s is there", ErrLog, headName)
		}
		err = m.replace(logName, []byte(l.head()))
	}
	if err != nil {
		return fmt.Errorf("beginning the log: %w", err)
	}
	return nil
}

func (m *memory) path(name string) string { return filepath.Join(m.dir, name) }

func (m *memory) close() { m.file.Close() }

// replace writes a file that is there whole or not at all.
func (m *memory) replace(name string, content []byte) error {
	f, err := os.OpenFile(m.path(name+".part"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(m.path(name+".part"), m.path(name)); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(m.path(name)))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// load reads the log, and holds the rosters that were kept against it.
func (m *memory) load(onion onionname.Name) (err error) {
	if m.file, err = os.OpenFile(m.path(logName), os.O_RDWR|os.O_APPEND, 0); err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	if err := syscall.Flock(int(m.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return ErrBusy
	}
	text, err := io.ReadAll(io.LimitReader(m.file, MaxLog+1))
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if m.Log, err = ParseLog(string(text)); err != nil {
		return err
	}
	if wanted := NewLog(onion, m.roots); m.Onion != onion || m.Roots != wanted.Roots {
		return ErrOther
	}
	if err := m.checkHead(); err != nil {
		return err
	}
	return m.loadRosters()
}

// checkHead finds whole lines that were cut off. The head is written after the
// line, so that it may be one line behind.
func (m *memory) checkHead() error {
	text, err := m.readHead()
	if errors.Is(err, fs.ErrNotExist) && len(m.Entries) <= 1 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the log's head: %w", err)
	}
	before := Log{Before: hashOf([]byte(m.head()))}
	for _, e := range m.Entries[:max(0, len(m.Entries)-1)] {
		before.add(e)
	}
	head := strings.TrimSuffix(text, "\n")
	if head != m.Before.String() && head != before.Before.String() {
		return fmt.Errorf("%w: after line %d lines are missing, or it is an old copy", ErrLog, len(m.Entries)+3)
	}
	return nil
}

// readHead reads as much as a head has, and one byte more, which makes it another.
func (m *memory) readHead() (string, error) {
	f, err := os.Open(m.path(headName))
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(len(roster.Hash{}.String()+"\n"))+1))
	return string(text), err
}

func (m *memory) loadRosters() error {
	entries, err := os.ReadDir(m.path("rosters"))
	if err != nil {
		return fmt.Errorf("reading the rosters: %w", err)
	}
	for _, e := range entries {
		if err := m.loadRoster(e.Name()); err != nil {
			return err
		}
	}
	var previous *roster.Signed
	for _, n := range slices.Sorted(maps.Keys(m.rosters)) {
		if previous != nil {
			if err := m.rosters[n].Follows(previous); err != nil {
				return fmt.Errorf("%w: rosters/%d.note: %v", ErrMemory, n, err)
			}
		}
		previous = m.rosters[n]
	}
	for i, e := range m.Entries {
		if r := m.rosters[e.Sequence]; e.Verdict == OK && (r == nil || r.Hash != e.Hash) {
			return fmt.Errorf("%w: line %d has roster %d, and rosters/%d.note is another one or missing",
				ErrMemory, i+4, e.Sequence, e.Sequence)
		}
	}
	return nil
}

func (m *memory) loadRoster(name string) error {
	if strings.HasSuffix(name, ".part") {
		return nil // of a crash
	}
	f, err := os.Open(m.path(filepath.Join("rosters", name)))
	if err != nil {
		return fmt.Errorf("reading the rosters: %w", err)
	}
	defer f.Close()
	note, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return fmt.Errorf("reading the rosters: %w", err)
	}
	signed, err := roster.Verify(note, m.roots)
	if err != nil {
		return fmt.Errorf("%w: rosters/%.40q: %v", ErrMemory, name, err)
	}
	if name != roster.NoteName(signed.Sequence) {
		return fmt.Errorf("%w: rosters/%.40q is roster %d", ErrMemory, name, signed.Sequence)
	}
	m.rosters[signed.Sequence] = signed
	return nil
}

// last returns the number of the newest roster that fits, or 0.
func (m *memory) last() uint64 {
	if len(m.rosters) == 0 {
		return 0
	}
	return slices.Max(slices.Collect(maps.Keys(m.rosters)))
}

// take keeps rosters that follow what is known: the last of them is what the
// server has as its newest. It returns why one does not.
func (m *memory) take(rosters []*roster.Signed) (*Alarm, error) {
	for _, r := range rosters {
		alarm := m.fits(r)
		if alarm != nil {
			return alarm, m.proof(r)
		}
		if m.rosters[r.Sequence] != nil {
			continue
		}
		if err := m.keep("rosters/"+roster.NoteName(r.Sequence), r); err != nil {
			return nil, err
		}
		m.rosters[r.Sequence] = r
	}
	if n := rosters[len(rosters)-1].Sequence; n < m.last() {
		return back(n, m.last()), nil
	}
	return nil, nil
}

// takeVisit keeps the rosters of a visit that fit, and holds those of connections that broke
// against them. Last was the newest before the look.
func (m *memory) takeVisit(s *seen, last uint64) (*Alarm, error) {
	if s.newest != nil {
		if alarm, err := m.take(append(s.between, s.newest)); alarm != nil || err != nil {
			return alarm, err
		}
	}
	for _, one := range s.before {
		r := one.newest
		if r == nil {
			continue
		}
		alarm := m.fits(r)
		switch {
		case s.newest != nil && r.Sequence > s.newest.Sequence:
			alarm = back(s.newest.Sequence, r.Sequence)
		case r.Sequence < last:
			alarm = cmp.Or(alarm, back(r.Sequence, last))
		case alarm == nil, alarm.Reason == Gap, alarm.Reason == Back:
			continue // those in between were not fetched
		}
		return alarm, m.proof(r)
	}
	return nil, nil
}

func back(shown, newest uint64) *Alarm {
	return &Alarm{Back, fmt.Sprintf("the server shows roster %d, and roster %d was in force", shown, newest)}
}

// proof keeps a roster that does not fit.
func (m *memory) proof(r *roster.Signed) error {
	return m.keep(fmt.Sprintf("alarms/%d-%.16s.note", r.Sequence, r.Hash), r)
}

func (m *memory) keep(name string, r *roster.Signed) error {
	if err := m.replace(name, r.Note); err != nil {
		return fmt.Errorf("keeping roster %d: %w", r.Sequence, err)
	}
	return nil
}

// fits holds a roster against those that are known.
func (m *memory) fits(r *roster.Signed) *Alarm {
	last := m.last()
	known := m.rosters[r.Sequence]
	switch {
	case known != nil && known.Hash != r.Hash:
		return &Alarm{Fork, fmt.Sprintf("there are two rosters %d: %s, seen before, and %s", r.Sequence, known.Hash, r.Hash)}
	case known != nil || last == 0:
		return nil
	case r.Sequence < last:
		return back(r.Sequence, last)
	case r.Sequence > last+1:
		return &Alarm{Gap, fmt.Sprintf("roster %d was seen, and now roster %d", last, r.Sequence)}
	}
	if err := r.Follows(m.rosters[last]); err != nil {
		return &Alarm{Chain, err.Error()}
	}
	return nil
}

// write adds a line to the log, for good.
func (m *memory) write(e Entry) error {
	size, err := m.file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	if _, err := m.file.WriteString(m.add(e)); err != nil {
		_ = m.file.Truncate(size) // a part of a line that nobody was told of
		return fmt.Errorf("writing the log: %w", err)
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	if err := m.replace(headName, []byte(m.Before.String()+"\n")); err != nil {
		return fmt.Errorf("writing the log's head: %w", err)
	}
	return nil
}
