package courier

import (
	"sync"
	"time"
)

// turns gives each courier one errand of a kind at a time. A new one ends the
// one before: that is most often the same courier, whose circuit broke without
// the server knowing it yet.
type turns struct {
	mu      sync.Mutex
	running map[string]*turn
}

// A turn is one errand under way.
type turn struct {
	mu        sync.Mutex
	interrupt func()        // ends what it waits for; nil once it has ended
	over      chan struct{} // closed when another has begun
	left      chan struct{} // closed when it has ended
}

// begin waits until the errand before has ended. The caller calls end, and looks
// at isOver whenever it goes on: yet another may have begun.
func (t *turns) begin(key string, interrupt func()) (own *turn, end func()) {
	own = &turn{interrupt: interrupt, over: make(chan struct{}), left: make(chan struct{})}
	t.mu.Lock()
	if t.running == nil {
		t.running = map[string]*turn{}
	}
	before := t.running[key]
	t.running[key] = own
	t.mu.Unlock()
	if before != nil {
		before.putOut()
	}
	return own, func() { t.end(key, own) }
}

func (t *turns) end(key string, own *turn) {
	t.mu.Lock()
	if t.running[key] == own {
		delete(t.running, key)
	}
	t.mu.Unlock()
	own.mu.Lock()
	own.interrupt = nil
	own.mu.Unlock()
	close(own.left)
}

// putOut ends a turn and waits until it has ended. It is interrupted again and
// again: between two looks it may have begun to wait anew.
func (t *turn) putOut() {
	const again = 20 * time.Millisecond
	close(t.over)
	for {
		t.mu.Lock()
		if t.interrupt != nil {
			t.interrupt()
		}
		t.mu.Unlock()
		select {
		case <-t.left:
			return
		case <-time.After(again):
		}
	}
}

// isOver reports whether another has begun.
func (t *turn) isOver() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}
