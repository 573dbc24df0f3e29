package evidence

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// office is a document of Office with some parts: names and contents.
func office(parts ...string) []byte {
	return archive(append([]string{"[Content_Types].xml", "x"}, parts...)...)
}

// patched changes a number of the last record in a file that begins so.
func patched(file []byte, record string, at int, to uint16) []byte {
	binary.LittleEndian.PutUint16(file[bytes.LastIndex(file, []byte(record))+at:], to)
	return file
}

// withNames are documents with names in parts of their own.
func withNames() []sample {
	return []sample{
		{"docx people", office("word/header2.xml", `<w:ins w:author="Rina"/><w:bookmarkStart w:name="Bab"/>`,
			"word/footer1.xml", `<w:ins w:author="Ayu"/>`, "word/footnotes.xml", `<w:ins w:author="Nur"/>`,
			"word/endnotes.xml", `<w:ins w:author="Sri"/>`, "word/people.xml", `<w15:person w15:author="Budi"/>`,
			"word/comments.xml", `<w:comment w:author="Joko"/>`, "word/document2.xml", wordXML,
			"word/media/", ""), Office, []Reveal{
			{Author, "Rina"}, {Author, "Ayu"}, {Author, "Nur"}, {Author, "Sri"}, {Author, "Budi"}, {Author, "Joko"},
		}, ErrKind},
		{"xlsx people", office("xl/comments1.xml", `<comments><authors><author>Wati</author></authors></comments>`,
			"xl/threadedComments/threadedComment1.xml", `<c creator='Lina'/>`, "xl/persons/person.xml",
			`<person displayName="Tuti" userId="tuti@contoh"/>`, "docProps/app.xml", appXML), Office, []Reveal{
			{Software, "Kata 16"}, {Organisation, "Dinas Contoh"},
			{Author, "Wati"}, {Author, "Lina"}, {Author, "Tuti"}, {Author, "tuti@contoh"},
		}, ErrKind},
		{"xlsx path", office("xl/workbook.xml", `<x15ac:absPath url="C:\Users\Dewi &amp; Tono\"/><sheet name="Lembar"/>`,
			"xl/externalLinks/_rels/externalLink1.xml.rels", `<Relationship Target="file:///D:\Sari\a.xlsx"/>`), Office, []Reveal{
			{Other, `C:\Users\Dewi & Tono\`}, {Other, `file:///D:\Sari\a.xlsx`},
		}, ErrKind},
		{"docx template", office("word/_rels/settings.xml.rels", `<Relationship Id="1" Target="/Users/fitri/Surat.dotm"/>`,
			"word/_rels/document.xml.rels", `<Relationship Target="media/image1.png"/>`), Office, []Reveal{
			{Other, "/Users/fitri/Surat.dotm"},
		}, ErrKind},
		{"pptx people", office("ppt/commentAuthors.xml", `<p:cmAuthor id="0" name="Agus" initials="A"/>`,
			"ppt/authors.xml", `<p188:author id="{1}" name="Bayu" userId="S::bayu@contoh::1"/>`), Office, []Reveal{
			{Author, "Agus"}, {Author, "Bayu"}, {Author, "S::bayu@contoh::1"},
		}, ErrKind},
		{"odt object", archive("mimetype", "x", "content.xml", "<a/>", "Object 1/content.xml", "<dc:creator>Ida</dc:creator>",
			"layout-cache", "x", "manifest.rdf", "x"), OpenDocument, []Reveal{{Author, "Ida"}}, ErrKind},
		{"pdf picture", pdf(pdfStream("/Filter /DCTDecode", string(withSegments(plainJPEG(),
			app(1, exifPrefix+string(cameraEXIF(binary.BigEndian, 6))))))), PDF, camera(), ErrKind},
	}
}

// unread are files of which a part is not read, or not to its end.
func unread() []sample {
	long := strings.Repeat("<w:p>satu dua tiga</w:p>", 50_000) + wordXML
	many := func(s string) []byte { return pdf(strings.Repeat(s, maxTries+1)) }
	lina, rina := []Reveal{{Author, "Lina"}}, []Reveal{{Author, "Rina"}}
	return []sample{
		{"docx picture", office("word/media/image1.jpeg", "x"), Office, nil, ErrKind},
		{"odt picture", archive("mimetype", "x", "content.xml", "<a/>", "Pictures/1.PNG", "x"), OpenDocument, nil, ErrKind},
		{"xlsx printer", office("xl/printerSettings/printerSettings1.bin", "x"), Office, nil, ErrKind},
		{"docx long", office("word/document.xml", long), Office, nil, ErrKind},
		{"docx packed otherwise", patched(office("word/document.xml", wordXML), "PK\x01\x02", 10, 12), Office, nil, ErrKind},
		{"docx beyond its end", patched(office("word/document.xml", wordXML), "PK\x01\x02", 44, 1), Office, nil, ErrKind},
		{"docx directory", patched(office("word/document.xml", wordXML), "PK\x05\x06", 10, 3), Office, rina, ErrKind},
		{"png long", withChunks(plainPNG(), pngChunk("zTXt", "XML:com.adobe.xmp\x00\x00"+deflated(xmpText+long))), PNG,
			packet(), nil},
		{"pdf long", pdf(pdfStream("/Type /ObjStm /Filter /FlateDecode", deflated("/Author (Lina)"+long))), PDF, lina, ErrKind},
		{"pdf without end", pdf("obj<</Type/ObjStm/Filter/Fl>>stream\n"), PDF, nil, ErrKind},
		{"pdf many authors", many("/Author (Lina) "), PDF, lina, ErrKind},
		{"pdf many packets", many("<rdf:RDF <dc:creator>Lina</dc:creator></rdf:RDF>"), PDF,
			append(lina, Reveal{Other, "XMP"}), ErrKind},
		{"pdf packet without end", pdf("<rdf:RDF <dc:creator>Lina</dc:creator>"), PDF, lina, ErrKind},
		{"pdf info in objects of its own", pdf("1 0 obj\n(Lina)\nendobj", "2 0 obj\n<< /Author\n1 0 R /CreatorInfo <<>> >>\nendobj"),
			PDF, nil, ErrKind},
		{"pdf many pictures", many(exifPrefix), PDF, []Reveal{{Other, "EXIF"}}, ErrKind},
	}
}

// TestNamesInADocumentAreTold, in whichever part they stand.
func TestNamesInADocumentAreTold(t *testing.T) {
	for _, s := range withNames() {
		if f := inspect(s.file); f.Type != s.kind || !reflect.DeepEqual(tells(f), s.tells) || f.Unknown != (s.kind != PDF) {
			t.Errorf("%s: %+v, want %q", s.name, f, s.tells)
		}
	}
}

// TestWhatIsNotReadIsSaid: nobody is told that nothing hidden was found in what nobody
// looked into, be it a part or the end of one.
func TestWhatIsNotReadIsSaid(t *testing.T) {
	for _, s := range unread() {
		if f := inspect(s.file); f.Type != s.kind || !reflect.DeepEqual(tells(f), s.tells) || !f.Unknown {
			t.Errorf("%s: %+v, want %q and unknown", s.name, f, s.tells)
		}
	}
	large := sharedMember(maxInflated+1, 1) // not packed
	if f := inspect(large); !f.Unknown {
		t.Errorf("of a large part: %+v", f)
	}
	var f finder
	if b := f.inflate([]byte(deflated(strings.Repeat("a", maxInflated))), true); f.unknown || len(b) != maxInflated {
		t.Errorf("of what is packed and read to its end %d bytes are read, unknown %v", len(b), f.unknown)
	}
	f.xmp([]byte(xmpText + strings.Repeat(" ", maxInflated)))
	if !f.unknown {
		t.Error("a long packet passes for one that was read")
	}
	var many finder
	many.streams(bytes.Repeat([]byte("stream "), maxStreams+1))
	if !many.unknown {
		t.Error("a stream that nobody looked at is not said")
	}
}
