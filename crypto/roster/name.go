package roster

import (
	"strconv"
	"strings"
)

const noteSuffix = ".note"

// NoteName returns the name under which a signed roster is kept and served, such as
// "3.note".
func NoteName(sequence uint64) string { return strconv.FormatUint(sequence, 10) + noteSuffix }

// ParseNoteName reads what [NoteName] returns. Other spellings are no names: one roster
// must not be there twice.
func ParseNoteName(name string) (sequence uint64, ok bool) {
	sequence, err := strconv.ParseUint(strings.TrimSuffix(name, noteSuffix), 10, 64)
	return sequence, err == nil && NoteName(sequence) == name
}
