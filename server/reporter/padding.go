package reporter

import (
	"math"
	"strings"
	"unicode/utf8"

	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/server/inbox"
	"saksi/web"
)

// How long a conversation page is must depend on what its request brought, and on the
// roster, but never on what is in the mailbox. So each page is as long as the fullest
// mailbox would make it: that page is built, too, and thrown away.

// maxItems is how many of a reporter's own items are listed: what is on the
// page beside answers must leave room for a full page of them.
const maxItems = 24

// pageStep is what the size of a conversation page is a multiple of, in bytes, so that
// small changes of a roster do not show.
const pageStep = 8 << 10

// size returns how long a page is that has what view has of its request.
func (h *Handler) size(view web.Conversation) (int, error) {
	page, err := h.Pages.Page(h.Lang, h.fullest(view))
	if err != nil {
		return 0, err
	}
	d, r := view.Draft, view.Readers
	own := sizeOnPage(d.Text) + sizeOnPage(d.Roster) + sizeOnPage(d.Province) - len(r.Roster) - len(r.Province)
	own += sizeOfSkips(d.Withheld) - sizeOfSkips(values(r))
	return up(len(page), pageStep) + up(max(0, own), h.Padding), nil
}

// values returns those of all fields that exclude readers.
func values(r web.Readers) (all []string) {
	for _, g := range r.Groups {
		all = append(all, g.Value)
	}
	for _, v := range r.People {
		all = append(all, v.Value)
	}
	return all
}

// sizeOfSkips returns how many bytes a choice takes in a form that hands it on.
func sizeOfSkips(values []string) (size int) {
	for _, value := range values {
		size += sizeOnPage(value) + len(`<input type="hidden" name="skip" value="">`+"\n")
	}
	return size
}

// up returns the next multiple of a step.
func up(size, step int) int { return (size + step - 1) / step * step }

// fullest returns a page with all that a mailbox can put there, and whatever a page
// of ours can choose of the readers.
func (h *Handler) fullest(view web.Conversation) web.Conversation {
	most := web.Conversation{
		Code: view.Code, Words: view.Words, Closed: view.Closed, MaxFile: view.MaxFile, MaxText: view.MaxText,
		Problem: view.Problem, Length: view.Length, Kept: view.Kept, Again: view.Again, Number: receipt.MaxItems,
		Removed: view.Removed, Left: view.Left,
		Page: math.MaxInt32, NextN: receipt.MaxItems - 1, Hidden: receipt.MaxItems, Unchecked: inbox.PageEntries,
	}
	readers := view.Readers
	most.Draft = web.Draft{Roster: readers.Roster, Province: readers.Province, Withheld: values(readers)}
	most.Readers = h.readersOf(most.Draft, laterForm)
	most.Readers.Problem = readers.Problem
	label, organisation := h.longestNames()
	for range maxItems {
		most.Items = append(most.Items, web.Item{
			N: receipt.MaxItems - 1, State: web.Batched, Week: "2026-W38", Until: "2026-W38", // in September
		})
	}
	for range inbox.PageEntries {
		most.Replies = append(most.Replies, web.Reply{
			Label: label, Organisation: organisation, Status: string(reply.Verified), Number: math.MaxUint64,
			Text: strings.Repeat("a", reply.MaxText), Forwarded: strings.Repeat("a", reply.MaxForwarded),
			Gap: true, Repeat: true, Revoked: true,
		})
	}
	return most
}

// longestNames returns, of all reviewers so far, the label and the organisation that
// take most room on a page.
func (h *Handler) longestNames() (label, organisation string) {
	for _, v := range h.Scribe.Authors() {
		if sizeOnPage(v.Label) > sizeOnPage(label) {
			label = v.Label
		}
		if sizeOnPage(v.Organisation) > sizeOnPage(organisation) {
			organisation = v.Organisation
		}
	}
	return label, organisation
}

// sizeOnPage returns how many bytes a page takes for a text, at most: what has a
// meaning in HTML is spelled with five, what is no letter becomes a sign of three.
func sizeOnPage(text string) int {
	size := reply.PageSize(text) + 2*strings.Count(text, "\x00")
	for _, r := range text {
		if r == utf8.RuneError {
			size += 2
		}
	}
	return size
}
