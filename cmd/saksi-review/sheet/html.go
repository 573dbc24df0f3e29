package sheet

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed sheet.html
var page string

// HTML writes the sheet as one file for a printer: it loads nothing, runs nothing,
// and says nothing by colour alone.
func (s *Sheet) HTML(w io.Writer) error {
	words := template.FuncMap{
		"banner": func() string { return Banner }, "writeSelf": func() string { return writeSelf },
		"forReviewer": func() string { return forReviewer }, "unofficial": func() string { return unofficial },
		"noArticle": func() string { return noArticle }, "checkWords": checkWords, "mark": mark,
		"ask": Value.ask,
	}
	return template.Must(template.New("sheet").Funcs(words).Parse(page)).Execute(w, s)
}
