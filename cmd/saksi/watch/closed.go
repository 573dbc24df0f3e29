package watch

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"saksi/web"
)

// errClosed is returned for a server that says in place of an answer that the drop is
// closed. Whoever asks for something that a closed drop has, too, need not know it.
var errClosed = fmt.Errorf("the drop says that it is closed: %w", ErrServerBusy)

// trouble tells a drop that is closed, which says so on a page of its own, from a server
// that is busy or fails: that is over on the next visit, perhaps.
func trouble(status int, page []byte, broken error) error {
	if status != http.StatusServiceUnavailable || broken != nil || mainOf(string(page)) != closedPage() {
		return ErrServerBusy
	}
	return errClosed
}

// mainOf is what a page says, without the head that names its script.
func mainOf(page string) string {
	_, rest, _ := strings.Cut(page, "<main>")
	main, _, _ := strings.Cut(rest, "</main>")
	return main
}

// closedPage is what the page of a closed drop says, in the language of addresses that
// name none.
var closedPage = sync.OnceValue(func() string {
	pages, err := web.New(web.Site{})
	if err != nil {
		panic(fmt.Sprintf("watch: internal error: %v", err))
	}
	page, err := pages.Page(web.ID, web.Failure{Key: "closed"})
	if err != nil {
		panic(fmt.Sprintf("watch: internal error: %v", err))
	}
	return mainOf(string(page))
})
