package reporter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/web"
	"saksi/web/taxonomy"
)

// TestWhateverAFormAsksCanBeSent: for every taxonomy that is taken, all of its form
// filled in to the limits arrives, is taken, sealed, and read at the desk just so.
func TestWhateverAFormAsksCanBeSent(t *testing.T) {
	if taxonomy.MaxValues != item.MaxValues || taxonomy.MaxAnswers != item.MaxAnswers {
		t.Error("a form and an item have other limits")
	}
	party := partytest.New(t, time.Now(), 1)
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		tax, err := taxonomy.Parse(anyTaxonomy(t))
		if err != nil {
			refused++
			return
		}
		taken++
		answers := full(tax)
		body := url.Values{web.StoryField: {strings.Repeat("a", item.MaxText)}, "switch": {""}, "code": {"00"}}
		for id, values := range answers {
			body[web.AnswerPrefix+id] = values
			if tax.Question(id).Kind == taxonomy.Place {
				body[web.AnswerPrefix+id] = []string{"73"}
				body[web.AnswerPrefix+id+web.FinerSuffix] = values
			}
		}
		f, err := readForm(body.Encode())
		if d := f.draft(tax); err != nil || !reflect.DeepEqual(d.Answers, answers) {
			t.Fatalf("%d fields arrive as %d answers: %v", len(body), len(d.Answers), err)
		}
		if problems := tax.Check(answers); len(problems) > 0 {
			t.Fatalf("what the form offers is refused: %v", problems)
		}
		if got := sealedAndOpened(t, party, tax, answers); !reflect.DeepEqual(taxonomy.Answers(got), answers) {
			t.Fatalf("%d answers became %d", len(answers), len(got))
		}
	})
	if taken < 10 || refused < 10 {
		t.Errorf("%d were taken, %d refused: that shows nothing", taken, refused)
	}
}

// anyTaxonomy is well formed but for how much it asks.
func anyTaxonomy(t *rapid.T) []byte {
	words := taxonomy.Text{ID: "a", EN: "b"}
	questions := []*taxonomy.Question{{ID: "cerita", Kind: taxonomy.Story, Required: true, Label: words}}
	add := func(kind taxonomy.Kind, most, choices, months int) {
		for range rapid.IntRange(0, most).Draw(t, string(kind)) {
			q := &taxonomy.Question{ID: fmt.Sprintf("q%031d", len(questions)), Kind: kind, Label: words, Months: months}
			for c := range choices {
				q.Choices = append(q.Choices, taxonomy.Choice{Code: fmt.Sprintf("c%031d", c), Label: words})
			}
			questions = append(questions, q)
		}
	}
	add(taxonomy.Line, 18, 0, 0)
	add(taxonomy.Many, 4, rapid.IntRange(2, 48).Draw(t, "choices"), 0)
	add(taxonomy.Place, 30, rapid.IntRange(0, 1).Draw(t, "or a choice"), 0)
	add(taxonomy.List, 5, 48, 0)
	add(taxonomy.Month, 5, 2, 60)
	data, err := json.Marshal(taxonomy.Taxonomy{
		Format: "saksi/v1/taxonomy", Name: "uji", Version: "2026-11-22", Title: words,
		Sections: []taxonomy.Section{{Title: words, Questions: questions}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// full answers every question with as many bytes as it takes.
func full(tax *taxonomy.Taxonomy) taxonomy.Answers {
	answers := taxonomy.Answers{}
	for _, q := range tax.Questions() {
		switch {
		case q.Kind == taxonomy.Line:
			answers[q.ID] = []string{strings.Repeat(`"`, taxonomy.MaxLine)}
		case q.Kind == taxonomy.Place:
			answers[q.ID] = []string{"73.71"}
		case q.Kind == taxonomy.Many:
			for _, c := range q.Choices {
				answers[q.ID] = append(answers[q.ID], c.Code)
			}
		case len(q.Choices) > 0:
			answers[q.ID] = []string{q.Choices[0].Code}
		}
	}
	return answers
}

// readForm reads a body as a browser sends it.
func readForm(body string) (form, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h := &Handler{MaxForm: 64 << 10}
	return h.form(echo.New().NewContext(r, httptest.NewRecorder()))
}

func sealedAndOpened(
	t *rapid.T, p *partytest.Party, tax *taxonomy.Taxonomy, answers taxonomy.Answers,
) map[string][]string {
	code := receipt.New()
	s, err := item.Seal(p.Circle, code, 0, item.Content{
		Kind: item.Testimony, Language: "id", Text: strings.Repeat("a", item.MaxText),
		Form: item.Form{Answers: answers}, Taxonomy: tax.Reference(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	e, err := item.OpenSlot(s.Slots[0], p.Reviewers[0].SlotIdentities()[0])
	if err != nil {
		t.Fatal(err)
	}
	o, err := item.Open(&payload, e, item.Expect{ID: s.ID, Roster: p.Roster, Slots: s.Slots}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.Form.Answers
}
