package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// catalog holds every text of one language: a flat map from key to text, where
// {name} stands for a value that the page fills in.
type catalog struct {
	lang  Lang
	texts map[string]string
	needs map[string][]string // the placeholders of each text, sorted
}

// loadCatalogs reads the catalogs and refuses them unless they match.
func loadCatalogs(langs ...Lang) (map[Lang]*catalog, error) {
	catalogs := make(map[Lang]*catalog)
	for _, lang := range langs {
		data, err := files.ReadFile("catalog/" + string(lang) + ".json")
		if err != nil {
			return nil, fmt.Errorf("reading catalog %q: %v", lang, err)
		}
		if catalogs[lang], err = parseCatalog(lang, data); err != nil {
			return nil, err
		}
	}
	for _, lang := range langs[1:] {
		if err := sameShape(catalogs[langs[0]], catalogs[lang]); err != nil {
			return nil, err
		}
	}
	return catalogs, nil
}

// parseCatalog reads one catalog. A text may not be blank.
func parseCatalog(lang Lang, data []byte) (*catalog, error) {
	c := &catalog{lang: lang, needs: make(map[string][]string)}
	if err := json.Unmarshal(data, &c.texts); err != nil {
		return nil, fmt.Errorf("parsing catalog %q: %v", lang, err)
	}
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	for key, text := range c.texts {
		if strings.TrimSpace(text) == "" {
			return nil, fmt.Errorf("catalog %q has no text for %q", lang, key)
		}
		names := placeholder.FindAllString(text, -1)
		slices.Sort(names)
		c.needs[key] = slices.Compact(names)
	}
	return c, nil
}

// sameShape compares keys and placeholders of two catalogs.
func sameShape(a, b *catalog) error {
	for _, key := range slices.Sorted(maps.Keys(a.texts)) {
		if _, ok := b.texts[key]; !ok {
			return fmt.Errorf("catalog %q has no %q", b.lang, key)
		}
		if !slices.Equal(a.needs[key], b.needs[key]) {
			return fmt.Errorf("placeholders of %q differ: %v in %q, %v in %q",
				key, a.needs[key], a.lang, b.needs[key], b.lang)
		}
	}
	for key := range b.texts {
		if _, ok := a.texts[key]; !ok {
			return fmt.Errorf("catalog %q has no %q", a.lang, key)
		}
	}
	return nil
}

// text returns the text of a key with its placeholders filled from pairs of a
// name and a value. A value that the text does not name is ignored; a
// placeholder without a value is an error. Values are put in once, so that a
// placeholder inside a value stays as it was typed.
func (c *catalog) text(key string, pairs ...any) (string, error) {
	text, ok := c.texts[key]
	if !ok {
		return "", fmt.Errorf("catalog %q has no %q", c.lang, key)
	}
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("text %q: a name without a value", key)
	}
	var given []string
	for i := 0; i < len(pairs); i += 2 {
		given = append(given, fmt.Sprintf("{%v}", pairs[i]), c.value(pairs[i+1]))
	}
	for _, name := range c.needs[key] {
		if !contains(given, name) {
			return "", fmt.Errorf("text %q: no value for %s", key, name)
		}
	}
	return strings.NewReplacer(given...).Replace(text), nil
}

// contains looks for a name at the even places of pairs.
func contains(pairs []string, name string) bool {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == name {
			return true
		}
	}
	return false
}

// value writes a placeholder's value as a reader of the language expects it.
func (c *catalog) value(v any) string {
	switch v := v.(type) {
	case int:
		return c.number(int64(v))
	case int64:
		return c.number(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	}
	return fmt.Sprint(v)
}

// each returns the texts prefix.1, prefix.2 and so on.
func (c *catalog) each(prefix string) ([]string, error) {
	var list []string
	for {
		text, ok := c.texts[prefix+"."+strconv.Itoa(len(list)+1)]
		if !ok {
			break
		}
		list = append(list, text)
	}
	if list == nil {
		return nil, fmt.Errorf("catalog %q has no list %q", c.lang, prefix)
	}
	return list, nil
}

// A voice lets one template speak either language, on the page that has both.
type voice struct {
	Lang  Lang
	Own   bool // it is the page's own language
	texts *catalog
}

// T returns the text of a key.
func (v voice) T(key string, pairs ...any) (string, error) { return v.texts.text(key, pairs...) }

// Each returns the texts of a list.
func (v voice) Each(key string) ([]string, error) { return v.texts.each(key) }
