package main

import (
	"bytes"
	"strings"
	"testing"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/item"
	"saksi/web/taxonomy"
)

// TestDangerComesFirst, in a list and in the report of an import; one that its
// reporter deleted calls nobody any more. Else the order stays.
func TestDangerComesFirst(t *testing.T) {
	var threads []*desk.Thread
	report := &desk.Report{Batches: []uint64{1}}
	for _, i := range []struct {
		name            string
		danger, deleted bool
	}{{"aaaaaaaa", false, false}, {"bbbbbbbb", true, true}, {"cccccccc", true, false}, {"dddddddd", true, false}} {
		one := &desk.Item{Week: "2026-W48", Danger: i.danger, Deleted: i.deleted}
		threads = append(threads, &desk.Thread{Mailbox: i.name, Items: []*desk.Item{one}})
		arrival := desk.Arrival{Mailbox: i.name, Kind: item.Testimony, Danger: i.danger && !i.deleted}
		report.New = append(report.New, arrival)
	}
	for name, show := range map[string]func(*console){
		"list": func(c *console) { c.listThreads(threads, nil) }, "report": func(c *console) { c.report(report) },
	} {
		var out bytes.Buffer
		show(&console{stdout: &out, stderr: &out})
		order := ""
		for line := range strings.Lines(out.String()) {
			for _, thread := range []string{"aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"} {
				if strings.Contains(line, thread) {
					order += thread[:1]
					if danger := strings.HasSuffix(line, "  in danger\n"); danger != strings.Contains("cd", thread[:1]) {
						t.Errorf("%s: %q", name, line)
					}
				}
			}
		}
		if order != "cdab" {
			t.Errorf("%s: the order is %q", name, order)
		}
	}
}

// TestTwinsAreToldApart where threads are listed, with digits that mean one of them.
func TestTwinsAreToldApart(t *testing.T) {
	one, two, other := strings.Repeat("a", 64), "aaaaaaaaab"+strings.Repeat("0", 54), strings.Repeat("b", 64)
	threads := []*desk.Thread{{Mailbox: one}, {Mailbox: two}, {Mailbox: other}}
	report := &desk.Report{Batches: []uint64{1}, Names: desk.NamesOf(threads)}
	for _, thread := range threads {
		report.New = append(report.New, desk.Arrival{Mailbox: thread.Mailbox, Kind: item.Message})
	}
	for name, show := range map[string]func(*console){
		"list": func(c *console) { c.listThreads(threads, nil) }, "report": func(c *console) { c.report(report) },
	} {
		var out bytes.Buffer
		show(&console{stdout: &out, stderr: &out})
		alike := 0
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "begins like another thread: compare all of its digits") {
				alike++
			}
		}
		told := strings.Contains(out.String(), "aaaaaaaaaa") && strings.Contains(out.String(), "aaaaaaaaab")
		if alike != 2 || !told || strings.Contains(out.String(), "bbbbbbbbb") {
			t.Errorf("%s says\n%s", name, out.String())
		}
	}
}

// TestNoTypedWordsPassForAChoice: a stranger's program can put any words where a
// code belongs, and name any form; both have the bar of a reporter's own words.
func TestNoTypedWordsPassForAChoice(t *testing.T) {
	tax := taxonomy.Current()
	wide := tax.Question("izin").Choice("pers").Label.ID
	var out bytes.Buffer
	c := &console{stdout: &out, stderr: &out}
	in := answersIn{"id", func(reference string) (*taxonomy.Taxonomy, *taxonomy.Rules) {
		return taxonomy.Find(reference), nil
	}, nil}
	answers := map[string][]string{
		"izin": {wide}, "tempat": {"Diperiksa"}, "waktu": {"2026-10", "Oktober 1999"}, "tindakan": {"hadir", "Terverifikasi"},
	}
	c.showAnswers(desk.Page{Taxonomy: tax.Reference(), Form: item.Form{Answers: answers}}, in)
	c.showAnswers(desk.Page{Taxonomy: "verified by the desk", Form: item.Form{Answers: answers}}, in)
	for _, typed := range []string{wide, "Diperiksa", "Oktober 1999", "Terverifikasi", "verified by the desk"} {
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, typed) && !strings.HasPrefix(strings.TrimSpace(line), "| ") {
				t.Errorf("%q passes for ours", line)
			}
		}
	}
	for _, ours := range []string{"- Disuruh hadir di kampanye", "- Oktober 2026\n"} {
		if !strings.Contains(out.String(), ours) {
			t.Errorf("%q is not there:\n%s", ours, out.String())
		}
	}
}
