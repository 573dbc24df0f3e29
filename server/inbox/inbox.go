// Package inbox has the rules of the drop: what is accepted, what a state is,
// when a batch closes, who may burn, who may answer. It knows no HTTP, no Tor
// and no disk; the clock is given to it.
//
// It never sees plaintext, a code or a key that opens anything. What it learns
// of a person is what the person's requests show it while they last: ids, a
// token. It writes none of that down together.
package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
	"saksi/server/store"
)

// Limits of the drop, together.
const (
	// DefaultMaxFile is the largest attachment, in bytes, unless configured.
	DefaultMaxFile = 512 << 20
	// PageEntries is how many replies one page of a mailbox has: always.
	PageEntries = 8
	// MaxRepliesPerBatch is how many replies one reviewer may add to one
	// mailbox between two batches.
	MaxRepliesPerBatch = 6
	// manifestRoom is what an attachment's tar has beside the file, at most.
	manifestRoom = 64 << 10
	// KeepSpread is how many weeks an item stays after the week in which every
	// desk had it.
	KeepSpread = 13
	// KeepAtMost is how many weeks an item or a reply stays after the week in
	// which it came, whether or not anybody has read it.
	KeepAtMost = 52
	// expireTogether is how many items one step of a sweep deletes.
	expireTogether = 256
	// DefaultReserve is how many bytes of disk files leave to texts, unless
	// configured: some 10,000 of them.
	DefaultReserve = 1 << 30
	// lastReserve is how many bytes texts leave to deletions, canaries and
	// batches.
	lastReserve = 16 << 20
	// MaxUploads is how many files may be on their way in, in slices, at once.
	MaxUploads = 256
	// KeepUpload is how long an upload is kept that does not come on: of which
	// less than progressOfUpload came. Like all these times it is counted in
	// memory, so anew after a restart: none is written down.
	KeepUpload = 24 * time.Hour
	// YieldUpload is after how long without progress it makes room for another
	// that would find none.
	YieldUpload = time.Hour
	// LongestUpload is how long an upload may take altogether.
	LongestUpload = 3 * 24 * time.Hour
	// progressOfUpload is how many bytes are progress. Who brings less in an hour
	// than a slow circuit does in a minute keeps no place that others need.
	progressOfUpload = 1 << 20
	// aheadOfUpload is for how many bytes an upload holds room beyond those that
	// are here: two slices of the largest that a browser sends. A file that comes in one
	// request, and cannot go on later, holds as many as are here if that is more.
	aheadOfUpload = 8 << 20
	// closingHour is the hour, UTC, at which a day's batch closes: midnight in
	// western Indonesia.
	closingHour = 17
)

// Errors that a surface shows its user.
var (
	// ErrClosed is returned when nothing can be sealed now: the roster has
	// expired or has no recipients for this week.
	ErrClosed = errors.New("the drop is closed: the roster is not in force")
	// ErrMisfit is returned when a parcel does not have the shape of an item.
	ErrMisfit = errors.New("the parcel does not have the shape of an item")
	// ErrTooLarge is returned when a parcel is above the limit.
	ErrTooLarge = errors.New("the parcel is too large")
	// ErrFilesFull is returned for a file when what is left of the disk is
	// reserved for texts.
	ErrFilesFull = errors.New("no space left for files")
	// ErrUploads is returned when too many files are on their way in at once.
	ErrUploads = errors.New("too many uploads at once")
	// ErrToken is returned when a burn token is not the item's.
	ErrToken = errors.New("the token does not fit")
)

// A Config has what an inbox needs. All fields are required but Waiting, Decoys and
// the limits.
type Config struct {
	Store   store.Store
	Trusted roster.RootSet // the first root set, from the operator
	Signer  sign.Signer    // signs batches; the roster names its public half
	Now     func() time.Time
	Waiting []Handed   // rosters whose first day is still to come, if there are some
	Decoys  func() int // how many a batch gets; nil: drawn anew for each
	Limits
}

// Limits are those that an operator chooses, in bytes.
type Limits struct {
	MaxFile int64 // largest attachment; DefaultMaxFile if 0
	Reserve int64 // of the disk, that files leave to texts; DefaultReserve if 0
}

// An Inbox applies the rules to one store.
type Inbox struct {
	Config
	filler *hybrid.Recipient // fills mailbox pages; its identity is thrown away

	room     room
	progress progress
	arrivals arrivals
	closing  sync.Mutex // one batch closes at a time; guards the next two
	drawn    bool       // the number of decoys of the next batch
	decoys   int        // of them, those still to be added
	// importing has a lock for each reviewer, by id, held while an outbox of theirs is
	// taken in: what is in a mailbox is counted before one more is added.
	importing sync.Map

	mu      sync.RWMutex // guards what is below
	rosters []*roster.Signed
	files   map[roster.Hash]string
	waiting *lineup // has the rosters once more, and those that wait
}

// New makes an inbox over a store that has at least one roster, and verifies
// all rosters again.
func New(c Config) (*Inbox, error) {
	if c.MaxFile == 0 {
		c.MaxFile = DefaultMaxFile
	}
	if c.Reserve == 0 {
		c.Reserve = DefaultReserve
	}
	if c.Decoys == nil {
		c.Decoys = drawDecoys
	}
	throwaway, err := hybrid.Generate()
	if err != nil {
		return nil, err
	}
	b := &Inbox{Config: c, filler: throwaway.Recipient()}
	if err := b.loadRosters(); err != nil {
		return nil, err
	}
	if err := b.startSchedule(); err != nil {
		return nil, err
	}
	if key := b.Newest().Server; key.String() != c.Signer.Key().String() {
		return nil, fmt.Errorf("loading rosters: roster %d names another server key than this server has",
			b.Newest().Sequence)
	}
	return b, nil
}

// loadRosters verifies those of the store and those that wait, and begins what has begun.
func (b *Inbox) loadRosters() (err error) {
	all := Admission{Store: b.Store, Trusted: b.Trusted, Server: b.Signer.Key(), Now: b.Now(), Waiting: b.Waiting}
	if b.waiting, err = all.line(); err != nil {
		return err
	}
	if b.waiting.stored == 0 {
		return errors.New("loading rosters: there is none: run saksi init with -roster and -root")
	}
	b.rosters = b.waiting.rosters[:b.waiting.stored:b.waiting.stored]
	if _, b.files, err = b.Store.Rosters(); err != nil {
		return err
	}
	// One that cannot begin leaves the one before it in force, which Circle judges.
	if _, err := b.Begin(); errors.Is(err, store.ErrFailed) {
		return err
	}
	return nil
}

// startSchedule makes the first batch due at the first closing hour after the
// drop began.
func (b *Inbox) startSchedule() error {
	last, err := b.Store.LastSlot()
	if err != nil || last != 0 {
		return err
	}
	return b.Store.Schedule(slot(b.Now()))
}

func checkChain(rosters []*roster.Signed) error {
	for i := 1; i < len(rosters); i++ {
		if err := rosters[i].Follows(rosters[i-1]); err != nil {
			return fmt.Errorf("loading rosters: %w", err)
		}
	}
	return nil
}

// AdmitRoster is [Admission.HandIn] for a roster that must not wait.
func AdmitRoster(
	s store.Store, trusted roster.RootSet, server sign.Key, note []byte, files map[roster.Hash]string, now time.Time,
) (*roster.Signed, error) {
	signed, waits, err := Admission{Store: s, Trusted: trusted, Server: server, Now: now}.HandIn(Handed{note, files})
	if err == nil && waits {
		err = fmt.Errorf("admitting roster: roster %d: %w", signed.Sequence, roster.ErrNotYet)
	}
	return signed, err
}

// Newest returns the newest roster in force.
func (b *Inbox) Newest() *roster.Signed {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.rosters[len(b.rosters)-1]
}

// At returns the roster with a sequence.
func (b *Inbox) At(sequence uint64) (*roster.Signed, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, r := range b.rosters {
		if r.Sequence == sequence {
			return r, true
		}
	}
	return nil, false
}

// Authors returns the reviewers of all rosters so far, each as often as one has them.
func (b *Inbox) Authors() (all []roster.Reviewer) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, r := range b.rosters {
		all = append(all, r.Reviewers...)
	}
	return all
}

// Circle returns whom items are sealed to now, or [ErrClosed].
func (b *Inbox) Circle() (*roster.Circle, error) { return b.circleAt(b.Now()) }

func (b *Inbox) circleAt(now time.Time) (*roster.Circle, error) {
	b.mu.RLock()
	files := b.files
	b.mu.RUnlock()
	circle, err := b.Newest().CircleAt(now, files)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return circle, nil
}

// RunsOut says in words when nothing can be sealed any more, if that is soon; see
// [roster.Signed.RunsOut].
func (b *Inbox) RunsOut() string {
	b.mu.RLock()
	files := b.files
	b.mu.RUnlock()
	return b.Newest().RunsOut(b.Now(), func(file roster.Hash) bool { return files[file] != "" })
}

// Recipients returns the recipients file that [Inbox.Circle] is made from, or
// [ErrClosed].
func (b *Inbox) Recipients() (string, error) {
	now := b.Now()
	circle, err := b.circleAt(now)
	if err != nil {
		return "", err
	}
	period, _ := circle.Period(week.Of(now))
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.files[period.File], nil
}

// A Parcel is a sealed item on its way in.
type Parcel struct {
	ID      receipt.ItemID
	Burn    [32]byte // SHA-256 of the token that deletes it
	Roster  uint64
	Slots   [][]byte
	Size    int64                 // of payload.age
	Payload func(io.Writer) error // writes exactly Size bytes
	Staged  bool                  // in place of Payload: it was brought by [Inbox.Stage]
	Upload  store.UploadID        // under this name
}

// An Outcome says what Accept did.
type Outcome int

// The outcomes.
const (
	Kept  Outcome = iota // the item is kept, now
	Again                // this sealing of it was kept before; nothing changed
	Other                // an item with this id was kept before, sealed otherwise; nothing changed
)

// Accept keeps a parcel. When it returns Kept or Again, its item is on disk. When it
// returns Other, another one has its number, or another sealing of it, and nothing of
// the parcel is kept. It returns [ErrMisfit], [ErrTooLarge], [ErrFilesFull],
// [store.ErrGone], [store.ErrFull], or what reading the payload returned; then
// nothing of the parcel is kept. After [store.ErrFailed] it may be kept: the
// repetition tells.
//
// A staged parcel takes what was staged under the name that it has. If there is nothing, the
// error is [store.ErrUnknown]; if its size is another one, [store.ErrSize]; if
// some of it is missing, [store.ErrOffset]. After any error but [store.ErrGone] what is
// staged stays.
//
// A parcel that is burned meanwhile is not kept, or deleted, and the error is
// [store.ErrGone].
func (b *Inbox) Accept(p Parcel) (Outcome, error) {
	defer b.Expect(p.ID, p.Burn)()
	leave, err := b.admit(&p)
	if err != nil {
		return 0, err
	}
	defer leave()
	out, burned := b.arrivals.enter(arrival{p.ID, p.Burn})
	if burned {
		b.leaveNothing(p)
		return 0, fmt.Errorf("accepting parcel: it was burned: %w", store.ErrGone)
	}
	defer out()
	return b.keep(p, b.week())
}

// keep keeps in a week what was admitted.
func (b *Inbox) keep(p Parcel, w week.Week) (Outcome, error) {
	var err error
	i := store.Item{ID: p.ID, Roster: p.Roster, Week: w, Burn: p.Burn, Size: p.Size}
	if p.Staged {
		err = b.Store.CreateStaged(i, p.Slots, p.Upload)
	} else {
		err = b.Store.Create(i, p.Slots, p.Payload)
	}
	used := errors.Is(err, store.ErrExists)
	if used || errors.Is(err, store.ErrGone) {
		b.leaveNothing(p)
	}
	if used {
		return b.compare(p)
	}
	if err != nil {
		return 0, fmt.Errorf("accepting parcel: %w", err)
	}
	return Kept, nil
}

// compare tells whether the item that has a parcel's id is the parcel's own. The slots
// have a key that each sealing draws, so they are alike in no two.
func (b *Inbox) compare(p Parcel) (Outcome, error) {
	const doing = "comparing parcel: %w"
	states, err := b.Store.States([]receipt.ItemID{p.ID})
	if err != nil {
		return 0, fmt.Errorf(doing, err)
	}
	slots, err := b.Store.Slots(p.ID)
	switch i := states[0].Item; {
	case i == nil || errors.Is(err, store.ErrUnknown):
		return 0, fmt.Errorf(doing, store.ErrGone) // since it was found to exist
	case err != nil:
		return 0, fmt.Errorf(doing, err)
	case i.Burn == p.Burn && i.Size == p.Size && slices.EqualFunc(slots, p.Slots, bytes.Equal):
		return Again, nil
	}
	return Other, nil
}

// admit checks a parcel and holds room for it. What is kept already needs no room,
// and no shape of today; nobody makes room for it.
func (b *Inbox) admit(p *Parcel) (leave func(), err error) {
	if b.known(p.ID) {
		return func() {}, nil
	}
	if p.Staged {
		err = b.checkStaged(*p)
	} else {
		err = b.checkParcel(*p)
	}
	if errors.Is(err, store.ErrUnknown) && b.known(p.ID) { // another request has just made it the item
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	return b.enter(p)
}

func (b *Inbox) known(id receipt.ItemID) bool {
	states, err := b.Store.States([]receipt.ItemID{id})
	return err == nil && states[0] != (store.State{})
}

// textSize is the size of the payload of every item without a file.
func textSize() int64 { return item.PayloadSize(item.Floor) }

// checkParcel holds a parcel against the shape that all items have. Slots that
// differ in size or number would tell one item from another.
func (b *Inbox) checkParcel(p Parcel) error {
	newest := b.Newest()
	if p.Roster != newest.Sequence {
		return fmt.Errorf("checking parcel: roster %d is not the newest: %w", p.Roster, ErrMisfit)
	}
	if len(p.Slots) != len(newest.Reviewers) {
		return fmt.Errorf("checking parcel: %d slots for %d reviewers: %w",
			len(p.Slots), len(newest.Reviewers), ErrMisfit)
	}
	for _, slot := range p.Slots {
		if int64(len(slot)) != item.SlotSize(newest.Quorum) {
			return fmt.Errorf("checking parcel: a slot of %d bytes: %w", len(slot), ErrMisfit)
		}
	}
	return b.checkSize(p.Size)
}

// checkSize holds the size of a payload against those that payloads have.
func (b *Inbox) checkSize(size int64) error {
	if !item.ValidPayloadSize(size) {
		return fmt.Errorf("checking parcel: a payload of %d bytes: %w", size, ErrMisfit)
	}
	if size > item.PayloadSize(item.Padme(b.MaxFile+manifestRoom)) {
		return fmt.Errorf("checking parcel: %w", ErrTooLarge)
	}
	return nil
}
