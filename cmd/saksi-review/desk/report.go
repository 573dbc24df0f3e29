package desk

import (
	"fmt"
	"slices"

	"saksi/crypto/item"
)

// A Report is what an import found. Ids and mailboxes are in hexadecimal;
// nothing in it was written by a reporter.
type Report struct {
	Batches   []uint64 // new on this desk
	Began     uint64   // the first batch of a new desk; 0 on any other
	Missing   []Range  // batches that the desk never got
	New       []Arrival
	NotOurs   int      // new items that this reviewer cannot open: decoys among them
	Waits     int      // new items that need colleagues to open, or that nobody opens
	Outwaited int      // items that waited for their time, and were forgotten
	Apart     []Apart  // newly set apart
	Late      []Apart  // new items whose week's secret was destroyed here
	Withheld  []string // on a list, and neither there nor marked as gone
	Damaged   []string // there, but with another hash than on the list
	Unlisted  []string // there, but on no list; not taken
	Deleted   []Arrival
	Gone      int      // deleted by their reporter before this desk got them, says the server
	Expired   int      // expired, or lost by a disk, before this desk got them, says the server
	Canaries  []string // months whose canary this desk could not open
	Copies    []Copy   // new items with a sealed file that another thread has too
	Names     Names    // of the desk's threads, with the new ones
	Warnings  []string

	kinds []string // of the warnings: what each was written with
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings, r.kinds = append(r.Warnings, fmt.Sprintf(format, args...)), append(r.kinds, format)
}

// WarningsByKind returns the warnings, those of one kind together: whoever can cause
// many of one kind shall not hide those of another.
func (r *Report) WarningsByKind() (all [][]string) {
	var kinds []string
	for n, text := range r.Warnings {
		kind := ""
		if n < len(r.kinds) {
			kind = r.kinds[n]
		}
		at := slices.Index(kinds, kind)
		if at < 0 {
			at, kinds, all = len(kinds), append(kinds, kind), append(all, nil)
		}
		all[at] = append(all[at], text)
	}
	return all
}

// A Range is a run of batches, both ends included.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// An Arrival names an item of a thread.
type Arrival struct {
	Mailbox string
	ID      string
	N       int
	Kind    item.Kind
	Danger  bool // its reporter said so
}

// Nothing reports whether the desk is as it was before.
func (r *Report) Nothing() bool {
	return len(r.Batches) == 0 && len(r.New) == 0 && len(r.Apart)+len(r.Late) == 0 && len(r.Deleted) == 0 && r.NotOurs+r.Waits == 0
}

// Whole reports whether everything that was announced was there.
func (r *Report) Whole() bool {
	return len(r.Missing) == 0 && len(r.Withheld) == 0 && len(r.Damaged) == 0 && len(r.Unlisted) == 0
}
