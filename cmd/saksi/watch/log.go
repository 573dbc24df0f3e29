package watch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"saksi/crypto/onionname"
	"saksi/crypto/roster"
)

// A Log is what a watchdog saw, look by look. It is a text:
//
//	saksi/v1/watch
//	onion <address>
//	roots <fingerprint, five groups>
//	2026-11-22T10:04:05Z uji.saksi roster 3 <64 hex> ok <64 hex>
//	2026-11-22T16:09:41Z - roster - - missed <64 hex>
//	2026-11-22T21:37:02Z uji.saksi roster 3 <64 hex> alarm fork <64 hex>
//
// Each line ends with the SHA-256 of the line before it, line feed included, and
// the first look's with that of the three lines above. So nobody takes a line
// out, or changes one, without changing all that follow.
type Log struct {
	Onion   onionname.Name
	Roots   string // fingerprint
	Entries []Entry
	Before  roster.Hash // for the entry that comes next
}

// An Entry is one look.
type Entry struct {
	Time     time.Time // UTC, to the second
	Origin   string    // of the roster that was verified; "" if none was
	Sequence uint64
	Hash     roster.Hash
	Verdict  Verdict
}

const logLabel = "saksi/v1/watch"

// MaxLog bounds a log, in bytes: a look each hour for twenty years.
const MaxLog = 64 << 20

// ErrLog is returned for a log that is damaged or cut, and says where.
var ErrLog = errors.New("the log is damaged")

// head is what a log begins with.
func (l *Log) head() string {
	return logLabel + "\nonion " + l.Onion.String() + "\nroots " + l.Roots + "\n"
}

// NewLog begins a log.
func NewLog(onion onionname.Name, roots roster.RootSet) *Log {
	l := &Log{Onion: onion, Roots: strings.Join(roots.Fingerprint(), " ")}
	l.Before = hashOf([]byte(l.head()))
	return l
}

func hashOf(text []byte) roster.Hash { return sha256.Sum256(text) }

// line returns an entry as the log's next line.
func (e Entry) line(before roster.Hash) string {
	origin, sequence, hash, verdict := "-", "-", "-", string(e.Verdict)
	if e.Origin != "" {
		origin, sequence, hash = e.Origin, strconv.FormatUint(e.Sequence, 10), e.Hash.String()
	}
	if e.Verdict != OK && e.Verdict != Missed {
		verdict = "alarm " + verdict
	}
	return fmt.Sprintf("%s %s roster %s %s %s %s\n", e.Time.Format(time.RFC3339), origin, sequence, hash, verdict, before)
}

// add takes in an entry and returns its line.
func (l *Log) add(e Entry) string {
	line := e.line(l.Before)
	l.Entries = append(l.Entries, e)
	l.Before = hashOf([]byte(line))
	return line
}

// Text writes the log in its one spelling.
func (l *Log) Text() string {
	var b strings.Builder
	b.WriteString(l.head())
	again := Log{Before: hashOf([]byte(l.head()))}
	for _, e := range l.Entries {
		b.WriteString(again.add(e))
	}
	return b.String()
}

// ParseLog reads what Text wrote. It returns [ErrLog].
func ParseLog(text string) (*Log, error) {
	if len(text) > MaxLog {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrLog, MaxLog)
	}
	l, rest, err := parseHead(text)
	if err != nil {
		return nil, err
	}
	for number := 4; rest != ""; number++ {
		line, after, whole := strings.Cut(rest, "\n")
		if !whole {
			return nil, fmt.Errorf("%w: line %d is cut", ErrLog, number)
		}
		e, err := parseEntry(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %v", ErrLog, number, err)
		}
		before := l.Before
		if l.add(e) != line+"\n" {
			what := "it does not have the hash of the line before"
			if strings.HasSuffix(line, " "+before.String()) {
				what = "not in the one canonical spelling"
			}
			return nil, fmt.Errorf("%w: line %d: %s", ErrLog, number, what)
		}
		rest = after
	}
	return l, nil
}

// groupsPattern is a fingerprint.
var groupsPattern = regexp.MustCompile(`^[a-z2-7]{4}( [a-z2-7]{4}){4}$`)

func parseHead(text string) (*Log, string, error) {
	lines := strings.SplitAfterN(text, "\n", 4)
	if len(lines) != 4 || lines[0] != logLabel+"\n" {
		return nil, "", fmt.Errorf("%w: its three first lines are not those of a log", ErrLog)
	}
	address, ok := strings.CutPrefix(strings.TrimSuffix(lines[1], "\n"), "onion ")
	onion, err := onionname.Parse(address)
	if !ok || err != nil {
		return nil, "", fmt.Errorf("%w: line 2: want \"onion\" and an address", ErrLog)
	}
	roots, ok := strings.CutPrefix(strings.TrimSuffix(lines[2], "\n"), "roots ")
	if !ok || !groupsPattern.MatchString(roots) {
		return nil, "", fmt.Errorf("%w: line 3: want \"roots\" and a fingerprint", ErrLog)
	}
	l := &Log{Onion: onion, Roots: roots}
	l.Before = hashOf([]byte(l.head()))
	return l, lines[3], nil
}

// entryPattern is a line; what stands in it is looked at afterwards.
var entryPattern = regexp.MustCompile(`^(\S{20}) (-|[a-z0-9][a-z0-9.-]{0,59}) roster (-|[0-9]{1,20}) ` +
	`(-|[0-9a-f]{64}) (ok|missed|alarm [a-z]{1,20}) [0-9a-f]{64}$`)

func parseEntry(line string) (e Entry, err error) {
	if len(line) > 400 {
		return e, errors.New("too long")
	}
	m := entryPattern.FindStringSubmatch(line)
	if m == nil {
		return e, errors.New("not a line of a log")
	}
	if e.Time, err = time.Parse("2006-01-02T15:04:05Z", m[1]); err != nil {
		return e, errors.New("want a time such as 2026-11-22T10:04:05Z")
	}
	alarm, alarmed := strings.CutPrefix(m[5], "alarm ")
	if e.Verdict = Verdict(alarm); alarmed && !slices.Contains(reasons(), e.Verdict) {
		return e, errors.New("an alarm that is unknown")
	}
	if (m[2] == "-") != (m[3] == "-") || (m[2] == "-") != (m[4] == "-") || m[2] == "-" && e.Verdict == OK {
		return e, errors.New("half a roster")
	}
	if m[2] == "-" {
		return e, nil
	}
	e.Origin = m[2]
	if e.Sequence, err = strconv.ParseUint(m[3], 10, 64); err != nil || e.Sequence == 0 {
		return e, errors.New("a roster's number is 1 or more")
	}
	e.Hash, err = roster.ParseHash(m[4])
	return e, err
}

// missed returns for how many looks in a row the drop has not been reached.
func (l *Log) missed() (n int) {
	for _, e := range slices.Backward(l.Entries) {
		if e.Verdict != Missed && e.Verdict != Unreachable {
			break
		}
		n++
	}
	return n
}
