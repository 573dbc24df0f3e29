package errand_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/errand/sockstest"
	"saksi/crypto/outbox"
	"saksi/crypto/pass"
	"saksi/crypto/reply"
	"saksi/server/folder"
	"saksi/server/servertest"
	"saksi/server/store"
)

var onion = strings.Repeat("couriers", 7) + ".onion"

// world is a drop, a proxy that leads to it, and its couriers.
type world struct {
	*servertest.Drop
	t     *testing.T
	book  *folder.Couriers
	proxy *sockstest.Proxy
	ahead atomic.Int64 // seconds that the server's clock is ahead
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, book: &folder.Couriers{Dir: t.TempDir()}}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load()) * time.Second) }
	w.Drop = servertest.New(t, servertest.Options{Couriers: w.book, Onion: onion, Now: now})
	var err error
	w.proxy, err = sockstest.Listen(onion, func() (net.Conn, error) { return net.Dial("tcp", w.Remote) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Close)
	return w
}

// A laptop is a courier's, with what it said and how long it waited.
type laptop struct {
	*errand.Courier
	dir    string
	asked  func() []string
	mu     sync.Mutex
	said   []string
	waited time.Duration
}

func (w *world) hire(name string) *laptop {
	w.t.Helper()
	p, err := pass.New(w.Roster.Origin, name, onion, w.Server.Key())
	if err == nil {
		err = w.book.AddCourier(p.Card())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	l := &laptop{dir: w.t.TempDir()}
	l.Courier = &errand.Courier{
		Pass: p, Socks: w.proxy.Addr, Wait: time.Minute, Now: time.Now,
		Notice: func(format string, args ...any) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.said = append(l.said, fmt.Sprintf(format, args...))
		},
		Pause: func(ctx context.Context, d time.Duration) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.waited += d
			return ctx.Err()
		},
	}
	return l
}

// close closes a batch with a file of this size, and returns the bundle as
// export writes it.
func (w *world) close(size int) []byte {
	w.t.Helper()
	code := w.Send("Kami diminta hadir.")
	if size > 0 {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		w.Upload("/file", "a.bin", content, "code", code.Field(), "n", "1")
	}
	if _, err := w.Inbox.Close(); err != nil {
		w.t.Fatal(err)
	}
	return w.export()
}

func (w *world) export() []byte {
	w.t.Helper()
	var bundle bytes.Buffer
	if damaged, err := w.Inbox.Bundle(&bundle); err != nil || len(damaged) > 0 {
		w.t.Fatal(damaged, err)
	}
	return bundle.Bytes()
}

// fetches holds that a fetch ends with just this bundle in the folder.
func (l *laptop) fetches(t *testing.T, want []byte) *errand.Fetched {
	t.Helper()
	got, err := l.Fetch(t.Context(), l.dir)
	if err != nil {
		t.Fatalf("%v; said %q", err, l.said)
	}
	content, err := os.ReadFile(got.Path)
	if err != nil || !bytes.Equal(content, want) {
		t.Errorf("fetched %d bytes, export has %d: %v", len(content), len(want), err)
	}
	l.noPartial(t)
	return got
}

func (l *laptop) partials(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(l.dir, "*.part"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func (l *laptop) noPartial(t *testing.T) {
	t.Helper()
	if left := l.partials(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestAFetchIsTheExport: the same bytes, checked, under a name of its own; and a
// second fetch sees that it is here.
func TestAFetchIsTheExport(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(100_000)
	budi := w.hire("budi")
	got := budi.fetches(t, bundle)
	want := errand.Checked{Batch: 1, Batches: 1, Items: 2, Size: int64(len(bundle))}
	if !reflect.DeepEqual(got.Checked, want) || got.Resumed || got.Already {
		t.Errorf("%+v", got)
	}
	if info, err := os.Stat(got.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	again, err := budi.Fetch(t.Context(), budi.dir)
	if err != nil || !again.Already || again.Path != got.Path {
		t.Errorf("%+v, %v", again, err)
	}
	addresses, users := w.proxy.Asked()
	if len(users) != 2 || users[0] == users[1] {
		t.Errorf("users %q: every connection is to have its own circuit", users)
	}
	for _, a := range addresses {
		if a != onion+":80" {
			t.Errorf("%q was asked for", a)
		}
	}
}

// TestACutFetchGoesOn: cut at random places, by itself and when it is started
// again, it ends with the same file, and no byte is sent twice.
func TestACutFetchGoesOn(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(3_000_000)
	budi := w.hire("budi")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 8 {
		budi.dir = t.TempDir()
		var cuts []int64
		for range 4 {
			cuts = append(cuts, 1+random.Int64N(int64(len(bundle)/4)))
		}
		w.proxy.Cut(cuts...)
		if round%2 == 1 {
			budi.Wait = 0 // each try is a command of its own
			for range cuts {
				if _, err := budi.Fetch(t.Context(), budi.dir); !errors.Is(err, errand.ErrBroken) {
					t.Fatalf("cuts %d: %v, want ErrBroken", cuts, err)
				}
			}
		}
		budi.fetches(t, bundle)
		budi.Wait = time.Minute
	}
}

// TestWhatComesBuysTime: pauses count anew after each piece.
func TestWhatComesBuysTime(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(3_000_000)
	budi := w.hire("budi")
	budi.Wait = time.Second
	w.proxy.Cut(500_000, 500_000, 500_000, 500_000)
	budi.fetches(t, bundle)
	if budi.waited != 4*time.Second {
		t.Errorf("it waited %s", budi.waited)
	}
}

// TestAFetchThatWasWholeAlreadyIsCheckedAndDone: the circuit breaks behind the
// last byte, or the laptop does.
func TestAFetchThatWasWholeAlreadyIsCheckedAndDone(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(100_000)
	budi := w.hire("budi")
	name := budi.fetches(t, bundle).Path
	tag := w.tag()
	if err := os.Rename(name, filepath.Join(budi.dir, "saksi-"+onion[:8]+"-"+tag+".part")); err != nil {
		t.Fatal(err)
	}
	if got := budi.fetches(t, bundle); !got.Resumed {
		t.Error("it was fetched anew")
	}
}

// tag is the server's name for the bundle of now.
func (w *world) tag() string {
	w.t.Helper()
	plan, err := w.Inbox.Plan()
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%x", plan.Tag[:16])
}

// TestAChangedBundleIsFetchedAnew: what was fetched of the old one is of no use.
func TestAChangedBundleIsFetchedAnew(t *testing.T) {
	w := newWorld(t)
	w.close(1_000_000)
	budi := w.hire("budi")
	budi.Wait = 0
	w.proxy.Cut(500_000)
	if _, err := budi.Fetch(t.Context(), budi.dir); !errors.Is(err, errand.ErrBroken) {
		t.Fatal(err)
	}
	bundle := w.close(0)
	got := budi.fetches(t, bundle)
	if said := strings.Join(budi.said, "\n"); got.Batch != 2 || !strings.Contains(said, "another bundle by now") {
		t.Errorf("%+v, said %q", got, budi.said)
	}
}

// TestAPieceThatWasChangedIsFetchedAnew: the laptop's disk, or a file of another
// kind under this name.
func TestAPieceThatWasChangedIsFetchedAnew(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(1_000_000)
	tag := w.tag()
	for what, content := range map[string][]byte{
		"another byte": append([]byte{bundle[0] + 1}, bundle[1:500_000]...), "zeros": make([]byte, 300_000),
		"another byte in a payload": bytes.Replace(bundle[:600_000], bundle[400_000:400_016], make([]byte, 16), 1),
		"too long":                  append(bytes.Clone(bundle), 0),
		"whole, but changed":        append([]byte{bundle[0] + 1}, bundle[1:]...),
	} {
		budi := w.hire(strings.ReplaceAll(strings.ReplaceAll(what, " ", "-"), ",", ""))
		part := filepath.Join(budi.dir, "saksi-"+onion[:8]+"-"+tag+".part")
		if err := os.WriteFile(part, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := budi.fetches(t, bundle); len(got.Damaged) > 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// TestPausesAreBounded: a courier's laptop gives up, and says why.
func TestPausesAreBounded(t *testing.T) {
	w := newWorld(t)
	w.close(0)
	for reply, want := range map[byte]error{
		1: errand.ErrUnreachable, 4: errand.ErrUnreachable, 0xf4: errand.ErrNoKey, 0xf5: errand.ErrNoKey,
	} {
		budi := w.hire(fmt.Sprintf("budi-%d", reply))
		w.proxy.Refuse(reply)
		if _, err := budi.Fetch(t.Context(), budi.dir); !errors.Is(err, want) {
			t.Errorf("reply %d: %v, want %v", reply, err, want)
		}
		if passes := want == errand.ErrUnreachable; passes != (budi.waited > 0) || budi.waited > budi.Wait {
			t.Errorf("reply %d: it waited %s in all", reply, budi.waited)
		}
	}
}

// TestNothingGoesAroundTor: without the proxy nothing is sent, and a proxy that
// would have to be looked up is none.
func TestNothingGoesAroundTor(t *testing.T) {
	w := newWorld(t)
	w.close(0)
	budi := w.hire("budi")
	for address, want := range map[string]error{
		"": errand.ErrSocks, "localhost:9050": errand.ErrSocks, "127.0.0.1": errand.ErrSocks,
		"127.0.0.1:0": errand.ErrSocks, "unix:": errand.ErrSocks, closedPort(t): errand.ErrNoTor,
		"unix:" + filepath.Join(t.TempDir(), "none"): errand.ErrNoTor,
	} {
		budi.Socks = address
		if _, err := budi.Batches(t.Context()); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", address, err, want)
		}
	}
	if budi.waited > 0 {
		t.Errorf("it waited %s for what does not change", budi.waited)
	}
}

// closedPort returns an address of loopback where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestARemovedCourierIsTold: also in the middle of a fetch that goes on by itself.
func TestARemovedCourierIsTold(t *testing.T) {
	w := newWorld(t)
	w.close(1_000_000)
	budi := w.hire("budi")
	w.proxy.Cut(300_000)
	budi.Pause = func(context.Context, time.Duration) error { return w.book.RemoveCourier("budi") }
	if _, err := budi.Fetch(t.Context(), budi.dir); !errors.Is(err, errand.ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	if _, err := budi.Push(t.Context(), []byte("a")); !errors.Is(err, errand.ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
}

// TestAWrongClockIsTold: with the server's time, so that it can be set.
func TestAWrongClockIsTold(t *testing.T) {
	w := newWorld(t)
	w.close(0)
	budi := w.hire("budi")
	w.ahead.Store(3600)
	defer w.ahead.Store(0)
	_, err := budi.Fetch(t.Context(), budi.dir)
	var clock *errand.ClockError
	if !errors.As(err, &clock) {
		t.Fatalf("%v, want a ClockError", err)
	}
	if off := clock.Server.Sub(clock.Own).Round(time.Minute); off != time.Hour {
		t.Errorf("it says that the clocks are %s apart", off)
	}
}

// TestBringingTwiceIsHarmless: an outbox that arrived before a circuit broke is
// brought again.
func TestBringingTwiceIsHarmless(t *testing.T) {
	w := newWorld(t)
	by := w.Reviewers[0]
	box := outbox.Outbox{Reviewer: by.Line.ID, Roster: 1, RosterHash: w.Roster.Hash, Number: 7}
	file := box.Sign(by.Signer)
	budi := w.hire("budi")
	w.proxy.Cut(10) // the answer is lost
	for n := range 2 {
		report, err := budi.Push(t.Context(), file)
		if err != nil || report.Reviewer != "r1" || report.Number != 7 {
			t.Errorf("time %d: %+v, %v", n, report, err)
		}
	}
	var refused *errand.RefusedError
	_, err := budi.Push(t.Context(), []byte("apa ini"))
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "no signature in it") {
		t.Errorf("%v", err)
	}
}

// TestAnOutboxWithoutRoomIsToBeBroughtAgain: a courier is told so, and goes on with the
// outboxes of others, as of a file that is none. Their confirmations may make room.
func TestAnOutboxWithoutRoomIsToBeBroughtAgain(t *testing.T) {
	w := newWorld(t)
	by, keys := w.Reviewers[0], w.Send("Kami diminta hadir.").Keys()
	sealed, _, err := reply.Seal(reply.Reply{Reviewer: by.Line.ID, Roster: 1, Number: 1, Status: reply.Received},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, by.Signer)
	if err != nil {
		t.Fatal(err)
	}
	file := (&outbox.Outbox{
		Reviewer: by.Line.ID, Roster: 1, RosterHash: w.Roster.Hash, Number: 1,
		Replies: []outbox.Reply{{Mailbox: keys.Mailbox(), Sealed: sealed}},
	}).Sign(by.Signer)
	budi := w.hire("budi")
	w.Inbox.Reserve = math.MaxInt64
	var refused *errand.RefusedError
	if _, err := budi.Push(t.Context(), file); !errors.As(err, &refused) || !strings.HasSuffix(err.Error(), store.ErrFull.Error()) {
		t.Errorf("%v", err)
	}
	if log := w.Log.String(); !strings.Contains(log, store.ErrFull.Error()) {
		t.Errorf("the operator is told %q", log)
	}
	w.Inbox.Reserve = 0
	if report, err := budi.Push(t.Context(), file); err != nil || report.Replies != 1 {
		t.Errorf("once there is room: %+v, %v", report, err)
	}
}

// TestTwoCouriersAtOnce: neither is in the other's way.
func TestTwoCouriersAtOnce(t *testing.T) {
	w := newWorld(t)
	bundle := w.close(3_000_000)
	var group sync.WaitGroup
	w.proxy.Cut(500_000, 600_000, 700_000, 800_000)
	for _, name := range []string{"budi", "citra"} {
		l := w.hire(name)
		group.Go(func() {
			got, err := l.Fetch(t.Context(), l.dir)
			if err != nil {
				t.Error(err)
				return
			}
			if content, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(content, bundle) {
				t.Errorf("%s has %d bytes of %d, %v", name, len(content), len(bundle), err)
			}
		})
	}
	group.Wait()
}

// TestAFullDiskIsNotTriedAgain: waiting makes no room.
func TestAFullDiskIsNotTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.close(0)
	budi := w.hire("budi")
	full := filepath.Join(budi.dir, "saksi-"+onion[:8]+"-"+w.tag()+".part")
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Fatal(err)
	}
	// The link is no regular file, so it is not taken for a beginning; but a new one
	// is written through it.
	_, err := budi.Fetch(t.Context(), budi.dir)
	if err == nil || !strings.Contains(err.Error(), "no space left") || budi.waited > 0 {
		t.Errorf("%v, waited %s", err, budi.waited)
	}
}
