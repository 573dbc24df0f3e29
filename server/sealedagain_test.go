package server_test

import (
	"testing"

	"saksi/crypto/receipt"
)

// TestAnotherSealingIsNoReceipt: whoever sends an item whose number another one has is
// told that it was not kept, of a text and of a file, in one piece and staged. The same
// sealing, whose answer was lost, is told that it is.
func TestAnotherSealingIsNoReceipt(t *testing.T) {
	d := newDrop(t)
	code := receipt.New()
	for n, seal := range []func() *sealedItem{
		func() *sealedItem { return sealText(t, d, code, 0) },
		func() *sealedItem { return sealFile(t, d, code, 1, 200_000) },
		func() *sealedItem { return sealFile(t, d, code, 2, 200_000) },
	} {
		first, second := seal(), seal()
		body, other := first.parcel(), second.parcel()
		if n == 2 {
			bringAll(t, d, first)
			bringAll(t, d, second)
			body, other = first.staged(), second.staged()
		}
		tells(t, "the first", hand(t, d, "POST", "/v1/items", octets, body), 201, "", "?1")
		failed(t, "another", hand(t, d, "POST", "/v1/items", octets, other), 409, "file_number_used")
		tells(t, "the first, again", hand(t, d, "POST", "/v1/items", octets, body), 200, "", "?1")
		keeps(t, d, first)
	}
	if left, err := d.Inbox.Store.Staged(); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
