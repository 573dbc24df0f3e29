package watch

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"saksi/cmd/saksi/release"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

func weekOf(t time.Time) week.Week { return week.Of(t) }

// judge holds what visits saw against the memory, which takes in what fits, and against
// each other. It returns the first thing that is wrong.
func (w *Watchdog) judge(m *memory, visits ...*seen) (*Alarm, error) {
	last := m.last()
	for i, s := range visits {
		alarm, err := m.takeVisit(s, last)
		if err != nil {
			return nil, err
		}
		if alarm != nil && i > 0 && alarm.Reason != Gap {
			alarm = &Alarm{Views, fmt.Sprintf("one circuit saw roster %d, %s; another, a moment later: %s",
				visits[0].newest.Sequence, visits[0].newest.Hash, alarm.Detail)}
		}
		if alarm != nil {
			return alarm, nil
		}
	}
	for _, s := range visits {
		if alarm := w.fits(s); alarm != nil {
			return alarm, nil
		}
	}
	return nil, nil
}

func (w *Watchdog) inForce(r *roster.Signed) *Alarm {
	err := r.ValidAt(w.Now())
	switch {
	case errors.Is(err, roster.ErrExpired):
		return &Alarm{Expired, err.Error()}
	case err != nil:
		return &Alarm{Early, err.Error()}
	}
	return nil
}

// fits holds pages and keys against the roster that came with them, and those of before.
func (w *Watchdog) fits(s *seen) *Alarm {
	if s.newest != nil {
		if alarm := w.inForce(s.newest); alarm != nil {
			return alarm
		}
	}
	for _, one := range append(s.before, s) {
		of := cmp.Or(s.newest, one.newest)
		if alarm := w.pages(one, of); alarm != nil {
			return alarm
		}
		if alarm := w.keys(one, of); alarm != nil {
			return alarm
		}
		for _, c := range one.cut {
			if whole := s.page(c.path); whole != nil && !release.Begins(whole, c.body) {
				return &Alarm{Page, fmt.Sprintf("%s broke off, and was another one when it was asked for again", c.path)}
			}
		}
	}
	return nil
}

// keys holds those of the week against a roster in force, if the visit came to them.
func (w *Watchdog) keys(s *seen, of *roster.Signed) *Alarm {
	if s.week == nil && !s.closed || of == nil || w.inForce(of) != nil {
		return nil
	}
	if err := w.pinned(s, of); err != nil {
		return &Alarm{Recipients, err.Error()}
	}
	return nil
}

// page returns what came of an address that reporters read, or nil.
func (s *seen) page(path string) []byte {
	switch strings.TrimPrefix(path, "/en") {
	case "/":
		return s.start
	case "/info":
		return s.info
	case "/recipients.txt":
		return s.direct
	}
	return nil
}

// pages holds those that came against a roster. Without one, which is nil, it holds them
// against the roots alone.
func (w *Watchdog) pages(s *seen, of *roster.Signed) *Alarm {
	fingerprint := w.Roots.Fingerprint()
	if of == nil {
		for _, page := range [][]byte{s.start, s.info} {
			if err := checkInfo(page, fingerprint); page != nil && err != nil {
				return &Alarm{Page, fmt.Sprintf("a page before the visit broke off: %v", err)}
			}
		}
		return nil
	}
	if s.start != nil {
		if err := checkStart(s.start, fingerprint, of.Reviewers); err != nil {
			return &Alarm{Page, fmt.Sprintf("the front page beside roster %d: %v", of.Sequence, err)}
		}
	}
	if s.info != nil {
		if err := checkInfo(s.info, fingerprint); err != nil {
			return &Alarm{Page, fmt.Sprintf("the page /info beside roster %d: %v", of.Sequence, err)}
		}
	}
	if s.direct != nil && string(s.direct) != direct(of.Reviewers) {
		return &Alarm{Direct, fmt.Sprintf("recipients.txt does not have the keys of roster %d", of.Sequence)}
	}
	return nil
}

// direct is what recipients.txt has to be.
func direct(reviewers []roster.Reviewer) (text string) {
	for _, r := range reviewers {
		text += "# " + r.ID + "\n" + r.Direct.String() + "\n"
	}
	return text
}

// pinned holds that the week's keys are those that the roster pins for now, by
// the server's clock, which may be a day off. Keys that are not hybrid are none.
func (w *Watchdog) pinned(s *seen, by *roster.Signed) (err error) {
	hash := hashOf(s.week)
	for _, skew := range []time.Duration{0, -24 * time.Hour, 24 * time.Hour} {
		files := map[roster.Hash]string{hash: string(s.week)}
		_, wrong := by.CircleAt(w.Now().Add(skew), files)
		if wrong == nil {
			return nil
		}
		// A file that is pinned and wrong says more than one that is not.
		if err == nil || errors.Is(err, roster.ErrNoRecipients) {
			err = wrong
		}
	}
	if s.closed {
		err = fmt.Errorf("the drop says that it is closed, and roster %d is in force: %w", by.Sequence, err)
	}
	return fmt.Errorf("this week's keys: %w", err)
}
