package evidence

import "strings"

// A property is a name in XMP, Office Open XML or OpenDocument, whatever stands for its
// namespace.
type property struct {
	name string
	what What
}

func properties() []property {
	var list []property
	for _, of := range []struct {
		what  What
		names string
	}{
		{Camera, "Make Model Lens LensModel SerialNumber"},
		{Place, "GPSLatitude GPSLongitude City State Country Location"},
		{Time, "CreateDate ModifyDate MetadataDate DateCreated DateTimeOriginal created modified creation-date date " +
			"lastPrinted print-date"},
		{Author, "creator lastModifiedBy initial-creator printed-by Manager Credit rights OwnerName author"},
		{Software, "CreatorTool Producer Application generator Software"},
		{Organisation, "Company"},
		{Title, "title subject Headline"},
		{Comment, "description keywords UserComment"},
		{Other, "DocumentID InstanceID OriginalDocumentID Template HyperlinkBase property user-defined"},
	} {
		for name := range strings.FieldsSeq(of.names) {
			list = append(list, property{name, of.what})
		}
	}
	return list
}

// people are names that stand for a person, separated by spaces.
func people(names string) (list []property) {
	for name := range strings.FieldsSeq(names) {
		list = append(list, property{name, Author})
	}
	return list
}

const (
	maxValues = 16   // of one name in one part
	maxLooks  = 4096 // places in one file where a value is looked for
	maxPrefix = 32   // letters of a namespace's name

)

// xmp tells what XMP tells. A block of which nothing is understood is named.
func (f *finder) xmp(b []byte) {
	before := len(f.found)
	f.unknown = f.unknown || len(b) > maxInflated
	f.markup(text(b), properties())
	if len(f.found) == before {
		f.add(Other, "XMP")
	}
}

// markup tells the values of properties, be they attributes or elements.
func (f *finder) markup(s string, of []property) {
	for _, p := range of {
		values := 0
		for at := 0; values < maxValues && f.looks < maxLooks; f.looks++ {
			next := strings.Index(s[at:], p.name)
			if next < 0 {
				break
			}
			at += next
			value, ok := valueAt(s, at, p.name)
			if at += len(p.name); !ok {
				continue
			}
			values++
			if strings.HasPrefix(p.name, "GPS") {
				value = "GPS" // it would be exact
			}
			f.add(p.what, value)
		}
	}
	f.unknown = f.unknown || f.looks >= maxLooks
}

// valueAt returns the value of the name at a place, if it is one of a property.
func valueAt(s string, at int, name string) (value string, ok bool) {
	from := at
	if from > 0 && s[from-1] == ':' {
		for from--; from > 0 && at-from < maxPrefix && isNameByte(s[from-1]); {
			from--
		}
	}
	if from == 0 {
		return "", false
	}
	rest := s[at+len(name):]
	rest = rest[:min(len(rest), maxRaw)]
	switch c := s[from-1]; {
	case c == '<':
		return element(rest, s[from:at]+name)
	case c <= ' ':
		return attribute(rest)
	}
	return "", false
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// attribute reads ="value".
func attribute(rest string) (string, bool) {
	if len(rest) < 2 || rest[0] != '=' || rest[1] != '"' && rest[1] != '\'' {
		return "", false
	}
	end := strings.IndexByte(rest[2:], rest[1])
	if end < 0 {
		return "", false
	}
	return plain(rest[2 : 2+end]), true
}

// element reads the text up to the closing tag, without the tags in it.
func element(rest, name string) (string, bool) {
	open := strings.IndexByte(rest, '>')
	if open < 0 || rest[0] != '>' && rest[0] > ' ' || open > 0 && rest[open-1] == '/' {
		return "", false
	}
	end := strings.Index(rest, "</"+name)
	if end < open {
		return "", false
	}
	var b strings.Builder
	for part := range strings.SplitSeq(rest[open+1:end], "<") {
		if _, after, ok := strings.Cut(part, ">"); ok {
			part = " " + after
		}
		b.WriteString(part)
	}
	return plain(b.String()), true
}

// plain undoes what XML writes for letters of its own.
func plain(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&").Replace(s)
}
