package deliver_test

import (
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/sealed/deliver"
	"saksi/server/servertest"
)

// TestALostUploadIsNamed: bytes that were acknowledged are not at hand any more. Nor does
// anybody write the payload any more: what it is read from may be closed.
func TestALostUploadIsNamed(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	code := receipt.New()
	s := sender(d, nil)
	s.Progress = func(now, _ int64) {
		if now == 200_000 {
			uploads, err := d.Inbox.Store.Staged()
			if err != nil || len(uploads) != 1 {
				t.Fatalf("staged are %v, %v", uploads, err)
			}
			if err := d.Inbox.Abandon(uploads[0].ID); err != nil {
				t.Error(err)
			}
		}
	}
	head, payload := carried(t, seal(t, d, code, 0, file(random(400_000))))
	var ended atomic.Bool
	_, err := s.SendParcel(t.Context(), head, func(w io.Writer) (int64, error) {
		n, err := payload(w)
		for range 1000 {
			runtime.Gosched()
		}
		ended.Store(true)
		return n, err
	})
	if !ended.Load() {
		t.Error("the payload is still being written")
	}
	if !errors.Is(err, deliver.ErrLost) || stand(t, d, code, 0) != parcel.Unused {
		t.Errorf("lost: %v", err)
	}
}
