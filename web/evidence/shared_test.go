package evidence

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// shared are files whose parts share their bytes, so that they name far more than they
// have. Of each the finding says that not all was looked at.
func shared() []sample {
	lines := withSegments(plainJPEG(), app(1, exifPrefix+sharedLines()))
	return []sample{
		{"jpeg shared lines", lines, JPEG, nil, nil},
		{"office shared parts", sharedMember(10, 70), Office, nil, ErrKind},
		{"pdf shared end", sharedEnd(70), PDF, nil, ErrKind},
	}
}

// sharedLines is an EXIF block with a directory in which every second line points to it,
// and the others tell the same 4 KiB.
func sharedLines() string {
	var lines []line
	for range 128 {
		lines = append(lines, pointer(0x8769, 0), line{0x9c9c, 1, maxRaw, nil})
	}
	return string(exifMaker{[][]line{lines}}.make(binary.BigEndian, false)) + strings.Repeat("a\x00", maxRaw/2)
}

// sharedValues is one without a pointer.
func sharedValues() string {
	lines := make([]line, maxEntries)
	for i := range lines {
		lines[i] = line{0x9c9c, 1, maxRaw, nil}
	}
	return string(exifMaker{[][]line{lines}}.make(binary.BigEndian, false)) + strings.Repeat("a\x00", maxRaw/2)
}

// sharedMember is a document whose directory has one part, of so many bytes and not
// packed, so many times.
func sharedMember(size, times int) []byte {
	u16, u32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	const name = "meta.xml"
	entry := func(name string) []byte {
		b := u32(u32(append([]byte("PK\x01\x02"), make([]byte, 16)...), uint32(size)), uint32(size))
		b = append(u16(b, uint16(len(name))), make([]byte, 16)...)
		return append(b, name...)
	}
	head := append([]byte("PK\x03\x04"), make([]byte, zipHeader-4)...)
	part := append(head, strings.Repeat(" ", size)...)
	directory := append(entry("[Content_Types].xml"), bytes.Repeat(entry(name), times)...)
	end := u32(append([]byte("PK\x05\x06"), make([]byte, 8)...), uint32(len(directory)))
	return append(append(part, directory...), u16(u32(end, uint32(len(part))), 0)...)
}

// sharedEnd is a PDF with so many compressed streams, none of which ends.
func sharedEnd(times int) []byte {
	return pdf(strings.Repeat("obj/Metadata/Fl stream ", times))
}
