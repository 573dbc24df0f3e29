package reporter

import (
	"strings"

	"saksi/crypto/reply"
	"saksi/server/inbox"
	"saksi/web"
)

// complement returns a page that has what a conversation lacks, up to a full one:
// so many items and answers. It is built and thrown away, so that two pages
// together always take the same work: how long a page takes to build would tell
// how much is in a mailbox.
func complement(view web.Conversation) web.Conversation {
	rest := web.Conversation{
		Code: view.Code, MaxFile: view.MaxFile, MaxText: view.MaxText, Page: 1,
		NextN: 1, Hidden: 1, Unchecked: 1, Readers: view.Readers,
	}
	if view.NextN > 0 {
		rest.NextN = 0
	}
	for n := range maxItems - len(view.Items) {
		rest.Items = append(rest.Items, web.Item{N: n, State: web.Waiting, Week: "2026-W47"})
	}
	for n := range inbox.PageEntries - len(view.Replies) {
		rest.Replies = append(rest.Replies, web.Reply{
			Label: "Penelaah 1", Organisation: "Lembaga Bantuan Hukum Contoh", Status: string(reply.Reviewed),
			Text: strings.Repeat("a", reply.MaxText), Number: uint64(n),
		})
	}
	return rest
}
