// Package evidence knows what a file tells about whoever made it: which camera, where,
// when, by whom, with which program. It says so ([Inspect]), and takes it off pictures
// without touching a pixel ([Strip]). It opens nothing by itself and links no network code.
//
// # What is looked at
//
//	JPEG        EXIF, XMP, IPTC, comments, other APPn, previews, what follows the end
//	PNG         tEXt zTXt iTXt eXIf tIME, chunks that no picture needs, what follows the end
//	WebP        EXIF, XMP, unknown chunks, what follows the end
//	PDF         Info dictionary and XMP, also those in compressed object streams; EXIF
//	Office      Office Open XML and OpenDocument: properties, preview, who wrote, changed or
//	            commented on text, notes, sheets and slides; where on a computer a
//	            workbook, a template or a linked file lies. Unknown is always set
//	the rest    its type alone; Unknown is set, so that a page can warn
//
// A colour profile is told as "ICC": in PNG each, where it is compressed, else those that
// are not known by name as what programs give to everybody. Of Office, what is no markup, as
// pictures are, is not opened, and markup is searched for what is listed here alone. Of the
// others Unknown is set where a part is not read to its end, or a PDF's dictionary has a
// value in an object of its own. A finding that is empty says
// that nothing was found where this package looks, and no more.
//
// # What is taken off
//
// Whatever is not needed to show the picture as it was shown. Kept are the pixels as they
// are coded, colour (ICC profiles, gAMA and its like), animation, and which way is up, in
// an EXIF block that holds nothing else:
//
//	JPEG  APP0 JFIF without its preview, APP14, APP2 ICC_PROFILE, tables and scans that
//	      are as long as their own counts say
//	PNG   IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD cICP mDCV cLLI acTL fcTL fdAT
//	      and pHYs where pixels are not square; fcTL fdAT behind acTL alone
//	WebP  VP8X ICCP ANIM ANMF ALPH VP8 VP8L, the same within frames
//
// Of profiles goes when they were made, but not in PNG. Lists
// are of what is kept: a block that nobody has heard of yet goes.
//
// All files are hostile. Memory and time have bounds that depend on the size alone, which
// the fuzzers state. The same vectors (testdata/vectors.json) hold this package and its
// twin in web/client to each other.
package evidence

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Errors of [Strip].
var (
	// ErrKind is returned for bytes that begin like no JPEG, PNG or WebP.
	ErrKind = errors.New("not a picture that can be stripped")
	// ErrDamaged is returned for a picture that breaks off, or has parts that are
	// not understood. It must not be passed on as if it were stripped.
	ErrDamaged = errors.New("the picture is damaged, or not understood")
)

// MaxPicture is up to which size, in bytes, pictures are stripped: in memory.
const MaxPicture = 32 << 20

// window is how much of a file is looked at, in bytes.
const window = MaxPicture

// A Kind is a type of file.
type Kind string

// The kinds.
const (
	JPEG         Kind = "jpeg"
	PNG          Kind = "png"
	WebP         Kind = "webp"
	PDF          Kind = "pdf"
	Office       Kind = "office"
	OpenDocument Kind = "opendocument"
	Picture      Kind = "picture" // of another type, such as HEIC
	Video        Kind = "video"
	Audio        Kind = "audio"
	Document     Kind = "document" // of another type, such as .doc
	Archive      Kind = "archive"
	Sealed       Kind = "sealed" // an age file
	Unknown      Kind = "unknown"
)

// Strippable reports whether [Strip] knows the kind.
func (k Kind) Strippable() bool { return k == JPEG || k == PNG || k == WebP }

// A What is what something tells about.
type What string

// What files tell about.
const (
	Camera       What = "camera" // its make, model, lens, number
	Place        What = "place"
	Time         What = "time"
	Author       What = "author" // any name of a person, or of an account
	Software     What = "software"
	Organisation What = "organisation"
	Title        What = "title"
	Comment      What = "comment"
	Thumbnail    What = "thumbnail" // a preview, which may show what was cut away
	Other        What = "other"
)

// Whats returns all of them, in the order in which they are told.
func Whats() []What {
	return []What{Place, Time, Camera, Author, Organisation, Software, Title, Comment, Thumbnail, Other}
}

// A Reveal is one thing that a file tells. Value is a stranger's text in one line, without
// control characters, or empty.
type Reveal struct {
	What  What   `json:"what"`
	Value string `json:"value"`
}

// A Finding is what a file tells.
type Finding struct {
	Type       Kind     `json:"type"`
	Reveals    []Reveal `json:"reveals"`
	Strippable bool     `json:"strippable"` // by [Strip]: a type that it knows, and not too large
	Unknown    bool     `json:"unknown"`    // there may be more that this package cannot see
}

// Whats returns what a finding tells about, each once, in the order of [Whats].
func (f Finding) Whats() (told []What) {
	for _, w := range Whats() {
		if slices.ContainsFunc(f.Reveals, func(r Reveal) bool { return r.What == w }) {
			told = append(told, w)
		}
	}
	return told
}

// Inspect says what a file tells. Its name counts only where its bytes say nothing.
func Inspect(r io.ReaderAt, size int64, name string) Finding {
	return (&source{r: r, size: size}).inspect(name)
}

// InspectBytes is Inspect for a file that is in memory already, and makes no copy of it.
func InspectBytes(b []byte, name string) Finding {
	return (&source{whole: b, size: int64(len(b))}).inspect(name)
}

func (s *source) inspect(name string) Finding {
	head := s.read(0, headSize)
	f := finder{kind: Sniff(head, name), found: []Reveal{}}
	switch f.kind {
	case JPEG:
		f.jpeg(s.read(0, window))
	case PNG:
		f.png(s.read(0, window))
	case WebP:
		f.webp(s.read(0, window))
	case PDF:
		f.pdf(s.ends())
	case Archive:
		f.zip(s)
	default:
		f.unknown = true
	}
	return Finding{
		Type: f.kind, Reveals: f.found, Unknown: f.unknown,
		Strippable: f.kind.Strippable() && s.size <= MaxPicture,
	}
}

// Strip takes off a JPEG, PNG or WebP all that is not needed to show it. It does not
// change b. It returns [ErrKind] or [ErrDamaged].
func Strip(b []byte) (clean []byte, kind Kind, err error) {
	kind = Sniff(b[:min(len(b), headSize)], "")
	switch kind {
	case JPEG:
		clean, err = stripJPEG(b)
	case PNG:
		clean, err = stripPNG(b)
	case WebP:
		clean, err = stripWebP(b)
	default:
		return nil, kind, ErrKind
	}
	return clean, kind, err
}

// A source is a file of which only some is in memory, or all.
type source struct {
	r     io.ReaderAt
	whole []byte
	size  int64
}

// read returns up to n bytes from at. Errors count as the end.
func (s *source) read(at, n int64) []byte {
	if at < 0 || at >= s.size || n <= 0 {
		return nil
	}
	n = min(n, s.size-at, window)
	if s.whole != nil {
		return s.whole[at : at+n : at+n]
	}
	b := make([]byte, n)
	read, _ := s.r.ReadAt(b, at)
	return b[:read]
}

// ends returns the whole of a file, or its beginning and its end.
func (s *source) ends() (b []byte, whole bool) {
	if s.size <= window {
		return s.read(0, window), true
	}
	return append(s.read(0, window/2), s.read(s.size-window/2, window/2)...), false
}

// A finder collects what one file tells.
type finder struct {
	kind     Kind
	found    []Reveal
	unknown  bool
	inflates int // parts that were opened, or tried, so far
	inflated int // bytes, so far
	looks    int // so far
	entries  int // of EXIF, so far
}

const (
	maxFound = 32   // things that are told
	maxRaw   = 4096 // bytes of one value that are looked at
	maxValue = 100  // characters of each
)

// add notes a thing once.
func (f *finder) add(what What, value string) {
	value = tidy(value)
	r := Reveal{what, value}
	if len(f.found) < maxFound && (value != "" || what == Thumbnail) && !slices.Contains(f.found, r) {
		f.found = append(f.found, r)
	}
}

// tidy puts a text into one line.
func tidy(s string) string {
	gap := func(r rune) bool { return r <= ' ' || r >= 0x7f && r <= 0xa0 }
	s = strings.Join(strings.FieldsFunc(s, gap), " ")
	if letters := []rune(s); len(letters) > maxValue {
		return string(letters[:maxValue]) + "…"
	}
	return s
}

// text reads bytes as UTF-8, else as Latin-1, as far as they are looked at.
func text(b []byte) string {
	b = b[:min(len(b), maxInflated)]
	if utf8.Valid(b) {
		return string(b)
	}
	return latin(b)
}

func latin(b []byte) string {
	letters := make([]rune, len(b))
	for i, c := range b {
		letters[i] = rune(c)
	}
	return string(letters)
}

// wide reads UTF-16.
func wide(b []byte, big bool) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		first, second := uint16(b[2*i]), uint16(b[2*i+1])
		if !big {
			first, second = second, first
		}
		units[i] = first<<8 | second
	}
	return string(utf16.Decode(units))
}
