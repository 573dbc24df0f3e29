// Package shamir shares a secret among people: any k of n shares give it back,
// and fewer tell nothing (Shamir, "How to Share a Secret", Communications of the
// ACM 22, 1979). Each byte of the secret is shared on its own over GF(2^8):
//
//	y = secret + c1 x + c2 x^2 + ... + c(k-1) x^(k-1)
//
// where the field is that of the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11D),
// c1 to c(k-1) are random bytes drawn anew for each byte of the secret, and x is
// the number of the share, 1 to 255. A share is its number and its y of every byte:
// as long as the secret. That is the format of libgfshare. A file NAME.NNN that
// holds Y, with NNN the X in three decimal digits, is a share that gfcombine joins,
// and what gfsplit writes is combined here. k stands in no share.
//
// # What holds, and what does not
//
// Whoever has fewer than k shares has, for every possible secret of that length,
// exactly as many polynomials that fit as for any other: more computing does not
// help. It tells the length of the secret, and nothing else. That hangs on
// coefficients that are uniform, zero included, and come from crypto/rand alone.
//
// Nothing here is authentic. Shares that are wrong, of different secrets, or fewer
// than k, combine to wrong bytes without an error, and whoever hands in the last
// share can choose what comes out. So the caller must be able to tell a right
// secret from a wrong one: a key opens its file or does not, a text has a checksum.
// A share is as good as the secret once k-1 others are known, and is kept like it.
//
// Time and memory accesses depend on the numbers of shares, k and the length, never
// on a byte of secret, coefficient or Y: multiplication has no table and no branch.
package shamir

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// MaxShares is how many shares of a secret there can be: one for each x but 0,
// which would be the secret.
const MaxShares = 255

// A Share is one point of the polynomials: their values Y, one for each byte of
// the secret, at X. X is public; Y is secret.
type Share struct {
	X byte
	Y []byte
}

// Split shares a secret so that any k of the shares restore it. The numbers of the
// shares are xs, distinct and not 0, in whatever order; k is 1 to len(xs). With a k
// of 1 each share is the secret itself.
func Split(secret []byte, k int, xs []byte) ([]Share, error) {
	if err := checkNumbers(xs); err != nil {
		return nil, fmt.Errorf("sharing: %v", err)
	}
	if len(secret) == 0 {
		return nil, errors.New("sharing: there is no secret")
	}
	if k < 1 || k > len(xs) {
		return nil, fmt.Errorf("sharing: %d of %d shares cannot be asked for", k, len(xs))
	}
	random := make([]byte, (k-1)*len(secret))
	rand.Read(random) // it never fails: it ends the program
	shares := make([]Share, len(xs))
	for i, x := range xs {
		shares[i] = Share{x, evaluate(secret, random, x)}
	}
	clear(random)
	return shares, nil
}

// evaluate returns the polynomials' values at x. The coefficients are k-1 rows as
// long as the secret, that of the highest power first.
func evaluate(secret, coefficients []byte, x byte) []byte {
	y := make([]byte, len(secret))
	for ; len(coefficients) > 0; coefficients = coefficients[len(secret):] {
		for i, c := range coefficients[:len(secret)] {
			y[i] = mul(y[i]^c, x)
		}
	}
	for i, s := range secret {
		y[i] ^= s
	}
	return y
}

// Combine returns what the shares are shares of: the value at 0 of the polynomials
// of the lowest degree through all of them. More than k shares give the secret too
// if all of them are right. It cannot tell whether they are: see the package
// comment. It refuses numbers that are 0 or twice there, and shares of unequal or
// no length.
func Combine(shares []Share) ([]byte, error) {
	xs := make([]byte, len(shares))
	for i, s := range shares {
		if xs[i] = s.X; len(s.Y) != len(shares[0].Y) || len(s.Y) == 0 {
			return nil, errors.New("combining shares: they are empty, or not equally long")
		}
	}
	if err := checkNumbers(xs); err != nil {
		return nil, fmt.Errorf("combining shares: %v", err)
	}
	secret := make([]byte, len(shares[0].Y))
	for i, s := range shares {
		w := weight(xs, i)
		for j, y := range s.Y {
			secret[j] ^= mul(w, y)
		}
	}
	return secret, nil
}

// weight returns what the i-th share is multiplied with: Lagrange's polynomial at 0.
func weight(xs []byte, i int) byte {
	over, under := byte(1), byte(1)
	for j, x := range xs {
		if j != i {
			over, under = mul(over, x), mul(under, x^xs[i])
		}
	}
	return mul(over, inverse(under))
}

// checkNumbers holds that shares have numbers of their own. They are public.
func checkNumbers(xs []byte) error {
	if len(xs) == 0 {
		return errors.New("there is none")
	}
	var seen [MaxShares + 1]bool
	for _, x := range xs {
		if x == 0 {
			return errors.New("number 0 is the secret's own")
		}
		if seen[x] {
			return fmt.Errorf("number %d is there twice", x)
		}
		seen[x] = true
	}
	return nil
}

// reduction is x^8 in the field: 0x11D without its highest bit.
const reduction = 0x1d

// mul multiplies in the field, bit by bit of b. A bit becomes a mask of all ones or
// none, so that nothing branches on it and nothing is looked up.
func mul(a, b byte) byte {
	var product byte
	for range 8 {
		product ^= a & -(b & 1)
		a = a<<1 ^ reduction&-(a>>7)
		b >>= 1
	}
	return product
}

// inverse returns 1/a, which is a^254 because a^255 is 1. That of 0 is 0.
func inverse(a byte) byte {
	power, product := a, byte(1)
	for range 7 { // 254 = 2 + 4 + 8 + ... + 128
		power = mul(power, power)
		product = mul(product, power)
	}
	return product
}
