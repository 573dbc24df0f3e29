package web

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"saksi/web/regions"
)

// A clientText is a text that the script needs, with its placeholders.
type clientText struct{ Key, Text string }

// scriptFamilies are the beginnings of the keys whose texts the script asks for. The
// other texts stand in its views.
func scriptFamilies() []string {
	return []string{
		"client.files.", "client.size.", "client.problem.", "client.sealing.", "client.status.",
		"confirm.heading", "conversation.kept", "conversation.week", "conversation.gone_week",
		"failure.", "format.", "item.", "message.label", "open.words", "problem.", "readers.heading", "readers.place_first", "reveals.", "state.", "status.",
	}
}

// forScript returns the texts for the script, sorted by key.
func (c *catalog) forScript() (texts []clientText) {
	for _, key := range slices.Sorted(maps.Keys(c.texts)) {
		of := func(family string) bool { return strings.HasPrefix(key, family) }
		if slices.ContainsFunc(scriptFamilies(), of) {
			texts = append(texts, clientText{key, c.texts[key]})
		}
	}
	return texts
}

// Regions returns all provinces, and what lies in each, as the script's form offers
// them: a JSON list of pairs of code and name.
func Regions() []byte {
	var pairs [][2]string
	for _, province := range regions.Provinces() {
		pairs = append(pairs, [2]string{province.Code, province.Short()})
		for _, r := range regions.Within(province.Code) {
			pairs = append(pairs, [2]string{r.Code, r.Short()})
		}
	}
	list, err := json.Marshal(pairs)
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
	return list
}
