// Package desk is the reviewer's air-gapped desk: it takes bundles that a
// server made and a courier carried, keeps what is in them sealed, and writes
// the answers that travel back.
//
// # The folder
//
//	DESK/                              0700
//	    lock                           held while a command is at work
//	    index.age                      what the desk knows, sealed to its reviewer; each old one is overwritten
//	    cases/<32 hex>.key             random bytes: half of what opens a thread's items, or one that waits
//	    items/<id>/payload.age         as it came, opened again for each reading
//	    items/<id>/slots/<NNN>.age     as they came, held against the item, never opened again
//	    apart/<id>/...                 items that are not what they claim to be, or that a lost weeks file opens
//	    rosters/<seq>.note             public, signed by the roots
//	    rosters/<64 hex>.recipients
//	    outbox/<number>.age            each outbox sent so far, sealed
//	    outbox/<number>.unwritten      until it was written to its end
//	    taxonomies/<64 hex>.json       public: questions of an operator's own, and rules
//	    staging/                       while a bundle comes in, and never after
//	    arriving.age                   while its items move to their place, and never after
//	    aside/<number>/...             what was there without an index when a desk began
//
// Plaintext is in memory only, and in folders that the reviewer asks to
// extract to. Who takes the laptop without the key file learns how many items
// and cases there are, how large the items are, and who is on the roster.
//
// # Cases
//
// When an item is filed, the identity that opens its payload is sealed under the
// key of its thread's case, and the index keeps it. From then on the item is read
// by that key alone. It follows from a file of random bytes and the reviewer's
// signing key together, so that overwriting the file closes the case: for the
// reviewer with all keys, and for who took the index before. docs/decisions/0025
// says why it is built so.
//
// So the secret of a week is needed for what comes in alone. [Desk.Destroy] has it
// destroyed when everything that was sealed in that week has had its time to
// arrive. No single voice suffices for that: not the server's batches, not the
// clock, not the roster; what they say together is judged in destroying.go.
//
// A secret that is not here and was not destroyed here is lost, and may be found: what
// it would open is kept, closed, and judged anew when the terms are others. See closed.go
// and docs/decisions/0040.
//
// # Waiting
//
// Where a roster asks for several reviewers, an item that comes does not open, and
// nobody can tell for whom it is: for this desk and its colleagues, for others, or,
// as a decoy, for nobody. It waits, with what was in this reviewer's slot sealed
// under a case key of its own. [Desk.Share] hands the shares of it to a colleague,
// [Desk.Join] takes a colleague's and judges what opens as if it had come now. A
// colleague may be hostile too: what shares join to is believed when it opens the
// payload, and judged by its files only if they are those that came: what a disk damaged
// is not its reporter's. The part P of a slot is never handed on; docs/decisions/0029 says why.
// What waits ends after [WaitAtMost] weeks, or by [Desk.Forget].
//
// # Whom the desk believes
//
// Nobody but the roots whose file it was given. The server, the courier and
// the stick between them may be hostile, so a bundle is data from a stranger:
// every size is bounded before a byte is read, nothing is opened before its
// hash was checked against a list that the server signed, and the server is
// believed only with a key that a roster of the roots names. What it can still
// do is withhold; the desk therefore names what is missing: a batch in the
// chain, an item on a list, a history that differs from the one it knows.
// A batch that came incomplete is not acknowledged, so that the server has to
// bring it again.
//
// Reporters may be hostile too. An item goes into a thread only when its
// author's signature holds for this id, this thread, this roster and these
// slots. Everything else is set apart under a reason in the desk's own words.
// What a reporter wrote goes through [Clean] before a terminal sees it.
//
// # Crashes
//
// A bundle is unpacked into staging; items move to their place when all of it
// was judged; then the index is replaced by a rename, and the old one overwritten. Before the rename the
// desk is as it was, with perhaps some sealed folders and case keys that the index does
// not know and that opening the desk destroys, as arriving.age names them; after it,
// everything is in. On a folder without an index none are destroyed: see begin.go. A
// case that is being closed stands in the index until
// nothing is left of it: opening the desk finishes it.
package desk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
)

// Errors that a caller acts on.
var (
	// ErrNoDesk is returned when the folder is not a desk.
	ErrNoDesk = errors.New("no desk in this folder")
	// ErrNoIndex is returned when the folder has parts of a desk, and not its index.
	ErrNoIndex = errors.New("the folder has parts of a desk, and not the file index.age")
	// ErrLocked is returned when another command is at work on the desk.
	ErrLocked = errors.New("the desk is in use")
	// ErrOtherKey is returned when the desk belongs to another key file.
	ErrOtherKey = errors.New("the desk belongs to another key")
	// ErrOtherRoots is returned when the desk was begun with other roots.
	ErrOtherRoots = errors.New("the desk was begun with other roots")
	// ErrDamaged is returned when a file of the desk is not as it was written.
	ErrDamaged = errors.New("the desk is damaged")
	// ErrItem is an [ErrDamaged] of one item. Its files alone can be put back from a copy.
	ErrItem = fmt.Errorf("%w: its files are not those that came", ErrDamaged)

	// ErrFork is returned when a bundle contradicts what the desk already knows:
	// another batch or another roster under a known number.
	ErrFork = errors.New("the server shows two histories")
	// ErrRollback is returned when a bundle lacks the newest roster that the desk
	// knows, and its batches do more than close gaps between those of the desk.
	ErrRollback = errors.New("the bundle goes back to an older roster")
	// ErrRoster is returned when a roster of the bundle is not the roots', or
	// does not follow the one before. What is wrong with it stands beside:
	// [roster.ErrRoots], [sign.ErrSignatures] or [roster.ErrChain], perhaps.
	ErrRoster = errors.New("not a roster of these roots")
	// ErrUntrusted is returned when no server of the rosters signed a batch.
	ErrUntrusted = errors.New("no server of the rosters signed it")
	// ErrReplaced is returned when a batch is signed by a server key that the roots
	// had replaced when it was made.
	ErrReplaced = errors.New("signed by a server key that was replaced")
	// ErrBlocked is returned when the desk has a batch by a server key that the roots
	// replaced since, with a higher number than one by the new key.
	ErrBlocked = errors.New("the desk took a batch by a server key that was replaced since, and it is in the way")
	// ErrOversize is returned when a bundle has a member that is larger than
	// any of its kind may be, or too many members.
	ErrOversize = errors.New("larger than it may be")

	// ErrInForce is returned when something went wrong after the index was written: what
	// the command did counts, and is not to be done again.
	ErrInForce = errors.New("it counts from now on, and then this went wrong")
	// ErrTakenIn is returned in the same case by what takes something in, with what is to
	// be said of that.
	ErrTakenIn = errors.New("it was taken in, and then this went wrong")

	// ErrFull is returned when the desk's index would be larger than the desk reads.
	ErrFull = errors.New("the desk is full")

	// ErrName is returned when a name of a thread or item has under four
	// hexadecimal digits.
	ErrName = errors.New("a name is at least 4 hexadecimal digits")
	// ErrNoThread is returned for the newest thread of a desk that has none.
	ErrNoThread = errors.New("there is no thread yet")
	// ErrUnknown is returned when nothing on the desk has the name.
	ErrUnknown = errors.New("nothing on this desk has that name")
	// ErrAmbiguous is returned when several things begin with the name.
	ErrAmbiguous = errors.New("several things on this desk begin with that name")

	// ErrNotOnRoster is returned when the newest roster does not have this
	// reviewer with this key, or revokes it.
	ErrNotOnRoster = errors.New("the newest roster does not have this reviewer with this key")
	// ErrNothing is returned when there is nothing to send.
	ErrNothing = errors.New("nothing to send")
	// ErrVersion is returned when the desk was written by another version of this
	// program.
	ErrVersion = errors.New("the desk is of another version of this program")
	// ErrNewer is an [ErrVersion]: a newer version wrote what this one does not know.
	ErrNewer = fmt.Errorf("%w: a newer one wrote to it", ErrVersion)
	// ErrNoCase is returned when the key of a case is not there, or not the right one.
	ErrNoCase = errors.New("the key of this case is not on this desk")
	// ErrClosed is returned when the case of what is asked for was closed.
	ErrClosed = errors.New("the case was closed on this desk")

	// ErrNoGap is returned when no such batches are missing, or not just these.
	ErrNoGap = errors.New("not just these batches are missing here")
	// ErrNoBatch is returned when the desk does not have a batch.
	ErrNoBatch = errors.New("the desk does not have it")
	// ErrNoOutbox is returned when the desk never wrote an outbox of that number.
	ErrNoOutbox = errors.New("no outbox of that number")
)

// A Config is what a desk needs.
type Config struct {
	Folder string
	Keys   *reviewer.Keys
	Create bool             // make the folder when it is not there
	Now    func() time.Time // nil for the clock
	// Progress is told how far a long work has come, in bytes; nil for nobody.
	Progress func(work string, done, total int64)
}

// A Desk is an open desk. Its methods are not for concurrent use.
type Desk struct {
	folder   string
	keys     *reviewer.Keys
	identity *hybrid.Identity // what the index is sealed to
	now      func() time.Time
	progress func(work string, done, total int64)
	sync     func(folder string) error
	lock     *os.File

	index   *index
	rosters map[uint64]*roster.Signed // verified, those of the index
	forms   []form                    // those of the index
}

// Open opens the desk in a folder and keeps others out until Close. It returns
// [ErrNoDesk], [ErrNoIndex], [ErrLocked], [ErrOtherKey], [ErrVersion], [ErrNewer] or [ErrDamaged]. A case that
// was being closed when the last command was killed is closed to its end.
func Open(c Config) (*Desk, error) {
	identity, err := c.Keys.Desk()
	if err != nil {
		return nil, err
	}
	d := &Desk{folder: c.Folder, keys: c.Keys, identity: identity, now: c.Now, progress: c.Progress, sync: syncPath}
	if d.now == nil {
		d.now = time.Now
	}
	if d.progress == nil {
		d.progress = func(string, int64, int64) {}
	}
	if err := d.begin(c.Create); err != nil {
		return nil, err
	}
	if d.lock, err = Lock(d.path("lock")); err != nil {
		return nil, fmt.Errorf("locking desk: %w", err)
	}
	err = errors.Join(d.sweep(), d.load())
	for _, step := range []func() error{d.destroyFormer, d.sweepArriving, d.finishClosing} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close lets others in.
func (d *Desk) Close() error { return d.lock.Close() }

// Loose reports whether others on the machine may look into the folder.
func (d *Desk) Loose() bool {
	info, err := os.Stat(d.folder)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

func (d *Desk) path(parts ...string) string {
	return filepath.Join(append([]string{d.folder}, parts...)...)
}

// sweep removes what an interrupted import left behind.
func (d *Desk) sweep() error {
	if err := removeStaging(d.path("staging")); err != nil {
		return fmt.Errorf("removing an interrupted import: %w", err)
	}
	return nil
}

// load reads the index and the rosters that it pins.
func (d *Desk) load() error {
	d.rosters = map[uint64]*roster.Signed{}
	text, err := d.readSealed(d.path(indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		d.index = &index{Format: indexLabel, Reviewer: d.keys.Line.ID}
		return d.beginAnew()
	}
	if err != nil {
		return fmt.Errorf("reading index: %w", err)
	}
	d.index, err = parseIndex(text)
	if errors.Is(err, ErrVersion) {
		return fmt.Errorf("reading index: %w", err)
	}
	if err != nil {
		return fmt.Errorf("reading index: %w: %v", ErrDamaged, err)
	}
	return errors.Join(d.loadRosters(), d.loadForms())
}

func (d *Desk) loadRosters() error {
	trusted, err := roster.ParseRootSet(d.index.Roots)
	if err != nil {
		return fmt.Errorf("reading index: %w: %v", ErrDamaged, err)
	}
	for _, entry := range d.index.Rosters {
		msg, err := readFile(d.path("rosters", roster.NoteName(entry.Sequence)), maxNote)
		if err != nil {
			return fmt.Errorf("reading roster %d: %w", entry.Sequence, damaged(err))
		}
		signed, err := roster.Verify(msg, trusted)
		if err != nil || signed.Hash.String() != entry.Hash {
			return fmt.Errorf("reading roster %d: %w", entry.Sequence, ErrDamaged)
		}
		d.rosters[entry.Sequence] = signed
	}
	return nil
}

// maxSealed bounds what the desk reads of its own sealed files: an index of a
// hundred thousand items is a tenth of it.
const maxSealed = 1 << 30

func (d *Desk) readSealed(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := hybrid.Open(f, d.identity)
	if errors.Is(err, hybrid.ErrNoMatch) {
		return nil, ErrOtherKey
	}
	if err != nil {
		return nil, damaged(err)
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.LimitReader(plain, maxSealed)); err != nil {
		return nil, damaged(err)
	}
	return text.Bytes(), nil
}

// damaged says that a file is not as it was written. What a failing disk does not give
// may still be that: a copy of the folder is not called for yet.
func damaged(err error) error {
	var path *fs.PathError
	if errors.Is(err, syscall.EIO) && errors.As(err, &path) {
		return path
	}
	return fmt.Errorf("%w: %v", ErrDamaged, err)
}

// writeSealed writes what readSealed reads. It returns [ErrFull].
func (d *Desk) writeSealed(path string, plain []byte) error {
	sealed, err := d.seal(plain)
	if err != nil {
		return err
	}
	return replaceFile(path, sealed)
}

// seal seals what a file of the desk holds. It returns [ErrFull].
func (d *Desk) seal(plain []byte) ([]byte, error) {
	if len(plain) > maxSealed {
		return nil, ErrFull
	}
	return hybrid.SealBytes(plain, d.identity.Recipient())
}

// save replaces the index on disk, and then in memory. It returns [ErrInForce] when the
// next one counts all the same.
func (d *Desk) save(next *index) error {
	sealed, err := d.seal(next.format())
	if err == nil {
		err = d.renewIndex(sealed)
	}
	if err == nil || errors.Is(err, ErrInForce) {
		d.index = next
	}
	if err != nil {
		return fmt.Errorf("writing index: %w", err)
	}
	return nil
}

// inForce says of an error that it came after the index was written.
func inForce(err error) error {
	if err == nil || errors.Is(err, ErrInForce) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInForce, err)
}

// newest returns the newest roster, or nil on a new desk.
func (d *Desk) newest() *roster.Signed { return newestOf(d.rosters) }

func newestOf(rosters map[uint64]*roster.Signed) *roster.Signed {
	var newest *roster.Signed
	for _, s := range rosters {
		if newest == nil || s.Sequence > newest.Sequence {
			newest = s
		}
	}
	return newest
}
