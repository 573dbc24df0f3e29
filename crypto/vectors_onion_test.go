package crypto_test

import (
	"testing"

	"saksi/crypto/onionname"
)

type onionSection struct {
	About   []string      `json:"about"`
	Names   []onionVector `json:"names"`
	Refused []string      `json:"refused"`
	Poster  posterVector  `json:"poster"`
}

type onionVector struct {
	Key  hexBytes `json:"public_key"`
	Name string   `json:"name"`
}

// A posterVector is the address on a poster, of the first name.
type posterVector struct {
	Fingerprint []string `json:"fingerprint"`
	URL         string   `json:"url"`
}

func makeOnions(p *party) onionSection {
	s := onionSection{About: []string{
		"names: of onion services, from their public keys. refused: texts that are none.",
		"poster: the address that leads to the first name, with the fingerprint of roster.roots.",
	}}
	for i := range byte(3) {
		key := [32]byte{i, 31: 0xff - i}
		s.Names = append(s.Names, onionVector{key[:], onionname.New(key).String()})
	}
	good := s.Names[0].Name
	s.Refused = []string{
		"", ".onion", good[:56], good + ".", "www." + good, good[:55] + "e.onion", "b" + good[1:], "A" + good[1:],
		good[:55] + "=.onion", "expyuzz4wqqyqhjn.onion",
	}
	fingerprint := p.rootSets[0].Fingerprint()
	s.Poster = posterVector{fingerprint, onionname.New([32]byte{31: 0xff}).Entry(fingerprint)}
	return s
}

func (s onionSection) check(t *testing.T, v vectors) {
	for _, n := range s.Names {
		sameText(t, "name", onionname.New([32]byte(n.Key)).String(), n.Name)
		sameText(t, "name, read and written", must(onionname.Parse(n.Name))(t).String(), n.Name)
	}
	for _, text := range s.Refused {
		if _, err := onionname.Parse(text); errorName(err) != "refused" {
			t.Errorf("%q: error %q", text, errorName(err))
		}
	}
	name := must(onionname.Parse(s.Names[0].Name))(t)
	sameText(t, "address", name.Entry(v.Roster.Roots.Fingerprint), s.Poster.URL)
}
