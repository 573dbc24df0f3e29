package evidence

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// A chunk is one of PNG, as it stands in the file.
type chunk struct {
	name  string
	body  []byte
	whole []byte // with length, name and checksum
}

const pngHead = 8

// splitPNG returns the chunks up to the end, and what follows it. With an error come
// those before the damage.
func splitPNG(b []byte) (list []chunk, rest []byte, err error) {
	for at := pngHead; len(list) < maxParts; {
		if at+12 > len(b) {
			return list, nil, ErrDamaged
		}
		size := int64(binary.BigEndian.Uint32(b[at:]))
		if size > int64(len(b)-at-12) {
			return list, nil, ErrDamaged
		}
		end := at + 12 + int(size)
		c := chunk{string(b[at+4 : at+8]), b[at+8 : end-4], b[at:end]}
		list, at = append(list, c), end
		if c.name == "IEND" {
			return list, b[at:], nil
		}
	}
	return list, nil, ErrDamaged
}

// pngKept are the chunks that decide how a picture looks.
const pngKept = "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD cICP mDCV cLLI acTL fcTL fdAT"

// kept reports whether a chunk is. Frames are pictures only where an animation was announced
// before them: without, they are shown by nothing.
func (c chunk) kept(animated bool) (bool, error) {
	if c.name == "fcTL" || c.name == "fdAT" {
		return animated, nil
	}
	if len(c.name) == 4 && !strings.Contains(c.name, " ") && strings.Contains(pngKept, c.name) {
		if c.name == "IEND" && len(c.body) > 0 {
			return false, ErrDamaged
		}
		return true, nil
	}
	if c.name[0]&0x20 == 0 {
		return false, ErrDamaged // nobody may leave out what he does not understand
	}
	// How large a pixel is tells of the screen. That it is no square is seen.
	return c.name == "pHYs" && len(c.body) == 9 && !bytes.Equal(c.body[:4], c.body[4:8]), nil
}

func stripPNG(b []byte) ([]byte, error) {
	list, _, err := splitPNG(b)
	if err != nil {
		return nil, err
	}
	if list[0].name != "IHDR" || len(list[0].body) != 13 {
		return nil, ErrDamaged
	}
	up := upright
	for _, c := range list {
		if c.name == "eXIf" {
			up = orientation(c.body)
			break
		}
	}
	out := append(make([]byte, 0, len(b)+38), b[:pngHead]...)
	animated := false
	for i, c := range list {
		animated = animated || c.name == "acTL"
		keep, err := c.kept(animated)
		if err != nil {
			return nil, err
		}
		if keep {
			out = append(out, c.whole...)
		}
		if i == 0 && up != upright {
			out = appendChunk(out, "eXIf", minimal(up))
		}
	}
	return out, nil
}

func appendChunk(out []byte, name string, body []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	from := len(out)
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[from:]))
}

func (f *finder) png(b []byte) {
	list, rest, err := splitPNG(b)
	f.unknown = err != nil
	animated := false
	for _, c := range list {
		animated = animated || c.name == "acTL"
		keep, err := c.kept(animated)
		f.unknown = f.unknown || err != nil
		if !keep {
			f.chunk(c)
		} else if c.name == "iCCP" {
			f.add(Other, "ICC") // compressed, with its date: each is told
		}
	}
	f.rest(rest)
}

func (f *finder) chunk(c chunk) {
	switch c.name {
	case "tEXt", "zTXt", "iTXt":
		f.note(c)
	case "eXIf":
		f.exif(c.body)
	case "tIME":
		if b := c.body; len(b) == 7 {
			year := int(b[0])<<8 | int(b[1])
			f.add(Time, fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", year, b[2], b[3], b[4], b[5], b[6]))
			return
		}
		f.add(Time, c.name)
	default:
		f.add(Other, text([]byte(c.name)))
	}
}

// note tells what a chunk of text says, which has a key word and perhaps is compressed.
func (f *finder) note(c chunk) {
	word, value, _ := bytes.Cut(c.body, []byte{0})
	packed := c.name == "zTXt"
	if packed && len(value) > 0 {
		value = value[1:] // the method
	}
	if c.name == "iTXt" && len(value) >= 2 {
		packed = value[0] == 1
		_, value, _ = bytes.Cut(value[2:], []byte{0})
		_, value, _ = bytes.Cut(value, []byte{0})
	}
	if packed {
		value = f.inflate(value, true)
	}
	key := tidy(text(word[:min(len(word), maxRaw)]))
	if key == "XML:com.adobe.xmp" {
		f.xmp(value)
		return
	}
	said := text(value[:min(len(value), maxRaw)])
	if what := noteWhat(key); what != "" {
		f.add(what, said)
		return
	}
	f.add(Other, key+": "+said)
}

// noteWhat says what the key words of PNG's own standard tell.
func noteWhat(key string) What {
	switch strings.ToLower(key) {
	case "author", "copyright", "artist":
		return Author
	case "software":
		return Software
	case "title":
		return Title
	case "description", "comment":
		return Comment
	case "source":
		return Camera
	case "creation time", "date:create", "date:modify":
		return Time
	}
	return ""
}

const (
	maxInflated = 1 << 20 // bytes of one compressed part that are looked at
	maxInflates = 64      // of one file
	maxAll      = 4 << 20 // bytes of all of them
)

// full reports whether as much was opened of one file as may be, and notes that there is
// more.
func (f *finder) full() bool {
	full := f.inflates >= maxInflates || f.inflated >= maxAll
	f.unknown = f.unknown || full
	return full
}

// inflate returns what was compressed, with zlib's head or without, as far as it goes.
func (f *finder) inflate(b []byte, head bool) []byte {
	if f.full() {
		return nil
	}
	f.inflates++
	most := min(maxInflated, maxAll-f.inflated)
	var r io.Reader = flate.NewReader(bytes.NewReader(b))
	if head {
		var err error
		if r, err = zlib.NewReader(bytes.NewReader(b)); err != nil {
			f.unknown = true
			return nil
		}
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1)) // one more says that there is more
	f.unknown = f.unknown || err != nil || len(out) > most
	out = out[:min(len(out), most)] // what came before the damage tells, too
	f.inflated += len(out)
	return out
}
