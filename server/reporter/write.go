package reporter

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/web"
	"saksi/web/taxonomy"
)

// WriteForm serves the empty form, with a fresh code in its hidden field; none while
// the drop is closed.
func (h *Handler) WriteForm(c echo.Context) error {
	if h.closed() { // no error: whoever checks the pages of a drop gets this one
		return h.render(c, http.StatusOK, web.Failure{Key: "shut"})
	}
	view := h.writeView(receipt.New(), web.Draft{}, nil)
	view.Back = false
	return h.render(c, http.StatusOK, view)
}

func (h *Handler) writeView(code receipt.Code, d web.Draft, problems []web.Problem) web.Write {
	unreadable := func(p web.Problem) bool { return p.Key == "not_text" || p.Key == string(taxonomy.NotLine) }
	if slices.ContainsFunc(problems, unreadable) {
		d = marked(d)
	}
	readers := h.readersOf(d, firstForm)
	problems = slices.DeleteFunc(problems, func(p web.Problem) bool {
		if isOfReaders(p.Key) {
			readers.Problem = p.Key
		}
		return isOfReaders(p.Key)
	})
	return web.Write{
		Code: code.Field(), Draft: d, Problems: problems, Length: len(d.Text), MaxText: item.MaxText,
		Today: h.today(), Readers: readers, Back: true,
	}
}

// today is the day where it begins first: in Papua a new month is nine hours old
// when it begins in Greenwich.
func (h *Handler) today() time.Time {
	return h.Scribe.Inbox.Now().In(time.FixedZone("WIT", 9*60*60))
}

// Write takes a first testimony and shows the receipt.
func (h *Handler) Write(c echo.Context) error {
	f, formErr := h.form(c)
	d := f.draft(h.Pages.Taxonomy())
	code, err := f.code()
	if err != nil {
		return &Failed{Cause: cmp.Or(formErr, err), Draft: f.typed(h.Pages.Taxonomy()), Retry: "/write"}
	}
	failed := &Failed{
		Code: code.Field(), Draft: &d, Retry: "/write", Limit: item.MaxText,
		Form: func(problem string) any { return h.writeView(code, d, h.ofStory(problem)) },
	}
	remember(c, failed)
	whole := formErr == nil || errors.Is(formErr, gate.ErrBusy)
	if whole && f.has("switch") { // keeps nothing, and costs what a refusal costs
		return h.render(c, http.StatusOK, h.writeView(code, d, nil))
	}
	if formErr != nil {
		failed.Cause = formErr
		return failed
	}
	problems := h.problems(d)
	if f.unasked(h.Pages.Taxonomy()) != "" { // on top: it says why the text is another
		problems = slices.Concat(h.ofStory("unasked"), problems)
	}
	if len(problems) > 0 {
		return h.render(c, http.StatusUnprocessableEntity, h.writeView(code, d, problems))
	}
	outcome, next, err := h.sendTestimony(c, code, d)
	if err != nil {
		failed.Cause = err
		return failed
	}
	view := h.receiptView(code, next, d)
	if outcome == inbox.Again {
		view.Again, view.Unsent = true, &d
	} else {
		view.KeptFrom = view.Readers.Withheld()
	}
	return h.renderTimed(c, http.StatusOK, view, time.Time{}, receiptPadding)
}

// ofStory is a problem of the text.
func (h *Handler) ofStory(key string) []web.Problem {
	return []web.Problem{{Question: h.Pages.Taxonomy().Story().ID, Key: key}}
}

// problems returns what is wrong with a whole form, in its order: all at once,
// since every way through Tor takes its time.
func (h *Handler) problems(d web.Draft) []web.Problem {
	t := h.Pages.Taxonomy()
	var found []web.Problem
	for _, p := range t.Check(d.Answers) {
		found = append(found, web.Problem{Question: p.Question, Key: string(p.What)})
	}
	if key := problemOf(item.CheckText(d.Text)); key != "" {
		found = append(found, h.ofStory(key)...)
	}
	if _, err := h.choice(d); err != nil {
		found = append(found, h.ofStory(problemOf(err))...)
	}
	place := func(p web.Problem) int {
		return slices.IndexFunc(t.Questions(), func(q *taxonomy.Question) bool { return q.ID == p.Question })
	}
	slices.SortFunc(found, func(a, b web.Problem) int { return cmp.Compare(place(a), place(b)) })
	return found
}

// sendTestimony hands a testimony in, and returns the number that the next item
// of the code may have.
func (h *Handler) sendTestimony(
	c echo.Context, code receipt.Code, d web.Draft,
) (outcome inbox.Outcome, next int, err error) {
	readers, err := h.choice(d)
	if err != nil {
		return 0, 0, err
	}
	outcome, err = h.sendText(c, code, 0, item.Content{
		Kind: item.Testimony, Readers: readers, Language: string(h.Lang), Text: d.Text,
		Form: item.Form{Answers: d.Answers}, Taxonomy: h.Pages.Taxonomy().Reference(),
	})
	if err != nil || outcome != inbox.Again {
		return outcome, 1, err // nothing but this item has the code
	}
	states, err := h.Scribe.States(code)
	if err != nil {
		// The item is kept: sending the form again shows the words.
		return outcome, 0, err
	}
	return outcome, states.Next(), nil
}

// receiptView shows the words of a code whose first item is kept, and what the
// answers to it advise. Its next item will have the number next.
func (h *Handler) receiptView(code receipt.Code, next int, d web.Draft) web.Receipt {
	t := h.Pages.Taxonomy()
	return web.Receipt{
		Words: code.Words(), Code: code.Field(), NextN: next, MaxFile: h.MaxFile, MaxText: item.MaxText,
		KeepSpread: inbox.KeepSpread, KeepAtMost: inbox.KeepAtMost,
		Advice: t.Advice(d.Answers), Carried: t.Advising(d.Answers),
		Draft: web.Draft{Roster: d.Roster, Withheld: d.Withheld, Province: h.province(d)}, Readers: h.readersOf(d, nextForm),
	}
}
