package evidence

import (
	"bytes"
	"slices"
)

// A colour profile stays, or colours change. What it says of itself does not: of its head,
// when it was made, and the checksum by which that could be found again.

// dateless returns a profile without either.
func dateless(b []byte) []byte {
	b = bytes.Clone(b)
	for _, field := range [][2]int{{24, 36}, {84, 100}} {
		clear(b[min(field[0], len(b)):min(field[1], len(b))])
	}
	return b
}

// maxPlain is how large a profile of those that are known by name may be.
const maxPlain = 4096

// isPlain reports whether a profile is one that programs give to everybody: it is small,
// and its name, with its length before it, is one of theirs. Any other may tell of a screen.
func isPlain(b []byte) bool {
	if len(b) > maxPlain {
		return false
	}
	b = bytes.ReplaceAll(b, []byte{0}, nil)
	return slices.ContainsFunc([]string{
		"\x12sRGB IEC61966-2.1", "\x08\x1csRGB", "\x14\x1cDisplay P3",
	}, func(name string) bool { return bytes.Contains(b, []byte(name)) })
}

func (f *finder) profile(b []byte) {
	if !isPlain(b) {
		f.add(Other, "ICC")
	}
}

// labelICC is how long the label of a profile's part in a JPEG is, with its number from 1 on
// and how many there are.
const labelICC = 14

// cleanICC returns what is kept of a part: the first has the head.
func cleanICC(b []byte) []byte {
	if len(b) < labelICC || b[labelICC-2] > 1 {
		return b
	}
	return append(bytes.Clone(b[:labelICC]), dateless(b[labelICC:])...)
}
