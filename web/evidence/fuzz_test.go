package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"image/png"
	"reflect"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// Stripping makes one copy, and a list of parts, of which the smallest have four bytes.
var stripBound = fuzztest.Bound{Base: 64 << 10, PerByte: 100}

// What is compressed in a file makes 4 MiB at most, which are read into a buffer that
// grows, and searched.
var inspectBound = fuzztest.Bound{Base: 80 << 20, PerByte: 150}

// Of EXIF 1,024 lines are looked at, and 255 more of the last directory, 4 KiB of each.
var exifBound = fuzztest.Bound{Base: 40 << 20, PerByte: 40}

func seed(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.file)
	}
	for _, b := range hostile() {
		f.Add(b)
	}
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		f.Add(cameraEXIF(order, 5))
	}
}

// hostile are files that cost as much as can be.
func hostile() [][]byte {
	bomb := deflated(strings.Repeat("<a:date>", 1<<17))
	var streams []string
	for range 40 {
		streams = append(streams, pdfStream("/Type/Metadata/Fl", bomb))
	}
	var notes [][]byte
	for range 100 {
		notes = append(notes, pngChunk("zTXt", "XML:com.adobe.xmp\x00\x00"+bomb))
	}
	var lines []line
	for range 300 {
		lines = append(lines, line{0x010e, 2, 1 << 16, nil})
	}
	wide := exifMaker{[][]line{lines}}.make(binary.BigEndian, false)
	return [][]byte{
		withSegments(plainJPEG(), bytes.Repeat(appendSegment(nil, mCOM, nil), 50_000)),
		withChunks(plainPNG(), bytes.Repeat(pngChunk("teXt", ""), 50_000)),
		webp(webpChunk("VP8 ", vp8), bytes.Repeat(webpChunk("priv", ""), 50_000)),
		withChunks(plainPNG(), notes...), pdf(streams...), append(wide, make([]byte, 1<<16)...),
		pdf(strings.Repeat("/Author (", 20_000)), pdf(strings.Repeat("stream ", 50_000)),
		archive("[Content_Types].xml", "x", "docProps/core.xml", strings.Repeat("<dc:creator>", 1<<17),
			"meta.xml", strings.Repeat(" ", 1<<24)),
		withSegments(plainJPEG(), app(1, exifPrefix+sharedLines())), sharedMember(1<<20, 400), sharedEnd(10_000),
		withSegments(plainJPEG(), bytes.Repeat(app(1, exifPrefix+sharedValues()), 20)),
	}
}

// TestHostileFilesCostLittle: each of them is looked at within its bound, and soon.
func TestHostileFilesCostLittle(t *testing.T) {
	for i, b := range hostile() {
		inspectBound.Check(t, len(b), func() { inspect(b) })
		stripBound.Check(t, len(b), func() { _, _, _ = Strip(b) })
		exifBound.Check(t, len(b), func() { new(finder).exif(b) })
		t.Logf("file %d: %d bytes", i, len(b))
	}
}

// TestLooksAreCounted: values that never end are not searched for everywhere, and the
// finding says that not all was looked at.
func TestLooksAreCounted(t *testing.T) {
	var f finder
	for range 3 {
		f.markup(strings.Repeat("<a:date>", 1<<14), properties())
	}
	if f.looks != maxLooks || !f.unknown {
		t.Errorf("%d looks, unknown %v", f.looks, f.unknown)
	}
}

// TestOpeningIsCounted: parts that share their bytes, or their end, are not opened without
// end, and the finding says that not all was.
func TestOpeningIsCounted(t *testing.T) {
	for name, b := range map[string][]byte{"zip": sharedMember(10, 100), "pdf": sharedEnd(100)} {
		f := finder{kind: Sniff(b, "")}
		if f.kind == PDF {
			f.pdf(b, true)
		} else {
			f.zip(&source{whole: b, size: int64(len(b))})
		}
		if f.inflates != maxInflates || !f.unknown {
			t.Errorf("%s: %d opened, unknown %v", name, f.inflates, f.unknown)
		}
	}
}

// FuzzStrip: what is stripped tells nothing, stripping it again changes nothing, and it is
// refused with a documented error or is a picture.
func FuzzStrip(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		clean, ok := fuzztest.Parse(t, stripBound, b, func(b []byte) ([]byte, error) {
			clean, _, err := Strip(b)
			return clean, err
		}, ErrKind, ErrDamaged)
		if !ok {
			return
		}
		if len(clean) > len(b)+40 {
			t.Errorf("%d bytes became %d", len(b), len(clean))
		}
		if found := inspect(clean); !tellsNothing(found) {
			t.Errorf("still tells %q", found.Reveals)
		}
		again, _, err := Strip(clean)
		if err != nil || !bytes.Equal(again, clean) {
			t.Errorf("stripping twice is not stripping once: %v", err)
		}
	})
}

// FuzzPixels: what a decoder makes of a picture is the same before and after.
func FuzzPixels(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var clean []byte
		var kind Kind
		var err error
		stripBound.Check(t, len(b), func() { clean, kind, err = Strip(b) })
		if err != nil || kind == WebP || tooLarge(b, kind) {
			return
		}
		decode := jpeg.Decode
		if kind == PNG {
			decode = png.Decode
		}
		before, err := decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		after, err := decode(bytes.NewReader(clean))
		if err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("the picture is another one: %v", err)
		}
	})
}

// tooLarge keeps the decoders from pictures that would fill the memory.
func tooLarge(b []byte, kind Kind) bool {
	decode := jpeg.DecodeConfig
	if kind == PNG {
		decode = png.DecodeConfig
	}
	c, err := decode(bytes.NewReader(b))
	return err != nil || c.Width*c.Height > 1<<20
}

// FuzzInspect: no file, whatever it is, takes more memory than is stated, or fills a page;
// and one tells the same from the disk as from memory, where its parts are no copies.
func FuzzInspect(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var found Finding
		inspectBound.Check(t, len(b), func() { found = inspect(b) })
		if len(found.Reveals) > maxFound || found.Reveals == nil {
			t.Errorf("%d things are told", len(found.Reveals))
		}
		for _, r := range found.Reveals {
			if tidy(r.Value) != r.Value && len([]rune(r.Value)) != maxValue+1 || r.Value == "" && r.What != Thumbnail {
				t.Errorf("told as %q", r.Value)
			}
		}
		before := bytes.Clone(b)
		if again := InspectBytes(b, sampleName); !reflect.DeepEqual(again, found) || !bytes.Equal(b, before) {
			t.Errorf("from memory it tells %+v, and not %+v", again, found)
		}
	})
}

// FuzzEXIF holds the same of the block alone, which no checksum guards. Which way is up
// stays when all else goes, and is all that is told of it then.
func FuzzEXIF(f *testing.F) {
	seed(f)
	picture := plainJPEG()
	f.Fuzz(func(t *testing.T, b []byte) {
		exifBound.Check(t, len(b), func() {
			var found finder
			found.exif(b)
			if up := orientation(b); up < 1 || up > 8 {
				t.Errorf("orientation %d", up)
			}
		})
		up := orientation(b)
		if up != orientation(append([]byte(exifPrefix), b...)) && !bytes.HasPrefix(b, []byte(exifPrefix)) {
			t.Error("with its prefix the block has another way up")
		}
		if orientation(minimal(up)) != up {
			t.Errorf("orientation %d does not come back", up)
		}
		if block := bytes.TrimPrefix(b, []byte(exifPrefix)); len(block) < 65_000 {
			clean, _, err := Strip(withSegments(picture, app(1, exifPrefix+string(block))))
			if err != nil || !tellsNothing(inspect(clean)) || orientationOf(t, clean) != up {
				t.Errorf("a picture with orientation %d has another one, or tells more: %v", up, err)
			}
		}
	})
}

// orientationOf is what a viewer finds in a JPEG.
func orientationOf(t *testing.T, picture []byte) int {
	t.Helper()
	list, _, err := splitJPEG(picture)
	if err != nil {
		t.Fatal(err)
	}
	return orientationJPEG(list)
}

// TestStripRefusesByName: each error that is documented comes.
func TestStripRefusesByName(t *testing.T) {
	for input, want := range map[string]error{
		"": ErrKind, "halo": ErrKind, "\xff\xd8\xff": ErrDamaged, "\x89PNG\r\n\x1a\n": ErrDamaged,
	} {
		if _, _, err := Strip([]byte(input)); !errors.Is(err, want) {
			t.Errorf("%q: %v", input, err)
		}
	}
}
