package inbox

import (
	"sync"

	"saksi/crypto/receipt"
)

// arrivals are the parcels whose requests are under way, so that a burn reaches what is
// not kept yet. They are in memory alone, and as many as there are requests.
//
// Of a parcel that is being kept, a burn leaves the tombstone at once: whatever befalls
// the server then, it is not kept. One that still waits to be let in is only marked, and
// ends with its request: a tombstone for whatever is announced would fill the disk, as
// the gate is not asked yet.
//
// A burn first looks here, and then at what is kept; a parcel is first noted here, and
// then kept. So of a parcel that came first, a burn sees one or the other.
type arrivals struct {
	mu  sync.Mutex
	all map[arrival]*fate
}

// An arrival is known by what a burn is held against.
type arrival struct {
	id   receipt.ItemID
	burn [32]byte
}

// A fate is that of the requests which bring one arrival.
type fate struct {
	requests int
	inside   int  // of them, those whose parcel is being kept
	burned   bool // whoever waits is not let in
}

// Expect notes that a request brings a parcel with this id and burn hash, until it calls
// done. From now on [Inbox.Burn] reaches it. [Inbox.Accept] does so by itself: who
// waits between the parcel's head and that, expects it.
func (b *Inbox) Expect(id receipt.ItemID, burn [32]byte) (done func()) {
	a := &b.arrivals
	key := arrival{id, burn}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[arrival]*fate{}
	}
	if a.all[key] == nil {
		a.all[key] = &fate{}
	}
	a.all[key].requests++
	return func() { a.leave(key) }
}

func (a *arrivals) leave(key arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all[key].requests--; a.all[key].requests == 0 {
		delete(a.all, key)
	}
}

// enter lets an expected parcel in, until out is called, unless it was burned.
func (a *arrivals) enter(key arrival) (out func(), burned bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.all[key]
	if f.burned {
		return nil, true
	}
	f.inside++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		f.inside--
	}, false
}

// burn has whoever still waits with what a token deletes not be let in, and reports
// whether it is being kept by now.
func (a *arrivals) burn(id receipt.ItemID, token receipt.Secret) (inside bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.all[arrival{id, token.Hash()}]
	if f == nil {
		return false
	}
	f.burned = true
	return f.inside > 0
}
