package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"image/png"
	"reflect"
	"testing"

	"saksi/crypto/fuzztest"
)

// What the fuzzers hold of memory. Stripping makes one copy, and a list of parts of at
// most a sixth of a file's chunks; a picture is looked at with texts of bounded size.
func stripBound() fuzztest.Bound   { return fuzztest.Bound{Base: 64 << 10, PerByte: 40} }
func inspectBound() fuzztest.Bound { return fuzztest.Bound{Base: 12 << 20, PerByte: 200} }

func seed(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.file)
	}
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		f.Add(cameraEXIF(order, 5))
	}
}

// FuzzStrip: what is stripped tells nothing, stripping it again changes nothing, and it is
// refused with a documented error or is a picture.
func FuzzStrip(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		clean, ok := fuzztest.Parse(t, stripBound(), b, func(b []byte) ([]byte, error) {
			clean, _, err := Strip(b)
			return clean, err
		}, ErrKind, ErrDamaged)
		if !ok {
			return
		}
		if len(clean) > len(b)+40 {
			t.Errorf("%d bytes became %d", len(b), len(clean))
		}
		if found := inspect(clean); len(found.Reveals) > 0 || found.Unknown {
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
		clean, kind, err := Strip(b)
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

// FuzzInspect: no file, whatever it is, takes more memory than is stated, or fills a page.
func FuzzInspect(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var found Finding
		inspectBound().Check(t, len(b), func() { found = inspect(b) })
		if len(found.Reveals) > maxFound || found.Reveals == nil {
			t.Errorf("%d things are told", len(found.Reveals))
		}
		for _, r := range found.Reveals {
			if tidy(r.Value) != r.Value && len([]rune(r.Value)) != maxValue+1 || r.Value == "" && r.What != Thumbnail {
				t.Errorf("told as %q", r.Value)
			}
		}
	})
}

// FuzzEXIF holds the same of the block alone, which no checksum guards.
func FuzzEXIF(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzztest.Bound{Base: 256 << 10, PerByte: 40}.Check(t, len(b), func() {
			var found finder
			found.exif(b)
			if up := orientation(b); up < 1 || up > 8 {
				t.Errorf("orientation %d", up)
			}
		})
	})
}

// TestStripRefusesByName: each error that is documented comes.
func TestStripRefusesByName(t *testing.T) {
	for input, want := range map[string]error{"": ErrKind, "halo": ErrKind, "\xff\xd8\xff": ErrDamaged, "\x89PNG\r\n\x1a\n": ErrDamaged} {
		if _, _, err := Strip([]byte(input)); !errors.Is(err, want) {
			t.Errorf("%q: %v", input, err)
		}
	}
}
