package inbox

import (
	"time"

	"saksi/crypto/roster"
)

// Mirror returns an inbox that has a roster to show and nothing else: no store, and
// no key of a server. What only shows the roster works with it, as the pages do that
// a reporter gets without sending anything; whoever compares those of a drop with
// what they should be makes them so. Anything that keeps or looks up panics.
func Mirror(r *roster.Signed, files map[roster.Hash]string, trusted roster.RootSet, now func() time.Time) *Inbox {
	return &Inbox{
		Config:  Config{Trusted: trusted, Now: now, Limits: Limits{MaxFile: DefaultMaxFile, Reserve: DefaultReserve}},
		rosters: []*roster.Signed{r}, files: files,
	}
}
