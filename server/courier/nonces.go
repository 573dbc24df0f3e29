package courier

import (
	"maps"
	"slices"
	"sync"

	"saksi/crypto/pass"
)

// maxNonces bounds how many requests of one courier are remembered. An errand
// has a dozen.
const maxNonces = 1024

// nonces remember the requests of the last minutes, in memory alone, so that
// none is taken twice.
//
// Only requests whose signature is right come here, so a courier fills no more
// than his own part. When that is full those with the oldest times are forgotten,
// and from then on nothing that old is taken.
type nonces struct {
	mu sync.Mutex
	of map[[32]byte]*remembered // by signing key: a name that is given again is another's
}

type remembered struct {
	seen   map[pass.Nonce]int64 // to its time
	floor  int64                // what is not after it is refused
	newest int64
}

// take reports whether a request is a new one, and remembers it. Its time is good
// from oldest on.
func (n *nonces) take(key [32]byte, s pass.Stamp, oldest int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.of, func(_ [32]byte, r *remembered) bool { return r.newest < oldest })
	r := n.of[key]
	if r == nil {
		if n.of == nil {
			n.of = map[[32]byte]*remembered{}
		}
		r = &remembered{seen: map[pass.Nonce]int64{}}
		n.of[key] = r
	}
	return r.take(s, oldest)
}

func (r *remembered) take(s pass.Stamp, oldest int64) bool {
	r.forget(oldest - 1)
	if len(r.seen) >= maxNonces {
		r.floor = max(r.floor, slices.Min(slices.Collect(maps.Values(r.seen))))
		r.forget(r.floor)
	}
	if _, again := r.seen[s.Nonce]; again || s.Time <= r.floor {
		return false
	}
	r.seen[s.Nonce] = s.Time
	r.newest = max(r.newest, s.Time)
	return true
}

// forget forgets what is not after a time.
func (r *remembered) forget(last int64) {
	maps.DeleteFunc(r.seen, func(_ pass.Nonce, at int64) bool { return at <= last })
}
