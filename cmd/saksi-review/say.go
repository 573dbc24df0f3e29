package main

// Everything a reporter wrote goes through desk.Clean or desk.CleanLines before
// it is printed, on whatever stream.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/item"
)

// beginsAlike is said of a thread where it is listed.
func beginsAlike(names desk.Names, mailbox string) string {
	if !names.Twin(mailbox) {
		return ""
	}
	return "  begins like another thread: compare all of its digits"
}

// report says what an import found: what is new on stdout, and what should
// worry the reviewer as warnings.
func (c *console) report(r *desk.Report) {
	switch {
	case r.Began > 0:
		c.say("this is a new desk; the desk begins with batch %d", r.Began)
	case r.Nothing():
		c.say("nothing new")
	}
	if len(r.Batches) > 0 {
		c.say("%s: %s", plural(len(r.Batches), "new batch"), runs(r.Batches))
	}
	slices.SortFunc(r.New, func(a, b desk.Arrival) int {
		return cmp.Or(first(a.Danger, b.Danger), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.N, b.N))
	})
	for _, a := range r.New {
		c.say("new: thread %s, item %d, %s%s%s", r.Names.Of(a.Mailbox), a.N, a.Kind,
			beginsAlike(r.Names, a.Mailbox), dangerMark(a.Danger))
	}
	for _, a := range r.Deleted {
		c.say("deleted by its reporter: thread %s, item %d; the desk still has its copy", r.Names.Of(a.Mailbox), a.N)
	}
	for _, n := range []struct {
		count int
		what  string
	}{
		{r.NotOurs, "not for this desk"},
		{r.Waits, "for several reviewers together, or for others"},
		{r.Outwaited, "waited for too long, and forgotten"},
		{r.Gone, "deleted by the reporter before the desk got it, with proof"},
		{r.Expired, "expired or lost before the desk got it, says the server"},
	} {
		if n.count > 0 {
			c.say("%s %s", plural(n.count, "item"), n.what)
		}
	}
	c.reportTrouble(r)
}

// outlive has a command go on when nobody reads its output any more, until undo: a pager
// was left at the first line. Else the first write to a closed pipe would end it, and what
// a bundle warns of is said once, when it is taken in.
func outlive() (undo func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}

// maxLines is how many warnings of one kind are shown: a hostile bundle could
// push everything else off the screen.
const maxLines = 20

// warnEach warns of each of n things of a kind.
func (c *console) warnEach(n int, what string, text func(int) string) {
	for i := range min(n, maxLines) {
		c.warn("%s", text(i))
	}
	if n > maxLines {
		c.warn("and %d more %s", n-maxLines, what)
	}
}

func (c *console) reportTrouble(r *desk.Report) {
	// First: who wants to be told what is in such a file can also cause others.
	const more = "items with a sealed file of another thread: saksi-review list marks them all"
	c.warnEach(len(r.Copies), more, func(i int) string {
		return fmt.Sprintf("item %s has the same sealed file as item %s of another thread: it is a copy, "+
			"so tell neither of the two what is in it", r.Copies[i].Item, r.Copies[i].Of)
	})
	c.warnEach(len(r.Apart), "items set apart: saksi-review list names them all", func(i int) string {
		return fmt.Sprintf("item %s is set apart: %s", r.Apart[i].ID, r.Apart[i].Reason)
	})
	c.warnEach(len(r.Late), "items that came too late", func(i int) string {
		return fmt.Sprintf("item %s came too late: %s; colleagues may be able to open it", r.Late[i].ID, r.Late[i].Reason)
	})
	c.warnEach(len(r.Missing), "gaps between batches", func(i int) string { return missing(r.Missing[i]) })
	c.warnEach(len(r.Withheld), "that were not brought", func(i int) string {
		return r.Withheld[i] + " is on the server's list and was not brought: ask the operator for it"
	})
	c.warnEach(len(r.Damaged), "damaged items", func(i int) string {
		return "item " + r.Damaged[i] + " is damaged: copy the bundle to the stick again, then open it again"
	})
	c.warnEach(len(r.Unlisted), "that are on no list", func(i int) string {
		return "item " + r.Unlisted[i] + " is on no list that the server signed, or somebody added to it: " +
			"what is not listed was not taken"
	})
	c.warnEach(len(r.Canaries), "canaries", func(i int) string {
		return "this desk could not open the canary of " + r.Canaries[i] +
			": what is sealed to you now may be closed to you, so tell the roots and the operator before evidence is lost"
	})
	for _, kind := range r.WarningsByKind() {
		c.warnEach(len(kind), "warnings of this kind", func(i int) string { return kind[i] })
	}
	if len(r.Missing)+len(r.Withheld)+len(r.Damaged) > 0 {
		c.warn("batches with something missing are not acknowledged, so that the server brings them again")
	}
}

func missing(m desk.Range) string {
	if m.From == m.To {
		return fmt.Sprintf("batch %d is missing: ask the operator for it, or open an old stick that has it", m.From)
	}
	return fmt.Sprintf("batches %d to %d are missing: ask the operator for them, or open old sticks that have them", m.From, m.To)
}

// runs writes 3, 4, 5 and 9 as "3-5, 9".
func runs(numbers []uint64) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		part := fmt.Sprint(numbers[i])
		if j > i {
			part += fmt.Sprintf("-%d", numbers[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

func (c *console) sayWaiting(d *desk.Desk) {
	acks, replies := d.Waiting()
	if n := d.WaitingCanaries(); acks+replies+n > 0 {
		c.say("waiting for an outbox: %s, %s%s",
			plural(acks, "acknowledgement"), plural(replies, "reply"), canaries(n))
	}
	c.warnOfUnwritten(d)
}

// canaries says how many answers to canaries there are, if there are any.
func canaries(n int) string {
	if n == 0 {
		return ""
	}
	return ", " + plural(n, "canary")
}

// listThread writes a thread in one line.
func (c *console) listThread(t *desk.Thread, names desk.Names, copied bool) {
	unseen, deleted := 0, 0
	for _, i := range t.Items {
		if !i.Seen {
			unseen++
		}
		if i.Deleted {
			deleted++
		}
	}
	line := fmt.Sprintf("%s  %s", names.Of(t.Mailbox), plural(len(t.Items), "item"))
	if n := len(t.Closed); n > 0 {
		line += fmt.Sprintf(", %d gone with a closed case", n)
	}
	if unseen > 0 {
		line += fmt.Sprintf(", %d new", unseen)
	}
	if last := lastWeek(t); last != "" {
		line += "  " + last
	}
	if n := len(t.Replies); n > 0 {
		line += "  " + string(t.Replies[n-1].Status)
	}
	if deleted > 0 {
		line += fmt.Sprintf("  %d deleted by the reporter", deleted)
	}
	if copied {
		line += "  a sealed file of it is in another thread too"
	}
	line += beginsAlike(names, t.Mailbox) + dangerMark(inDanger(t))
	c.say("%s", line)
}

// lastWeek returns the latest week in which something of the thread came.
// Weeks in their written form sort as they follow each other.
func lastWeek(t *desk.Thread) string {
	last := ""
	for _, i := range t.Items {
		last = max(last, i.Week)
	}
	return last
}

// showThread writes a thread, and returns the first error of what cannot be read of it.
func (c *console) showThread(t *desk.Thread, pages []desk.Page, in answersIn) (unread error) {
	c.say("thread %s", t.Mailbox)
	if n := len(t.Closed); n > 0 {
		c.say("%s gone: the case was closed", plural(n, "item"))
	}
	for _, p := range pages {
		err := c.showPage(p, in)
		if errors.Is(err, context.Canceled) { // that says nothing of the item
			return err
		}
		if err != nil {
			c.warn("item %d of this thread: %v", p.N, err)
			unread = cmp.Or(unread, err)
		}
	}
	for _, r := range t.Replies {
		where := "waiting for an outbox"
		if r.Outbox > 0 {
			where = fmt.Sprintf("sent in outbox %d", r.Outbox)
		}
		c.say("\nyour reply %d  %s  %s", r.Number, r.Status, where)
		if r.Forwarded != "" {
			c.say("  to: %s", desk.Clean(r.Forwarded))
		}
		if len(r.Items) > 0 {
			c.say("  confirms items: %s", strings.Trim(fmt.Sprint(r.Items), "[]"))
		}
		c.text(r.Text)
	}
	return unread
}

func (c *console) showPage(p desk.Page, in answersIn) error {
	head := fmt.Sprintf("\nitem %d  %s  week %s  batch %d", p.N, p.Kind, p.Week, p.Batch)
	if !p.Seen {
		head += "  new"
	}
	c.say("%s", head)
	if p.Deleted {
		c.say("  deleted by its reporter, who wants it gone; the desk still has its copy")
	}
	if len(p.KeptFrom) > 0 {
		c.say("  KEPT FROM %s by its reporter: never let them see it, or hear of it", strings.Join(p.KeptFrom, ", "))
	}
	if p.Unread != nil {
		c.say("  it CANNOT BE READ")
		return p.Unread
	}
	c.showAnswers(p, in)
	c.text(p.Text)
	tells, err := in.look(p.Item)
	if err != nil {
		c.say("  it CANNOT BE READ")
		return err
	}
	for _, a := range p.Attachments {
		c.showAttachment(a)
		if other := p.Copies[a.Path]; other != "" {
			c.say("  COPY: item %s of another thread has the same sealed file: tell neither of the two what is in it", other)
		}
		if f, ok := tells[a.Path]; ok {
			c.tells(f, in.lang)
		} else if a.Sealed == "" {
			c.say("  it is large: extract says what is left in it that may point to its reporter")
		}
	}
	return nil
}

// lineWidth is where lines of a stranger's are broken, in columns: a terminal has
// eighty, and before each stand at most eight.
const lineWidth = 64

// text writes a text with a bar before each line, so that no line of it can
// pass for one of ours.
func (c *console) text(text string) {
	if text == "" {
		return
	}
	for _, line := range desk.CleanLines(text) {
		for _, part := range desk.Wrap(line, lineWidth) {
			c.say("  | %s", part)
		}
	}
}

func (c *console) showAttachment(a desk.Attachment) {
	c.say("  %s  %s bytes", a.Path, number(a.Size))
	if a.Original != "" {
		c.say("  its reporter calls it:")
		c.text(desk.Clean(a.Original))
	}
	switch a.Sealed {
	case desk.SealedToDesk:
		c.say("  an age file sealed to this desk; extract opens it")
	case desk.SealedToOther:
		c.say("  an age file that this desk cannot open")
	}
}

// sayExtracted names the files of an item, and an inner file that did not
// open.
func (c *console) sayExtracted(dir string, x desk.Extracted, lang string) {
	opened := false
	for _, name := range x.Files {
		c.say("%s", path.Join(dir, name))
		opened = opened || strings.HasSuffix(name, ".opened")
	}
	for _, a := range x.Attachments {
		if a.Sealed != "" && !opened {
			c.say("  item %d, %s: an age file that does not open here; it is kept as it came", x.N, a.Path)
		}
		if other := x.Copies[a.Path]; other != "" {
			c.warn("item %d, %s: item %s of another thread has the same sealed file: "+
				"tell neither of the two what is in it", x.N, a.Path, other)
		}
	}
	c.extractedTells(dir, x, lang)
	if x.Kind == item.Attachment {
		c.say("  item %d was chosen by a stranger: open it on a machine that may break", x.N)
	}
}
