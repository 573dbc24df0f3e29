package reporter

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
	"saksi/server/scribe"
	"saksi/web"
)

// OpenForm asks for the twelve words.
func (h *Handler) OpenForm(c echo.Context) error {
	return h.render(c, http.StatusOK, web.Open{})
}

// Open shows a conversation, or says what is wrong with the words.
func (h *Handler) Open(c echo.Context) error {
	start := time.Now()
	f, formErr := h.form(c)
	if f.has("code") {
		code, err := f.code()
		if err := cmp.Or(formErr, err); err != nil {
			return f.failed(err, "/open")
		}
		chosen := f.message()
		chosen.Text = ""
		return h.open(c, start, code, web.Conversation{Page: f.page(), Draft: chosen})
	}
	if !f.has("words") && formErr != nil {
		return formErr
	}
	if problem := problemOf(formErr); problem != "" {
		return h.render(c, lookUp(formErr).status, web.Open{Words: f.text("words"), Problem: problem})
	}
	if formErr == nil && f.has("switch") { // to mend the words by hand
		return h.render(c, http.StatusOK, web.Open{Words: f.text("words")})
	}
	reading, err := receipt.Parse(f.text("words"))
	if err != nil {
		return h.render(c, http.StatusUnprocessableEntity, openProblem(f.text("words"), err))
	}
	if len(reading.Mended) > 0 {
		return h.render(c, http.StatusOK, suggestion(reading, f.text("words")))
	}
	if formErr != nil { // refused, and the page has the code in place of the words
		return &Failed{Cause: formErr, Code: reading.Code.Field()}
	}
	return h.open(c, start, reading.Code, web.Conversation{})
}

// open shows a conversation, if the gate lets it.
func (h *Handler) open(c echo.Context, start time.Time, code receipt.Code, view web.Conversation) error {
	failed := &Failed{Code: code.Field(), Chosen: view.Draft}
	remember(c, failed)
	failed.Cause = h.askMailbox(c)
	if failed.Cause == nil {
		failed.Cause = unread(h.converse(c, start, code, view))
	}
	if failed.Cause == nil {
		return nil
	}
	return failed
}

// openProblem says what is wrong with the words, and hands them back.
func openProblem(typed string, err error) web.Open {
	view := web.Open{Words: typed, Problem: "check"}
	var count *receipt.CountError
	var word *receipt.WordError
	switch {
	case errors.As(err, &count) && count.Found == 0:
		view.Problem = "empty"
	case errors.As(err, &count):
		view.Problem, view.Count = "word_count", count.Found
	case errors.As(err, &word):
		view.Problem, view.Number, view.Word = "word_unknown", word.Number, shortened(word.Typed)
	}
	return view
}

// shortened cuts what is no word down to what fits into a sentence. All of it
// stands in the field below.
func shortened(word string) string {
	const most = 30 // letters; our own words have 7
	if letters := []rune(word); len(letters) > most {
		return string(letters[:most]) + "…"
	}
	return word
}

func suggestion(r receipt.Reading, typed string) web.Suggest {
	view := web.Suggest{Code: r.Code.Field(), Typed: typed}
	for _, w := range r.Code.Words() {
		view.Words = append(view.Words, web.SuggestedWord{Word: w})
	}
	for _, i := range r.Mended {
		view.Words[i].Changed = true
	}
	return view
}

// converse fills a conversation page and sends it on the next tick, padded:
// whether a code is known, and whether it has replies, shows in neither.
func (h *Handler) converse(c echo.Context, start time.Time, code receipt.Code, view web.Conversation) error {
	read, err := h.Scribe.Read(code, view.Page)
	if err != nil {
		return err
	}
	if view.Problem == "not_text" {
		view.Draft = marked(view.Draft)
	}
	view.Readers = h.readersOf(view.Draft, laterForm)
	if isOfReaders(view.Problem) {
		view.Readers.Problem = view.Problem
	}
	view.Code, view.Words, view.Closed = code.Field(), strings.Join(code.Words(), " "), h.closed()
	view.NextN, view.Unchecked = read.States.Next(), read.Unchecked
	view.MaxFile, view.MaxText = h.MaxFile, item.MaxText
	all := items(read.States)
	view.Hidden = max(0, len(all)-maxItems)
	view.Items, view.Replies = all[view.Hidden:], replies(read.Replies)
	status := http.StatusOK
	if view.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	if _, err := h.Pages.Page(h.Lang, complement(view)); err != nil {
		return err
	}
	size, err := h.size(view)
	if err != nil {
		return err
	}
	return h.renderTimed(c, status, view, start, size)
}

func items(states scribe.States) []web.Item {
	names := map[parcel.Stand]web.ItemState{
		parcel.Waiting: web.Waiting, parcel.Batched: web.Batched, parcel.Carried: web.Carried,
		parcel.Deleted: web.Deleted, parcel.Expired: web.Expired, parcel.Lost: web.Lost,
	}
	var listed []web.Item
	for n, s := range states {
		if s.Stand != parcel.Unused {
			listed = append(listed, web.Item{N: n, State: names[s.Stand], Week: s.Week.String(), Until: s.Until.String()})
		}
	}
	return listed
}

func replies(opened []scribe.Reply) []web.Reply {
	var shown []web.Reply
	for _, r := range opened {
		shown = append(shown, web.Reply{
			Label: r.Author.Label, Organisation: r.Author.Organisation,
			Status: string(r.Status), Forwarded: r.Forwarded, Text: r.Text,
			Number: r.Number, Gap: r.Gap, Repeat: r.Repeat, Revoked: r.Revoked,
		})
	}
	return shown
}

// Message takes a follow-up and shows the conversation.
func (h *Handler) Message(c echo.Context) error {
	start := time.Now()
	f, formErr := h.form(c)
	d := f.message()
	code, err := f.code()
	if err != nil {
		return &Failed{Cause: cmp.Or(formErr, err), Draft: f.typed(h.Pages.Taxonomy()), Retry: "/open"}
	}
	n, err := f.number()
	if formErr == nil && err != nil {
		return &Failed{Cause: err, Code: code.Field(), Draft: &d, Retry: "/message"}
	}
	remember(c, &Failed{Code: code.Field(), Draft: &d, Retry: "/message", N: n})
	outcome, err := h.sendMessage(c, code, n, d, formErr)
	view := web.Conversation{Kept: true, Number: n}
	if problem := problemOf(err); problem != "" {
		view = web.Conversation{Problem: problem, Draft: d, Length: len(d.Text)}
	} else if outcome == inbox.Kept && err == nil {
		view.Draft = web.Draft{Roster: d.Roster, Withheld: d.Withheld, Province: d.Province} // for the next one
	} else if err != nil {
		return &Failed{Cause: err, Code: code.Field(), Draft: &d, Retry: "/message", N: n, Limit: item.MaxText}
	}
	if outcome == inbox.Again {
		// It may be the same text, sent again; or another one from an old page.
		// Nobody can tell, so the text comes back in the form.
		view = web.Conversation{Again: true, Number: n, Draft: d}
	}
	if err := h.converse(c, start, code, view); err != nil {
		return &Failed{Cause: err, Code: code.Field(), Draft: &d, Retry: "/message", N: n}
	}
	return nil
}

// sendMessage sends nothing of a form that did not come whole. Whatever comes of
// it, the conversation is shown: so it asks for that first.
func (h *Handler) sendMessage(
	c echo.Context, code receipt.Code, n int, d web.Draft, formErr error,
) (inbox.Outcome, error) {
	if err := cmp.Or(h.askMailbox(c), formErr); err != nil {
		return 0, err
	}
	readers, err := h.choice(d)
	if err != nil {
		return 0, err
	}
	return h.sendText(c, code, n, item.Content{
		Kind: item.Message, Readers: readers, Language: string(h.Lang), Text: d.Text,
	})
}

// Delete asks whether an item, or everything, is to be deleted; and then does.
func (h *Handler) Delete(c echo.Context) error {
	start := time.Now()
	f, err := h.form(c)
	if err != nil {
		return f.failed(err, "/delete")
	}
	code, err := f.code()
	if err != nil {
		return err
	}
	const everything = -1
	n := everything
	if f.text("n") != "all" {
		if n, err = f.number(); err != nil {
			return &Failed{Cause: err, Code: code.Field()}
		}
	}
	page := web.Confirm{Code: code.Field(), N: n}
	if f.text("confirm") != "yes" {
		return h.render(c, http.StatusOK, page)
	}
	if err := h.askMailbox(c); err != nil {
		return f.failed(err, "/delete")
	}
	page.Doubt = true
	remember(c, &Failed{Code: code.Field(), Doubt: page})
	if n == everything {
		err = h.Scribe.DeleteAll(code)
	} else {
		err = h.Scribe.Delete(code, n)
	}
	if err != nil {
		return &Failed{Cause: err, Code: code.Field(), Doubt: page}
	}
	view := web.Gone{Code: code.Field(), Everything: n == everything}
	return h.renderTimed(c, http.StatusOK, view, start, 1)
}
