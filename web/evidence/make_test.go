package evidence

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
)

// This file makes the files that the tests look at. All are tiny, and no byte of them
// comes from a camera.

// A line is one of an EXIF directory, in big-endian order.
type line struct {
	tag, kind uint16
	count     uint32
	value     []byte
}

func ascii(tag uint16, s string) line { return line{tag, 2, uint32(len(s) + 1), append([]byte(s), 0)} }

func short(tag, n uint16) line { return line{tag, 3, 1, []byte{byte(n >> 8), byte(n), 0, 0}} }

func bytesLine(tag, kind uint16, b []byte) line { return line{tag, kind, uint32(len(b)), b} }

func degrees(tag uint16, d, m, s uint32) line {
	var b []byte
	for _, n := range []uint32{d, 1, m, 1, s, 100} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return line{tag, 5, 3, b}
}

// An exifMaker makes an EXIF block of directories that follow each other. A line whose
// count is 0 points to the directory with the number in its kind.
type exifMaker struct{ directories [][]line }

func pointer(tag uint16, directory uint16) line { return line{tag: tag, kind: directory} }

func (m exifMaker) size() (size int) {
	for _, d := range m.directories {
		size += 2 + 12*len(d) + 4
	}
	return 8 + size
}

// make writes the block. The second directory follows the first if preview says so.
func (m exifMaker) make(order binary.AppendByteOrder, preview bool) []byte {
	var starts []uint32
	at := uint32(8)
	for _, d := range m.directories {
		starts = append(starts, at)
		at += uint32(2 + 12*len(d) + 4)
	}
	out := order.AppendUint16([]byte("MM"), 42)
	if order.AppendUint16(nil, 1)[0] == 1 {
		out = order.AppendUint16([]byte("II"), 42)
	}
	out = order.AppendUint32(out, 8)
	var data []byte
	for i, d := range m.directories {
		out = order.AppendUint16(out, uint16(len(d)))
		for _, l := range d {
			out, data = m.line(out, data, order, starts, l)
		}
		if i == 0 && preview {
			out = order.AppendUint32(out, starts[1])
		} else {
			out = order.AppendUint32(out, 0)
		}
	}
	return append(out, data...)
}

func (m exifMaker) line(out, data []byte, order binary.AppendByteOrder, starts []uint32, l line) ([]byte, []byte) {
	out = order.AppendUint16(out, l.tag)
	switch {
	case l.count == 0:
		out = order.AppendUint32(order.AppendUint16(out, 4), 1)
		return order.AppendUint32(out, starts[l.kind]), data
	case l.kind == 3:
		out = order.AppendUint32(order.AppendUint16(out, 3), 1)
		return append(order.AppendUint16(out, uint16(l.value[0])<<8|uint16(l.value[1])), 0, 0), data
	}
	out = order.AppendUint32(order.AppendUint16(out, l.kind), l.count)
	if len(l.value) <= 4 {
		return append(append(out, l.value...), make([]byte, 4-len(l.value))...), data
	}
	out = order.AppendUint32(out, uint32(m.size()+len(data)))
	if l.kind == 5 {
		for i := 0; i < len(l.value); i += 4 {
			data = order.AppendUint32(data, binary.BigEndian.Uint32(l.value[i:]))
		}
		return out, data
	}
	return out, append(data, l.value...)
}

// cameraEXIF is what a telephone writes, and some that only programs do.
func cameraEXIF(order binary.AppendByteOrder, orientation uint16) []byte {
	return exifMaker{[][]line{
		{
			ascii(0x010e, "di depan kantor"), ascii(0x010f, "Kamera"), ascii(0x0110, "KX-7"), short(0x0112, orientation),
			ascii(0x0131, "Penyunting 3"), ascii(0x0132, "2026:11:20 10:11:12"), ascii(0x013b, "Siti"),
			bytesLine(0x9c9b, 1, []byte("r\x00a\x00p\x00a\x00t\x00\x00\x00")), pointer(0x8769, 2), pointer(0x8825, 3),
		},
		{short(0x0103, 6)}, // the preview
		{
			bytesLine(0x927c, 7, []byte("rahasia pabrik")), bytesLine(0x9286, 7, []byte("ASCII\x00\x00\x00catatan")),
			ascii(0xa430, "Budi"), ascii(0xa431, "SN 4711"),
		},
		{ascii(1, "S"), degrees(2, 6, 10, 3030), ascii(3, "E"), degrees(4, 106, 49, 4500), ascii(0x1d, "2026:11:20")},
	}}.make(order, true)
}

const xmpText = `<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r">
<rdf:Description xmp:CreatorTool="Ramah &amp; Co" photoshop:City='Depok' exif:GPSLatitude="6,10.5S">
<dc:creator><rdf:Seq><rdf:li>Tuti</rdf:li></rdf:Seq></dc:creator>
<xmp:CreateDate>2026-11-20T10:11:12+07:00</xmp:CreateDate><dc:title/></rdf:Description></rdf:RDF></x:xmpmeta>`

const xmpHead = "http://ns.adobe.com/xap/1.0/\x00"

func drawing() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 24, 16))
	for y := range 16 {
		for x := range 24 {
			m.Set(x, y, color.NRGBA{uint8(x * 10), uint8(y * 15), uint8(x ^ y), 255})
		}
	}
	return m
}

// plainJPEG is a picture without anything.
func plainJPEG() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, drawing(), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// withSegments puts segments behind the beginning of a JPEG.
func withSegments(jpeg []byte, segments ...[]byte) []byte {
	return bytes.Join([][]byte{jpeg[:2], bytes.Join(segments, nil), jpeg[2:]}, nil)
}

func app(n byte, body string) []byte { return appendSegment(nil, mAPP0+n, []byte(body)) }

const jfif = "JFIF\x00\x01\x02\x00\x00\x01\x00\x01"

// icc makes a profile: its head, with a date and a checksum that can be told, and what
// follows it.
func icc(body string) string {
	zeros := strings.Repeat("\x00", 48)
	return zeros[:24] + strings.Repeat("D", 12) + zeros + strings.Repeat("I", 16) + zeros[:28] + body
}

func srgb() string { return icc("desc\x00\x00\x00\x00\x00\x00\x00\x12sRGB IEC61966-2.1\x00") }

func screen() string { return icc("desc\x00\x00\x00\x00\x00\x00\x00\x0cLayar Wati 2\x00") }

// partICC is a segment with one part of a profile.
func partICC(n, of byte, part string) []byte {
	return app(2, "ICC_PROFILE\x00"+string([]byte{n, of})+part)
}

func plainPNG() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, drawing()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const pngAfterHead = pngHead + 25 // behind IHDR

func withChunks(png []byte, chunks ...[]byte) []byte {
	return bytes.Join([][]byte{png[:pngAfterHead], bytes.Join(chunks, nil), png[pngAfterHead:]}, nil)
}

func pngChunk(name, body string) []byte { return appendChunk(nil, name, []byte(body)) }

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// webp makes a file of chunks: the coded pixels are any bytes, as nothing reads them.
func webp(chunks ...[]byte) []byte {
	body := bytes.Join(chunks, nil)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4)), "WEBP"+string(body)...)
}

func webpChunk(name, body string) []byte { return appendRIFF(nil, name, []byte(body)) }

const vp8 = "\x10\x02\x00\x9d\x01\x2a\x01\x00\x01\x00piksel!"

func vp8x(flags byte) []byte {
	return webpChunk("VP8X", string([]byte{flags, 7, 7, 7, 0, 0, 0, 0, 0, 0}))
}

func pdf(objects ...string) []byte {
	return []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + strings.Join(objects, "\n") +
		"\ntrailer\n<< /Root 1 0 R /Info 9 0 R >>\n%%EOF\n")
}

func pdfStream(head, body string) string {
	return fmt.Sprintf("7 0 obj\n<< %s /Length %d >>\nstream\n%s\nendstream\nendobj", head, len(body), body)
}

const pdfInfo = "9 0 obj\n<< /Title (Notulen \\(rapat\\)) /Author <FEFF0042006100790075> /Producer(Cetak\\0401)\n" +
	"/CreationDate (D:20261120101112+07'00') >>\nendobj"

// archive makes a zip of names and contents, packed but for the first.
func archive(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		header := &zip.FileHeader{Name: files[i], Method: zip.Deflate}
		if i == 0 {
			header.Method = zip.Store
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			panic(err)
		}
		f.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.Bytes()
}

const (
	coreXML = `<cp:coreProperties xmlns:dc="d"><dc:creator>Wati</dc:creator><cp:lastModifiedBy>Joko</cp:lastModifiedBy>` +
		`<dcterms:created xsi:type="dcterms:W3CDTF">2026-11-20T03:00:00Z</dcterms:created>` +
		`<dc:title>Daftar</dc:title></cp:coreProperties>`
	appXML  = `<Properties><Application>Kata 16</Application><Company>Dinas Contoh</Company></Properties>`
	wordXML = `<w:document><w:ins w:id="1" w:author="Rina" w:date="2026-11-20T03:00:00Z"/></w:document>`
	metaXML = `<office:meta><meta:generator>Tulis 24</meta:generator>` +
		`<meta:initial-creator>Agus</meta:initial-creator></office:meta>`
)
