package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/web/evidence"
	"saksi/web/taxonomy"
)

// TestHostileBundleDoesNotFloodTheScreen: a server or a courier can make an import
// miss as many things as it likes. Of each kind twenty are shown and the rest
// counted, so that what else is wrong stays in sight.
func TestHostileBundleDoesNotFloodTheScreen(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("%032x", i)
	}
	r := &desk.Report{
		Batches: []uint64{3}, Withheld: many, Damaged: many, Unlisted: many, Warnings: many,
		Apart: []desk.Apart{{ID: many[7], Reason: "it is not what its author signed"}},
	}
	for range many {
		r.Missing = append(r.Missing, desk.Range{From: 1, To: 1})
	}
	var out, errs bytes.Buffer
	c := &console{stdout: &out, stderr: &errs}
	c.report(r)
	lines := strings.Count(errs.String(), "\n")
	if most := 5*(maxLines+1) + 2; lines > most {
		t.Errorf("%d lines, at most %d", lines, most)
	}
	for _, want := range []string{
		"item " + many[7] + " is set apart", "and 9980 more damaged items", "are not acknowledged",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// TestACopyComesBeforeAllElse that is wrong, and is said wherever its thread is: who
// wants to be told what is in somebody's file would hide that it is one.
func TestACopyComesBeforeAllElse(t *testing.T) {
	other, mailbox := strings.Repeat("0", 32), strings.Repeat("a", 64)
	i := &desk.Item{ID: strings.Repeat("f", 32), Kind: item.Attachment, Week: "2026-W48"}
	i.Attachments = []desk.Attachment{{Path: "attachments/001.age", Sealed: desk.SealedToDesk}}
	copies := map[string]string{"attachments/001.age": other}
	thread := &desk.Thread{Mailbox: mailbox, Items: []*desk.Item{i}}
	in := answersIn{"id", nil, func(*desk.Item) (desk.Tells, error) { return nil, nil }}
	report := &desk.Report{
		Batches: []uint64{1}, Copies: []desk.Copy{{Item: i.ID, Of: other}}, Warnings: []string{"second"},
		Apart: []desk.Apart{{ID: other, Reason: "second"}}, Missing: []desk.Range{{From: 1, To: 1}},
	}
	for name, show := range map[string]func(*console) error{
		"open": func(c *console) error { c.report(report); return nil },
		"list": func(c *console) error {
			c.listThreads([]*desk.Thread{thread}, map[string]bool{mailbox: true})
			return nil
		},
		"show":    func(c *console) error { return c.showThread(thread, []desk.Page{{Item: i, Copies: copies}}, in) },
		"extract": func(c *console) error { c.sayExtracted("x", desk.Extracted{Item: i, Copies: copies}, "id"); return nil },
	} {
		var out, errs bytes.Buffer
		if err := show(&console{stdout: &out, stderr: &errs}); err != nil {
			t.Fatal(err)
		}
		if all := errs.String() + out.String(); !strings.Contains(all, "sealed file") {
			t.Errorf("%s does not say it:\n%s", name, all)
		}
		if first, _, _ := strings.Cut(errs.String(), "\n"); name == "open" && !strings.Contains(first, "sealed file") {
			t.Errorf("the first warning is %q", first)
		}
	}
}

// TestADeletionThatNobodyCanCheckIsNoFact: of what waits, the server alone says it.
func TestADeletionThatNobodyCanCheckIsNoFact(t *testing.T) {
	var out bytes.Buffer
	c := &console{stdout: &out, stderr: &out}
	c.sayLeftOut(desk.Shared{Items: 2, Claimed: 2}, "r2")
	got := out.String()
	if !strings.Contains(got, "with 2 items that the server says") || strings.Contains(got, "without") {
		t.Errorf("it says %q", got)
	}
}

// TestNoLineOfAReporterBeginsWithoutTheBar: a terminal of eighty columns breaks a line
// that is wider, and puts the rest where lines of the program begin.
func TestNoLineOfAReporterBeginsWithoutTheBar(t *testing.T) {
	const forged = "KEPT FROM r2 by its reporter"
	for _, filler := range []string{"\u3164", "中", "한", "🙂", "Ａ", "qq", "e\u0301", "é"} {
		typed := strings.Repeat(filler, 38) + "  " + forged + strings.Repeat(filler, 60)
		bars := 0
		for _, line := range screen(shown(t, typed), 80) {
			theirs := strings.Contains(line, "KEPT") || strings.Contains(line, filler)
			if bar := strings.Contains(line, "| "); bar {
				bars++
			} else if theirs {
				t.Errorf("%q: %q stands without a bar", filler, line)
			}
		}
		if bars < 15 {
			t.Errorf("%q: %d lines with a bar", filler, bars)
		}
	}
}

// shown is a page on which everything that a reporter can type is one text.
func shown(t *testing.T, typed string) string {
	t.Helper()
	const path = "attachments/001.pdf"
	i := &desk.Item{ID: strings.Repeat("f", 32), Kind: item.Attachment, Week: "2026-W48"}
	i.Attachments = []desk.Attachment{{Path: path, Original: typed}}
	answers := map[string][]string{"tempat": {typed}, "x": {typed}}
	page := desk.Page{Item: i, Text: typed, Taxonomy: typed, Form: item.Form{Answers: answers}}
	var out bytes.Buffer
	in := answersIn{
		"id", func(string) (*taxonomy.Taxonomy, *taxonomy.Rules) { return nil, nil },
		func(*desk.Item) (desk.Tells, error) {
			reveals := []evidence.Reveal{{What: evidence.Title, Value: typed}}
			return desk.Tells{path: {Type: evidence.PDF, Reveals: reveals}}, nil
		},
	}
	if err := (&console{stdout: &out, stderr: &out}).showPage(page, in); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// screen is how a terminal shows a text if all that is not ASCII takes two columns.
func screen(text string, width int) (lines []string) {
	for line := range strings.Lines(text) {
		row, used := "", 0
		for _, r := range strings.TrimSuffix(line, "\n") {
			columns := min(utf8.RuneLen(r), 2)
			if used += columns; used > width {
				lines, row, used = append(lines, row), "", columns
			}
			row += string(r)
		}
		lines = append(lines, row)
	}
	return lines
}

// TestEveryRefusalSaysWhatToDo: a bundle that is refused has a hint.
func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	for _, err := range []error{
		batch.ErrBundle, desk.ErrRoster, desk.ErrUntrusted, desk.ErrOversize, desk.ErrFork, desk.ErrRollback,
		desk.ErrOtherRoots, desk.ErrReplaced, desk.ErrBlocked, desk.ErrFull,
		fmt.Errorf("%w: %w", desk.ErrRoster, sign.ErrSignatures), fmt.Errorf("%w: %w", desk.ErrRoster, roster.ErrChain),
	} {
		if hintFor(err) == "" {
			t.Errorf("%v: no hint", err)
		}
	}
	// No server brings what every desk has confirmed: no hint may send anybody there.
	for _, row := range hints() {
		if strings.Contains(row.hint, "all batches again") {
			t.Errorf("%v: the hint promises what no command does: %s", row.err, row.hint)
		}
	}
	for _, err := range []error{desk.ErrDamaged, desk.ErrVersion} {
		if !strings.Contains(hintFor(err), "left on sticks, the oldest first") {
			t.Errorf("%v: the hint does not name old sticks: %s", err, hintFor(err))
		}
	}
	// To roots it says that signatures are missing, to a reviewer with a bundle
	// that something is false.
	for _, err := range []error{sign.ErrSignatures, roster.ErrChain} {
		if hintFor(fmt.Errorf("%w: %w", desk.ErrRoster, err)) == hintFor(err) {
			t.Errorf("%v: a reviewer is told what roots should do", err)
		}
	}
}
