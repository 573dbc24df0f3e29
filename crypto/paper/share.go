package paper

// A secret on several papers: each holds one share of it (package shamir), and says
// so in its kind:
//
//	share 2 of 3 need 2 set acdefghj
//
// The bytes of such a paper are the share alone, so that gfcombine joins them. The set
// is random: papers of one sharing have the same, and it tells nothing of the secret,
// as a hash of it would to whoever has too few papers and some guesses. Its letters
// are not easily taken for others. So papers that were typed in without a mistake,
// and are of one set, give the secret. Against somebody who writes a false paper they
// do not help: what comes out then opens nothing.

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"saksi/crypto/shamir"
)

// Whole is the kind of a paper that holds the secret itself.
const Whole = "secret"

// setLetters are those of a set, 4 bits each.
const (
	setLetters = "acdefghjkmnpqrtx"
	setSize    = 8
)

var (
	// ErrTooFew is returned when more papers of the set are needed.
	ErrTooFew = errors.New("joining papers: there are too few")
	// ErrSets is returned for papers that do not belong together.
	ErrSets = errors.New("joining papers: they do not belong together")
)

// A Part says which share is on a paper. Numbers begin with 1.
type Part struct {
	Number, Of, Need int
	Set              string
}

func (p Part) kind() string {
	return fmt.Sprintf("share %d of %d need %d set %s", p.Number, p.Of, p.Need, p.Set)
}

// Part returns which share is on the paper; ok is false if it holds none.
func (p Paper) Part() (part Part, ok bool) {
	m := regexp.MustCompile(`^share (\d+) of (\d+) need (\d+) set ([` + setLetters + `]+)$`).FindStringSubmatch(p.Kind)
	if m == nil || len(m[4]) != setSize {
		return Part{}, false
	}
	part.Number, _ = strconv.Atoi(m[1])
	part.Of, _ = strconv.Atoi(m[2])
	part.Need, _ = strconv.Atoi(m[3])
	part.Set = m[4]
	right := part.Need >= 2 && part.Need <= part.Of && part.Of <= shamir.MaxShares
	return part, right && part.Number >= 1 && part.Number <= part.Of && part.kind() == p.Kind
}

// Split writes a secret on several papers, any need of which give it back. need is 2
// or more: a copy for each is no sharing.
func Split(secret []byte, need, of int) ([]Paper, error) {
	if err := (Paper{Whole, secret}).Check(); err != nil {
		return nil, err
	}
	if need < 2 || need > of || of > shamir.MaxShares {
		return nil, fmt.Errorf("writing paper: %d of %d papers cannot be asked for: want 2 or more, of at most %d",
			need, of, shamir.MaxShares)
	}
	xs := make([]byte, of)
	for i := range xs {
		xs[i] = byte(i + 1)
	}
	shares, err := shamir.Split(secret, need, xs)
	if err != nil {
		return nil, err
	}
	set := newSet()
	papers := make([]Paper, of)
	for i, s := range shares {
		papers[i] = Paper{Part{i + 1, of, need, set}.kind(), s.Y}
	}
	return papers, nil
}

func newSet() string {
	random := make([]byte, setSize)
	rand.Read(random)
	for i, b := range random {
		random[i] = setLetters[b&0xf]
	}
	return string(random)
}

// Join returns the secret from the paper that holds it, or from enough papers of one
// set. The same paper twice counts once. With more papers than are needed it holds
// them against each other; with just enough it cannot tell a false one.
//
// Each paper more takes the place of the first, and has to give the same secret. It
// does so only if it lies on the polynomials of those that are needed: two that meet
// in as many points are one. All papers at once do not tell this: where the numbers
// of two more are the number of a false one, by XOR, as in 1, 2, 4 and 5 of which two
// are needed, what is wrong with that one falls out.
func Join(papers []Paper) ([]byte, error) {
	if len(papers) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrTooFew)
	}
	if whole := papers[0]; whole.Kind == Whole {
		if slices.ContainsFunc(papers, func(p Paper) bool { return p.Kind != Whole || !bytes.Equal(p.Data, whole.Data) }) {
			return nil, fmt.Errorf("%w: one of them holds a whole secret, and others do not hold the same", ErrSets)
		}
		return whole.Data, nil
	}
	parts, shares, err := oneSet(papers)
	if err != nil {
		return nil, err
	}
	need := parts[0].Need
	if len(parts) < need {
		return nil, tooFew(parts)
	}
	secret, err := shamir.Combine(shares[:need])
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSets, err)
	}
	for _, more := range shares[need:] {
		if again, err := shamir.Combine(append(shares[1:need:need], more)); err != nil || !bytes.Equal(again, secret) {
			return nil, fmt.Errorf("%w: one of these %d was not written with the others: leave one out in turn",
				ErrSets, len(shares))
		}
	}
	return secret, nil
}

// oneSet returns the shares on papers of one set, each once, by their numbers.
func oneSet(papers []Paper) (parts []Part, shares []shamir.Share, err error) {
	for _, p := range papers {
		part, ok := p.Part()
		if !ok {
			return nil, nil, fmt.Errorf("%w: one is neither a whole secret nor a share", ErrSets)
		}
		if len(parts) > 0 {
			one := parts[0]
			if one.Number = part.Number; one != part {
				return nil, nil, fmt.Errorf("%w: %s, and %s", ErrSets, parts[0].kind(), part.kind())
			}
		}
		if at := slices.Index(parts, part); at >= 0 {
			if !bytes.Equal(shares[at].Y, p.Data) {
				return nil, nil, fmt.Errorf("%w: two different papers are %s", ErrSets, part.kind())
			}
			continue
		}
		parts, shares = append(parts, part), append(shares, shamir.Share{X: byte(part.Number), Y: p.Data})
	}
	return parts, shares, nil
}

// tooFew says which papers may come.
func tooFew(parts []Part) error {
	var here, missing []string
	one := parts[0]
	for _, p := range parts {
		here = append(here, fmt.Sprint(p.Number))
	}
	for n := 1; n <= one.Of; n++ {
		if !slices.Contains(here, fmt.Sprint(n)) {
			missing = append(missing, fmt.Sprint(n))
		}
	}
	return fmt.Errorf("%w: set %s, here: %s; %d more needed of: %s", ErrTooFew, one.Set, list(here), one.Need-len(here),
		list(missing))
}
