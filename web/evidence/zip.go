package evidence

import (
	"bytes"
	"encoding/binary"
	"path"
	"regexp"
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
	zipDeflated  = 8 // a method
	maxDirectory = 4 << 20
	maxMembers   = 4096
)

// zip tells what a document of Office or OpenDocument tells. Another archive stays one.
// A document has more parts, and in those that are read more than is looked for.
func (f *finder) zip(s *source) {
	f.unknown = true
	list := directory(s)
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
	for _, m := range list { // these first: they tell most, and not all may be opened
		if isOneOf(m.name, "docProps/core.xml docProps/app.xml docProps/custom.xml meta.xml") {
			f.markup(text(f.content(s, m)), properties())
		}
	}
	for _, m := range list {
		f.part(s, m)
	}
	for _, m := range list {
		if path.Ext(m.name) == ".rels" || strings.HasSuffix(m.name, "workbook.xml") {
			f.paths(text(f.content(s, m)))
		}
	}
}

// A path is an attribute that says where a file lies on somebody's computer: that of a
// workbook, of a template, of another document. Mostly it has the user's name in it.
var aPath = regexp.MustCompile(`="((?:file:|\w:\\|/Users/)[^"]*)`)

func (f *finder) paths(s string) {
	for _, found := range aPath.FindAllStringSubmatch(s, maxValues) {
		f.add(Other, plain(found[1]))
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
	}
}

func isOneOf(name, names string) bool { return slices.Contains(strings.Fields(names), name) }

// directory reads an archive's directory, as far as it can be read.
func directory(s *source) (list []member) {
	from := max(0, s.size-zipEnd-zipComment)
	tail := s.read(from, zipEnd+zipComment)
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || at+zipEnd > len(tail) {
		return nil
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
	return list
}

// content returns what a member holds, as far as it is looked at. Members may share
// their bytes: those that are not packed count like the others.
func (f *finder) content(s *source, m member) []byte {
	if f.full() {
		return nil
	}
	head := s.read(m.at, zipHeader)
	if len(head) < zipHeader {
		return nil
	}
	names := int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	b := s.read(m.at+zipHeader+names, min(m.size, maxInflated))
	if m.method == zipDeflated {
		return f.inflate(b, false)
	}
	f.inflates++
	f.inflated += len(b)
	return b
}
