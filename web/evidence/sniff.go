package evidence

import (
	"bytes"
	"strings"
)

// headSize is how many bytes of a file say what it is.
const headSize = 1024

// Sniff returns the kind of a file by its first bytes, as far as 1,024 of them go. Its
// name counts only where they say nothing. An archive may turn out to be a document.
func Sniff(head []byte, name string) Kind {
	for _, m := range magics() {
		if m.at+len(m.bytes) <= len(head) && string(head[m.at:m.at+len(m.bytes)]) == m.bytes {
			return m.kind
		}
	}
	if bytes.Contains(head[:min(len(head), headSize)], []byte("%PDF-")) {
		return PDF
	}
	dot := strings.LastIndexByte(name, '.')
	for _, e := range extensions() {
		if dot >= 0 && strings.Contains(e.names, " "+strings.ToLower(name[dot+1:])+" ") {
			return e.kind
		}
	}
	return Unknown
}

// A magic is what files of a kind have at one place.
type magic struct {
	at    int
	bytes string
	kind  Kind
}

func magics() []magic {
	return []magic{
		{0, "\xff\xd8\xff", JPEG},
		{0, "\x89PNG\r\n\x1a\n", PNG},
		{8, "WEBP", WebP},
		{0, "PK\x03\x04", Archive},
		{4, "ftyphe", Picture}, {4, "ftypmif1", Picture}, {4, "ftypavi", Picture},
		{0, "GIF8", Picture}, {0, "II*\x00", Picture}, {0, "MM\x00*", Picture},
		{4, "ftypM4A", Audio}, {4, "ftyp", Video}, {0, "\x1aE\xdf\xa3", Video}, {8, "AVI ", Video},
		{8, "WAVE", Audio}, {0, "ID3", Audio}, {0, "OggS", Audio}, {0, "fLaC", Audio}, {0, "#!AMR", Audio},
		{0, "\xd0\xcf\x11\xe0", Document}, {0, `{\rtf`, Document},
		{0, "Rar!", Archive}, {0, "7z\xbc\xaf", Archive}, {0, "\x1f\x8b", Archive},
		{0, "age-encryption.org/", Sealed}, {0, "-----BEGIN AGE ENCRYPTED FILE", Sealed},
	}
}

// extensions lists the endings of names that stand for a kind, each between spaces.
func extensions() []struct {
	kind  Kind
	names string
} {
	return []struct {
		kind  Kind
		names string
	}{
		{Picture, " bmp gif heic heif avif tif tiff dng svg "},
		{Video, " mp4 mov 3gp mkv avi webm mpg mpeg "},
		{Audio, " mp3 aac m4a amr opus ogg wav wma "},
		{Document, " doc xls ppt rtf "},
	}
}
