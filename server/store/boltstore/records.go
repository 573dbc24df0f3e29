package boltstore

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// The buckets. Keys of items are random ids, so their order in the file is the
// order of chance.
var (
	bucketItems    = []byte("items")    // id -> itemRecord
	bucketSlots    = []byte("slots")    // id -> sealed slots
	bucketPayloads = []byte("payloads") // id -> payload, if small
	bucketGone     = []byte("gone")     // id -> goneRecord
	bucketBatches  = []byte("batches")  // sequence -> signed note
	bucketSums     = []byte("sums")     // sequence -> SHA256SUMS, until retired
	bucketIDs      = []byte("ids")      // sequence -> ids, until retired
	bucketReplies  = []byte("replies")  // M || count -> replyHead || reviewer
	bucketAnswers  = []byte("answers")  // M || count -> sealed reply
	bucketSeen     = []byte("seen")     // SHA-256 of mailbox and SHA-256 of a reply -> nothing
	bucketAcks     = []byte("acks")     // reviewer -> sequence
	bucketRosters  = []byte("rosters")  // sequence -> signed note
	bucketFiles    = []byte("files")    // SHA-256 -> recipients file
	bucketMeta     = []byte("meta")     // "slot" -> number; "keys" -> fileID; canaries
)

func allBuckets() [][]byte {
	return [][]byte{
		bucketItems, bucketSlots, bucketPayloads, bucketGone, bucketBatches, bucketSums, bucketIDs,
		bucketReplies, bucketAnswers, bucketSeen, bucketAcks, bucketRosters, bucketFiles, bucketMeta,
	}
}

func createBuckets(tx *bbolt.Tx) error {
	for _, name := range allBuckets() {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// weekRecord is a week, 3 bytes; zero for none.
type weekRecord struct {
	Year   uint16
	Number uint8
}

// itemRecord is an item's entry, 67 bytes, big endian.
type itemRecord struct {
	Version uint8
	Week    weekRecord
	Spread  weekRecord
	Sector  uint32
	Roster  uint64
	Size    int64
	Batch   uint64
	Burn    [32]byte
}

const itemSize = 67

// goneRecord is a tombstone's entry, 44 bytes.
type goneRecord struct {
	Reason uint8
	Week   weekRecord
	Batch  uint64
	Proof  [32]byte
}

// replyHead begins a reply's entry, 48 bytes; the reviewer's id follows.
type replyHead struct {
	Hash   [32]byte
	Sector uint32
	Batch  uint64
	Week   weekRecord
	Dying  uint8 // 1 once its deletion has begun
}

const replyHeadSize = 48

// errRecord is a [store.ErrDamaged].
var errRecord = fmt.Errorf("a record has not the form that it was written in: %w", store.ErrDamaged)

// encode writes a record of fixed size.
func encode(record any) []byte {
	b, err := binary.Append(nil, binary.BigEndian, record)
	if err != nil {
		panic("boltstore: internal error: " + err.Error())
	}
	return b
}

// decode reads a record that fills b.
func decode(b []byte, record any) error {
	if n, err := binary.Decode(b, binary.BigEndian, record); err != nil || n != len(b) {
		return errRecord
	}
	return nil
}

func sequenceKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// parseSequence reads what sequenceKey wrote.
func parseSequence(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, errRecord
	}
	return binary.BigEndian.Uint64(b), nil
}

func newWeek(w week.Week) weekRecord { return weekRecord{uint16(w.Year), uint8(w.Number)} }

func (r weekRecord) week() week.Week { return week.Week{Year: int(r.Year), Number: int(r.Number)} }

func newItemRecord(i store.Item, sector uint32) itemRecord {
	return itemRecord{
		Version: store.Version, Week: newWeek(i.Week), Spread: newWeek(i.Spread),
		Sector: sector, Roster: i.Roster, Size: i.Size, Batch: i.Batch, Burn: i.Burn,
	}
}

func (r itemRecord) item(id receipt.ItemID) *store.Item {
	return &store.Item{
		ID: id, Roster: r.Roster, Week: r.Week.week(), Spread: r.Spread.week(),
		Burn: r.Burn, Size: r.Size, Batch: r.Batch,
	}
}

func (r goneRecord) tombstone(id receipt.ItemID) *store.Tombstone {
	return &store.Tombstone{
		ID: id, Week: r.Week.week(), Reason: store.Reason(r.Reason), Proof: r.Proof, Batch: r.Batch,
	}
}

// readItem returns an item's record, or [store.ErrUnknown].
func readItem(tx *bbolt.Tx, id receipt.ItemID) (r itemRecord, err error) {
	return itemIn(tx.Bucket(bucketItems), id)
}

// itemIn is readItem for many in a row: finding the bucket costs as much as the record.
func itemIn(items *bbolt.Bucket, id receipt.ItemID) (r itemRecord, err error) {
	b := items.Get(id[:])
	if b == nil {
		return r, store.ErrUnknown
	}
	return parseItem(b)
}

// parseEntry reads an item's entry: its id and its record.
func parseEntry(k, v []byte) (id receipt.ItemID, r itemRecord, err error) {
	if len(k) != len(id) {
		return id, r, fmt.Errorf("item with a key of %d bytes: %w", len(k), errRecord)
	}
	r, err = parseItem(v)
	return receipt.ItemID(k), r, err
}

// unreadable says how many records a list lacks; nil if it lacks none.
func unreadable(n int, what string) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d %s: %w", n, what, errRecord)
}

// parseItem reads an item's record, field by field: each start reads all of them, for
// which [decode] takes fifty times as long.
func parseItem(b []byte) (r itemRecord, err error) {
	if len(b) > 0 && b[0] != store.Version {
		return r, fmt.Errorf("an item's record has version %d: %w", b[0], store.ErrFormat)
	}
	if len(b) != itemSize {
		return r, errRecord
	}
	u64 := binary.BigEndian.Uint64
	return itemRecord{
		Version: b[0], Week: parseWeek(b[1:]), Spread: parseWeek(b[4:]), Sector: binary.BigEndian.Uint32(b[7:]),
		Roster: u64(b[11:]), Size: int64(u64(b[19:])), Batch: u64(b[27:]), Burn: [32]byte(b[35:]),
	}, nil
}

func parseWeek(b []byte) weekRecord { return weekRecord{binary.BigEndian.Uint16(b), b[2]} }

// readGone returns a tombstone, and whether there is one.
func readGone(tx *bbolt.Tx, id receipt.ItemID) (r goneRecord, ok bool, err error) {
	return goneIn(tx.Bucket(bucketGone), id)
}

func goneIn(tombstones *bbolt.Bucket, id receipt.ItemID) (r goneRecord, ok bool, err error) {
	b := tombstones.Get(id[:])
	if b == nil {
		return r, false, nil
	}
	return r, true, decode(b, &r)
}

// packSlots joins slots of one size: count (2), size (4), bytes.
func packSlots(slots [][]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(slots)))
	size := 0
	if len(slots) > 0 {
		size = len(slots[0])
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	for _, slot := range slots {
		b = append(b, slot...)
	}
	return b
}

func unpackSlots(b []byte) ([][]byte, error) {
	if len(b) < 6 {
		return nil, errRecord
	}
	count, size := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint32(b[2:]))
	if b = b[6:]; len(b) != count*size || (count == 0) != (size == 0) {
		return nil, errRecord
	}
	slots := make([][]byte, count)
	for i := range slots {
		slots[i] = b[i*size : (i+1)*size]
	}
	return slots, nil
}
