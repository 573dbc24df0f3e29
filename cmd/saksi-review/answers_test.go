package main

import (
	"bytes"
	"strings"
	"testing"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/item"
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
		"list": func(c *console) { c.listThreads(threads) }, "report": func(c *console) { c.report(report) },
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
