package evidence

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

const webpHead = 12

// Flags of VP8X.
const (
	hasXMP  = 0x04
	hasEXIF = 0x08
	known   = 0x3e // all that have a meaning
)

// frameHead is what stands before the chunks of a frame.
const frameHead = 16

// splitRIFF returns chunks that follow each other to the end. With an error come those
// before the damage. Their whole is not set.
func splitRIFF(b []byte) (list []chunk, err error) {
	for at := 0; at < len(b); {
		if at+8 > len(b) || len(list) == maxParts {
			return list, ErrDamaged
		}
		size := int64(binary.LittleEndian.Uint32(b[at+4:]))
		if size+size&1 > int64(len(b)-at-8) {
			return list, ErrDamaged
		}
		from := at + 8
		list = append(list, chunk{name: string(b[at : at+4]), body: b[from : from+int(size)]})
		at = from + int(size+size&1)
	}
	return list, nil
}

// splitWebP returns the chunks, and what follows the end.
func splitWebP(b []byte) (list []chunk, rest []byte, err error) {
	if len(b) < webpHead || string(b[:4]) != "RIFF" {
		return nil, nil, ErrDamaged
	}
	end := int64(binary.LittleEndian.Uint32(b[4:])) + 8
	if end < webpHead || end > int64(len(b)) {
		list, _ = splitRIFF(b[webpHead:])
		return list, nil, ErrDamaged
	}
	list, err = splitRIFF(b[webpHead:end])
	return list, b[end:], err
}

func named(name string) func(chunk) bool { return func(c chunk) bool { return c.name == name } }

const (
	webpKept  = "VP8X ICCP ANIM ANMF ALPH VP8  VP8L"
	frameKept = "ALPH VP8  VP8L"
)

func isOne(names, name string) bool {
	at := strings.Index(names, name)
	return at >= 0 && at%5 == 0
}

func stripWebP(b []byte) ([]byte, error) {
	list, _, err := splitWebP(b)
	if err != nil {
		return nil, err
	}
	isPicture := func(c chunk) bool { return c.name == "ANMF" || isOne(frameKept, c.name) && c.name != "ALPH" }
	if !slices.ContainsFunc(list, isPicture) {
		return nil, ErrDamaged
	}
	up := orientationWebP(list)
	out := append(make([]byte, 0, len(b)+34), "RIFF\x00\x00\x00\x00WEBP"...)
	for _, c := range list {
		if !isOne(webpKept, c.name) {
			continue
		}
		body, err := c.cleaned(up)
		if err != nil {
			return nil, err
		}
		out = appendRIFF(out, c.name, body)
	}
	if up != upright {
		out = appendRIFF(out, "EXIF", minimal(up))
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, nil
}

// orientationWebP is that of the first EXIF block, in the form of file that may have one.
func orientationWebP(list []chunk) int {
	at := slices.IndexFunc(list, named("EXIF"))
	if at < 0 || list[0].name != "VP8X" {
		return upright
	}
	return orientation(list[at].body)
}

// cleaned returns a chunk's content without what is not needed.
func (c chunk) cleaned(up int) ([]byte, error) {
	switch c.name {
	case "VP8X":
		if len(c.body) < 10 {
			return nil, ErrDamaged
		}
		body := bytes.Clone(c.body[:10])
		body[0] &= known &^ (hasEXIF | hasXMP)
		if up != upright {
			body[0] |= hasEXIF
		}
		clear(body[1:4])
		return body, nil
	case "ICCP":
		return dateless(c.body), nil
	case "ANMF":
		return cleanFrame(c.body)
	}
	return c.body, nil
}

func cleanFrame(b []byte) ([]byte, error) {
	if len(b) < frameHead {
		return nil, ErrDamaged
	}
	list, err := splitRIFF(b[frameHead:])
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(b)), b[:frameHead]...)
	for _, c := range list {
		if isOne(frameKept, c.name) {
			out = appendRIFF(out, c.name, c.body)
		}
	}
	return out, nil
}

func appendRIFF(out []byte, name string, body []byte) []byte {
	out = append(out, name...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	if out = append(out, body...); len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func (f *finder) webp(b []byte) {
	list, rest, err := splitWebP(b)
	f.unknown = err != nil
	for _, c := range list {
		switch {
		case c.name == "EXIF":
			f.exif(c.body)
		case c.name == "XMP ":
			f.xmp(c.body)
		case c.name == "ICCP":
			f.profile(c.body)
		case c.name == "ANMF" && len(c.body) >= frameHead:
			f.frame(c.body[frameHead:])
		case !isOne(webpKept, c.name):
			f.add(Other, text([]byte(c.name)))
		}
	}
	f.rest(rest)
}

func (f *finder) frame(b []byte) {
	list, _ := splitRIFF(b)
	for _, c := range list {
		if !isOne(frameKept, c.name) {
			f.add(Other, text([]byte(c.name)))
		}
	}
}
