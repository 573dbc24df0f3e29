package gate

import "time"

// A Rate is a bucket: Burst at once, and one more each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// A Volume is a bucket of bytes.
type Volume struct{ Burst, PerHour int64 }

// Limits says what may come by one circuit, and what by all together.
// [Production] has the values that a drop runs with.
//
// The first group is wide enough for a frightened person who reads every page
// twice and sends a dozen photos, and narrow for a loop. It has no word on who
// may come: a flood has many circuits, and then the second group counts.
type Limits struct {
	// Of one circuit. A page takes one request and its style sheet another.
	Requests Rate
	Mailbox  Rate // reads and deletions: each opens some hundred sealed entries
	Texts    Rate // testimonies and messages
	Files    Rate
	Bytes    Volume // of files

	// Of all together. Files have no part in what texts have, and texts none in
	// what files have.
	AllTexts Rate
	AllBytes Volume

	// When AllTexts is empty, a text waits in line.
	Line     int           // places, below the connections that a server keeps
	LineTime time.Duration // in line: browsers and people give up later

	Circuits int // in the table, of some 700 bytes each
}

// Production returns the limits of a drop.
func Production() Limits {
	return Limits{
		Requests: Rate{120, time.Second},
		Mailbox:  Rate{40, 10 * time.Second},
		Texts:    Rate{10, 6 * time.Minute},
		Files:    Rate{20, 2 * time.Minute},
		Bytes:    Volume{512 << 20, 2 << 30},

		AllTexts: Rate{600, 3 * time.Second}, // 1,200 an hour
		AllBytes: Volume{2 << 30, 8 << 30},

		Line:     200,
		LineTime: 2 * time.Minute,

		Circuits: 4096,
	}
}

// PerHour returns the limits with so many texts and bytes of files an hour, of
// all together: half of the texts and a quarter of the bytes may come at once.
// No bucket is smaller than the largest file that is taken. Where that leaves room, one
// circuit has a quarter of what may come at once, and of the hour: what it announces, gives
// up and announces again does not keep the others' files out.
func (l Limits) PerHour(texts int, bytes, maxFile int64) Limits {
	l.AllTexts = Rate{max(1, texts/2), time.Hour / time.Duration(max(1, texts))}
	l.AllBytes = Volume{max(bytes/4, maxFile), bytes}
	l.Bytes = Volume{max(l.AllBytes.Burst/4, maxFile), min(bytes, max(bytes/4, maxFile))}
	return l
}
