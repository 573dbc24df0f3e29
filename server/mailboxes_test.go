package server_test

import (
	"strings"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/scribe"
	"saksi/server/servertest"
)

// mailboxes are the kinds of codes that must not be told apart. The first two are
// the same kind: their difference is what noise is.
func mailboxes() []string {
	return []string{
		"unknown", "another unknown", "silent", "deleted", "forty items",
		"one answer", "eight short answers", "eight answers", "sixty answers",
	}
}

// fillMailboxes returns a code of each kind.
func fillMailboxes(t testing.TB, d *servertest.Drop) map[string]receipt.Code {
	t.Helper()
	codes := map[string]receipt.Code{}
	writer := scribe.Scribe{Inbox: d.Inbox}
	sent := map[string]int{"unknown": 0, "another unknown": 0, "forty items": 40}
	for _, kind := range mailboxes() {
		codes[kind] = receipt.New()
		items, ok := sent[kind]
		if !ok {
			items = 3
		}
		for n := range items {
			if _, err := writer.Send(codes[kind], n, item.Content{Kind: item.Message, Text: "pesan"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range 3 {
		if err := writer.Delete(codes["deleted"], n); err != nil {
			t.Fatal(err)
		}
	}
	full := strings.Repeat("jawaban ", 250)
	answer(t, d, codes["one answer"], 0, 1, full)
	for r := range 2 {
		for n := range uint64(4) {
			answer(t, d, codes["eight short answers"], r, n+1, "ya")
			answer(t, d, codes["eight answers"], r, n+1, full)
		}
	}
	for batch := range uint64(4) {
		for r := range 3 {
			for n := range uint64(5) {
				answer(t, d, codes["sixty answers"], r, batch*5+n+1, full)
			}
		}
		if _, err := d.Inbox.Close(); err != nil { // a reviewer may answer so often between two batches
			t.Fatal(err)
		}
	}
	return codes
}
