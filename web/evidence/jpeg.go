package evidence

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// maxParts is how many parts a picture may have. Some programs write a picture in chunks of
// a few KiB.
const maxParts = 1 << 16

// A segment is a marker of a JPEG with what it heads.
type segment struct {
	marker byte
	body   []byte
	scan   []byte // coded pixels behind it
}

// Markers of JPEG.
const (
	mSOI, mEOI, mSOS, mCOM = 0xd8, 0xd9, 0xda, 0xfe
	mAPP0                  = 0xe0
	mDHT, mDQT             = 0xc4, 0xdb
)

// splitJPEG returns the segments between beginning and end, and what follows the end. With
// an error come those before the damage.
func splitJPEG(b []byte) (list []segment, rest []byte, err error) {
	at := 2
	for len(list) < maxParts {
		for at+1 < len(b) && b[at] == 0xff && b[at+1] == 0xff {
			at++ // what fills up to a marker
		}
		if at+2 > len(b) || b[at] != 0xff {
			return list, nil, ErrDamaged
		}
		s := segment{marker: b[at+1]}
		if s.marker == mEOI {
			return list, b[at+2:], nil
		}
		if at += 2; at+2 > len(b) {
			return list, nil, ErrDamaged
		}
		size := int(binary.BigEndian.Uint16(b[at:]))
		if size < 2 || at+size > len(b) {
			return list, nil, ErrDamaged
		}
		s.body, at = b[at+2:at+size], at+size
		if s.marker == mSOS {
			end := scanEnd(b, at)
			s.scan, at = b[at:end], end
		}
		list = append(list, s)
	}
	return list, nil, ErrDamaged
}

// scanEnd returns where coded pixels end: at a marker that is none of theirs.
func scanEnd(b []byte, at int) int {
	for {
		next := bytes.IndexByte(b[at:], 0xff)
		if next < 0 || at+next+1 >= len(b) {
			return len(b)
		}
		at += next
		switch m := b[at+1]; {
		case m == 0 || m >= 0xd0 && m <= 0xd7:
			at += 2
		case m == 0xff:
			at++
		default:
			return at
		}
	}
}

// kept returns what of a segment is kept, nil for nothing.
func (s segment) kept() ([]byte, error) {
	is := func(label string) bool { return bytes.HasPrefix(s.body, []byte(label)) }
	switch m := s.marker; {
	case m == mAPP0 && is("JFIF\x00"):
		if len(s.body) < 14 {
			return nil, ErrDamaged
		}
		return append(bytes.Clone(s.body[:12]), 0, 0), nil
	case m == mAPP0+14 && is("Adobe") && len(s.body) >= 12:
		return s.body[:12], nil
	case m == mAPP0+2 && is("ICC_PROFILE\x00"):
		return cleanICC(s.body), nil
	case m >= mAPP0 && m <= mAPP0+15 || m == mCOM:
		return nil, nil
	case s.fits():
		return s.body, nil
	}
	return nil, ErrDamaged
}

// fits reports whether a segment belongs to coding that is baseline, extended, progressive
// or lossless, by Huffman or arithmetic, and is as long as its own counts say: decoders
// refuse any other, and behind what they read there is room for words.
func (s segment) fits() bool {
	size := len(s.body)
	switch s.marker {
	case mDHT, mDQT:
		return s.tablesFit()
	case 0xc0, 0xc1, 0xc2, 0xc3, 0xc9, 0xca, 0xcb: // frames
		return size > 5 && size == 6+3*int(s.body[5])
	case 0xcc: // how arithmetic coding is set up: two bytes for each table, of which four are in use
		return size <= 14 && size%2 == 0
	case mSOS:
		return size > 0 && size == 4+2*int(s.body[0])
	case 0xdc, 0xdd: // number of lines, interval of restarts
		return size == 2
	}
	return false
}

// tablesFit walks through tables, which have a class and a number before them.
func (s segment) tablesFit() bool {
	b := s.body
	for len(b) > 0 {
		size := 1 + 64 + int(b[0]>>4)*64 // one byte each, or two
		if s.marker == mDHT {
			size = 1 + 16
			for _, n := range b[min(1, len(b)):min(17, len(b))] {
				size += int(n)
			}
		}
		if b[0]&^0x13 != 0 || size > len(b) {
			return false
		}
		b = b[size:]
	}
	return true
}

func stripJPEG(b []byte) ([]byte, error) {
	list, _, err := splitJPEG(b)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(list, func(s segment) bool { return s.marker == mSOS }) {
		return nil, ErrDamaged
	}
	var exif []byte
	if up := orientationJPEG(list); up != upright {
		exif = appendSegment(nil, mAPP0+1, append([]byte(exifPrefix), minimal(up)...))
	}
	out := append(make([]byte, 0, len(b)+len(exif)), 0xff, mSOI)
	jfif := false
	for _, s := range list {
		body, err := s.kept()
		if err != nil {
			return nil, err
		}
		isJFIF := s.marker == mAPP0
		if body == nil || isJFIF && jfif {
			continue
		}
		if !isJFIF || len(out) > 2 {
			out, exif = append(out, exif...), nil // JFIF stands first, where there is one
		}
		out = append(appendSegment(out, s.marker, body), s.scan...)
		jfif = jfif || isJFIF
	}
	return append(out, 0xff, mEOI), nil
}

func appendSegment(out []byte, marker byte, body []byte) []byte {
	out = append(out, 0xff, marker, byte((len(body)+2)>>8), byte(len(body)+2))
	return append(out, body...)
}

func (s segment) isEXIF() bool {
	return s.marker == mAPP0+1 && bytes.HasPrefix(s.body, []byte(exifPrefix))
}

// orientationJPEG is that of the first EXIF block, which viewers go by.
func orientationJPEG(list []segment) int {
	if i := slices.IndexFunc(list, segment.isEXIF); i >= 0 {
		return orientation(list[i].body)
	}
	return upright
}

func (f *finder) jpeg(b []byte) {
	list, rest, err := splitJPEG(b)
	f.unknown = err != nil
	for _, s := range list {
		f.segment(s)
	}
	f.rest(rest)
}

func (f *finder) segment(s segment) {
	kept, err := s.kept()
	f.unknown = f.unknown || err != nil
	switch m := s.marker; {
	case kept != nil && m == mAPP0+2:
		f.profile(s.body[min(labelICC, len(s.body)):])
	case kept != nil && len(kept) == len(s.body):
	case kept != nil && m == mAPP0:
		f.add(Thumbnail, "")
	case s.isEXIF():
		f.exif(s.body)
	case m == mAPP0+1 && bytes.HasPrefix(s.body, []byte("http://ns.adobe.com/x")):
		f.xmp(s.body)
	case m == mAPP0+13:
		f.iptc(s.body)
	case m == mCOM:
		f.add(Comment, text(s.body))
	case m >= mAPP0 && m <= mAPP0+15:
		f.add(Other, fmt.Sprintf("APP%d", m-mAPP0))
	}
}

// rest tells of what follows a picture's end, as the film in a moving photo does.
func (f *finder) rest(b []byte) {
	if len(b) > 0 {
		f.add(Other, fmt.Sprintf("+%d B", len(b)))
	}
}

// iptc tells what Photoshop's block has of the press's notes.
func (f *finder) iptc(b []byte) {
	known := map[byte]What{
		5: Title, 40: Comment, 55: Time, 65: Software, 80: Author, 85: Author, 90: Place, 92: Place, 95: Place,
		101: Place, 105: Title, 110: Author, 115: Author, 116: Author, 120: Comment, 122: Author,
	}
	before := len(f.found)
	for i := 0; i+5 <= len(b); i++ {
		size := int(binary.BigEndian.Uint16(b[i+3:]))
		if what := known[b[i+2]]; b[i] == 0x1c && b[i+1] == 2 && what != "" && i+5+size <= len(b) {
			f.add(what, text(b[i+5:i+5+size]))
			i += 4 + size
		}
	}
	if len(f.found) == before {
		f.add(Other, "APP13")
	}
}
