package inbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// DecoysAtMost is how many decoys one closing adds at most.
const DecoysAtMost = 8

// drawDecoys returns how many decoys a closing adds: d with a probability
// proportional to (2/3)^d, d from 0 to [DecoysAtMost], in the mean 1.8. What waits
// has no part in it.
//
// Who counts n items in a batch learns that n-8 to n of them are real, and may
// hold each of these numbers for half as likely again, against the one below it,
// as he did before. So one item more or less changes no bet by more than 3 to 2.
// Two things do show: a batch without any item had no real one, which is so for
// every third batch in which nobody wrote; and of more than eight some are real.
//
// A reviewer who counts what opens for others learns the same of the items from
// which he was excluded. Over many batches the sums tell more: in three months the
// decoys make some 160, give or take 20. An exclusion hides among them; a habit of
// excluding one reviewer by everybody does not.
func drawDecoys() int {
	for {
		n := 0
		for n <= DecoysAtMost && below(3) > 0 {
			n++
		}
		if n <= DecoysAtMost {
			return n
		}
	}
}

// below returns a random number from 0 to n-1.
func below(n int64) int64 {
	r, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic("inbox: internal error: " + err.Error()) // the system's source never fails
	}
	return r.Int64()
}

// addDecoys puts hollow items beside what waits, by the way that items come. The
// caller holds the lock of closings.
//
// The number is drawn once for a batch: a batch whose closing fails and is tried
// again every minute gets no more of them. What a crash leaves is in the next
// batch, beside the decoys of that.
func (b *Inbox) addDecoys() error {
	if !b.drawn {
		b.decoys, b.drawn = b.Decoys(), true
	}
	for ; b.decoys > 0; b.decoys-- {
		added, err := b.addDecoy()
		if err != nil {
			return fmt.Errorf("adding a decoy: %w", err)
		}
		if !added {
			return nil
		}
	}
	return nil
}

// addDecoy reports false when nothing can be sealed now, and when decoys would
// take what files leave to texts: a batch then closes without.
func (b *Inbox) addDecoy() (added bool, err error) {
	circle, w, err := b.decoyMoment()
	if err != nil {
		return false, nil // closed
	}
	hollow, err := item.Decoy(circle)
	if err != nil {
		return false, err
	}
	if spare, err := b.spare(hollow.Size); err != nil || !spare {
		return false, err
	}
	p := Parcel{
		ID: hollow.ID, Burn: hollow.Burn, Roster: hollow.Roster, Slots: hollow.Slots, Size: hollow.Size,
		Payload: func(w io.Writer) error {
			_, err := hollow.WriteTo(w)
			return err
		},
	}
	leave, err := b.admit(&p)
	if err == nil {
		_, err = b.keep(p, w)
		leave()
	}
	if errors.Is(err, store.ErrFull) {
		return false, nil
	}
	return err == nil, err
}

// decoyMoment draws a random moment of the day before, and returns its recipients and
// its week. A batch that closes on a Monday has items of Sunday in it: if all its
// decoys were of the new week, those of the old one were real; and if the slots of
// those of the old week were sealed for the new one, an excluded reviewer could tell
// them from items. Before a roster began nothing was sealed under it: then it is now.
func (b *Inbox) decoyMoment() (*roster.Circle, week.Week, error) {
	now := b.Now()
	moment := now.Add(-time.Duration(below(int64(24 * time.Hour))))
	if !moment.Before(b.Newest().From) {
		if circle, err := b.circleAt(moment); err == nil {
			return circle, b.weekAt(moment), nil
		}
	}
	circle, err := b.circleAt(now)
	return circle, b.weekAt(now), err
}

// spare reports whether the disk has room for so many bytes beside what is
// reserved for texts, and promised to files.
func (b *Inbox) spare(size int64) (bool, error) {
	free, err := b.Store.Free()
	if err != nil {
		return false, err
	}
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	return free-b.room.promised-size >= b.Reserve, nil
}
