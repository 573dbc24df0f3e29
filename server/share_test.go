package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"saksi/server/gate"
)

// A holder is a request with a picture, and whether its reading was ended.
type holder struct {
	*asked
	cut bool
}

func asks(s *share, bytes int64) *holder {
	h := &holder{}
	h.asked = s.ask(bytes, gate.Circuit{}, func() { h.cut = true })
	return h
}

// has holds whether a request was given what it asked for, and whether that was ended.
func (h *holder) has(t *testing.T, who string, given, cut bool) {
	t.Helper()
	got := false
	select {
	case <-h.given:
		got = true
	default:
	}
	if got != given || h.cut != cut {
		t.Errorf("%s was given it: %t, and ended: %t; want %t, %t", who, got, h.cut, given, cut)
	}
}

// TestASlowPictureGoesOnUntilSomebodyWaits, and then only if it is behind, is not whole,
// and makes room enough.
func TestASlowPictureGoesOnUntilSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		l.Pictures = 96
		s := newShare(l)
		slow, small, fast, whole := asks(s, 40), asks(s, 16), asks(s, 20), asks(s, 20)
		time.Sleep(l.PictureGrace + l.PictureTurn/2)
		slow.sent.Store(9)
		small.sent.Store(3)
		fast.sent.Store(6)
		whole.whole.Store(true)
		s.hurry(time.Now())
		slow.has(t, "who is slow, alone", true, false)
		much := asks(s, 60)
		s.hurry(time.Now())
		slow.has(t, "who is slow and would not do", true, false)
		s.giveBack(much.asked)
		some := asks(s, 30)
		s.hurry(time.Now())
		slow.has(t, "who is slow", true, true)
		small.has(t, "who is slow and not needed", true, false)
		fast.has(t, "who keeps pace", true, false)
		whole.has(t, "who has sent all", true, false)
		some.has(t, "who waits", false, false)
		s.giveBack(slow.asked)
		some.has(t, "who waited", true, false)
	})
}

// TestWaitingForAPictureEnds with its time, with its sender, and with the server.
func TestWaitingForAPictureEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		s := &Server{Config: Config{Limits: l}, pictures: newShare(l), stopping: make(chan struct{})}
		release, err := s.hold(context.Background(), l.Pictures)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := s.hold(context.Background(), 1); err == nil || time.Since(began) != l.PictureWait {
			t.Errorf("%v after %v, want Busy after %v", err, time.Since(began), l.PictureWait)
		}
		gone, leave := context.WithCancel(context.Background())
		leave()
		if _, err := s.hold(gone, 1); err == nil {
			t.Error("who went away holds some")
		}
		close(s.stopping)
		if _, err := s.hold(context.Background(), 1); err == nil {
			t.Error("while it stops it gives some")
		}
		release()
		if len(s.pictures.line)+len(s.pictures.has) > 0 || s.pictures.free != l.Pictures {
			t.Errorf("afterwards %d wait, %d have some, and %d are free",
				len(s.pictures.line), len(s.pictures.has), s.pictures.free)
		}
	})
}
