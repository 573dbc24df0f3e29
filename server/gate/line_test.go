package gate

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A queue is who stands in line, and in which order they were served.
type queue struct {
	t      *testing.T
	g      *Gate
	mu     sync.Mutex
	served []string
	sent   []string // away
}

func newQueue(t *testing.T, l Limits) *queue { return &queue{t: t, g: New(l)} }

// stand has somebody ask for a text, and returns when he waits, or has an answer.
func (q *queue) stand(name string, ctx context.Context) {
	go func() {
		_, err := q.g.Text(ctx)
		q.mu.Lock()
		defer q.mu.Unlock()
		if err == nil {
			q.served = append(q.served, name)
		} else {
			q.sent = append(q.sent, name)
		}
	}()
	synctest.Wait()
}

// are holds who was served and who was sent away so far, in this order.
func (q *queue) are(served, sent []string) {
	q.t.Helper()
	synctest.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.Equal(q.served, served) || !slices.Equal(q.sent, sent) {
		q.t.Errorf("served %q, sent away %q; want %q, %q", q.served, q.sent, served, sent)
	}
}

// TestANewcomerIsServedBeforeWhoHadTexts, and among those who had as many, first
// come is first served.
func TestANewcomerIsServedBeforeWhoHadTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := small()
		l.AllTexts.Burst = 3
		q := newQueue(t, l)
		for _, n := range []uint32{1, 1, 2} {
			_, err := q.g.Text(by(n))
			let(t, true, err)
		}
		q.stand("had two", by(1))
		q.stand("had one", by(2))
		q.stand("new", by(3))
		q.are(nil, nil)
		time.Sleep(time.Minute)
		q.are([]string{"new"}, nil)
		q.stand("newer", by(4))
		q.stand("newest", context.Background())
		q.are([]string{"new"}, []string{"had two"})
		time.Sleep(3 * time.Minute)
		q.are([]string{"new", "newer", "newest", "had one"}, []string{"had two"})
	})
}

// TestAFloodFromManyCircuitsDoesNotStarveANewcomer: a hundred circuits send
// text after text. Once each of them had one, every newcomer is served within the
// time of a text or two.
func TestAFloodFromManyCircuitsDoesNotStarveANewcomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		l.AllTexts.Burst, l.Line = 150, 50
		g := New(l)
		ctx, stop := context.WithCancel(context.Background())
		var flood sync.WaitGroup
		for n := range uint32(100) {
			flood.Go(func() {
				for ctx.Err() == nil {
					if _, err := g.Text(With(ctx, Visit{Circuit: Circuit{n, true}})); err != nil {
						time.Sleep(5 * time.Second)
					}
				}
			})
		}
		time.Sleep(10 * time.Minute)
		if g.Waiting() != g.limits.Line {
			t.Errorf("the line has %d places taken: this is no flood", g.Waiting())
		}
		for n := range uint32(20) {
			began := time.Now()
			_, err := g.Text(by(1000 + n))
			let(t, true, err)
			if waited := time.Since(began); waited > 2*g.limits.AllTexts.Every {
				t.Errorf("newcomer %d waited %v", n, waited)
			}
			time.Sleep(time.Minute)
		}
		stop()
		flood.Wait()
	})
}

// TestACircuitHasOnePlaceInLine: of a form that was sent twice the first is sent
// away, and the second has its place.
func TestACircuitHasOnePlaceInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, small())
		empty(t, q.g)
		q.stand("first", by(1))
		q.stand("other", by(2))
		q.stand("second", by(1))
		q.are(nil, []string{"first"})
		time.Sleep(time.Minute)
		q.are([]string{"second"}, []string{"first"})
		time.Sleep(time.Minute)
	})
}

// TestConnectionsOfNoCircuitStandOneByOne: they share neither a place nor a count.
func TestConnectionsOfNoCircuitStandOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, small())
		empty(t, q.g)
		for _, name := range []string{"a", "b", "c"} {
			q.stand(name, context.Background())
		}
		q.stand("d", context.Background())
		q.are(nil, []string{"d"})
		time.Sleep(3 * time.Minute)
		q.are([]string{"a", "b", "c"}, []string{"d"})
	})
}

// TestAFullLineTakesWhoHadLess in the place of who had most, and nobody else.
func TestAFullLineTakesWhoHadLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, small())
		for _, n := range []uint32{1, 1, 2, 2} {
			_, err := q.g.Text(by(n))
			let(t, true, err)
		}
		q.stand("new 3", by(3))
		q.stand("had two", by(1))
		q.stand("new 4", by(4))
		q.stand("had two, too", by(2))
		q.are(nil, []string{"had two, too"})
		q.stand("new 5", by(5))
		q.are(nil, []string{"had two, too", "had two"})
		q.stand("new 6", by(6))
		q.are(nil, []string{"had two, too", "had two", "new 6"})
		time.Sleep(3 * time.Minute)
		q.are([]string{"new 3", "new 4", "new 5"}, []string{"had two, too", "had two", "new 6"})
	})
}

// TestNobodyWaitsLongerThanPromised, and a text that comes free later is another's.
func TestNobodyWaitsLongerThanPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := small()
		l.AllTexts.Every, l.LineTime = time.Hour, 2*time.Minute
		q := newQueue(t, l)
		empty(t, q.g)
		q.stand("waits", by(1))
		time.Sleep(2*time.Minute - 1)
		q.are(nil, nil)
		time.Sleep(1 * time.Nanosecond)
		q.are(nil, []string{"waits"})
		if q.g.Stats().ByBudget != 1 || q.g.Waiting() != 0 {
			t.Errorf("counted %+v, %d wait", q.g.Stats(), q.g.Waiting())
		}
		time.Sleep(time.Hour)
		q.stand("later", by(1))
		q.are([]string{"later"}, []string{"waits"})
	})
}

// TestWhoGoesAwayLeavesTheLine, takes no text with him, and is counted nowhere.
func TestWhoGoesAwayLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, small())
		empty(t, q.g)
		ctx, leave := context.WithCancel(by(1))
		q.stand("leaves", ctx)
		q.stand("stays", by(2))
		leave()
		q.are(nil, []string{"leaves"})
		time.Sleep(time.Minute)
		q.are([]string{"stays"}, []string{"leaves"})
		if q.g.Stats() != (Stats{}) {
			t.Errorf("counted %+v", q.g.Stats())
		}
	})
}

// TestWhatIsGivenBackServesTheLine at once.
func TestWhatIsGivenBackServesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, small())
		giveBack, err := q.g.Text(by(9))
		let(t, true, err)
		for range 3 {
			_, err := q.g.Text(context.Background())
			let(t, true, err)
		}
		q.stand("waits", by(1))
		q.are(nil, nil)
		giveBack()
		q.are([]string{"waits"}, nil)
	})
}

// TestWaitingIsTold, so that nobody takes it for slowness; and only waiting is.
func TestWaitingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, small())
		told := make(chan bool, 9)
		ctx := With(context.Background(), Visit{Circuit{1, true}, func(waits bool) { told <- waits }})
		_, err := q.g.Text(ctx)
		let(t, true, err)
		for range 3 {
			_, err := q.g.Text(by(2))
			let(t, true, err)
		}
		if len(told) > 0 {
			t.Error("told without waiting")
		}
		q.stand("waits", ctx)
		if len(told) != 1 || !<-told {
			t.Error("not told that it waits")
		}
		time.Sleep(time.Minute)
		q.are([]string{"waits"}, nil)
		if len(told) != 1 || <-told {
			t.Error("not told that it has waited")
		}
	})
}
