package shamir

import (
	"bytes"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/limittest"
)

// BenchmarkCombine joins 3 of 5 shares of an item's secret. Its limit is what opening
// one of those shares costs before: a slot of that size, with the identity at hand.
func BenchmarkCombine(b *testing.B) {
	secret := make([]byte, hybrid.IdentitySize)
	shares := split(b, secret, 3, numbers(5))
	e, err := hybrid.Generate()
	if err != nil {
		b.Fatal(err)
	}
	slot, err := hybrid.SealBytes(shares[0].Y, e.Recipient())
	if err != nil {
		b.Fatal(err)
	}
	limittest.Compare(b, 1, "secrets", func() {
		if joined, err := Combine(shares[1:4]); err != nil || !bytes.Equal(joined, secret) {
			b.Fatal("not the secret: ", err)
		}
	}, func() {
		if _, err := hybrid.OpenBytes(slot, len(secret), e); err != nil {
			b.Fatal(err)
		}
	})
}
