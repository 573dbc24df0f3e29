//go:build !race

package boltstore_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
	"saksi/server/store/boltstore"
)

// The tests of crashes and of failing disks are not built with the race detector:
// they replay what other processes did, and .ci/check runs them without. They need a process of their own: this
// test program, started again to work on a store and to keep a journal of what
// it began and of what it was told.
//
//	s C 00ff..   item 00ff.. is about to be created
//	k C 00ff..   it was acknowledged
//	f C 00ff..   it was refused
//	a 99 00ff..  99 bytes of a staged payload were acknowledged
//	v I 00ff..   somebody looked, and was told that the item is there; G: that it is gone
const (
	createText = 'C'
	createFile = 'F'
	remove     = 'D'
	addReply   = 'R'
	emptyBox   = 'E'
	stageFile  = 'S' // in slices, and then as an item
	stageHalf  = 'H'
	unstage    = 'U'
	bury       = 'Y' // an id that is not in use, and is then sent in vain

	envFolder  = "SAKSI_WORKLOAD_FOLDER"
	envJournal = "SAKSI_WORKLOAD_JOURNAL"
	envMode    = "SAKSI_WORKLOAD_MODE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envFolder); dir != "" {
		if err := work(dir, os.Getenv(envJournal), os.Getenv(envMode)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var monday = time.Date(2026, time.November, 16, 0, 0, 0, 0, time.UTC)

func now() time.Time { return monday }

// A key names what one step is about: an item's id, or a mailbox and the one
// reply in it. All contents follow from it.
type key [16]byte

func (k key) bytes(what string, n int) []byte {
	seed := sha256.Sum256(append([]byte(what), k[:]...))
	out := make([]byte, n)
	mathrand.NewChaCha8(seed).Read(out)
	return out
}

func (k key) item(kind byte) (store.Item, [][]byte, []byte) {
	size := item.PayloadSize(item.Floor)
	if kind != createText {
		size = item.PayloadSize(item.Padme(150_000))
	}
	i := store.Item{ID: receipt.ItemID(k), Roster: 1, Week: week.Of(monday), Size: size}
	copy(i.Burn[:], k.bytes("burn", 32))
	slots := [][]byte{k.bytes("slot 1", int(item.SlotSize(roster.Quorum{Needed: 1}))), k.bytes("slot 2", int(item.SlotSize(roster.Quorum{Needed: 1})))}
	return i, slots, k.bytes("payload", int(size))
}

func (k key) reply() store.Reply {
	return store.Reply{
		Mailbox: receipt.Mailbox(k.bytes("mailbox", 32)), Sealed: k.bytes("reply", 5755), Reviewer: "r1",
		Week: week.Of(monday),
	}
}

// tombstone is what a burn leaves of an item that was not there.
func (k key) tombstone() store.Tombstone {
	return store.Tombstone{
		ID: receipt.ItemID(k), Week: week.Of(monday), Reason: store.Deleted, Proof: receipt.Secret(k.bytes("proof", 32)),
	}
}

// do does one step.
func do(s store.Store, kind byte, k key) error {
	switch kind {
	case stageFile, stageHalf:
		return bring(s, kind, k, func(int64) {})
	case bury:
		return s.Bury(k.tombstone())
	case unstage:
		return s.Unstage(upload(k))
	case createText, createFile:
		i, slots, payload := k.item(kind)
		return s.Create(i, slots, func(w io.Writer) error {
			_, err := w.Write(payload)
			return err
		})
	case remove:
		return s.Delete(store.Tombstone{ID: receipt.ItemID(k), Week: week.Of(monday), Reason: store.Deleted})
	case addReply:
		return s.AddReply(k.reply())
	case emptyBox:
		return s.DeleteReplies(k.reply().Mailbox)
	default:
		return doRound(s, kind, k)
	}
}

// A journal is written by a call that nothing else in the process makes, so that
// faults can be planted in the others.
type journal struct {
	mu   sync.Mutex
	file *os.File
	size int64
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, err := unix.Pwritev(int(j.file.Fd()), [][]byte{fmt.Appendf(nil, format+"\n", args...)}, j.size)
	if err != nil {
		panic(err)
	}
	j.size += int64(n)
}

// say notes how something ended.
func (j *journal) say(what string, err error) {
	if errors.Is(err, store.ErrFailed) {
		j.note("%s: failed", what)
	} else {
		j.note("%s: %v", what, err)
	}
}

const (
	workers        = 3
	stepsPerWorker = 22
)

// work does what a mode asks for: unless it is another, steps of all kinds, from
// several workers at once.
func work(dir, journalName, mode string) error {
	f, err := os.Create(journalName)
	if err != nil {
		return err
	}
	j := &journal{file: f}
	if mode == modeBox {
		runtime.LockOSThread() // strace counts the calls of each thread
	}
	s, err := boltstore.Open(dir, now)
	if err != nil {
		return nil // a planted fault can meet Open as well
	}
	switch mode {
	case modeOnce:
		j.tell(s, createText, key{1})
		return nil // without closing, as if killed
	case modeCrowd:
		crowd(s)
		return nil
	case modeTwins:
		twins(s, j)
		return nil
	case modeSeen:
		seen(s, j)
		return nil
	case modeBatch:
		batch(s, j)
		return nil
	case modeBox:
		box(s, j)
		return nil
	case modeEach:
		each(s, j)
		return nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { rounds(s, j, 4) })
	for range workers {
		wg.Go(func() { worker(s, j) })
	}
	wg.Wait()
	s.Close() // after a failure of the disk this may fail as well
	return f.Close()
}

const (
	modeOnce  = "once"
	modeCrowd = "crowd"
	modeTwins = "twins"
	modeSeen  = "seen"
	modeBatch = "batch"
	modeBox   = "box"
	modeEach  = "each"
)

// tell does a step, as a server does for a reporter who sends again what was not
// acknowledged: what is there already counts as received.
func (j *journal) tell(s store.Store, kind byte, k key) bool {
	j.note("s %c %x", kind, k)
	step := func() error { return do(s, kind, k) }
	if kind == stageFile || kind == stageHalf {
		step = func() error { return bring(s, kind, k, func(now int64) { j.note("a %d %x", now, k) }) }
	}
	err := step()
	if err != nil {
		j.look(s, k)
		err = step()
	}
	if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrKnown) {
		j.note("f %c %x", kind, k)
		return false
	}
	j.note("k %c %x", kind, k)
	return true
}

// look asks for an item, as a reporter does who opens the conversation.
func (j *journal) look(s store.Store, k key) (there bool) {
	states, err := s.States([]receipt.ItemID{receipt.ItemID(k)})
	switch {
	case err != nil:
	case states[0].Gone != nil:
		j.note("v G %x", k)
	case states[0].Item != nil:
		j.note("v I %x", k)
		return true
	}
	return false
}

// seen creates an item, and looks until it is there.
func seen(s store.Store, j *journal) {
	k := key{1}
	j.note("s %c %x", createText, k)
	go do(s, createText, k)
	for !j.look(s, k) {
		runtime.Gosched()
	}
}

// crowd sends much at once.
func crowd(s store.Store) {
	var all sync.WaitGroup
	for n := range byte(crowdSize) {
		all.Go(func() { do(s, createText, key{n, 1}) })
		all.Go(func() { do(s, addReply, key{n, 2}) })
	}
	all.Wait()
}

const crowdSize = 12

// twins sends the same twice, the second as soon as the first can be seen.
func twins(s store.Store, j *journal) {
	k := key{1}
	go do(s, createText, k)
	for {
		if _, err := s.Slots(receipt.ItemID(k)); err == nil {
			break
		}
	}
	j.tell(s, createText, k)
}

func worker(s store.Store, j *journal) {
	var items, boxes, halves []key
	for n := range stepsPerWorker {
		var k key
		rand.Read(k[:])
		kind := [...]byte{
			createText, createFile, addReply, stageFile, stageHalf, remove, addReply, emptyBox, unstage, stageHalf, bury,
		}[n%11]
		switch {
		case kind == remove && len(items) > 0:
			k, items = items[0], items[1:]
		case kind == emptyBox && len(boxes) > 0:
			k, boxes = boxes[0], boxes[1:]
		case kind == unstage && len(halves) > 0:
			k, halves = halves[0], halves[1:]
		case kind == remove || kind == emptyBox || kind == unstage:
			continue
		}
		if !j.tell(s, kind, k) {
			continue
		}
		switch kind {
		case createText, createFile, stageFile:
			items = append(items, k)
		case addReply:
			boxes = append(boxes, k)
		case stageHalf:
			halves = append(halves, k)
		case bury:
			j.tell(s, createText, k)
		}
	}
}

// each does every kind of step, one after the other.
func each(s store.Store, j *journal) {
	for n, kind := range []byte{createText, createFile, addReply, stageFile, stageHalf, bury} {
		j.tell(s, kind, key{1, byte(n)})
	}
	for n, kind := range []byte{remove, remove, emptyBox, remove, unstage} {
		j.tell(s, kind, key{1, byte(n)})
	}
	rounds(s, j, 2)
}

// A record is what the journal says of one key: what was begun with it, and what
// was acknowledged, by kind; and how much of a staged payload was,
// -1 if it was not even begun.
type record struct {
	begun, done map[byte]bool
	seen        map[byte]bool // what somebody was told who looked
	staged      *int64
}

func readJournal(text string) (map[key]record, error) {
	records := map[key]record{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("journal line %q", line)
		}
		raw, err := hex.DecodeString(fields[2])
		if err != nil || len(raw) != len(key{}) {
			return nil, fmt.Errorf("journal line %q", line)
		}
		none := int64(-1)
		r, ok := records[key(raw)]
		if !ok {
			r = record{map[byte]bool{}, map[byte]bool{}, map[byte]bool{}, &none}
			records[key(raw)] = r
		}
		switch fields[0] {
		case "s":
			r.begun[fields[1][0]] = true
		case "k":
			r.done[fields[1][0]] = true
		case "v":
			r.seen[fields[1][0]] = true
		case "a":
			now, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("journal line %q", line)
			}
			*r.staged = max(*r.staged, now)
		}
	}
	return records, nil
}
