package desk

import (
	"slices"
	"strings"
)

// shortName is how many digits a name has at least: enough to be typed, and to be
// unique on a desk where nobody means harm.
const shortName = 8

// Names give threads the names that are shown of them. Whoever knows a mailbox finds
// another that begins with the same eight digits in 2^32 tries: so a name is as long
// as it has to be to mean one thread.
type Names []string // mailboxes of all threads, in order

// NamesOf returns the names of threads, which are all that a desk has.
func NamesOf(threads []*Thread) Names {
	var names Names
	for _, t := range threads {
		names = append(names, t.Mailbox)
	}
	slices.Sort(names)
	return names
}

// Names returns the names of this desk's threads, those of closed cases included.
func (d *Desk) Names() Names { return NamesOf(d.index.Threads) }

// Of returns the shortest beginning of a mailbox that no other thread has, of eight
// digits at least.
func (n Names) Of(mailbox string) string {
	digits := shortName
	at, found := slices.BinarySearch(n, mailbox)
	if at > 0 {
		digits = max(digits, common(n[at-1], mailbox)+1)
	}
	if found {
		at++
	}
	if at < len(n) {
		digits = max(digits, common(n[at], mailbox)+1)
	}
	return mailbox[:min(digits, len(mailbox))]
}

// Twin reports whether another thread begins with the same eight digits.
func (n Names) Twin(mailbox string) bool { return len(n.Of(mailbox)) > shortName }

// common returns how many digits two mailboxes have in common, from the first on.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// withPrefix returns the threads whose mailbox begins with prefix.
func (x *index) withPrefix(prefix string) (found []*Thread) {
	for _, t := range x.Threads {
		if strings.HasPrefix(t.Mailbox, prefix) {
			found = append(found, t)
		}
	}
	return found
}
