package crypto_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/pass"
)

type passSection struct {
	About       []string        `json:"about"`
	Passes      []passVector    `json:"passes"`
	BadPasses   []replacement   `json:"passes_refused"`
	List        string          `json:"list"`
	BadLists    []replacement   `json:"lists_refused"`
	Requests    []requestVector `json:"requests"`
	BadRequests []replacement   `json:"requests_refused"`
}

type passVector struct {
	Pass        string   `json:"pass"`
	Seed        hexBytes `json:"seed"`
	SignSeed    hexBytes `json:"sign_seed"`
	TorPrivate  hexBytes `json:"tor_private"`
	Card        string   `json:"card"`
	Auth        string   `json:"auth"`
	AuthPrivate string   `json:"auth_private"`
}

type requestVector struct {
	About     string   `json:"about"`
	Courier   string   `json:"courier"`
	Method    string   `json:"method"`
	Host      string   `json:"host"`
	URI       string   `json:"uri"`
	Time      int64    `json:"time"`
	Nonce     hexBytes `json:"nonce"`
	Range     string   `json:"range"`
	IfRange   string   `json:"if_range"`
	Body      hexBytes `json:"body"`
	Signature string   `json:"signature_base64"`
}

func (v requestVector) request() pass.Request {
	return pass.Request{
		Stamp: pass.Stamp{
			Courier: v.Courier, Time: v.Time, Nonce: pass.Nonce(v.Nonce), Body: [32]byte(sum(v.Body)),
		},
		Method: v.Method, Host: v.Host, URI: v.URI, Range: v.Range, IfRange: v.IfRange,
	}
}

func makePasses(t *testing.T, p *party) passSection {
	s := passSection{About: []string{
		"passes: all that follows from the seed.",
		"requests: body is the body, of which the hash is signed. Signatures are by the first pass.",
		"requests_refused: headers of the first request, one a line, after a replacement.",
	}}
	onion := strings.Repeat("saksi2", 9) + "77.onion"
	list := pass.List{}
	var passes []*pass.Pass
	for _, name := range []string{"budi", "citra-2"} {
		made := must(pass.New("uji.saksi", name, onion, p.server.Key()))(t)
		passes = append(passes, made)
		s.Passes = append(s.Passes, passVectorOf(t, made))
		list = must(list.Add(made.Card()))(t)
	}
	s.List = list.Text()
	s.Requests = makeRequests(t, passes[0])
	own, other := s.Passes[0], s.Passes[1]
	s.BadPasses = []replacement{
		{"another label", "saksi/v1/pass", "saksi/v2/pass", "refused"},
		{"a name with a capital", "courier budi", "courier Budi", "refused"},
		{"a name of 33 letters", "courier budi", "courier " + strings.Repeat("a", 33), "refused"},
		{"an address that is too short", "onion s", "onion ", "refused"},
		{"an address with the digit 1", "77.onion", "71.onion", "refused"},
		{"a private key as the server's", "server ", "server PRIVATE+KEY+", "refused"},
		{"a seed in capitals", hex.EncodeToString(own.Seed), strings.ToUpper(hex.EncodeToString(own.Seed)), "refused"},
		{"a line too many", "saksi/v1/pass\n", "saksi/v1/pass\n\n", "refused"},
	}
	s.BadLists = []replacement{
		{"another order", own.Card + "\n" + other.Card, other.Card + "\n" + own.Card, "refused"},
		{"a name twice", "citra-2", "budi", "refused"},
		{"a key twice", other.Card[len("courier citra-2 "):][:64], own.Card[len("courier budi "):][:64], "refused"},
		{"two spaces", "courier budi ", "courier budi  ", "refused"},
		{"no end", own.Card + "\n", own.Card, "refused"},
	}
	first := s.Requests[0]
	s.BadRequests = []replacement{
		{"a time with a zero before it", "Saksi-Time: ", "Saksi-Time: 0", "refused"},
		{"a negative time", "Saksi-Time: ", "Saksi-Time: -", "refused"},
		{"a short nonce", "Saksi-Nonce: 00", "Saksi-Nonce: ", "refused"},
		{"a signature of another length", first.Signature, first.Signature + "AAAA", "refused"},
		{"no courier", "Saksi-Courier: budi\n", "", "refused"},
	}
	return s
}

func passVectorOf(t *testing.T, p *pass.Pass) passVector {
	_, seed, _ := strings.Cut(strings.TrimSuffix(p.Text(), "\n"), "\nseed ")
	raw := must(hex.DecodeString(seed))(t)
	return passVector{
		Pass: p.Text(), Seed: raw, SignSeed: derive(raw, "courier/sign", 32), TorPrivate: derive(raw, "courier/tor", 32),
		Card: p.Card().Line(), Auth: p.Card().Auth(), AuthPrivate: p.AuthPrivate(),
	}
}

func makeRequests(t *testing.T, p *pass.Pass) []requestVector {
	made := []requestVector{
		{About: "a list", Method: "GET", URI: "/v1/batches", Nonce: make([]byte, 16), Body: hexBytes{}},
		{About: "the rest of a bundle", Method: "GET", URI: "/v1/bundle", Range: "bytes=1048576-",
			IfRange: `"0123456789abcdef"`, Nonce: slices.Repeat([]byte{255}, 16), Body: hexBytes{}},
		{About: "an outbox", Method: "POST", URI: "/v1/outbox", Nonce: slices.Repeat([]byte{1}, 16), Body: hexBytes("abc")},
	}
	for i := range made {
		made[i].Courier, made[i].Host, made[i].Time = p.Courier, p.Onion, 1795305600+int64(i)
		made[i].Signature = must(p.Sign(made[i].request()))(t)[pass.HeaderSignature]
	}
	return made
}

func (s passSection) check(t *testing.T) {
	var list pass.List
	for _, v := range s.Passes {
		p := must(pass.Parse(v.Pass))(t)
		sameText(t, "pass", p.Text(), v.Pass)
		sameText(t, "card", must(pass.ParseCard(v.Card))(t).Line(), v.Card)
		got := passVectorOf(t, p)
		same(t, "seed of the signing key", got.SignSeed, v.SignSeed)
		same(t, "tor's private key", got.TorPrivate, v.TorPrivate)
		sameText(t, "card of the pass", got.Card, v.Card)
		sameText(t, "tor's line at the service", got.Auth, v.Auth)
		sameText(t, "tor's line at the client", got.AuthPrivate, v.AuthPrivate)
		list = append(list, p.Card())
	}
	sameText(t, "list", must(pass.ParseList(s.List))(t).Text(), s.List)
	sameText(t, "list of the cards", list.Text(), s.List)
	refuse(t, s.Passes[0].Pass, s.BadPasses, func(text string) error {
		_, err := pass.Parse(text)
		return err
	})
	refuse(t, s.List, s.BadLists, func(text string) error {
		_, err := pass.ParseList(text)
		return err
	})
	s.checkRequests(t)
}

func (s passSection) checkRequests(t *testing.T) {
	p := must(pass.Parse(s.Passes[0].Pass))(t)
	var first string
	for _, v := range s.Requests {
		headers := must(p.Sign(v.request()))(t)
		sameText(t, v.About, headers[pass.HeaderSignature], v.Signature)
		stamp, signature, err := pass.ParseStamp(func(name string) string { return headers[name] })
		if err != nil || stamp != v.request().Stamp || !p.Card().Verify(v.request(), signature) {
			t.Errorf("%s: it is not what the courier signed: %v", v.About, err)
		}
		if first != "" {
			continue
		}
		for _, name := range []string{
			pass.HeaderCourier, pass.HeaderTime, pass.HeaderNonce, pass.HeaderBody, pass.HeaderSignature,
		} {
			first += name + ": " + headers[name] + "\n"
		}
	}
	refuse(t, first, s.BadRequests, func(text string) error {
		_, _, err := pass.ParseStamp(func(name string) string {
			_, after, _ := strings.Cut(text, name+": ")
			value, _, _ := strings.Cut(after, "\n")
			return value
		})
		return err
	})
}
