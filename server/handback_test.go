package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/servertest"
	"saksi/server/store"
)

// TestEveryAnswerComesBackFromEveryFailure: the page's form, sent again as a
// browser sends it, has every answer; to another drop, which takes it.
func TestEveryAnswerComesBackFromEveryFailure(t *testing.T) {
	limits := server.Production()
	limits.Form = 30_000
	var later atomic.Int64 // years
	d := servertest.New(t, servertest.Options{Limits: limits})
	full := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return fullStore{s} }})
	failed := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return failedStore{s} }})
	expired := servertest.New(t, servertest.Options{Now: func() time.Time {
		return time.Now().AddDate(int(later.Load()), 0, 0)
	}})
	later.Store(1)
	form := func(more ...string) url.Values {
		f := servertest.Fields("/write", append([]string{"text", "isi kesaksian", "q.unit", `Dinas "A" <b>`,
			"q.tempat", "73", "q.tempat.finer", "73.71", "q.bahaya", "ya", "q.status", "pppk"}, more...)...)
		f["q.tekanan"], f["q.jangan_teruskan"] = []string{"lisan", "pantau"}, []string{"bkn", "polisi"}
		return f
	}
	want := kept(t, d, form("code", receipt.New().Field()))
	for name, test := range map[string]struct {
		drop   *servertest.Drop
		status int
		body   string
	}{
		"full":     {full, http.StatusInsufficientStorage, form().Encode()},
		"failed":   {failed, http.StatusServiceUnavailable, form().Encode()},
		"expired":  {expired, http.StatusServiceUnavailable, form().Encode()},
		"empty":    {d, http.StatusUnprocessableEntity, form("text", " ").Encode()},
		"no text":  {d, http.StatusUnprocessableEntity, form("text", "\x00").Encode()},
		"strange":  {d, http.StatusUnprocessableEntity, form("q.izin", "semua").Encode()},
		"damaged":  {d, http.StatusBadRequest, form().Encode() + "&x=%zz"},
		"too long": {d, http.StatusUnprocessableEntity, form("text", strings.Repeat("a", 24_001)).Encode()},
		"far too long": {d, http.StatusRequestEntityTooLarge,
			form("text", strings.Repeat("a", 200_000)).Encode()},
		"too many fields": {d, http.StatusBadRequest, form().Encode() + strings.Repeat("&x=1", 1000)},
		"language":        {d, http.StatusOK, form("switch", "1").Encode()},
	} {
		t.Run(name, func(t *testing.T) {
			code := receipt.New().Field()
			p := post(t, test.drop, "/write", urlencoded, "code="+code+"&"+test.body)
			expect(t, p, test.status)
			again := submitted(t, p, "/write")
			if again.Get("code") != code {
				t.Errorf("the code came back as %q", again.Get("code"))
			}
			again.Set("code", receipt.New().Field())
			again.Set("text", "isi")
			if name == "strange" {
				again.Set("q.izin", "informasi")
			}
			if got := kept(t, d, again); !reflect.DeepEqual(got, want) {
				t.Errorf("%v became %v", want, got)
			}
		})
	}
}

// failedStore is a store whose disk fails.
type failedStore struct{ store.Store }

func (failedStore) Create(store.Item, [][]byte, func(io.Writer) error) error {
	return fmt.Errorf("creating item: %w", store.ErrFailed)
}

// kept sends a form and returns the answers that a desk reads.
func kept(t *testing.T, d *servertest.Drop, form url.Values) map[string][]string {
	t.Helper()
	expect(t, post(t, d, "/write", urlencoded, form.Encode()), http.StatusOK)
	code, err := receipt.ParseField(form.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, d, code, 0, 0, nil).Form.Answers
}

// submitted returns what a browser sends of the form that leads to a path, when its
// last button is pressed.
func submitted(t *testing.T, p servertest.Page, path string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	fields := url.Values{}
	for n := range root.Descendants() {
		if n.Data != "form" || attribute(n, "action") != path {
			continue
		}
		for field := range n.Descendants() {
			name, value := attribute(field, "name"), attribute(field, "value")
			switch kind := attribute(field, "type"); {
			case field.Data == "input" && (kind == "hidden" || kind == "text" || has(field, "checked")):
				fields.Add(name, value)
			case field.Data == "option" && has(field, "selected"):
				fields.Add(attribute(field.Parent, "name"), value)
			case field.Data == "textarea" && field.FirstChild != nil:
				fields.Add(name, field.FirstChild.Data)
			}
		}
	}
	return fields
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
