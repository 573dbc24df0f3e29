package gate

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// kib is the unit of buckets for bytes: an int may have 32 bits.
const kib = 1 << 10

// longestWait is the longest that is said of a bucket that fills very slowly.
const longestWait = 24 * time.Hour

// kibs rounds up.
func kibs(bytes int64) int { return int(min((max(bytes, 0)+kib-1)/kib, math.MaxInt32)) }

// A bucket is emptied by what is taken, and fills with time. It starts full. The
// gate's lock guards it.
type bucket struct{ *rate.Limiter }

func newBucket(r Rate) bucket { return bucket{rate.NewLimiter(rate.Every(r.Every), r.Burst)} }

func newVolume(v Volume) bucket {
	perSecond := float64(v.PerHour) / kib / time.Hour.Seconds()
	return bucket{rate.NewLimiter(rate.Limit(perSecond), kibs(v.Burst))}
}

// lacks returns how long it takes until n are there; 0 if they are. More than
// ever fit are there when the bucket is full.
func (b bucket) lacks(now time.Time, n int) time.Duration {
	missing := float64(min(n, b.Burst())) - b.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	seconds := min(math.Ceil(missing/float64(b.Limit())*1e9)/1e9, longestWait.Seconds())
	return time.Duration(seconds * float64(time.Second))
}

// take takes n of a bucket that does not lack them.
func (b bucket) take(now time.Time, n int) { b.AllowN(now, min(n, b.Burst())) }

// giveBack fills what take took.
func (b bucket) giveBack(now time.Time, n int) { b.AllowN(now, -min(n, b.Burst())) }

func (b bucket) full(now time.Time) bool { return b.lacks(now, b.Burst()) == 0 }
