// Package store is the contract between the rules of the drop and the engine
// that keeps its ciphertext. It speaks in operations of the drop, not in keys
// and values, so that an engine can make each of them durable in its own way.
//
// Every engine promises:
//
//   - What a method returned nil for survives kill -9 and power loss. What it
//     returned an error for is either absent or whole, and a repetition finds
//     out which.
//   - An id is used once: after Create or Delete, Create of the same id changes
//     nothing and says so.
//   - After Delete and DeleteReplies, no copy of the folder opens the slots or
//     replies again, not even together with every reviewer's key. This ends
//     where the disk's own promises end.
//   - Nothing is written down but what is in these types, and no time finer
//     than an ISO week.
//
// Methods may be called by several goroutines at once.
package store

import (
	"encoding/hex"
	"errors"
	"io"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// Version is the format of an item's record.
const Version = 1

// Errors that a caller acts on. Engines wrap them.
var (
	// ErrExists is returned by Create when the id is in use.
	ErrExists = errors.New("the item exists")
	// ErrGone is returned when the id was used and its item deleted.
	ErrGone = errors.New("the item was deleted")
	// ErrUnknown is returned when there is no such item, batch or roster.
	ErrUnknown = errors.New("no such entry")
	// ErrOffset is returned by Stage when an offset is not where the staged payload
	// ends, and by CreateStaged when that is not its end.
	ErrOffset = errors.New("the payload is at another offset")
	// ErrSize is returned when a payload has another size than was announced.
	ErrSize = errors.New("the payload has another size than announced")
	// ErrBusy is returned by Stage when another Stage of the id is under way, or
	// has taken its place.
	ErrBusy = errors.New("another request brings this payload")
	// ErrKnown is returned by AddReply for a ciphertext that was added to this
	// mailbox before, even if it has been deleted since.
	ErrKnown = errors.New("the reply is known")
	// ErrDamaged is returned when what was kept of an item is not what is there.
	ErrDamaged = errors.New("what was kept is damaged")
	// ErrFull is returned when the disk has no room.
	ErrFull = errors.New("no space left")
	// ErrFailed is returned by everything that writes, once the disk has failed
	// to take a write or to confirm one. What the kernel then says of the disk is
	// not to be trusted any more: a later sync may succeed though the data is
	// lost. Reading goes on. A new Open looks at the disk itself.
	ErrFailed = errors.New("the disk failed")
	// ErrFormat is returned by an engine's Open for a folder of another format.
	ErrFormat = errors.New("the data folder has another format")
	// ErrLocked is returned by an engine's Open when another process has the
	// folder.
	ErrLocked = errors.New("another process uses the data folder")
)

// An Item is what is kept beside slots and payload: nothing else is.
type Item struct {
	ID     receipt.ItemID
	Roster uint64    // sequence of the roster it was sealed under
	Week   week.Week // in which it was accepted
	Burn   [32]byte  // SHA-256 of the token that deletes it
	Size   int64     // of the payload, in bytes; a padded size
	Batch  uint64    // 0: in none yet; [Retired]: every desk has it
	Spread week.Week // in which every desk had it; zero before
}

// An UploadID names an upload. Who seals draws it at random for each sealing, so
// that bytes of two sealings never come together, also of one item; and nothing
// tells of what item it is before it is one.
type UploadID [16]byte

// ParseUploadID parses what [UploadID.String] returns.
func ParseUploadID(s string) (u UploadID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(u) || hex.EncodeToString(b) != s {
		return u, errors.New("parsing upload id: not its 32 digits")
	}
	return UploadID(b), nil
}

func (u UploadID) String() string { return hex.EncodeToString(u[:]) }

// An Upload is a payload that is staged: on its way in, in slices. Nothing else of
// an item is kept before all of it is, so that what is abandoned opens for nobody.
type Upload struct {
	ID     UploadID
	Size   int64 // as announced
	Offset int64 // how many bytes are there, and survive
}

// Retired stands in place of a batch number once every desk has confirmed the
// batch: which one it was is then forgotten.
const Retired = ^uint64(0)

// A Reason says why an item is gone.
type Reason uint8

// The reasons.
const (
	Deleted Reason = 1 // by its reporter, with the burn token
	Expired Reason = 2 // its time had come
	Lost    Reason = 3 // the disk lost it, and the operator gave it up
)

// A Tombstone is what stays of a deleted item, so that its id is not used
// again and desks can be told.
type Tombstone struct {
	ID     receipt.ItemID
	Week   week.Week // in which it was deleted
	Reason Reason
	Proof  receipt.Secret // the burn token, when Reason is Deleted
	Batch  uint64         // that the item was in, as in [Item]
}

// A State is what an id stands for: at most one of the two is set.
type State struct {
	Item *Item
	Gone *Tombstone
}

// A Batch is what is kept of a closed batch.
type Batch struct {
	Sequence uint64
	Note     []byte           // signed
	Sums     []byte           // SHA256SUMS; nil once retired
	IDs      []receipt.ItemID // in it when it was closed; nil once retired
}

// A Canary is a word that is sealed to a reviewer, who shows by answering that
// the key is not lost. It is no testimony: it is kept in plain records.
type Canary struct {
	Month    canary.Month
	Reviewer string
	Batch    uint64    // whose list has it
	Week     week.Week // in which that was closed
	Sealed   []byte    // nil once it was answered
	Answer   [32]byte  // SHA-256 of the answer
	Answered bool
}

// A Reply is an entry of a mailbox.
type Reply struct {
	Mailbox  receipt.Mailbox
	Sealed   []byte    // of one fixed size
	Reviewer string    // whose outbox brought it
	Batch    uint64    // newest batch when it came
	Week     week.Week // in which it came
}

// A ReplyHead is what an entry is known by without its ciphertext.
type ReplyHead struct {
	Hash     [32]byte // SHA-256 of the ciphertext
	Reviewer string
	Batch    uint64
}

// Places picks entries by their places: at most limit, after skipping skip.
func Places(skip, limit int) func([]ReplyHead) []int {
	return func(heads []ReplyHead) (places []int) {
		for i := skip; i < min(skip+limit, len(heads)); i++ {
			places = append(places, i)
		}
		return places
	}
}

// Usage is how full a store is. What is damaged counts for nothing else.
type Usage struct {
	Items    int
	Waiting  int // in no batch yet
	Gone     int
	Replies  int
	Payloads int64 // bytes of all payloads
	Damaged  int   // items whose record cannot be read
	Failed   bool  // every write returns [ErrFailed]
}

// A Store keeps one drop's data.
type Store interface {
	// Create keeps an item. The slots are kept such that Delete destroys them;
	// payload writes exactly item.Size bytes. It returns [ErrExists], [ErrGone],
	// [ErrFull], or what payload returned, and then keeps nothing.
	Create(item Item, slots [][]byte, payload func(io.Writer) error) error

	// Stage appends what from has to the payload that is staged under a name, and
	// returns how many bytes of it are there then. With offset 0 it begins one,
	// unless there is one. What it returns survives, also with an error: what came
	// before from broke is kept.
	//
	// It returns [ErrOffset] when offset is not where the payload ends; [ErrSize]
	// when it was announced with another size, has more than that, or has a size
	// that is too small to be staged; [ErrUnknown] when there is none and offset is
	// not 0; [ErrBusy]; [ErrFull], or what from returned.
	Stage(id UploadID, size, offset int64, from io.Reader) (now int64, err error)

	// Settle ends a Stage of that name that is under way, keeps what it brought, and
	// returns what is staged, or [ErrUnknown].
	Settle(id UploadID) (Upload, error)

	// Unstage removes what is staged under a name, if anything is. It ends a Stage
	// that is under way.
	Unstage(id UploadID) error

	// Staged returns all uploads.
	Staged() ([]Upload, error)

	// CreateStaged is Create with the payload that was staged under a name, whole,
	// which is staged no more then. It also returns [ErrUnknown] when there is none, and
	// [ErrSize] or [ErrOffset] when it is not item.Size long; it stays then.
	CreateStaged(item Item, slots [][]byte, from UploadID) error

	// States returns what each of the ids stands for, in one consistent view, which
	// survives. It returns [ErrFailed] when that is not sure of one of them, as it was
	// being written when the disk failed.
	States(ids []receipt.ItemID) ([]State, error)

	// Slots returns an item's slots in roster order, or [ErrUnknown] or
	// [ErrDamaged].
	Slots(id receipt.ItemID) ([][]byte, error)

	// Payload opens an item's payload, or returns [ErrUnknown], or [ErrDamaged]
	// when it has another size than was kept, or cannot be opened: with the reason,
	// where it is another than that it is not there. It stays readable while open, even
	// if the item is deleted meanwhile.
	Payload(id receipt.ItemID) (io.ReadCloser, error)

	// Delete destroys the slots of items, then their records and payloads, and
	// leaves the tombstones, whose Batch is filled in. Deleting a deleted item
	// changes nothing. It returns [ErrUnknown] for an id never used, and then
	// deleted nothing.
	Delete(tombstones ...Tombstone) error

	// Bury leaves the tombstone of an item that was never here, so that its id is
	// used. One that has a tombstone keeps it. It returns [ErrExists], and changes
	// nothing, when there is an item.
	Bury(t Tombstone) error

	// Waiting returns the items that are in no batch yet, by id, but for those whose record
	// is damaged.
	Waiting() ([]Item, error)
	// Aged returns the ids of items that every desk had in the week spread or
	// before, and of those accepted in the week accepted or before. Beside [ErrDamaged] come
	// those whose record can be read.
	Aged(spread, accepted week.Week) ([]receipt.ItemID, error)

	// CloseBatch keeps the batch and puts those of its items that still exist
	// into it, in one step. The sequence must be the next one. It also
	// remembers slot, an opaque number that tells when the next is due.
	CloseBatch(b Batch, slot int64) error

	// Batch returns a batch, or [ErrUnknown]. Sequence 0 means the newest. What it
	// returns survives, as it may leave the server; else it returns [ErrFailed].
	Batch(sequence uint64) (Batch, error)

	// LastSlot returns what the last CloseBatch or Schedule remembered; 0 before
	// the first.
	LastSlot() (int64, error)

	// Schedule remembers slot, as CloseBatch does, without a batch.
	Schedule(slot int64) error

	// Retire forgets sums and ids of a batch, and which batch its items were in.
	// They are spread, since week w.
	Retire(sequence uint64, w week.Week) error

	// Acknowledge remembers that a reviewer has all batches up to sequence. A
	// lower sequence than before changes nothing.
	Acknowledge(reviewer string, sequence uint64) error

	// Acknowledged returns the highest batch each reviewer has confirmed.
	Acknowledged() (map[string]uint64, error)

	// AddReply adds an entry to a mailbox, or returns [ErrKnown], or [ErrFull], also
	// where entries would take what is kept for items. The entry is kept such that
	// DeleteReplies destroys it.
	AddReply(r Reply) error

	// Replies returns those of a mailbox's entries that pick chooses, in the order
	// in which it names their places in heads. Heads come with the newest first. It
	// returns [ErrFailed] when it is not sure that this survives, as the mailbox was
	// being written when the disk failed.
	Replies(m receipt.Mailbox, pick func(heads []ReplyHead) []int) ([]Reply, error)

	// DeleteReplies destroys all entries of a mailbox.
	DeleteReplies(m receipt.Mailbox) error
	// ExpireReplies destroys all entries that came in week last or before, and
	// returns how many. It goes step by step, so that other deletions need not wait
	// for its end; with an error some of them may be destroyed, as many as it says: beside
	// [ErrDamaged] all that can be read.
	ExpireReplies(last week.Week) (int, error)

	// KeepCanaries keeps canaries, all or none, in the place of those of the same
	// months and reviewers.
	KeepCanaries(canaries ...Canary) error
	// Canaries returns all canaries, by month and then by reviewer, but for damaged ones.
	Canaries() ([]Canary, error)
	// ForgetCanaries forgets those of earlier months, and damaged ones.
	ForgetCanaries(before canary.Month) error

	// AddRoster keeps a signed roster and recipients files. Keeping the same
	// again changes nothing.
	AddRoster(sequence uint64, note []byte, files map[roster.Hash]string) error

	// Rosters returns all signed rosters, oldest first, and all files.
	Rosters() ([][]byte, map[roster.Hash]string, error)

	// Sound returns [ErrFailed] once the disk has failed, and else nil.
	Sound() error
	// Usage counts.
	Usage() (Usage, error)
	// Free returns how many bytes the disk still takes.
	Free() (int64, error)

	// Check holds the store against its own invariants and returns a line for
	// each thing that is wrong. It changes nothing. It reads every slot.
	Check() ([]string, error)

	// Close releases the folder. No other method may be in use.
	Close() error
}
