//go:build !race

package boltstore_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"slices"
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
const (
	createText = 'C'
	createFile = 'F'
	remove     = 'D'
	addReply   = 'R'
	emptyBox   = 'E'
	stageFile  = 'S' // in slices, and then as an item
	stageHalf  = 'H'
	unstage    = 'U'

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

// do does one step.
func do(s store.Store, kind byte, k key) error {
	switch kind {
	case stageFile, stageHalf:
		return bring(s, kind, k, func(int64) {})
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
	default:
		return s.DeleteReplies(k.reply().Mailbox)
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

const (
	workers        = 3
	stepsPerWorker = 20
)

// work does what a mode asks for: unless it is another, steps of all kinds, from
// several workers at once.
func work(dir, journalName, mode string) error {
	f, err := os.Create(journalName)
	if err != nil {
		return err
	}
	j := &journal{file: f}
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
	case modeBatch:
		batch(s, j)
		return nil
	}
	var wg sync.WaitGroup
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
	modeBatch = "batch"
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
		err = step()
	}
	if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrKnown) {
		j.note("f %c %x", kind, k)
		return false
	}
	j.note("k %c %x", kind, k)
	return true
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
		if states, err := s.States([]receipt.ItemID{receipt.ItemID(k)}); err == nil && states[0].Item != nil {
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
			createText, createFile, addReply, stageFile, stageHalf, remove, addReply, emptyBox, unstage, stageHalf,
		}[n%10]
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
		}
	}
}

// A record is what the journal says of one key: what was begun with it, and what
// was acknowledged, by kind; and how much of a staged payload was,
// -1 if it was not even begun.
type record struct {
	begun, done map[byte]bool
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
			r = record{map[byte]bool{}, map[byte]bool{}, &none}
			records[key(raw)] = r
		}
		switch fields[0] {
		case "s":
			r.begun[fields[1][0]] = true
		case "k":
			r.done[fields[1][0]] = true
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

// verify opens a folder after whatever befell it and returns what is wrong: an
// acknowledged step that is lost, a half-kept one, a store that is not clean.
func verify(dir string, records map[key]record) (wrong []string) {
	wrong = stillOpen(dir, records)
	s, err := boltstore.Open(dir, now)
	if err != nil {
		return []string{"it does not open: " + err.Error()}
	}
	defer s.Close()
	check, err := s.Check()
	wrong = append(wrong, check...)
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	for k, r := range records {
		var problem string
		if r.begun[addReply] {
			problem = verifyReply(s, k, r)
		} else {
			problem = verifyItem(s, k, r)
		}
		if problem != "" {
			wrong = append(wrong, fmt.Sprintf("%x: %s", k, problem))
		}
	}
	return wrong
}

func verifyItem(s store.Store, k key, r record) string {
	states, err := s.States([]receipt.ItemID{receipt.ItemID(k)})
	if err != nil {
		return err.Error()
	}
	created := r.done[createText] || r.done[createFile] || r.done[stageFile]
	switch {
	case states[0].Gone != nil && !r.begun[remove]:
		return "nobody deleted it, and it is gone"
	case states[0].Gone != nil:
		return ""
	case r.done[remove]:
		return "it was deleted, and is there"
	case states[0].Item == nil && created:
		return "it was acknowledged, and is lost"
	case states[0].Item == nil && (r.begun[stageFile] || r.begun[stageHalf]):
		return verifyStaged(s, k, r)
	case states[0].Item == nil:
		return ""
	}
	kind := byte(createFile)
	if r.begun[createText] {
		kind = createText
	}
	return wholeItem(s, k, kind)
}

func wholeItem(s store.Store, k key, kind byte) string {
	i, wantSlots, wantPayload := k.item(kind)
	slots, err := s.Slots(i.ID)
	if err != nil || !slices.EqualFunc(slots, wantSlots, bytes.Equal) {
		return fmt.Sprintf("its slots are other ones: %v", err)
	}
	r, err := s.Payload(i.ID)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	if payload, err := io.ReadAll(r); err != nil || !bytes.Equal(payload, wantPayload) {
		return fmt.Sprintf("its payload is another one: %v", err)
	}
	return ""
}

func verifyReply(s store.Store, k key, r record) string {
	want := k.reply()
	replies, err := s.Replies(want.Mailbox, store.Places(0, 8))
	switch {
	case err != nil:
		return err.Error()
	case len(replies) == 1 && bytes.Equal(replies[0].Sealed, want.Sealed):
		if r.done[emptyBox] {
			return "its mailbox was emptied, and it is there"
		}
		return ""
	case len(replies) > 0:
		return "the mailbox has something else"
	case r.done[addReply] && !r.begun[emptyBox]:
		return "the reply was acknowledged, and is lost"
	}
	return ""
}

// TestWorkloadCanFail: the verifier names a lost item, a lost reply and a
// deletion that did not happen. Otherwise it would prove nothing.
func TestWorkloadCanFail(t *testing.T) {
	dir := t.TempDir()
	if err := boltstore.Create(dir); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	kept := key{1}
	half, size := key{3}, int64(100_000)
	err = errors.Join(do(s, createText, kept), do(s, addReply, key{2}), do(s, stageHalf, half),
		do(s, stageHalf, key{4}), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	yes := func(kinds ...byte) record {
		r := record{map[byte]bool{}, map[byte]bool{}, new(int64)}
		for _, kind := range kinds {
			r.begun[kind], r.done[kind] = true, true
		}
		return r
	}
	good := map[key]record{kept: yes(createText), {2}: yes(addReply), {4}: yes(stageHalf)}
	if wrong := verify(dir, good); len(wrong) > 0 {
		t.Errorf("what is well is called wrong: %q", wrong)
	}
	for name, records := range map[string]map[key]record{
		"lost item":        {{9}: yes(createFile)},
		"lost reply":       {{9}: yes(addReply)},
		"lost slice":       {{9}: {begun: map[byte]bool{stageHalf: true}, staged: &size}},
		"fewer bytes":      {half: {begun: map[byte]bool{stageHalf: true}, staged: &size}},
		"undone unstage":   {half: yes(stageHalf, unstage)},
		"another content":  {kept: yes(createFile)},
		"undone deletion":  {kept: yes(createText, remove)},
		"undone empty box": {{2}: yes(addReply, emptyBox)},
	} {
		if wrong := verify(dir, records); len(wrong) == 0 {
			t.Errorf("%s: found %q", name, wrong)
		}
	}
}
