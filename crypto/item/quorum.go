package item

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
	"saksi/crypto/shamir"
)

// Readers is what a reporter chose about who may open an item.
type Readers struct {
	Roster   roster.Hash // that it was chosen under; zero if that does not matter
	Withheld []string    // ids of reviewers who are excluded
	Province string      // of the incident, such as "73"; "" if it is not told
}

// sorted returns the ids of those who are excluded, each once.
func (r Readers) sorted() []string {
	return slices.Compact(slices.Sorted(slices.Values(r.Withheld)))
}

// slotParts is of how many parts the plaintext of a slot is made.
func slotParts(q roster.Quorum) int {
	switch {
	case q.Alone():
		return 1
	case q.Outside == 0:
		return 2
	default:
		return 3
	}
}

func slotPlain(q roster.Quorum) int { return slotParts(q) * ShareSize }

// HandedSize is how many bytes of a slot's plaintext may travel to another desk;
// 0 where each reviewer opens alone.
func HandedSize(q roster.Quorum) int { return slotPlain(q) - ShareSize }

// sealSlots splits E's string and seals to each reviewer what is theirs.
func sealSlots(circle *roster.Circle, e *hybrid.Identity, r Readers) ([][]byte, error) {
	entitled, outside, err := r.entitled(circle)
	if err != nil {
		return nil, fmt.Errorf("sealing item: %w", err)
	}
	plains, err := split([]byte(e.String()), circle.Quorum, outside)
	if err != nil {
		return nil, fmt.Errorf("sealing item: %w", err)
	}
	slots := make([][]byte, len(circle.Keys))
	for i, key := range circle.Keys {
		if !entitled[i] {
			rand.Read(plains[i])
		}
		if slots[i], err = hybrid.SealBytes(plains[i], key); err != nil {
			return nil, err
		}
	}
	return slots, nil
}

// Check returns nil if under this choice an item can be sealed, or [ErrNoReader]
// or [ErrFewReaders].
func (r Readers) Check(circle *roster.Circle) error {
	_, _, err := r.entitled(circle)
	return err
}

// entitled returns, for each slot, whether its reviewer may read, and whether
// from elsewhere. It returns [ErrNoReader] or [ErrFewReaders].
func (r Readers) entitled(circle *roster.Circle) (entitled, outside []bool, err error) {
	if !r.Roster.IsZero() && r.Roster != circle.Hash {
		return nil, nil, fmt.Errorf("roster %d is another than was chosen under: %w", circle.Sequence, ErrNoReader)
	}
	entitled = slices.Repeat([]bool{true}, len(circle.Reviewers))
	for _, id := range r.Withheld {
		_, i, ok := circle.Reviewer(id)
		if !ok {
			return nil, nil, fmt.Errorf("roster %d: excluding %.16q: %w", circle.Sequence, id, ErrNoReader)
		}
		entitled[i] = false
	}
	outside = circle.Outside(r.Province)
	readers, elsewhere := 0, 0
	for i := range entitled {
		if entitled[i] {
			readers++
		}
		if entitled[i] && outside[i] {
			elsewhere++
		}
	}
	if readers < circle.Quorum.Needed || elsewhere < circle.Quorum.Outside {
		return nil, nil, ErrFewReaders
	}
	return entitled, outside, nil
}

// split returns the plaintext of each slot, as if nobody were excluded. What a
// reviewer has no share of is random.
func split(e []byte, q roster.Quorum, outside []bool) ([][]byte, error) {
	plains := make([][]byte, len(outside))
	if q.Alone() {
		for i := range plains {
			plains[i] = slices.Clone(e)
		}
		return plains, nil
	}
	top, err := shamir.Split(e, slotParts(q), numbers(slotParts(q)))
	if err != nil {
		return nil, err
	}
	for i := range plains {
		plains[i] = make([]byte, slotPlain(q))
		rand.Read(plains[i])
		copy(plains[i], top[0].Y)
	}
	everybody := slices.Repeat([]bool{true}, len(outside))
	if err := deal(plains, 1, top[1].Y, q.Needed, everybody); err != nil || q.Outside == 0 {
		return plains, err
	}
	return plains, deal(plains, 2, top[2].Y, q.Outside, outside)
}

// deal splits a secret, k of those who are to have a share, and writes each share
// to its part of their slot.
func deal(plains [][]byte, part int, secret []byte, k int, to []bool) error {
	var xs []byte
	for i, has := range to {
		if has {
			xs = append(xs, byte(i+1))
		}
	}
	shares, err := shamir.Split(secret, k, xs)
	if err != nil {
		return err
	}
	for _, s := range shares {
		copy(plains[s.X-1][part*ShareSize:], s.Y)
	}
	return nil
}

// numbers returns 1 to n.
func numbers(n int) []byte {
	xs := make([]byte, n)
	for i := range xs {
		xs[i] = byte(i + 1)
	}
	return xs
}

// Parts is what a reviewer has of an item under a quorum. Nobody can tell by
// looking at it whether its reviewer is excluded.
type Parts struct {
	Own    []byte // P: it never leaves the desk
	Handed Handed // what a colleague needs, who opens the item
}

// Handed is a reviewer's shares of one item, on their way to the desk that opens
// it.
type Handed struct {
	Slot   int    // from 0
	Shares []byte // of [HandedSize] bytes
}

// OpenParts opens a slot under a quorum. It returns [hybrid.ErrNoMatch] when none
// of the identities opens it.
func OpenParts(q roster.Quorum, slot []byte, number int, ids ...*hybrid.Identity) (Parts, error) {
	plain, err := hybrid.OpenBytes(slot, slotPlain(q), ids...)
	if err != nil {
		return Parts{}, fmt.Errorf("opening slot: %w", err)
	}
	return Parts{Own: plain[:ShareSize], Handed: Handed{Slot: number, Shares: plain[ShareSize:]}}, nil
}

// ErrNotYet is returned when the shares at hand do not open an item: too few, or
// some of reviewers who are excluded, or it is one that nobody opens.
var ErrNotYet = errors.New("the shares at hand do not open it")

// MaxJoined is how many shares are tried together: one's own, and as many of
// others. Each subset of a quorum's size is tried, as those who are excluded
// bring random bytes and do not know it.
const MaxJoined = roster.MaxTogether

// Join returns E from one's own parts and what colleagues handed over. It tries
// the first [MaxJoined] of all. Shares of one slot count once. It returns
// [ErrNotYet].
//
// A colleague can bend a share so that what comes out is an identity of his own
// choice: so it is E only if opens says so, which tries it on the payload. With a
// nil opens any identity will do.
func Join(q roster.Quorum, own Parts, others []Handed, opens func(*hybrid.Identity) bool) (*hybrid.Identity, error) {
	handed := []Handed{own.Handed}
	for _, h := range others {
		known := slices.ContainsFunc(handed, func(k Handed) bool { return k.Slot == h.Slot })
		if !known && len(handed) < MaxJoined {
			handed = append(handed, h)
		}
	}
	for _, h := range handed {
		if len(h.Shares) != HandedSize(q) || h.Slot < 0 || h.Slot >= roster.MaxReviewers || len(own.Own) != ShareSize {
			return nil, errors.New("joining shares: shares of another quorum")
		}
	}
	j := joining{q: q, own: own.Own, handed: handed, opens: opens}
	return j.find()
}

// joining looks for subsets of shares that give E. E begins as every identity
// does, and joining is linear: what a subset for A has to contribute follows from
// P and the subset for B. So the subsets for A are looked up, not combined with
// all those for B.
type joining struct {
	q      roster.Quorum
	own    []byte
	handed []Handed
	opens  func(*hybrid.Identity) bool
}

const (
	identityStart = "AGE-SECRET-KEY-PQ-1"
	startSize     = 16 // of it, that is looked up
)

type start [startSize]byte

func (j *joining) find() (*hybrid.Identity, error) {
	// Several for one start: a bent share can begin as an honest one does.
	as := map[start][][]byte{}
	j.subsets(1, j.q.Needed, func(a []byte) bool {
		begins := start(j.top(2, a))
		as[begins] = append(as[begins], a)
		return false
	})
	var e *hybrid.Identity
	try := func(b []byte) bool {
		rest := j.top(1, j.own)
		xor(rest, j.top(3, b))
		xor(rest, []byte(identityStart[:startSize]))
		for _, a := range as[start(rest)] {
			if e = j.whole(a, b); e != nil {
				return true
			}
		}
		return false
	}
	if j.q.Outside == 0 {
		try(make([]byte, ShareSize))
	} else {
		j.subsets(2, j.q.Outside, try)
	}
	if e == nil {
		return nil, fmt.Errorf("joining shares: %w", ErrNotYet)
	}
	return e, nil
}

// whole returns the identity that the parts give, if it is one that opens.
func (j *joining) whole(a, b []byte) *hybrid.Identity {
	whole := j.top(1, j.own)
	xor(whole, j.top(2, a))
	xor(whole, j.top(3, b))
	e, err := hybrid.ParseIdentity(string(whole))
	if err != nil || j.opens != nil && !j.opens(e) {
		return nil
	}
	return e
}

// top returns what one of the parts of E contributes to it.
func (j *joining) top(x byte, part []byte) []byte {
	shares := make([]shamir.Share, slotParts(j.q))
	for i := range shares {
		shares[i] = shamir.Share{X: byte(i + 1), Y: make([]byte, ShareSize)}
	}
	if int(x) > len(shares) {
		return make([]byte, ShareSize)
	}
	shares[x-1].Y = part
	return combine(shares)
}

// subsets hands over what each subset of k shares of a part gives, until found
// says so.
func (j *joining) subsets(part, k int, found func([]byte) bool) {
	at := (part - 1) * ShareSize
	for mask := range uint32(1) << len(j.handed) {
		if bits.OnesCount32(mask) != k {
			continue
		}
		var shares []shamir.Share
		for i, h := range j.handed {
			if mask>>i&1 == 1 {
				shares = append(shares, shamir.Share{X: byte(h.Slot + 1), Y: h.Shares[at : at+ShareSize]})
			}
		}
		if found(combine(shares)) {
			return
		}
	}
}

// combine joins shares whose numbers and lengths were checked.
func combine(shares []shamir.Share) []byte {
	secret, err := shamir.Combine(shares)
	if err != nil {
		panic("item: internal error: " + err.Error())
	}
	return secret
}

func xor(to, from []byte) {
	for i, b := range from {
		to[i] ^= b
	}
}
