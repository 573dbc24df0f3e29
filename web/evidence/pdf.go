package evidence

import (
	"bytes"
	"encoding/hex"
)

// A pdfKey is one of the Info dictionary.
type pdfKey struct {
	key  string
	what What
}

// pdfKeys begins with those by which the dictionary is found: titles have bookmarks, too.
func pdfKeys() []pdfKey {
	return []pdfKey{
		{"/Producer", Software}, {"/Creator", Software}, {"/Author", Author}, {"/CreationDate", Time}, {"/ModDate", Time},
		{"/Company", Organisation}, {"/Title", Title}, {"/Subject", Title}, {"/Keywords", Comment},
	}
}

const (
	pdfAnchors = 5       // of pdfKeys
	pdfNear    = 4096    // bytes around an anchor in which its dictionary lies
	maxTries   = 4       // places of one key, or of XMP
	maxStreams = 10_000  // that are looked at from outside
	maxPacket  = 1 << 18 // bytes of XMP
	maxBlock   = 1 << 16 // bytes of EXIF
)

// pdf tells what a PDF tells, by looking for it: to follow a file's structure would take a
// parser as large as all of this, and a hostile file would lead it where it wants.
func (f *finder) pdf(b []byte, whole bool) {
	f.unknown = !whole || bytes.Contains(b, []byte("/Encrypt"))
	f.dictionaries(b)
	f.packets(b)
	f.pictures(b)
	f.streams(b)
}

// places returns where a word stands, at most so often. That it stands in other places,
// too, is noted.
func (f *finder) places(b []byte, word string, most int) (list []int) {
	for at := 0; ; at += len(word) {
		next := bytes.Index(b[at:], []byte(word))
		if next < 0 {
			return list
		}
		if len(list) == most {
			f.unknown = true
			return list
		}
		at += next
		list = append(list, at)
	}
}

// dictionaries tells what stands near a key of the Info dictionary.
func (f *finder) dictionaries(b []byte) {
	for _, anchor := range pdfKeys()[:pdfAnchors] {
		for _, at := range f.places(b, anchor.key, maxTries) {
			near := b[max(0, at-pdfNear):min(len(b), at+pdfNear)]
			middle := min(at, pdfNear)
			if end := bytes.Index(near[middle:], []byte("endobj")); end >= 0 {
				near = near[:middle+end]
			}
			if begin := bytes.LastIndex(near[:middle], []byte("endobj")); begin >= 0 {
				near = near[begin:]
			}
			f.dictionary(near)
		}
	}
}

func (f *finder) dictionary(b []byte) {
	for _, k := range pdfKeys() {
		rest := b
		for range maxTries {
			_, after, found := bytes.Cut(rest, []byte(k.key))
			if !found {
				break
			}
			if value, ok := pdfString(after); ok {
				f.add(k.what, value)
				break
			}
			f.unknown = f.unknown || isNumber(after)
			rest = after
		}
	}
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

// isNumber reports whether b begins with that of an object, which is not looked up: a
// name may stand there.
func isNumber(b []byte) bool {
	b = spaceless(b)
	return len(b) > 0 && b[0] >= '0' && b[0] <= '9'
}

func spaceless(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

// pdfString reads the string that b begins with.
func pdfString(b []byte) (string, bool) {
	b = spaceless(b)
	b = b[:min(len(b), maxRaw)]
	switch {
	case len(b) > 0 && b[0] == '(':
		return pdfText(literal(b[1:])), true
	case len(b) > 1 && b[0] == '<' && b[1] != '<':
		return pdfText(hexadecimal(b[1:])), true
	}
	return "", false
}

func pdfText(b []byte) string {
	if len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff {
		return wide(b[2:], true)
	}
	return text(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
}

// literal reads up to the bracket that closes.
func literal(b []byte) (out []byte) {
	depth := 1
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return out
			}
		case '\\':
			var size int
			c, size = escaped(b[i+1:])
			if i += size; size == 0 {
				return out
			}
		}
		out = append(out, c)
	}
	return out
}

// escaped reads what stands behind a backslash, and how long it is.
func escaped(b []byte) (c byte, size int) {
	n := 0
	for n < 3 && n < len(b) && b[n] >= '0' && b[n] <= '7' {
		c, n = c<<3|(b[n]-'0'), n+1
	}
	switch {
	case n > 0:
		return c, n
	case len(b) == 0:
		return 0, 0
	case bytes.IndexByte([]byte("nrtbf\r\n"), b[0]) >= 0:
		return ' ', 1
	}
	return b[0], 1
}

func hexadecimal(b []byte) []byte {
	digits, _, _ := bytes.Cut(b, []byte(">"))
	digits = bytes.Map(func(r rune) rune {
		if r < 0x80 && isSpace(byte(r)) {
			return -1
		}
		return r
	}, digits)
	if len(digits)%2 == 1 {
		digits = append(digits, '0')
	}
	out := make([]byte, hex.DecodedLen(len(digits)))
	n, _ := hex.Decode(out, digits)
	return out[:n]
}

// packets tells what XMP tells that is not compressed.
func (f *finder) packets(b []byte) {
	for _, at := range f.places(b, "<rdf:RDF", maxTries) {
		packet, _, whole := bytes.Cut(b[at:min(len(b), at+maxPacket)], []byte("</rdf:RDF>"))
		f.unknown = f.unknown || !whole
		f.xmp(packet)
	}
}

// pictures tells what EXIF tells of pictures, which stand in a PDF as they were.
func (f *finder) pictures(b []byte) {
	for _, at := range f.places(b, exifPrefix, maxTries) {
		f.exif(b[at:min(len(b), at+maxBlock)])
	}
}

// streams tells what stands in compressed object streams and metadata.
func (f *finder) streams(b []byte) {
	const word = "stream"
	for _, at := range f.places(b, word, maxStreams) {
		head := b[max(0, at-maxHead):at]
		if bytes.HasSuffix(head, []byte("end")) {
			continue
		}
		if begin := bytes.LastIndex(head, []byte("obj")); begin >= 0 {
			head = head[begin:]
		}
		isInfo, isXMP := bytes.Contains(head, []byte("/ObjStm")), bytes.Contains(head, []byte("/Metadata"))
		if (isInfo || isXMP) && bytes.Contains(head, []byte("/Fl")) {
			f.stream(b[at+len(word):], isXMP)
		}
	}
}

const maxHead = 1024 // bytes of what says how a stream is coded

// stream tells what a compressed stream tells that b begins with. One end may be that of
// many, and of each it is looked for.
func (f *finder) stream(b []byte, isXMP bool) {
	if f.full() {
		return
	}
	b = bytes.TrimPrefix(b, []byte("\r"))
	b = bytes.TrimPrefix(b, []byte("\n"))
	end := bytes.Index(b[:min(len(b), 4*maxInflated)], []byte("endstream"))
	if end < 0 {
		f.inflates++
		f.unknown = true
		return
	}
	packed := bytes.TrimSuffix(bytes.TrimSuffix(b[:end], []byte("\n")), []byte("\r"))
	plain := f.inflate(packed, true)
	if isXMP && len(plain) > 0 {
		f.xmp(plain)
		return
	}
	f.dictionaries(plain)
}
