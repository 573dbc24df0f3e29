package inbox

import (
	"sync"

	"saksi/crypto/receipt"
)

// arrivals are the parcels whose requests are under way, so that a burn of one that is
// not kept yet is not forgotten when it is. They are in memory alone, and as many as
// there are requests.
//
// A burn first dooms an arrival, and then deletes what is kept. A parcel is first kept,
// and then looked up here. Both look under one lock: if the look comes first, the item
// was kept before the burn began to delete, and the burn finds it; if it comes second,
// it sees the doom. There is no third.
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
	doomed   bool
	token    receipt.Secret // if it is doomed
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

// doom marks what a token deletes.
func (a *arrivals) doom(id receipt.ItemID, token receipt.Secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.all[arrival{id, token.Hash()}]; f != nil {
		f.doomed, f.token = true, token
	}
}

// doomed returns the token that was to delete an arrival, if one was.
func (a *arrivals) doomed(key arrival) (token receipt.Secret, doomed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.all[key]
	return f.token, f.doomed
}
