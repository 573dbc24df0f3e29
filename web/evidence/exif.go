package evidence

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// upright is the orientation that needs no word.
const upright = 1

const exifPrefix = "Exif\x00\x00"

// minimal is an EXIF block that says which way is up, and nothing else.
func minimal(orientation int) []byte {
	return []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" +
		string(rune(orientation)) + "\x00\x00\x00\x00\x00\x00")
}

// A tiff is an EXIF block, without the prefix that some files put before it.
type tiff struct {
	b     []byte
	order binary.ByteOrder
}

func newTIFF(b []byte) (tiff, bool) {
	b = bytes.TrimPrefix(b, []byte(exifPrefix))
	switch {
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		return tiff{b, binary.BigEndian}, len(b) >= 8
	case bytes.HasPrefix(b, []byte("II*\x00")):
		return tiff{b, binary.LittleEndian}, len(b) >= 8
	}
	return tiff{}, false
}

// An entry is a line of a directory.
type entry struct {
	tag, kind uint16
	number    int // the value, where it is one
	value     []byte
}

// maxEntries is how many lines of a directory are read: no camera writes a hundred.
const maxEntries = 256

// maxLines is how many lines of all blocks of a file are looked at.
const maxLines = 1024

// entries reads the directory at a place, and where the next one is, or 0.
func (t tiff) entries(at int) (list []entry, next int) {
	if at < 8 || at+2 > len(t.b) {
		return nil, 0
	}
	count := int(t.order.Uint16(t.b[at:]))
	for i := range min(count, maxEntries) {
		if line := at + 2 + 12*i; line+12 <= len(t.b) {
			list = append(list, t.entry(t.b[line:line+12]))
		}
	}
	if end := at + 2 + 12*count; end+4 <= len(t.b) {
		next = int(t.order.Uint32(t.b[end:]))
	}
	return list, next
}

func (t tiff) entry(line []byte) entry {
	e := entry{tag: t.order.Uint16(line), kind: t.order.Uint16(line[2:])}
	sizes := [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8}
	if int(e.kind) >= len(sizes) {
		return e
	}
	size := sizes[e.kind] * uint64(t.order.Uint32(line[4:]))
	if e.value = line[8:]; size <= 4 {
		e.value = e.value[:size]
	} else if at := uint64(t.order.Uint32(line[8:])); at+size <= uint64(len(t.b)) {
		e.value = t.b[at : at+size]
	} else {
		e.value = nil
	}
	e.value = e.value[:min(len(e.value), maxRaw)]
	if e.kind == 3 && len(e.value) >= 2 {
		e.number = int(t.order.Uint16(e.value))
	} else if e.kind == 4 && len(e.value) >= 4 {
		e.number = int(t.order.Uint32(e.value))
	}
	return e
}

// orientation returns which way is up in an EXIF block, upright if it does not say.
func orientation(b []byte) int {
	t, ok := newTIFF(b)
	if !ok {
		return upright
	}
	lines, _ := t.entries(int(t.order.Uint32(t.b[4:])))
	for _, e := range lines {
		if e.tag == 0x0112 && e.number >= 1 && e.number <= 8 {
			return e.number
		}
	}
	return upright
}

// tags says what a line of the first two directories tells.
func tags() map[uint16]What {
	return map[uint16]What{
		0x010f: Camera, 0x0110: Camera, 0x013c: Camera, 0xa431: Camera, 0xa433: Camera, 0xa434: Camera, 0xa435: Camera,
		0x0131: Software, 0x0132: Time, 0x9003: Time, 0x9004: Time,
		0x013b: Author, 0x8298: Author, 0x9c9d: Author, 0xa430: Author,
		0x010e: Comment, 0x9c9c: Comment, 0x9c9e: Comment, 0x9286: Comment,
		0x9c9b: Title, 0x9c9f: Title, 0xa420: Other,
	}
}

// exif tells what an EXIF block tells. One of which nothing is understood is named.
func (f *finder) exif(b []byte) {
	before := len(f.found)
	t, ok := newTIFF(b)
	if ok && len(t.b) == len(minimal(upright)) && bytes.Equal(t.b, minimal(orientation(t.b))) {
		return
	}
	if ok {
		f.directories(t)
	}
	if len(f.found) == before {
		f.add(Other, "EXIF")
	}
}

func (f *finder) directories(t tiff) {
	first, next := f.look(t, int(t.order.Uint32(t.b[4:])))
	f.lines(t, first)
	for _, e := range first {
		switch e.tag {
		case 0x8769:
			lines, _ := f.look(t, e.number)
			f.lines(t, lines)
		case 0x8825:
			lines, _ := f.look(t, e.number)
			f.place(t, lines)
		}
	}
	if preview, _ := t.entries(next); len(preview) > 0 {
		f.add(Thumbnail, "")
	}
}

// look reads a directory whose values are looked at, unless too many of the file were.
// Directories may share their lines, and lines their values: a small block could name
// far more than it has.
func (f *finder) look(t tiff, at int) (list []entry, next int) {
	if f.entries >= maxLines {
		f.unknown = true
		return nil, 0
	}
	list, next = t.entries(at)
	f.entries += len(list)
	return list, next
}

func (f *finder) lines(t tiff, lines []entry) {
	known := tags()
	for _, e := range lines {
		what := known[e.tag]
		switch {
		case e.tag == 0x927c:
			f.add(Other, "MakerNote")
		case what == "":
		case e.tag >= 0x9c9b && e.tag <= 0x9c9f:
			f.add(what, wide(e.value, false))
		case e.tag == 0x9286:
			f.add(what, comment(t, e.value))
		default:
			value, _, _ := bytes.Cut(e.value, []byte{0})
			f.add(what, text(value))
		}
	}
}

// comment reads a comment, which begins with the name of its letters.
func comment(t tiff, b []byte) string {
	if len(b) < 8 {
		return ""
	}
	if string(b[:7]) == "UNICODE" {
		return wide(b[8:], t.order == binary.BigEndian)
	}
	return text(b[8:])
}

// place tells where, to a tenth of a degree: some ten kilometres.
func (f *finder) place(t tiff, lines []entry) {
	var latitude, longitude, south, west string
	for _, e := range lines {
		switch e.tag {
		case 1:
			south = strings.Trim(text(e.value), "\x00")
		case 2:
			latitude = t.degrees(e)
		case 3:
			west = strings.Trim(text(e.value), "\x00")
		case 4:
			longitude = t.degrees(e)
		case 0x1d:
			f.add(Time, strings.Trim(text(e.value), "\x00"))
		}
	}
	switch {
	case latitude != "" && longitude != "":
		f.add(Place, latitude+"° "+south+", "+longitude+"° "+west)
	case len(lines) > 0:
		f.add(Place, "GPS")
	}
}

// degrees reads degrees, minutes and seconds.
func (t tiff) degrees(e entry) string {
	if e.kind != 5 || len(e.value) < 24 {
		return ""
	}
	var parts [3]float64
	for i := range parts {
		over, under := t.order.Uint32(e.value[8*i:]), t.order.Uint32(e.value[8*i+4:])
		if under != 0 {
			parts[i] = float64(over) / float64(under)
		}
	}
	tenths := math.Floor((parts[0]*3600+parts[1]*60+parts[2])/360 + 0.5)
	if tenths > 1800 {
		return ""
	}
	return fmt.Sprintf("%d.%d", int(tenths)/10, int(tenths)%10)
}
