package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// name is that of an item's upload in these tests: nothing of its id.
func name(i store.Item) store.UploadID {
	hash := sha256.Sum256(i.ID[:])
	return store.UploadID(hash[:16])
}

// stage brings a slice of a payload, which must be taken whole.
func stage(t testing.TB, s store.Store, i store.Item, payload []byte, from, to int64) {
	t.Helper()
	now, err := s.Stage(name(i), i.Size, from, bytes.NewReader(payload[from:to]))
	if err != nil || now != to {
		t.Fatalf("staging bytes %d to %d: now %d, %v", from, to, now, err)
	}
}

// staged holds what is staged.
func staged(t testing.TB, s store.Store, want ...store.Upload) {
	t.Helper()
	got, err := s.Staged()
	if err != nil || len(got) != len(want) {
		t.Fatalf("staged are %+v, %v, want %+v", got, err, want)
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			t.Fatalf("staged are %+v, want %+v", got, want)
		}
	}
}

// testStage: what comes in slices, with a restart after each, is an item in the
// end like any other.
func testStage(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	for _, cut := range [][2]int64{{0, 0}, {0, 1}, {1, i.Size / 2}, {i.Size / 2, i.Size}} {
		stage(t, s, i, payload, cut[0], cut[1])
		staged(t, s, store.Upload{ID: name(i), Size: i.Size, Offset: cut[1]})
		if states, err := s.States([]receipt.ItemID{i.ID}); err != nil || states[0] != (store.State{}) {
			t.Fatalf("what is staged is an item: %+v, %v", states, err)
		}
		finish(t, s)
		s = e.Open(t)
		staged(t, s, store.Upload{ID: name(i), Size: i.Size, Offset: cut[1]})
	}
	if err := s.CreateStaged(i, slots, name(i)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, i, slots, payload)
	staged(t, s)
	if err := s.CreateStaged(i, slots, name(i)); !errors.Is(err, store.ErrExists) {
		t.Errorf("again: %v, want ErrExists", err)
	}
	finish(t, s)
	s = e.Open(t)
	expect(t, s, i, slots, payload)
	staged(t, s)
	if err := s.Delete(store.Tombstone{ID: i.ID, Week: thisWeek, Reason: store.Deleted}); err != nil {
		t.Error(err)
	}
	finish(t, s)
}

var errBroken = errors.New("broken off")

// breaking is a reader that breaks off after some bytes, with any error that a
// connection may have, or ends, with nil.
func breaking(b []byte) (from io.Reader, end error) {
	end = []error{nil, io.ErrUnexpectedEOF, errBroken}[rand.IntN(3)]
	if end == nil {
		return bytes.NewReader(b), nil
	}
	return io.MultiReader(bytes.NewReader(b), failing{end}), end
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// testRandomSlices: whatever the slices, wherever they break off, and whenever
// the store is opened anew: in the end the bytes are the same.
func testRandomSlices(t *testing.T, e Engine) {
	s := e.Open(t)
	for range 8 {
		i, slots, payload := newItem(large())
		var now int64
		for steps := 0; now < i.Size || steps == 0; steps++ {
			if rand.IntN(10) == 0 {
				finish(t, s)
				s = e.Open(t)
			}
			asked := now
			if rand.IntN(5) == 0 {
				asked = rand.Int64N(i.Size + 1) // mostly a wrong one
			}
			n := min(rand.Int64N(i.Size/3), i.Size-asked)
			from, end := breaking(payload[asked : asked+n])
			got, err := s.Stage(name(i), i.Size, asked, from)
			switch {
			case steps == 0 && asked != 0:
				if !errors.Is(err, store.ErrUnknown) {
					t.Fatalf("beginning in the middle: %v, want ErrUnknown", err)
				}
				steps = -1
			case asked != now:
				if !errors.Is(err, store.ErrOffset) || got != now {
					t.Fatalf("at %d, not %d: now %d, %v", asked, now, got, err)
				}
			case got != now+n || !errors.Is(err, end):
				t.Fatalf("%d bytes at %d, then %v: now %d, %v", n, now, end, got, err)
			default:
				now = got
			}
		}
		if err := s.CreateStaged(i, slots, name(i)); err != nil {
			t.Fatal(err)
		}
		expect(t, s, i, slots, payload)
	}
	finish(t, s)
}

// testRefusedSlices: what does not fit changes nothing, and is told by its name.
func testRefusedSlices(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	half := i.Size / 2
	stage(t, s, i, payload, 0, half)
	for name, test := range map[string]struct {
		id           store.UploadID
		size, offset int64
		want         error
		now          int64
	}{
		"again from the beginning": {name(i), i.Size, 0, store.ErrOffset, half},
		"a gap":                    {name(i), i.Size, half + 1, store.ErrOffset, half},
		"behind its end":           {name(i), i.Size, half - 1, store.ErrOffset, half},
		"below zero":               {name(i), i.Size, -1, store.ErrOffset, half},
		"another size":             {name(i), i.Size + 1, half, store.ErrSize, half},
		"unknown":                  {store.UploadID{1}, i.Size, half, store.ErrUnknown, 0},
		"small":                    {store.UploadID{2}, small(), 0, store.ErrSize, 0},
	} {
		now, err := s.Stage(test.id, test.size, test.offset, bytes.NewReader(payload))
		if !errors.Is(err, test.want) || now != test.now {
			t.Errorf("%s: now %d, %v, want %d, %v", name, now, err, test.now, test.want)
		}
	}
	staged(t, s, store.Upload{ID: name(i), Size: i.Size, Offset: half})
	now, err := s.Stage(name(i), i.Size, half, bytes.NewReader(append(payload[half:i.Size:i.Size], 0)))
	if !errors.Is(err, store.ErrSize) || now != i.Size {
		t.Errorf("one byte too many: now %d, %v", now, err)
	}
	if err := s.CreateStaged(i, slots, name(i)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, i, slots, payload)
	if _, err := s.Settle(store.UploadID{1}); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("settling nothing: %v, want ErrUnknown", err)
	}
	finish(t, s)
}

// testStageUsedIDs: what is staged is nobody's. Adopting it for an id that is or was
// an item's says so, and leaves it; two sealings of one item never come together.
func testStageUsedIDs(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	second, third := store.UploadID{1}, store.UploadID{2}
	other := bytes.Repeat([]byte{1}, int(i.Size))
	stage(t, s, i, payload, 0, i.Size/2)
	for _, name := range []store.UploadID{second, third} {
		if now, err := s.Stage(name, i.Size, 0, bytes.NewReader(other)); err != nil || now != i.Size {
			t.Fatalf("another sealing: now %d, %v", now, err)
		}
	}
	stage(t, s, i, payload, i.Size/2, i.Size)
	if err := s.CreateStaged(i, slots, name(i)); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateStaged(i, slots, second); !errors.Is(err, store.ErrExists) {
		t.Errorf("adopting for an item's id: %v, want ErrExists", err)
	}
	expect(t, s, i, slots, payload)
	if err := s.Delete(store.Tombstone{ID: i.ID, Week: thisWeek, Reason: store.Deleted}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateStaged(i, slots, second); !errors.Is(err, store.ErrGone) {
		t.Errorf("adopting for a deleted id: %v, want ErrGone", err)
	}
	finish(t, s)
	s = e.Open(t)
	staged(t, s, store.Upload{ID: second, Size: i.Size, Offset: i.Size}, store.Upload{ID: third, Size: i.Size, Offset: i.Size})
	next, nextSlots, _ := newItem(large())
	if err := s.CreateStaged(next, nextSlots, second); err != nil {
		t.Fatal(err)
	}
	after, _, _ := newItem(large())
	if err := s.CreateStaged(after, nextSlots, second); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("adopting twice: %v, want ErrUnknown", err)
	}
	expect(t, s, next, nextSlots, other)
	finish(t, s)
}

// testAdoptTooEarly: no item comes of a part, of another size, or of nothing;
// and what is staged stays.
func testAdoptTooEarly(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	if err := s.CreateStaged(i, slots, name(i)); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("of nothing: %v, want ErrUnknown", err)
	}
	stage(t, s, i, payload, 0, i.Size-1)
	if err := s.CreateStaged(i, slots, name(i)); !errors.Is(err, store.ErrOffset) {
		t.Errorf("of a part: %v, want ErrOffset", err)
	}
	stage(t, s, i, payload, i.Size-1, i.Size)
	other := i
	other.Size = small()
	if err := s.CreateStaged(other, slots, name(i)); !errors.Is(err, store.ErrSize) {
		t.Errorf("of another size: %v, want ErrSize", err)
	}
	if err := s.CreateStaged(i, [][]byte{{1}, {1, 2}}, name(i)); err == nil {
		t.Error("slots of different sizes were taken")
	}
	staged(t, s, store.Upload{ID: name(i), Size: i.Size, Offset: i.Size})
	if err := s.Delete(store.Tombstone{ID: i.ID}); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("deleting what is staged: %v, want ErrUnknown", err)
	}
	if err := s.CreateStaged(i, slots, name(i)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, i, slots, payload)
	finish(t, s)
}

func testConcurrentAdopters(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	stage(t, s, i, payload, 0, i.Size)
	var wg sync.WaitGroup
	var mu sync.Mutex
	created := 0
	for n := range 8 {
		wg.Go(func() {
			err := s.CreateStaged(i, slots, name(i))
			if n%2 == 1 {
				_, err = s.Stage(name(i), i.Size, i.Size, bytes.NewReader(nil))
				if err == nil || errors.Is(err, store.ErrBusy) || errors.Is(err, store.ErrUnknown) {
					return
				}
			}
			if err != nil && !errors.Is(err, store.ErrExists) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				created++
			}
		})
	}
	wg.Wait()
	if created > 1 {
		t.Errorf("%d requests were told that they created the item", created)
	}
	expect(t, s, i, slots, payload)
	staged(t, s)
	finish(t, s)
}

// testHangingSlice: a slice whose connection hangs holds the next up until
// somebody asks how far it came. From then on it writes nothing.
func testHangingSlice(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	r, w := io.Pipe()
	hung := make(chan error)
	go func() {
		_, err := s.Stage(name(i), i.Size, 0, r)
		hung <- err
	}()
	if _, err := w.Write(payload[:i.Size/2]); err != nil {
		t.Fatal(err)
	}
	if now, err := s.Stage(name(i), i.Size, 0, bytes.NewReader(payload)); !errors.Is(err, store.ErrBusy) || now != 0 {
		t.Errorf("beside it: now %d, %v, want ErrBusy", now, err)
	}
	u, err := s.Settle(name(i))
	if err != nil || u.Offset <= 0 || u.Offset > i.Size/2 {
		t.Fatalf("it came to %+v, %v", u, err)
	}
	staged(t, s, u)
	go func() {
		w.Write(bytes.Repeat([]byte{0xff}, int(i.Size/4)))
		w.Close()
	}()
	if err := <-hung; !errors.Is(err, store.ErrBusy) {
		t.Errorf("its own end: %v, want ErrBusy", err)
	}
	r.Close()
	staged(t, s, u)
	stage(t, s, i, payload, u.Offset, i.Size)
	if err := s.CreateStaged(i, slots, name(i)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, i, slots, payload)
	finish(t, s)
}

// testUnstage: what was abandoned is gone, may begin anew, and ends a slice that
// is under way.
func testUnstage(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	if err := s.Unstage(name(i)); err != nil {
		t.Errorf("unstaging nothing: %v", err)
	}
	r, w := io.Pipe()
	ended := make(chan error)
	go func() {
		_, err := s.Stage(name(i), i.Size, 0, r)
		ended <- err
	}()
	if _, err := w.Write(payload[:i.Size/2]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Unstage(name(i)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if err := <-ended; !errors.Is(err, store.ErrUnknown) {
		t.Errorf("the slice under way: %v, want ErrUnknown", err)
	}
	staged(t, s)
	if err := s.CreateStaged(i, slots, name(i)); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("adopting it: %v, want ErrUnknown", err)
	}
	finish(t, s)
	s = e.Open(t)
	staged(t, s)
	stage(t, s, i, payload, 0, i.Size)
	if err := s.CreateStaged(i, slots, name(i)); err != nil {
		t.Fatal(err)
	}
	if err := s.Unstage(name(i)); err != nil {
		t.Error(err)
	}
	expect(t, s, i, slots, payload)
	finish(t, s)
}
