package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A sample is a file, with what it must tell.
type sample struct {
	name  string
	file  []byte
	kind  Kind
	tells []Reveal
	err   error // of Strip
}

// camera is what [cameraEXIF] tells.
func camera() []Reveal {
	return []Reveal{
		{Comment, "di depan kantor"}, {Camera, "Kamera"}, {Camera, "KX-7"}, {Software, "Penyunting 3"},
		{Time, "2026:11:20 10:11:12"}, {Author, "Siti"}, {Title, "rapat"}, {Other, "MakerNote"}, {Comment, "catatan"},
		{Author, "Budi"}, {Camera, "SN 4711"}, {Time, "2026:11:20"}, {Place, "6.2° S, 106.8° E"}, {Thumbnail, ""},
	}
}

// packet is what [xmpText] tells.
func packet() []Reveal {
	return []Reveal{
		{Place, "GPS"}, {Place, "Depok"}, {Time, "2026-11-20T10:11:12+07:00"}, {Author, "Tuti"}, {Software, "Ramah & Co"},
	}
}

func samples() []sample {
	return slices.Concat(jpegs(), odd(), pngs(), webps(), documents(), others())
}

func jpegs() []sample {
	plain := plainJPEG()
	exif := app(1, exifPrefix+string(cameraEXIF(binary.BigEndian, 6)))
	little := app(1, exifPrefix+string(cameraEXIF(binary.LittleEndian, 1)))
	press := app(13, "Photoshop 3.0\x00\x1c\x02\x50\x00\x04Ayu.\x1c\x02\x5a\x00\x06Ambon.")
	return []sample{
		{"jpeg plain", plain, JPEG, nil, nil},
		{"jpeg exif", withSegments(plain, exif), JPEG, camera(), nil},
		{"jpeg exif upright", withSegments(plain, app(0, jfif+"\x00\x00"), little), JPEG, camera(), nil},
		{"jpeg xmp", withSegments(plain, app(1, xmpHead+xmpText)), JPEG, packet(), nil},
		{"jpeg iptc", withSegments(plain, press), JPEG, []Reveal{{Author, "Ayu."}, {Place, "Ambon."}}, nil},
		{"jpeg comment", withSegments(plain, appendSegment(nil, mCOM, []byte("oleh\nSri\x1b[2J"))), JPEG,
			[]Reveal{{Comment, "oleh Sri [2J"}}, nil},
		{"jpeg preview", withSegments(plain, app(0, jfif+"\x01\x01abc"), app(0, "JFXX\x00\x10xyz")), JPEG,
			[]Reveal{{Thumbnail, ""}, {Other, "APP0"}}, nil},
		{"jpeg colour", withSegments(plain, partICC(1, 1, srgb()), app(14, "Adobe\x00\x64\x00\x00\x00\x00\x01ekor")), JPEG,
			[]Reveal{{Other, "APP14"}}, nil},
		{"jpeg film", append(bytes.Clone(plain), "....ftypmp42 film"...), JPEG, []Reveal{{Other, "+17 B"}}, nil},
		{"jpeg unknown parts", withSegments(plain, app(2, "MPF\x00MM"), app(11, "JP"), app(1, exifPrefix+"rusak")), JPEG,
			[]Reveal{{Other, "APP2"}, {Other, "APP11"}, {Other, "EXIF"}}, nil},
		{"jpeg cut", plain[:len(plain)-2], JPEG, nil, ErrDamaged},
		{"jpeg odd marker", withSegments(plain, appendSegment(nil, 0xf7, nil)), JPEG, nil, ErrDamaged},
		{"jpeg profile", withSegments(plain, partICC(1, 1, screen())), JPEG, []Reveal{{Other, "ICC"}}, nil},
		{"jpeg profile parts", withSegments(plain, partICC(1, 2, screen()), partICC(2, 2, "sisa")), JPEG,
			[]Reveal{{Other, "ICC"}}, nil},
		{"jpeg profile cut", withSegments(plain, partICC(1, 1, srgb()[:127]), app(2, "ICC_PROFILE\x00")), JPEG,
			[]Reveal{{Other, "ICC"}}, nil},
		{"jpeg without picture", []byte{0xff, 0xd8, 0xff, 0xd9}, JPEG, nil, ErrDamaged},
	}
}

// odd are JPEGs with a segment that belongs to no coding that is known, or that is longer
// or shorter than its own counts say.
func odd() (list []sample) {
	for name, body := range map[string]string{
		"\xc8": "hai", "\xc5": "\x08\x00\x01\x00\x01\x00", "\xcf": "", "\xde": "", "\xd8": "", "\xf0": "hai",
		"\xc4": "\x00" + strings.Repeat("\x00", 16) + "ekor", "\xc4 short": "\x00\x01",
		"\xc4 table":  "\x04" + strings.Repeat("\x00", 16),
		"\xc4 values": "\x00\x05" + strings.Repeat("\x00", 15) + "hai",
		"\xdb":        "\x00" + strings.Repeat("q", 64) + "ekor", "\xdb wide": "\x10" + strings.Repeat("q", 64),
		"\xdb table": "\x04" + strings.Repeat("q", 64), "\xc0": "\x08\x00\x01\x00\x01\x00ekor", "\xc2": "hai",
		"\xcc": "hai", "\xcc long": strings.Repeat("hai ", 5), "\xda": "\x01\x01\x00\x00\x3f\x00ekor", "\xda none": "",
		"\xdd": "\x00\x00ekor", "\xdc": "hai",
	} {
		file := withSegments(plainJPEG(), appendSegment(nil, name[0], []byte(body)))
		list = append(list, sample{fmt.Sprintf("jpeg odd %x%s", name[0], name[1:]), file, JPEG, nil, ErrDamaged})
	}
	slices.SortFunc(list, func(a, b sample) int { return strings.Compare(a.name, b.name) })
	return list
}

func pngs() []sample {
	plain := plainPNG()
	square := pngChunk("pHYs", "\x00\x00\x16\x25\x00\x00\x16\x25\x01")
	flat := pngChunk("pHYs", "\x00\x00\x00\x02\x00\x00\x00\x01\x00")
	return []sample{
		{"png plain", plain, PNG, nil, nil},
		{"png texts", withChunks(plain, pngChunk("tEXt", "Software\x00Gambar 2"),
			pngChunk("zTXt", "Author\x00\x00"+deflated("Nur")),
			pngChunk("iTXt", "Title\x00\x00\x00id\x00Judul\x00Rapat é"), pngChunk("tEXt", "Lokasi\x00Kupang")), PNG,
			[]Reveal{{Software, "Gambar 2"}, {Author, "Nur"}, {Title, "Rapat é"}, {Other, "Lokasi: Kupang"}}, nil},
		{"png xmp", withChunks(plain, pngChunk("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00"+deflated(xmpText))), PNG,
			packet(), nil},
		{"png exif", withChunks(plain, pngChunk("eXIf", string(cameraEXIF(binary.BigEndian, 8)))), PNG, camera(), nil},
		{"png time", withChunks(plain, pngChunk("tIME", "\x07\xea\x0b\x14\x0a\x0b\x0c")), PNG,
			[]Reveal{{Time, "2026-11-20 10:11:12"}}, nil},
		{"png pixels", withChunks(plain, square, pngChunk("gAMA", "\x00\x00\xb1\x8f"), pngChunk("iDOT", "layar")), PNG,
			[]Reveal{{Other, "pHYs"}, {Other, "iDOT"}}, nil},
		{"png oblong pixels", withChunks(plain, flat), PNG, nil, nil},
		{"png tail", append(bytes.Clone(plain), "ekor"...), PNG, []Reveal{{Other, "+4 B"}}, nil},
		{"png cut", plain[:len(plain)-12], PNG, nil, ErrDamaged},
		{"png profile", withChunks(plain, pngChunk("iCCP", "ICC\x00\x00"+deflated(srgb()))), PNG,
			[]Reveal{{Other, "ICC"}}, nil},
		{"png frames of nothing", withChunks(plain, pngChunk("fcTL", "satu"), pngChunk("fdAT", "dua"),
			pngChunk("acTL", "tiga"), pngChunk("fcTL", "empat")), PNG, []Reveal{{Other, "fcTL"}, {Other, "fdAT"}}, nil},
		{"png critical", withChunks(plain, pngChunk("CgBI", "")), PNG, []Reveal{{Other, "CgBI"}}, ErrDamaged},
	}
}

func webps() []sample {
	picture := webpChunk("VP8 ", vp8)
	exif := webpChunk("EXIF", string(cameraEXIF(binary.LittleEndian, 3)))
	frame := webpChunk("ANMF", strings.Repeat("\x00", 16)+string(picture)+string(webpChunk("catt", "saya")))
	return []sample{
		{"webp plain", webp(picture), WebP, nil, nil},
		{"webp exif", webp(vp8x(0xed), webpChunk("ICCP", srgb()), picture, exif, webpChunk("XMP ", xmpText)), WebP,
			append(camera(), packet()...), nil},
		{"webp profile", webp(vp8x(0x20), webpChunk("ICCP", screen()), picture), WebP, []Reveal{{Other, "ICC"}}, nil},
		{"webp animated", webp(vp8x(0x02), webpChunk("ANIM", "123456"), frame, frame), WebP, []Reveal{{Other, "catt"}}, nil},
		{"webp tail", append(webp(picture, webpChunk("priv", "hai")), "ekor"...), WebP,
			[]Reveal{{Other, "priv"}, {Other, "+4 B"}}, nil},
		{"webp cut", webp(picture)[:30], WebP, nil, ErrDamaged},
		{"webp without picture", webp(vp8x(0)), WebP, nil, ErrDamaged},
	}
}

func documents() []sample {
	info := []Reveal{
		{Software, "Cetak 1"}, {Author, "Bayu"}, {Time, "D:20261120101112+07'00'"}, {Title, "Notulen (rapat)"},
	}
	packed := deflated("9 0 << /Producer (Cetak 2) /Author (Lina) >>")
	return []sample{
		{"pdf info", pdf("1 0 obj\n<< /Type /Catalog >>\nendobj", pdfInfo), PDF, info, ErrKind},
		{"pdf packed", pdf(pdfStream("/Type /ObjStm /N 1 /Filter /FlateDecode", packed)), PDF,
			[]Reveal{{Software, "Cetak 2"}, {Author, "Lina"}}, ErrKind},
		{"pdf xmp", pdf(pdfStream("/Type /Metadata /Subtype /XML", xmpText)), PDF, packet(), ErrKind},
		{"pdf packed xmp", pdf(pdfStream("/Type/Metadata/Filter/FlateDecode", deflated(xmpText))), PDF, packet(), ErrKind},
		{"pdf bookmarks", pdf("4 0 obj\n<< /Title (Bab 1) >>\nendobj"), PDF, nil, ErrKind},
		{"docx", archive("[Content_Types].xml", "x", "docProps/core.xml", coreXML, "docProps/app.xml", appXML,
			"word/document.xml", wordXML, "docProps/thumbnail.jpeg", "x"), Office, []Reveal{
			{Time, "2026-11-20T03:00:00Z"}, {Author, "Wati"}, {Author, "Joko"}, {Title, "Daftar"},
			{Software, "Kata 16"}, {Organisation, "Dinas Contoh"}, {Author, "Rina"}, {Thumbnail, ""},
		}, ErrKind},
		{"odt", archive("mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<a/>", "meta.xml", metaXML),
			OpenDocument, []Reveal{{Author, "Agus"}, {Software, "Tulis 24"}}, ErrKind},
	}
}

func others() []sample {
	var list []sample
	for head, kind := range map[string]Kind{
		"\x00\x00\x00\x18ftypheic": Picture, "\x00\x00\x00\x18ftypmp42": Video, "RIFF....AVI ": Video,
		"\x00\x00\x00\x18ftypM4A ": Audio, "OggS": Audio, "\xd0\xcf\x11\xe0\xa1\xb1": Document, "PK\x03\x04": Archive,
		"age-encryption.org/v1\n": Sealed, "halo": Unknown, "": Unknown, "GIF89a": Picture, "\x1f\x8b\x08": Archive,
		"Rar!\x1a\x07%PDF-": Archive, "\x00\x00\x00\x18ftypmp42%PDF-": Video,
	} {
		list = append(list, sample{"other " + string(kind) + " " + base64.RawURLEncoding.EncodeToString([]byte(head)),
			[]byte(head), kind, nil, ErrKind})
	}
	slices.SortFunc(list, func(a, b sample) int { return strings.Compare(a.name, b.name) })
	return list
}

func inspect(b []byte) Finding { return Inspect(bytes.NewReader(b), int64(len(b)), sampleName) }

const sampleName = "berkas.bin"

func tells(f Finding) []Reveal {
	if len(f.Reveals) == 0 {
		return nil
	}
	return f.Reveals
}

// TestFilesTellWhatTheyHold: nothing more, nothing less, in one line each.
func TestFilesTellWhatTheyHold(t *testing.T) {
	for _, s := range samples() {
		f := inspect(s.file)
		if f.Type != s.kind || !reflect.DeepEqual(tells(f), s.tells) {
			t.Errorf("%s: a %s that tells %q, want %s, %q", s.name, f.Type, f.Reveals, s.kind, s.tells)
		}
		if held := InspectBytes(s.file, sampleName); !reflect.DeepEqual(held, f) {
			t.Errorf("%s: in memory it tells %q", s.name, held.Reveals)
		}
		damaged := errors.Is(s.err, ErrDamaged) && !strings.Contains(s.name, "without")
		read := f.Type.Strippable() || f.Type == PDF
		if f.Strippable != f.Type.Strippable() || f.Unknown != (damaged || !read) {
			t.Errorf("%s: strippable %v, unknown %v", s.name, f.Strippable, f.Unknown)
		}
	}
}

// TestWhatIsStrippedTellsNothing, and is refused where it is not understood.
func TestWhatIsStrippedTellsNothing(t *testing.T) {
	for _, s := range samples() {
		before := bytes.Clone(s.file)
		clean, kind, err := Strip(s.file)
		if !errors.Is(err, s.err) || s.err == nil && kind != s.kind {
			t.Errorf("%s: a %s, error %v, want %v", s.name, kind, err, s.err)
		}
		if !bytes.Equal(before, s.file) {
			t.Errorf("%s: its bytes were changed in place", s.name)
		}
		if err != nil {
			if clean != nil {
				t.Errorf("%s: refused, with something in hand", s.name)
			}
			continue
		}
		if f := inspect(clean); !tellsNothing(f) {
			t.Errorf("%s: still tells %q", s.name, f.Reveals)
		}
		again, _, err := Strip(clean)
		if err != nil || !bytes.Equal(again, clean) {
			t.Errorf("%s: stripping twice is not stripping once: %v", s.name, err)
		}
		if !tellsNothing(Finding{Reveals: s.tells}) && bytes.Equal(clean, s.file) {
			t.Errorf("%s: nothing was taken off", s.name)
		}
		for _, told := range []string{"Siti", "Kamera", "Tuti", "SN 4711", "Ambon", "rahasia", "Gambar 2", "Kupang"} {
			if bytes.Contains(clean, []byte(told)) {
				t.Errorf("%s: %q is still in it", s.name, told)
			}
		}
	}
}

// tellsNothing but that there is a profile, which stays.
func tellsNothing(f Finding) bool {
	return !f.Unknown && !slices.ContainsFunc(f.Reveals, func(r Reveal) bool { return r != Reveal{Other, "ICC"} })
}

// TestProfilesDoNotSayWhenTheyWereMade, neither by their date nor by the checksum that
// covers it; and nothing else of them changes, so that colours do not.
func TestProfilesDoNotSayWhenTheyWereMade(t *testing.T) {
	for name, file := range map[string][]byte{
		"jpeg": withSegments(plainJPEG(), partICC(1, 1, screen())),
		"webp": webp(vp8x(0x20), webpChunk("ICCP", screen()), webpChunk("VP8 ", vp8)),
	} {
		clean, _, err := Strip(file)
		if err != nil {
			t.Fatal(err)
		}
		zeros := func(n int) string { return strings.Repeat("\x00", n) }
		want := strings.NewReplacer("DDDDDDDDDDDD", zeros(12), "IIIIIIIIIIIIIIII", zeros(16)).Replace(screen())
		if want == screen() || !bytes.Contains(clean, []byte(want)) {
			t.Errorf("%s: the profile is another one", name)
		}
	}
}

// TestProfilesOfEverybodyAreKnown by their whole name; a name that only begins as theirs is not.
func TestProfilesOfEverybodyAreKnown(t *testing.T) {
	for profile, want := range map[string]bool{
		srgb(): true, screen(): false, "": false,
		icc("desc\x00\x00\x00\x00\x00\x00\x00\x17sRGB IEC61966-2.1 Budi\x00"): false, srgb() + strings.Repeat("x", maxPlain): false,
		icc("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS\x00\x00\x00\x14\x00\x00\x00\x1c" +
			"\x00D\x00i\x00s\x00p\x00l\x00a\x00y\x00 \x00P\x003"): true,
	} {
		if got := isPlain([]byte(profile)); got != want {
			t.Errorf("%q: %v", profile, got)
		}
	}
}

// TestPixelsStayAsTheyAre, in each sample that a decoder takes.
func TestPixelsStayAsTheyAre(t *testing.T) {
	for _, s := range slices.Concat(jpegs(), pngs()) {
		clean, _, err := Strip(s.file)
		if err != nil {
			continue
		}
		before, _, err := image.Decode(bytes.NewReader(s.file))
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		after, _, err := image.Decode(bytes.NewReader(clean))
		if err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%s: the picture is another one: %v", s.name, err)
		}
	}
	for _, s := range webps() {
		if clean, _, err := Strip(s.file); err == nil && bytes.Count(clean, []byte(vp8)) != bytes.Count(s.file, []byte(vp8)) {
			t.Errorf("%s: the coded pixels are others", s.name)
		}
	}
}

// TestWhichWayIsUpStays, in an EXIF block that has nothing else, where viewers look.
func TestWhichWayIsUpStays(t *testing.T) {
	for name, want := range map[string]int{
		"jpeg exif": 6, "jpeg exif upright": 1, "png exif": 8, "webp exif": 3, "jpeg plain": 1, "png plain": 1,
	} {
		i := slices.IndexFunc(samples(), func(s sample) bool { return s.name == name })
		clean, kind, err := Strip(samples()[i].file)
		if err != nil {
			t.Fatal(err)
		}
		block := minimal(want)
		label := map[Kind]string{JPEG: exifPrefix, PNG: "eXIf", WebP: "EXIF\x1a\x00\x00\x00"}[kind]
		has := bytes.Contains(clean, append([]byte(label), block...))
		if has != (want != upright) || bytes.Count(clean, []byte("MM\x00*")) > 1 {
			t.Errorf("%s: has %v its orientation %d", name, has, want)
		}
		if kind == WebP && clean[20] != hasEXIF|0x20 {
			t.Errorf("%s: flags %#x", name, clean[20])
		}
	}
}

// TestKindByNameAlone: where the bytes say nothing, the name may.
func TestKindByNameAlone(t *testing.T) {
	for name, want := range map[string]Kind{
		"a.MP3": Audio, "a.heic": Picture, "b.doc": Document, "c": Unknown, "d.jpg": Unknown,
	} {
		if got := Inspect(strings.NewReader("xyz"), 3, name).Type; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestLargeFilesAreLookedAtInPart: memory is bounded, and the finding says so.
func TestLargeFilesAreLookedAtInPart(t *testing.T) {
	head, tail := pdf(), []byte(pdfInfo)
	f := Inspect(holed{head, tail, 1 << 40}, 1<<40, "a.pdf")
	if !f.Unknown || !slices.Contains(f.Reveals, Reveal{Author, "Bayu"}) {
		t.Errorf("%+v", f)
	}
	photo := withSegments(plainJPEG(), app(1, exifPrefix+string(cameraEXIF(binary.BigEndian, 1))))
	f = Inspect(holed{photo, nil, 1 << 33}, 1<<33, "")
	if f.Strippable || !slices.Contains(f.Whats(), Place) {
		t.Errorf("%+v", f)
	}
}

// holed is a file that is empty between its beginning and its end.
type holed struct {
	head, tail []byte
	size       int64
}

func (h holed) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at == 0 {
		copy(p, h.head)
	}
	if from := h.size - int64(len(h.tail)); at <= from && at+int64(len(p)) >= h.size {
		copy(p[from-at:], h.tail)
	}
	return len(p), nil
}

// TestValuesAreShortLines: what a stranger wrote floods no page.
func TestValuesAreShortLines(t *testing.T) {
	var chunks [][]byte
	for i := range 100 {
		chunks = append(chunks, pngChunk("tEXt", "Comment\x00"+strings.Repeat("a\n\u0085", 999)+string(rune('a'+i))+"\x07"),
			pngChunk("tEXt", "Author\x00"+string(rune('A'+i))))
	}
	f := inspect(withChunks(plainPNG(), chunks...))
	if len(f.Reveals) != maxFound {
		t.Errorf("%d things are told", len(f.Reveals))
	}
	odd := func(c rune) bool { return c < ' ' || c == 0x85 }
	for _, r := range f.Reveals {
		if n := len([]rune(r.Value)); n > maxValue+1 || strings.ContainsFunc(r.Value, odd) {
			t.Errorf("%d characters: %q", n, r.Value)
		}
	}
}

// A vector is a sample as it is written down for other programs.
type vector struct {
	Name    string  `json:"name"`
	In      string  `json:"in"`
	Clean   string  `json:"clean,omitempty"`
	Error   string  `json:"error,omitempty"` // kind or damaged
	Finding Finding `json:"finding"`
}

func newVector(s sample) vector {
	v := vector{Name: s.name, In: base64.StdEncoding.EncodeToString(s.file), Finding: inspect(s.file)}
	clean, _, err := Strip(s.file)
	v.Clean = base64.StdEncoding.EncodeToString(clean)
	if errors.Is(err, ErrKind) {
		v.Error = "kind"
	} else if err != nil {
		v.Error = "damaged"
	}
	return v
}

var update = flag.Bool("update", false, "write testdata/vectors.json")

// TestVectors holds the twin of this package to it: both read the same file.
func TestVectors(t *testing.T) {
	const path = "testdata/vectors.json"
	var fresh []vector
	for _, s := range slices.Concat(samples(), shared(), withNames(), unread()) {
		fresh = append(fresh, newVector(s))
	}
	if *update {
		b, err := json.MarshalIndent(fresh, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var stored []vector
	if err := json.Unmarshal(b, &stored); err != nil || len(stored) != len(fresh) {
		t.Fatalf("%d vectors of %d, %v: go test ./web/evidence -update writes them", len(stored), len(fresh), err)
	}
	for i, v := range stored {
		file, err := base64.StdEncoding.DecodeString(v.In)
		if err != nil {
			t.Fatal(err)
		}
		// What packs and draws may differ from one Go to the next; what is found may not.
		if got := newVector(sample{name: fresh[i].Name, file: file}); !reflect.DeepEqual(got, v) {
			t.Errorf("%s: %+v, want %+v", v.Name, got, v)
		}
		if !reflect.DeepEqual(fresh[i].Finding, v.Finding) {
			t.Errorf("%s: the sample is another one now: go test ./web/evidence -update", v.Name)
		}
	}
}
