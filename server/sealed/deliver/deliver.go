// Package deliver hands a sealed item in, from a program: over a connection that
// breaks, in slices, until the server has it.
//
// # What it promises
//
//   - [Sender.Send] returns nil only after the server has said that this item, sealed
//     like this, is kept, which it says after it is on disk. After an [*Unsure] it may be
//     kept or not; sending the same parcel once more tells, and keeps nothing twice. An
//     item that has the number of another one, or of another sealing of it, is a
//     [*Refused] with the name "file_number_used": nothing of it is kept.
//   - What leaves is ciphertext, the item's id, the SHA-256 of its burn token,
//     and a random name for the upload.
//     Slots leave last, in one request with the burn hash: an upload that is given
//     up opens for nobody.
//   - A broken connection, a server that restarts and a lost answer are waited out:
//     Send goes on where the server is. What the server refuses in its own words ends
//     it at once, as a [*Refused].
//   - Memory is bounded: one slice. Ciphertext that the server has acknowledged is not
//     kept, so an upload that the server lost cannot be gone on with ([ErrLost]).
//
// It opens no connection by itself: the [http.Client] decides whether that is one
// through Tor.
package deliver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
)

// ErrLost is returned when the server has lost what it had acknowledged. Seal the item anew, and send that.
var ErrLost = errors.New("the server has lost a part of the upload")

// A Refused is returned for what the server does not take.
type Refused struct {
	Status  int
	Name    string // of the failure, such as "closed": a failure of the pages' catalogs
	Minutes int    // when to come back; 0 if the server does not say
	Limit   int64  // bytes, if a size is at fault
}

func (r *Refused) Error() string {
	return fmt.Sprintf("the server refuses it: %d, %q", r.Status, r.Name)
}

// An Unsure is returned in place of any other error when the item may be kept all the
// same: it was handed in, and then no answer came, or one that does not say.
type Unsure struct{ Cause error }

func (u *Unsure) Error() string { return u.Cause.Error() }

// Unwrap returns the last error.
func (u *Unsure) Unwrap() error { return u.Cause }

// An Outcome says what the server did.
type Outcome int

// The outcomes.
const (
	Kept  Outcome = iota // the item is kept, now
	Again                // this sealing of it was kept before; nothing changed
)

// Numbers for slow and broken connections.
const (
	// DefaultSlice is how many bytes one request brings.
	DefaultSlice = 1 << 20
	// attempts is how often in a row nothing may come of it: with the pauses below
	// some half an hour, and the time that the attempts take themselves.
	attempts = 64
	// Patience is how long the server may give no answer, whatever attempts and pauses
	// take: through Tor one attempt may take minutes, and a busy server names its pauses.
	Patience     = 3 * time.Hour
	longestBusy  = time.Hour
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// A Sender sends items to one server.
type Sender struct {
	Client *http.Client
	URL    string // of the server, without a slash at the end
	Slice  int    // bytes of a request; DefaultSlice if 0
	// Progress is told how many bytes of the payload the server has on disk; may be nil.
	Progress func(acknowledged, size int64)
	// Failed is told why nothing came of an attempt, before the pause; may be nil.
	Failed func(cause error)
	// Pause waits between two attempts; by the clock if nil.
	Pause func(context.Context, time.Duration) error
	// Now is a seam for tests; the clock if nil.
	Now func() time.Time
}

// Send hands an item in. Its payload is written once, so that an item can be sent
// by one call alone. It returns, perhaps in an [*Unsure], a [*Refused], [ErrLost], the error of the context
// or, after [Patience] or 64 attempts without a byte, that of the connection; or what
// sealing returned.
func (s *Sender) Send(ctx context.Context, sealed *item.Sealed) (Outcome, error) {
	return s.SendParcel(ctx, parcel.Head{
		ID: sealed.ID, Burn: sealed.Burn, Roster: sealed.Roster, Slots: sealed.Slots, Size: sealed.Size,
	}, sealed.WriteTo)
}

// SendParcel is Send for an item that was sealed before, as a carried file has it:
// payload writes what follows the head. It has returned when SendParcel does.
func (s *Sender) SendParcel(
	ctx context.Context, head parcel.Head, payload func(io.Writer) (int64, error),
) (Outcome, error) {
	d := &delivery{Sender: *s, ctx: ctx, sealed: head, payload: payload}
	rand.Read(d.sealed.Upload[:])
	if d.Slice == 0 {
		d.Slice = DefaultSlice
	}
	if d.Pause == nil {
		d.Pause = pause
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	d.moved()
	outcome, err := d.send()
	if err != nil {
		return 0, fmt.Errorf("delivering: %w", err)
	}
	return outcome, nil
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// A delivery is one item on its way.
type delivery struct {
	Sender
	ctx     context.Context
	sealed  parcel.Head
	payload func(io.Writer) (int64, error)
	failed  int       // attempts in a row
	since   time.Time // of the last answer
}

// moved notes that something came of an attempt.
func (d *delivery) moved() { d.failed, d.since = 0, d.Now() }

func (d *delivery) head(staged bool) parcel.Head {
	head := d.sealed
	head.Staged = staged
	return head
}

func (d *delivery) send() (Outcome, error) {
	if d.sealed.Size <= item.PayloadSize(item.Floor) {
		var payload bytes.Buffer
		if _, err := d.payload(&payload); err != nil {
			return 0, err
		}
		return d.handIn(append(d.head(false).Append(nil), payload.Bytes()...))
	}
	if err := d.upload(); err != nil {
		return 0, err
	}
	return d.handIn(d.head(true).Append(nil))
}

// handIn sends the last request, which is the only one of a text.
func (d *delivery) handIn(body []byte) (Outcome, error) {
	var lost hope
	answer, err := d.persist(func() (*answer, error) {
		ctx := httptrace.WithClientTrace(d.ctx, lost.trace())
		answer, err := d.ask(ctx, http.MethodPost, "/v1/items", octets, nil, body)
		lost.after(err)
		return answer, err
	})
	var refused *Refused
	switch {
	case errors.As(err, &refused) && refused.Name == cut:
		return 0, ErrLost
	case err != nil:
		return 0, lost.tell(err)
	case !answer.complete:
		return 0, &Unsure{ErrStrange}
	case answer.status == http.StatusOK:
		return Again, nil
	default:
		return Kept, nil
	}
}

// hope is whether an item that was handed in may be kept in spite of an error.
type hope struct {
	dialed, reached atomic.Bool // by the request under way
	unsure          bool
}

func (h *hope) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { h.dialed.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { h.reached.Store(true) },
	}
}

// after notes what an attempt came to. A server that was never reached has nothing, and
// most refusals say so; whatever else is no answer leaves it open.
func (h *hope) after(err error) {
	dialed, reached := h.dialed.Swap(false), h.reached.Swap(false)
	var refused *Refused
	if errors.As(err, &refused) {
		h.unsure = h.unsure || refused.Name == "disk" || refused.Name == "internal"
		return
	}
	h.unsure = h.unsure || err != nil && (reached || !dialed)
}

// tell returns the last error. Of an item that is gone, nothing is kept.
func (h *hope) tell(err error) error {
	var refused *Refused
	if !h.unsure || errors.As(err, &refused) && refused.Name == "deleted" {
		return err
	}
	return &Unsure{err}
}

// upload brings the payload, under a name that no other sealing has.
func (d *delivery) upload() error {
	path := "/v1/uploads/" + hex.EncodeToString(d.sealed.Upload[:])
	begun, err := d.persist(func() (*answer, error) {
		return d.ask(d.ctx, http.MethodPost, path, "", map[string]string{
			"Upload-Length": strconv.FormatInt(d.sealed.Size, 10), "Upload-Complete": "?0",
		}, nil)
	})
	switch {
	case err != nil:
		return err
	case begun.offset != 0:
		return ErrLost
	}
	in, out := io.Pipe()
	ended := make(chan struct{})
	defer func() {
		in.Close()
		<-ended
	}()
	go func() {
		defer close(ended)
		_, err := d.payload(out)
		out.CloseWithError(err)
	}()
	return d.slices(path, in)
}

// slices sends slice after slice.
func (d *delivery) slices(path string, in io.Reader) error {
	buffer := make([]byte, d.Slice)
	for offset := int64(0); offset < d.sealed.Size; {
		b := buffer[:min(int64(len(buffer)), d.sealed.Size-offset)]
		if _, err := io.ReadFull(in, b); err != nil {
			return err
		}
		if err := d.slice(path, offset, b); err != nil {
			return err
		}
		offset += int64(len(b))
	}
	return nil
}

// slice sends what begins at offset until all of it is acknowledged. A server that
// goes back and forth does not come on.
func (d *delivery) slice(path string, offset int64, b []byte) error {
	end, furthest := offset+int64(len(b)), offset
	for now := offset; now < end; {
		answer, err := d.persist(func() (*answer, error) { return d.patch(path, now, b[now-offset:]) })
		switch {
		case err != nil:
			return err
		case answer.offset < offset || answer.offset > end:
			return ErrLost
		case answer.offset <= furthest:
			if err := d.fail(io.ErrNoProgress, 0); err != nil {
				return err
			}
		default:
			furthest = answer.offset
			d.moved()
		}
		now = answer.offset
		if d.Progress != nil {
			d.Progress(now, d.sealed.Size)
		}
	}
	return nil
}

// patch sends a slice. When no answer comes, or another offset is said, the answer
// is where the server is.
func (d *delivery) patch(path string, at int64, b []byte) (*answer, error) {
	answer, err := d.ask(d.ctx, http.MethodPatch, path, "application/partial-upload", map[string]string{
		"Upload-Offset": strconv.FormatInt(at, 10), "Upload-Complete": flag(at+int64(len(b)) == d.sealed.Size),
	}, b)
	var refused *Refused
	switch {
	case err == nil, errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests:
		return answer, err
	case errors.As(err, &refused) && refused.Name != cut:
		return nil, err
	}
	answer, err = d.ask(d.ctx, http.MethodHead, path, "", nil, nil)
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil, ErrLost
	}
	return answer, err
}

func flag(set bool) string {
	if set {
		return "?1"
	}
	return "?0"
}
