package gate

import (
	"container/list"
	"time"
)

// A table has the buckets of circuits. What is not in it has full buckets, so a
// circuit may be forgotten once its buckets are full; when there are too many,
// the one that has been idle longest is forgotten before.
type table struct {
	limits *Limits
	byCirc map[Circuit]*list.Element
	recent *list.List // of *entry, the last that asked in front
}

// An entry is what is kept of a circuit.
type entry struct {
	circuit                                 Circuit
	requests, mailbox, texts, files, volume bucket
	refused                                 bool   // it is counted
	place                                   *place // in line
}

func newTable(limits *Limits) table {
	return table{limits: limits, byCirc: map[Circuit]*list.Element{}, recent: list.New()}
}

// of returns the entry of a circuit, or nil for none: who came by no circuit
// shares nothing with others who did not.
func (t *table) of(c Circuit) *entry {
	if !c.known {
		return nil
	}
	if e, ok := t.byCirc[c]; ok {
		t.recent.MoveToFront(e)
		return e.Value.(*entry)
	}
	if len(t.byCirc) >= t.limits.Circuits {
		t.forget(t.recent.Back())
	}
	e := &entry{
		circuit: c, requests: newBucket(t.limits.Requests), mailbox: newBucket(t.limits.Mailbox),
		texts: newBucket(t.limits.Texts), files: newBucket(t.limits.Files), volume: newVolume(t.limits.Bytes),
	}
	t.byCirc[c] = t.recent.PushFront(e)
	return e
}

func (t *table) forget(e *list.Element) {
	if e != nil {
		delete(t.byCirc, t.recent.Remove(e).(*entry).circuit)
	}
}

// sweep forgets what has full buckets.
func (t *table) sweep(now time.Time) {
	for e := t.recent.Back(); e != nil; {
		one, before := e.Value.(*entry), e.Prev()
		if one.place == nil && one.full(now) {
			t.forget(e)
		}
		e = before
	}
}

func (e *entry) full(now time.Time) bool {
	for _, b := range []bucket{e.requests, e.mailbox, e.texts, e.files, e.volume} {
		if b.had(now) > 0 {
			return false
		}
	}
	return true
}
