package gate

import (
	"container/list"
	"slices"
	"time"
)

// A table has the buckets of circuits. What is not in it has full buckets and had
// no text in the last hour, so a circuit that is so may be forgotten; when there
// are too many, the one that has been idle longest is forgotten before.
type table struct {
	limits *Limits
	byCirc map[Circuit]*list.Element
	recent *list.List // of *entry, the last that asked in front
}

// An entry is what is kept of a circuit.
type entry struct {
	circuit                                 Circuit
	requests, mailbox, texts, files, volume bucket
	taken                                   []time.Time // texts of the last hour, and perhaps older ones
	refused                                 bool        // it is counted
	place                                   *place      // in line
}

// had returns how many texts were taken in the last hour.
func (e *entry) had(now time.Time) int {
	e.taken = slices.DeleteFunc(e.taken, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	return len(e.taken)
}

func (e *entry) takeText(now time.Time) {
	e.texts.take(now, 1)
	e.had(now)
	e.taken = append(e.taken, now)
}

func (e *entry) giveTextBack(now time.Time) {
	e.texts.giveBack(now, 1)
	if len(e.taken) > 0 {
		e.taken = e.taken[:len(e.taken)-1]
	}
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

// sweep forgets circuits that are as if they had never been here.
func (t *table) sweep(now time.Time) {
	for e := t.recent.Back(); e != nil; {
		one, before := e.Value.(*entry), e.Prev()
		if one.place == nil && one.fresh(now) {
			t.forget(e)
		}
		e = before
	}
}

func (e *entry) fresh(now time.Time) bool {
	for _, b := range []bucket{e.requests, e.mailbox, e.texts, e.files, e.volume} {
		if !b.full(now) {
			return false
		}
	}
	return e.had(now) == 0
}
