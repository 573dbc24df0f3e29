package crypto_test

import (
	"crypto/sha256"
	"testing"

	"saksi/crypto/canary"
	"saksi/crypto/hybrid"
)

type canarySection struct {
	About    []string       `json:"about"`
	Identity string         `json:"identity"`
	Canaries []canaryVector `json:"canaries"`
	Months   []string       `json:"months"`
	BadMonth []string       `json:"months_refused"`
}

// A canaryVector with an error is no canary, and has no answer.
type canaryVector struct {
	About  string   `json:"about"`
	Plain  hexBytes `json:"plaintext"`
	Sealed []byte   `json:"sealed_base64"`
	Answer hexBytes `json:"answer,omitempty"`
	Hash   hexBytes `json:"answer_sha256,omitempty"`
	Error  string   `json:"error"`
}

func makeCanaries(t *testing.T, p *party) canarySection {
	e := p.reviewers[0].SlotIdentities()[0]
	s := canarySection{
		About: []string{
			"canaries: files to the identity, with their plaintexts. The server keeps answer_sha256.",
			"An empty error means that the file is answered.",
		},
		Identity: e.String(),
		Months:   []string{"2000-01", "2026-12", "9999-12"},
		BadMonth: []string{"", "1999-12", "2026-00", "2026-13", "2026-1", "2026-12-01", "2026/12", "10000-01"},
	}
	word := sum([]byte("kata"))
	label := []byte("saksi/v1/canary\n")
	for _, v := range []canaryVector{
		{About: "a canary", Plain: append(label[:16:16], word...)},
		{About: "an identity, as in a slot", Plain: []byte(e.String()), Error: "canary"},
		{About: "48 bytes of an identity", Plain: []byte(e.String())[:48], Error: "canary"},
		{About: "without the label", Plain: word, Error: "canary"},
		{About: "another label", Plain: append([]byte("saksi/v2/canary\n"), word...), Error: "canary"},
		{About: "one byte more", Plain: append(append(label[:16:16], word...), 0), Error: "canary"},
		{About: "one byte less", Plain: append(label[:16:16], word[:31]...), Error: "canary"},
	} {
		v.Sealed = must(hybrid.SealBytes(v.Plain, e.Recipient()))(t)
		if v.Error == "" {
			v.Answer = sum(append([]byte("saksi/v1/canary/answer"), word...))
			v.Hash = sum(v.Answer)
		}
		s.Canaries = append(s.Canaries, v)
	}
	return s
}

func (s canarySection) check(t *testing.T) {
	e := must(hybrid.ParseIdentity(s.Identity))(t)
	for _, v := range s.Canaries {
		got, err := canary.Open(v.Sealed, e)
		if errorName(err) != v.Error {
			t.Errorf("%s: %v, want %q", v.About, err, v.Error)
			continue
		}
		same(t, v.About, must(hybrid.OpenBytes(v.Sealed, len(v.Plain), e))(t), v.Plain)
		if v.Error == "" {
			same(t, "answer", got[:], v.Answer)
			same(t, "hash of the answer", sum(got[:]), v.Hash)
			if !got.Fits([sha256.Size]byte(v.Hash)) {
				t.Error("the answer does not fit its hash")
			}
		}
	}
	for _, m := range s.Months {
		if _, err := canary.ParseMonth(m); err != nil {
			t.Error(err)
		}
	}
	for _, m := range s.BadMonth {
		if _, err := canary.ParseMonth(m); err == nil {
			t.Errorf("month %q: taken", m)
		}
	}
}
