// Package poster makes what an operator prints: a poster, small cards, and the QR
// code by itself. Each file stands alone: it fetches nothing, runs nothing, and is
// black on white.
//
// House rules: the poster may hang in an office and a card may be found in a
// pocket. So the poster says what the law says too (a vote is free and secret) and
// names no one; the card does not say what it is for. Both tell to open nothing at
// the office. Indonesian comes first.
package poster

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"

	"saksi/crypto/onionname"
	"saksi/web/qrcode"
)

//go:embed poster.html card.html
var files embed.FS

// cards is how many stand on a page.
const cards = 10

// A Poster is what stands on it.
type Poster struct {
	Onion       onionname.Name
	Fingerprint []string // of the first root set, in groups
	// Name and About are the operator's, in Indonesian: what the drop is called, and
	// for whom it is. Empty, it is one for civil servants.
	Name, About string
}

// Files returns the files by their names: poster.html and card.html, both A4, and
// qr.svg.
func (p Poster) Files() (map[string][]byte, error) {
	if p.Onion.IsZero() || len(p.Fingerprint) == 0 {
		return nil, errors.New("making a poster: the address or the fingerprint is missing")
	}
	picture, err := qrcode.SVG(p.Onion.Entry(p.Fingerprint))
	if err != nil {
		return nil, err
	}
	made := map[string][]byte{"qr.svg": []byte(picture)}
	view := struct {
		Poster
		QR    template.HTML // of our own making
		Cards []struct{}
	}{p, template.HTML(picture), make([]struct{}, cards)}
	for _, name := range []string{"poster.html", "card.html"} {
		t, err := template.ParseFS(files, name)
		if err != nil {
			return nil, fmt.Errorf("making %s: %v", name, err)
		}
		var page bytes.Buffer
		if err := t.Execute(&page, view); err != nil {
			return nil, fmt.Errorf("making %s: %v", name, err)
		}
		made[name] = page.Bytes()
	}
	return made, nil
}
