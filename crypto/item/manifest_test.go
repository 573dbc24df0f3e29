package item

import (
	"strings"
	"testing"
)

// TestManifestIsHeldToItsTable: what docs/protocol.md, section 9, says of the names that
// nothing is derived from. A reader that took others would file what this one sets apart.
func TestManifestIsHeldToItsTable(t *testing.T) {
	burn := strings.Repeat("0a", 32)
	one := func(path, name string) map[string]string { return map[string]string{path: name} }
	for about, test := range map[string]struct {
		m     Manifest
		right bool
	}{
		"nothing more":                {Manifest{Burn: burn}, true},
		"no burn hash":                {Manifest{}, false},
		"a burn hash in upper case":   {Manifest{Burn: strings.ToUpper(burn)}, false},
		"excluded":                    {Manifest{Burn: burn, Withheld: []string{"r1", "r2"}}, true},
		"excluded twice":              {Manifest{Burn: burn, Withheld: []string{"r1", "r1"}}, true},
		"excluded, not sorted":        {Manifest{Burn: burn, Withheld: []string{"r2", "r1"}}, false},
		"excluded, no id":             {Manifest{Burn: burn, Withheld: []string{"R1"}}, false},
		"101 excluded":                {Manifest{Burn: burn, Withheld: strings.Fields(strings.Repeat("r1 ", 101))}, false},
		"a language of three letters": {Manifest{Burn: burn, Language: "jav"}, true},
		"a language of four":          {Manifest{Burn: burn, Language: "java"}, false},
		"a reference with U+FFFD":     {Manifest{Burn: burn, Taxonomy: "a\n\ufffd"}, true},
		"a long reference":            {Manifest{Burn: burn, Taxonomy: strings.Repeat("a", 301)}, false},
		"a name":                      {Manifest{Burn: burn, Kind: Attachment, Original: one("attachments/001.x", "\ufffd")}, true},
		"a name with a bell":          {Manifest{Burn: burn, Kind: Attachment, Original: one("attachments/001.x", "\a")}, false},
		"a name of a second file":     {Manifest{Burn: burn, Kind: Attachment, Original: one("attachments/002.x", "x")}, false},
		"a name of no attachment":     {Manifest{Burn: burn, Kind: Message, Original: one("attachments/001.x", "x")}, false},
	} {
		if err := test.m.checkRest(); (err == nil) != test.right {
			t.Errorf("%s: %v", about, err)
		}
	}
}
