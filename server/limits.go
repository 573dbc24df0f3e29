package server

import "time"

// Limits says what one sender may cost and how long he may take. [Production]
// has the values that a drop runs with; tests shorten times.
//
// All connections come from tor, on this machine, and no limit can be one per
// sender. What tor does say, if it is asked to, is by which circuit a connection
// came: that tells one sender's flood from a crowd, and a flood by many circuits
// not. So no limit here makes anyone wait for someone who is slower. Who is new
// gets in, at the cost of the circuit that has most, else of who has been waiting
// longest or moves least. How much may be asked for is in [gate.Limits].
type Limits struct {
	// A connection costs a file descriptor and some 20 KiB, one with an upload
	// 1.7 MiB. When there are this many, a new one takes the place of another.
	Connections int
	Uploads     int
	// A circuit with more than these is the first to make room for others. Tor
	// Browser opens one or two connections for a page, and sends one file at a time.
	CircuitConnections int
	CircuitUploads     int
	Socket             int           // bytes that the kernel keeps of a connection, either way; Linux doubles it
	Settle             time.Duration // a request is not held for slow before this age

	Header     int           // bytes of a request's header
	HeaderTime time.Duration // for the whole header to arrive
	IdleTime   time.Duration // between two requests on a connection

	// A body or an answer has to move by Move bytes within each Stall of
	// waiting, or come to its end. That is slower than the worst phone.
	Stall time.Duration
	Move  int64
	// Linger is how long an answer waits for bytes of a body that nobody will
	// read. A browser looks at no answer before it has sent everything.
	Linger time.Duration

	// A form's text is kept in memory. An ordinary form has at most PlainForm
	// bytes, encoded; reading beyond takes one of LongForms places. A text that a
	// browser sealed takes none: it has at most [sealed.MaxText] bytes, 250 KiB under
	// a roster of 100, so that every connection together has 64 MiB of them.
	PlainForm int64
	LongForms int
	LongWait  time.Duration // for a place
	LongTime  time.Duration // with a place, for the rest of the body, and again for the answer
	Form      int           // bytes of a form's text that are handed back when it is too long

	// A picture is stripped in memory, which takes twice its size: all together have
	// Pictures bytes. Who holds some of it has PictureGrace, and then has to have sent
	// PicturePace bytes for each second: whoever dawdles loses his share soon. While
	// somebody waits for a share, a picture has to come within PictureTurn after the
	// grace, and a part of it within that part: its sender loses his otherwise.
	Pictures     int64
	PictureWait  time.Duration // for a share
	PictureGrace time.Duration
	PicturePace  int64
	PictureTurn  time.Duration

	Tick    time.Duration // mailbox answers leave on a multiple of it
	Padding int           // steps in which a conversation page grows by what is typed, in bytes

	// When the server is to stop, requests that move may go on for Stop, and
	// those that stand still for StopStall.
	Stop      time.Duration
	StopStall time.Duration
}

// Production returns the limits of a drop.
func Production() Limits {
	return Limits{
		Connections: 256,
		Uploads:     48,

		CircuitConnections: 4,
		CircuitUploads:     2,

		Socket: 256 << 10,
		Settle: 10 * time.Second,

		Header:     16 << 10,
		HeaderTime: 60 * time.Second,
		IdleTime:   3 * time.Minute,

		Stall:  2 * time.Minute,
		Move:   4 << 10,
		Linger: 10 * time.Second,

		PlainForm: 96 << 10, // 24,000 bytes of text and 5,000 of answers, as %41, and their names
		LongForms: 8,
		LongWait:  time.Minute,
		LongTime:  4 * time.Minute, // 1 MiB of text, as %41, at 13 KiB a second
		Form:      1 << 20,         // 200,000 characters have 800,000 bytes at most

		Pictures:     96 << 20,
		PictureWait:  time.Minute,
		PictureGrace: time.Minute,
		PicturePace:  12 << 10,
		PictureTurn:  5 * time.Minute,

		Tick:    250 * time.Millisecond,
		Padding: 32 << 10,

		Stop:      time.Minute, // below the 90 seconds that systemd waits
		StopStall: 5 * time.Second,
	}
}
