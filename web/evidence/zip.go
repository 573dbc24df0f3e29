package evidence

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
)

// A member is a file in an archive, as its directory has it.
type member struct {
	name   string
	method uint16 // of packing it
	size   int64  // as it is stored
	at     int64  // of its own header
}

const (
	zipEnd       = 22      // bytes of the record at an archive's end
	zipComment   = 1 << 16 // bytes of the comment behind it
	zipEntry     = 46
	zipHeader    = 30
	zipPlain     = 0 // methods
	zipDeflated  = 8
	maxDirectory = 4 << 20
	maxMembers   = 4096
)

// zip tells what a document of Office or OpenDocument tells. Another archive stays one.
func (f *finder) zip(s *source) {
	f.unknown = true
	list, whole := directory(s)
	has := func(name string) bool {
		return slices.ContainsFunc(list, func(m member) bool { return m.name == name })
	}
	switch {
	case has("[Content_Types].xml"):
		f.kind = Office
	case has("mimetype") && has("content.xml"):
		f.kind = OpenDocument
	default:
		return
	}
	f.unknown = !whole
	for _, m := range list { // these first: they tell most, and not all may be opened
		if isOneOf(m.name, "docProps/core.xml docProps/app.xml docProps/custom.xml meta.xml") {
			f.markup(text(f.content(s, m)), properties())
		}
	}
	for _, m := range list {
		f.part(s, m)
	}
}

// part tells who stands in one part of a document. What is no markup is not opened.
func (f *finder) part(s *source, m member) {
	stem, ending := "", path.Ext(m.name)
	if ending == ".xml" {
		stem = strings.TrimRight(strings.TrimSuffix(m.name[strings.LastIndexByte(m.name, '/')+1:], ending), "0123456789")
	}
	switch {
	case isOneOf(stem, "people person authors commentAuthors"):
		f.markup(text(f.content(s, m)), people("author creator name displayName userId"))
	case isOneOf(stem, "document content comment comments threadedComment footnotes endnotes header footer"):
		f.markup(text(f.content(s, m)), people("author creator"))
	case strings.HasPrefix(strings.ToLower(m.name), "docprops/thumbnail"), m.name == "Thumbnails/thumbnail.png":
		f.add(Thumbnail, "")
	case ending != "" && !isOneOf(ending, ".xml .rels .rdf"):
		f.unknown = true
	}
}

func isOneOf(name, names string) bool { return slices.Contains(strings.Fields(names), name) }

// directory reads an archive's directory, as far as it can be read, and says whether that
// is all of it.
func directory(s *source) (list []member, whole bool) {
	from := max(0, s.size-zipEnd-zipComment)
	tail := s.read(from, zipEnd+zipComment)
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || at+zipEnd > len(tail) {
		return nil, false
	}
	size := int64(binary.LittleEndian.Uint32(tail[at+12:]))
	b := s.read(int64(binary.LittleEndian.Uint32(tail[at+16:])), min(size, maxDirectory))
	for len(b) >= zipEntry && string(b[:4]) == "PK\x01\x02" && len(list) < maxMembers {
		u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
		end := zipEntry + u16(28)
		if end > len(b) {
			break
		}
		list = append(list, member{
			name: text(b[zipEntry:end]), method: uint16(u16(10)),
			size: int64(binary.LittleEndian.Uint32(b[20:])), at: int64(binary.LittleEndian.Uint32(b[42:])),
		})
		b = b[min(len(b), end+u16(30)+u16(32)):]
	}
	return list, len(list) == int(binary.LittleEndian.Uint16(tail[at+10:]))
}

// content returns what a member holds, as far as it is looked at. Members may share
// their bytes: those that are not packed count like the others.
func (f *finder) content(s *source, m member) []byte {
	if f.full() {
		return nil
	}
	head := s.read(m.at, zipHeader)
	if len(head) < zipHeader {
		f.unknown = true
		return nil
	}
	names := int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	b := s.read(m.at+zipHeader+names, min(m.size, maxInflated))
	f.unknown = f.unknown || int64(len(b)) < m.size
	if m.method == zipDeflated {
		return f.inflate(b, false)
	}
	f.unknown = f.unknown || m.method != zipPlain
	f.inflates++
	f.inflated += len(b)
	return b
}
