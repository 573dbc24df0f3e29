package inbox

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/outbox"
	"saksi/server/store"
)

// addCanaries makes a canary for each reviewer who has none in this month, for the
// batch of that sequence: after a crash the same ones are there, and in the batch of
// the same sequence. It forgets those from before last month. Without a circle, or
// without room, a batch closes without: evidence that leaves is worth more.
func (b *Inbox) addCanaries(sequence uint64) error {
	month := canary.MonthOf(b.believed(b.Now()))
	circle, err := b.Circle()
	if err != nil {
		return nil // closed: a later batch of the month has them
	}
	known, err := b.Store.Canaries()
	if err != nil {
		return err
	}
	var fresh []store.Canary
	for n, r := range circle.Reviewers {
		if find(known, month, r.ID) != nil {
			continue
		}
		c := store.Canary{Month: month, Reviewer: r.ID, Batch: sequence, Week: b.week()}
		if c.Sealed, c.Answer, err = canary.New(circle.Keys[n]); err != nil {
			return err
		}
		fresh = append(fresh, c)
	}
	if len(fresh) == 0 {
		return nil
	}
	err = errors.Join(b.Store.ForgetCanaries(month.Before()), b.Store.KeepCanaries(fresh...))
	if errors.Is(err, store.ErrFull) {
		return nil
	}
	return err
}

func find(all []store.Canary, month canary.Month, reviewer string) *store.Canary {
	at := slices.IndexFunc(all, func(c store.Canary) bool { return c.Month == month && c.Reviewer == reviewer })
	if at < 0 {
		return nil
	}
	return &all[at]
}

// sumCanaries hashes those of one batch.
func (b *Inbox) sumCanaries(sums batch.Sums, sequence uint64) error {
	all, err := b.Store.Canaries()
	for _, c := range all {
		if c.Batch == sequence && c.Sealed != nil {
			sums[canaryPath(c).String()] = sha256.Sum256(c.Sealed)
		}
	}
	return err
}

func canaryPath(c store.Canary) batch.Path {
	return batch.Path{Kind: batch.Canary, Month: c.Month, Reviewer: c.Reviewer}
}

// writeCanaries writes those of the batches that were not answered.
func (b *Inbox) writeCanaries(out members, batches []store.Batch) error {
	all, err := b.Store.Canaries()
	if err != nil {
		return err
	}
	for _, c := range all {
		listed := slices.ContainsFunc(batches, func(open store.Batch) bool { return open.Sequence == c.Batch })
		if !listed || c.Sealed == nil {
			continue
		}
		if err := out.AddBytes(canaryPath(c), c.Sealed); err != nil {
			return err
		}
	}
	return nil
}

// importCanaries takes a desk's answers. One that does not fit is named, and what was
// answered stays answered. One to a canary that was forgotten says nothing.
func (b *Inbox) importCanaries(o *outbox.Outbox, report *Imported) error {
	if len(o.Canaries) == 0 {
		return nil
	}
	known, err := b.Store.Canaries()
	if err != nil {
		return err
	}
	for _, a := range o.Canaries {
		c := find(known, a.Month, o.Reviewer)
		switch {
		case c == nil:
		case !a.Answer.Fits(c.Answer):
			report.Misfits = join(report.Misfits, a.Month)
		case !c.Answered:
			c.Answered, c.Sealed = true, nil
			if err := b.Store.KeepCanaries(*c); err != nil {
				return err
			}
			report.Canaries = join(report.Canaries, a.Month)
		}
	}
	return nil
}

func join(months string, m canary.Month) string { return strings.TrimSpace(months + " " + string(m)) }

// Unanswered is a canary that a reviewer of the newest roster has not answered.
type Unanswered struct {
	Reviewer string `json:"reviewer"`
	Month    string `json:"month"`
	Since    string `json:"since"` // the week in which its batch was closed
	// Carried says that the desk has confirmed the batch: it had the canary, and did
	// not open it.
	Carried bool `json:"carried"`
}

// Unanswered returns those of this month and the one before, by month and reviewer.
func (b *Inbox) Unanswered() (open []Unanswered, err error) {
	all, err := b.Store.Canaries()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	acks, err := b.Store.Acknowledged()
	if err != nil {
		return nil, err
	}
	newest, err := b.newestSequence()
	if err != nil {
		return nil, err
	}
	since := canary.MonthOf(b.believed(b.Now())).Before()
	for _, c := range all {
		_, _, here := b.Newest().Reviewer(c.Reviewer)
		if c.Answered || !here || c.Month < since || c.Batch > newest {
			continue
		}
		open = append(open, Unanswered{
			Reviewer: c.Reviewer, Month: string(c.Month), Since: c.Week.String(), Carried: acks[c.Reviewer] >= c.Batch,
		})
	}
	return open, nil
}
