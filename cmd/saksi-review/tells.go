package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"saksi/cmd/saksi-review/desk"
	"saksi/web/evidence"
)

// in says a thing in one of the desk's languages.
func in(lang, id, en string) string {
	if lang == "en" {
		return en
	}
	return id
}

// tells writes what a file tells beside what it shows. What it says of itself are a
// stranger's words, with a bar before them.
func (c *console) tells(f evidence.Finding, lang string) {
	if len(f.Reveals) > 0 {
		c.say("  %s", in(lang, "di dalamnya masih ada, dan dapat menunjuk ke pengirimnya:",
			"left in it, and may point to its reporter:"))
		for _, r := range f.Reveals {
			c.text(strings.TrimSuffix(whatIn(r.What, lang)+": "+r.Value, ": "))
		}
	}
	kind := kindIn(f.Type, lang)
	switch {
	case f.Type == evidence.Sealed:
	case f.Unknown:
		c.say("  %s", in(lang, "tidak dapat diperiksa ("+kind+"): anggap ada tempat, waktu, dan nama di dalamnya",
			"cannot be looked into ("+kind+"): take it that place, time and names are in it"))
	case len(f.Reveals) == 0:
		c.say("  %s", in(lang, "tidak ditemukan keterangan tersembunyi; yang terlihat pun dapat menunjuk ke pengirimnya",
			"nothing hidden was found in it; what it shows may still point to its reporter"))
	}
}

// extractedTells writes what extracted files tell, in the order of their names.
func (c *console) extractedTells(dir string, x desk.Extracted, lang string) {
	for _, name := range slices.Sorted(maps.Keys(x.Tells)) {
		if f := x.Tells[name]; f.Type != evidence.Sealed {
			c.say("  %s:", path.Join(dir, fmt.Sprintf("%03d", x.N), name))
			c.tells(f, lang)
		}
	}
}

func whatIn(what evidence.What, lang string) string {
	switch what {
	case evidence.Place:
		return in(lang, "tempat", "place")
	case evidence.Time:
		return in(lang, "waktu", "time")
	case evidence.Camera:
		return in(lang, "kamera", "camera")
	case evidence.Author:
		return in(lang, "nama orang", "name of a person")
	case evidence.Organisation:
		return in(lang, "nama lembaga", "name of an organisation")
	case evidence.Software:
		return in(lang, "program", "program")
	case evidence.Title:
		return in(lang, "judul", "title")
	case evidence.Comment:
		return in(lang, "catatan", "note")
	case evidence.Thumbnail:
		return in(lang, "gambar kecil, yang mungkin masih menunjukkan bagian yang sudah dipotong",
			"a small picture, which may show what was cut away")
	}
	return in(lang, "lain-lain", "other")
}

func kindIn(kind evidence.Kind, lang string) string {
	switch kind {
	case evidence.Picture:
		return in(lang, "gambar", "picture")
	case evidence.Audio:
		return in(lang, "suara", "audio")
	case evidence.Document:
		return in(lang, "dokumen", "document")
	case evidence.Archive:
		return in(lang, "arsip", "archive")
	case evidence.Unknown:
		return in(lang, "jenis tidak dikenal", "unknown type")
	case evidence.Office, evidence.OpenDocument, evidence.PDF, evidence.Video:
		return string(kind)
	}
	return in(lang, "rusak", "damaged")
}
