package reporter

import (
	"fmt"
	"slices"
	"strings"

	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/web"
	"saksi/web/regions"
	"saksi/web/taxonomy"
)

// What stands before the value of a field that excludes readers: one of them,
// all of a region or province, or all of an organisation. They are named, not
// numbered: a page may be older than the roster.
const (
	skipOne          = "id:"
	skipRegion       = "region:"
	skipOrganisation = "org:"
)

// matches reports whether a field's value excludes a reviewer. A province
// excludes all in it.
func matches(value string, v roster.Reviewer) bool {
	switch {
	case strings.HasPrefix(value, skipOne):
		return value == skipOne+v.ID
	case strings.HasPrefix(value, skipOrganisation):
		return value == skipOrganisation+v.Organisation
	case strings.HasPrefix(value, skipRegion):
		region := strings.TrimPrefix(value, skipRegion)
		return v.Region == region || region != roster.National && strings.HasPrefix(v.Region, region+".")
	}
	return false
}

// stale reports whether a form showed the readers of another roster: somebody may
// read now whom its writer never saw, or have gone from a region that was ticked.
func (h *Handler) stale(d web.Draft) bool {
	unsaid := d.Roster == "" && len(d.Withheld) == 0 // by no form of ours
	return !unsaid && d.Roster != h.Scribe.Roster().String()
}

// choice returns whom a draft excludes, and the province of the incident. It
// returns [item.ErrNoReader] when the page was made under another roster, or a
// value excludes nobody, and [item.ErrFewReaders]. Nothing is sealed then, as it
// would be for somebody whom its writer meant to exclude. The choice holds for this
// roster alone, also while the text waits in line.
func (h *Handler) choice(d web.Draft) (item.Readers, error) {
	chosen := item.Readers{Roster: h.Scribe.Roster()}
	if h.stale(d) {
		return chosen, fmt.Errorf("reading form: %w", item.ErrNoReader)
	}
	newest, _ := h.Scribe.Readers()
	var err error
	if chosen.Withheld, err = excluded(d.Withheld, newest); err != nil {
		return chosen, err
	}
	chosen.Province = h.province(d)
	return chosen, h.Scribe.CheckReaders(chosen)
}

// excluded returns whom the values of a form exclude, or [item.ErrNoReader] when one
// of them excludes nobody.
func excluded(values []string, readers []roster.Reviewer) (ids []string, err error) {
	for _, value := range values {
		nobody := true
		for _, v := range readers {
			if matches(value, v) {
				ids, nobody = append(ids, v.ID), false
			}
		}
		if nobody {
			return nil, fmt.Errorf("reading form: %w", item.ErrNoReader)
		}
	}
	return ids, nil
}

// province returns the province of the incident: of the answers or, in a form
// without them, of its own field. What is no province is none.
func (h *Handler) province(d web.Draft) string {
	given := d.Province
	for _, q := range h.Pages.Taxonomy().Questions() {
		if values := d.Answers[q.ID]; q.Kind == taxonomy.Place && len(values) == 1 {
			given = roster.Province(values[0])
			break
		}
	}
	if slices.ContainsFunc(regions.Provinces(), func(r regions.Region) bool { return r.Code == given }) {
		return given
	}
	return ""
}

// A kindOfForm says what a form knows besides its own fields.
type kindOfForm int

const (
	firstForm kindOfForm = iota // asks where it happened
	nextForm                    // right after the first, whose answers it has
	laterForm                   // of a reporter who came back
)

// readersOf returns what a form shows of those who will read.
func (h *Handler) readersOf(d web.Draft, kind kindOfForm) web.Readers {
	reviewers, _ := h.Scribe.Readers()
	q := h.Scribe.Quorum()
	r := web.Readers{
		Choice: len(reviewers) > q.Needed, Needed: q.Needed, Outside: q.Outside, Roster: h.Scribe.Roster().String(),
		Place: q.Outside > 0 && kind != firstForm, Province: h.province(d), Again: kind == laterForm,
	}
	withheld := func(v roster.Reviewer) bool {
		return slices.ContainsFunc(d.Withheld, func(value string) bool { return matches(value, v) })
	}
	for _, v := range reviewers {
		r.People = append(r.People, web.Reviewer{
			Label: v.Label, Organisation: v.Organisation, Region: region(v.Region),
			Value: skipOne + v.ID, Withheld: withheld(v),
		})
	}
	if d.Roster != "" && h.stale(d) {
		r.Problem = "no_reader"
	}
	if r.Choice {
		r.Groups = groups(reviewers, d.Withheld)
	}
	return r
}

// groups returns the regions, provinces and organisations of several reviewers,
// but none of all: nobody can exclude all.
func groups(reviewers []roster.Reviewer, chosen []string) []web.Group {
	var found []web.Group
	seen := map[string]bool{}
	add := func(g web.Group) {
		members := 0
		for _, v := range reviewers {
			if matches(g.Value, v) {
				members++
			}
		}
		if !seen[g.Value] && members > 1 && members < len(reviewers) {
			g.Withheld = slices.Contains(chosen, g.Value)
			found = append(found, g)
		}
		seen[g.Value] = true
	}
	for _, v := range reviewers {
		for _, code := range []string{v.Region, roster.Province(v.Region)} {
			if code != roster.National {
				add(web.Group{Value: skipRegion + code, Region: code})
			}
		}
		add(web.Group{Value: skipOrganisation + v.Organisation, Organisation: v.Organisation})
	}
	return found
}

// isOfReaders reports whether a problem is one of the choice of readers.
func isOfReaders(problem string) bool { return problem == "few_readers" || problem == "no_reader" }
