package servertest

import (
	"sync"

	"saksi/crypto/week"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// Frail is a store that meets the faults which a test plants, and is given to a drop by
// [Options.Wrap]. What the server does by itself at its start meets none of them.
type Frail struct {
	*storetest.Faulty
	once    sync.Once
	started chan struct{} // closed after the last write of the start
}

// NewFrail makes one for one drop.
func NewFrail() *Frail {
	return &Frail{Faulty: &storetest.Faulty{}, started: make(chan struct{})}
}

// Wrap is for [Options.Wrap].
func (f *Frail) Wrap(s store.Store) store.Store {
	f.Store = s
	return f
}

// Plant has the next write meet a fault.
func (f *Frail) Plant(fault storetest.Fault) { f.PlantAfter(0, fault) }

// PlantAfter has a write meet a fault, behind so many others.
func (f *Frail) PlantAfter(writes int, fault storetest.Fault) {
	<-f.started
	f.Faulty.PlantAfter(writes, fault)
}

// ExpireReplies implements [store.Store].
func (f *Frail) ExpireReplies(last week.Week) (int, error) {
	defer f.once.Do(func() { close(f.started) })
	return f.Faulty.ExpireReplies(last)
}
