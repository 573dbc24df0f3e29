package pass

import (
	"fmt"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// FuzzParse: a pass has one spelling, and a refusal repeats nothing of it.
func FuzzParse(f *testing.F) {
	text := newPass(f, "budi").Text()
	f.Add(text)
	for _, spelling := range fuzztest.Respell(text) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("\n", 10_000))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, bound, text, Parse, (*Pass).Text)
		_, err := Parse(text)
		for line := range strings.Lines(text) {
			fuzztest.Hides(t, err, strings.TrimPrefix(strings.TrimSpace(line), "seed "))
		}
	})
}

// FuzzParseList: a list of couriers has one spelling.
func FuzzParseList(f *testing.F) {
	l := List{newPass(f, "budi").Card(), newPass(f, "citra").Card()}
	f.Add(l.Text())
	for _, spelling := range fuzztest.Respell(l.Text()) {
		f.Add(spelling)
	}
	f.Add(List{}.Text())
	f.Add(List{}.Text() + strings.Repeat("\n", 10_000))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 48}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, bound, text, ParseList, List.Text)
	})
}

// FuzzParseStamp: the headers of a request have one spelling.
func FuzzParseStamp(f *testing.F) {
	p := newPass(f, "budi")
	headers, err := p.Sign(sample())
	if err != nil {
		f.Fatal(err)
	}
	text := ""
	for _, name := range stampHeaders() {
		text += name + " " + headers[name] + "\n"
	}
	f.Add(text)
	for _, spelling := range fuzztest.Respell(text) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("Saksi-Signature ", 10_000))
	bound := fuzztest.Bound{Base: 4 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, text string) {
		given := map[string]string{}
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			given[name] = value
		}
		parse := func(string) (Request, error) {
			s, signature, err := ParseStamp(func(name string) string { return given[name] })
			return Request{Stamp: s, URI: string(signature)}, err
		}
		r, ok := fuzztest.Parse(t, bound, text, parse)
		if !ok {
			return
		}
		if r.Courier != given[HeaderCourier] || fmt.Sprint(r.Time) != given[HeaderTime] ||
			fmt.Sprintf("%x", r.Nonce) != given[HeaderNonce] || fmt.Sprintf("%x", r.Body) != given[HeaderBody] ||
			len(r.URI) != 64 {
			t.Error("a second spelling was taken")
		}
	})
}

func stampHeaders() []string {
	return []string{HeaderCourier, HeaderTime, HeaderNonce, HeaderBody, HeaderSignature}
}

// FuzzRequest: two requests never have one text: whatever stands in a value, it
// reads back as that value.
func FuzzRequest(f *testing.F) {
	f.Add("GET", onion, "/v1/bundle", "bytes=1-", `"0123"`, int64(1795305600))
	f.Add("GET", "\nuri /", "/v1", "\nif-range ", "", int64(-1))
	f.Add("", "", "", "", "", int64(0))
	f.Fuzz(func(t *testing.T, method, host, uri, ranged, ifRange string, at int64) {
		r := Request{
			Stamp:  Stamp{Courier: "budi", Time: at, Nonce: Nonce{7}, Body: [32]byte{8}},
			Method: method, Host: host, URI: uri, Range: ranged, IfRange: ifRange,
		}
		var text string
		var err error
		input := len(method) + len(host) + len(uri) + len(ranged) + len(ifRange)
		fuzztest.Bound{Base: 4 << 10, PerByte: 8}.Check(t, input, func() { text, err = r.text() })
		if err != nil {
			return
		}
		lines := strings.Split(text, "\n")
		want := []string{
			"saksi/v1/request", "courier budi", "method " + method, "host " + host, "uri " + uri,
			fmt.Sprintf("time %d", at), fmt.Sprintf("nonce %x", r.Nonce), "range " + ranged, "if-range " + ifRange,
			fmt.Sprintf("body %x", r.Body), "",
		}
		if strings.Join(lines, "|") != strings.Join(want, "|") || len(lines) != len(want) {
			t.Errorf("the text has %d lines: %q", len(lines), text)
		}
	})
}
