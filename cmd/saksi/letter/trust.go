package letter

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/web/regions"
	"saksi/web/taxonomy"
)

// Errors of a roster.
var (
	// ErrFingerprint is returned when a roster begins with other roots than those of
	// the fingerprint.
	ErrFingerprint = errors.New("the roster is of other roots than the fingerprint says")
	// ErrRoster is returned for a roster that the roots did not sign, or that is none.
	ErrRoster = errors.New("the roster is not signed by its roots, or is none")
)

// An Anchor says which roots are trusted: by their fingerprint, as an address has
// it, or by the set itself.
type Anchor struct {
	Fits  func(groups []string) bool // five groups; nil for none
	Roots *roster.RootSet
}

// Trust returns whom to seal to: by a roster that the trusted roots signed, that is
// in force now, with the recipients file that it pins for this week, by a clock that may
// be a day off. It returns
// [ErrFingerprint], [ErrRoster], [roster.ErrExpired], [roster.ErrNotYet] or
// [roster.ErrNoRecipients].
func Trust(note []byte, recipients string, anchor Anchor, now time.Time) (*roster.Circle, error) {
	text, _, err := sign.Split(note)
	if err != nil {
		return nil, ErrRoster
	}
	named, err := roster.Parse(text)
	if err != nil {
		return nil, ErrRoster
	}
	first := named.RootSets[0]
	switch {
	case anchor.Fits == nil && anchor.Roots == nil:
		return nil, ErrFingerprint
	case anchor.Fits != nil && !anchor.Fits(first.Fingerprint()):
		return nil, ErrFingerprint
	case anchor.Roots != nil && anchor.Roots.Hash() != first.Hash():
		return nil, ErrFingerprint
	}
	signed, err := roster.Verify(note, first)
	if err != nil {
		return nil, ErrRoster
	}
	if _, err := roster.ParseRecipients(recipients); err != nil {
		return nil, fmt.Errorf("reading the recipients: %w", roster.ErrNoRecipients)
	}
	return signed.CircleOf(now, recipients)
}

// An AnswersError names the questions whose answers cannot be taken, or the first of them.
type AnswersError struct{ Questions []string }

func (e *AnswersError) Error() string {
	return ErrAnswers.Error() + ": " + strings.Join(e.Questions, ", ")
}

// Unwrap returns [ErrAnswers].
func (e *AnswersError) Unwrap() error { return ErrAnswers }

// mostNamed is how many questions an [AnswersError] names.
const mostNamed = 8

// ParseAnswers reads a JSON object from questions to values, one or a list of them,
// and holds it to the questions, as the form does. It returns an [*AnswersError], or
// [ErrAnswers].
func ParseAnswers(text []byte, t *taxonomy.Taxonomy) (taxonomy.Answers, error) {
	var raw map[string]json.RawMessage
	if json.Unmarshal(text, &raw) != nil {
		return nil, ErrAnswers
	}
	answers := taxonomy.Answers{}
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(raw)) {
		values, ok := valuesOf(raw[id])
		if q := t.Question(id); !ok || q == nil || q.Kind == taxonomy.Story {
			wrong = append(wrong, fmt.Sprintf("%.60q", id))
			continue
		}
		answers[id] = values
	}
	tidy := t.Tidy(answers)
	for _, p := range t.Check(tidy) {
		wrong = append(wrong, fmt.Sprintf("%q (%s)", p.Question, p.What))
	}
	if more := len(wrong) - mostNamed; more > 0 {
		wrong = append(wrong[:mostNamed], fmt.Sprintf("and %d more", more))
	}
	if len(wrong) > 0 {
		return nil, &AnswersError{wrong}
	}
	return tidy, nil
}

func valuesOf(raw json.RawMessage) (values []string, ok bool) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, true
	}
	return values, json.Unmarshal(raw, &values) == nil
}

// ErrProvince is returned for what is no province's code.
var ErrProvince = errors.New("not the code of a province, which has two digits")

// Choose returns the choice of readers: those who are kept from it, and the province
// of the incident, which an answer tells or else the caller. It returns
// [ErrProvince], [item.ErrNoReader] or [item.ErrFewReaders].
func Choose(
	circle *roster.Circle, withheld []string, province string, answers taxonomy.Answers, t *taxonomy.Taxonomy,
) (item.Readers, error) {
	if t != nil {
		for _, q := range t.Questions() {
			if values := answers[q.ID]; q.Kind == taxonomy.Place && len(values) == 1 {
				province = known(roster.Province(values[0]), province)
				break
			}
		}
	}
	if province != "" && known(province, "") == "" {
		return item.Readers{}, ErrProvince
	}
	r := item.Readers{Roster: circle.Hash, Withheld: withheld, Province: province}
	return r, r.Check(circle)
}

// known returns a code if it is that of a province, else another one.
func known(code, other string) string {
	if slices.ContainsFunc(regions.Provinces(), func(r regions.Region) bool { return r.Code == code }) {
		return code
	}
	return other
}
