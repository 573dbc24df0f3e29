package watch

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// errClosed is returned for a server that says in place of an answer that the drop is
// closed. Whoever asks for something that a closed drop has, too, need not know it.
var errClosed = fmt.Errorf("the drop says that it is closed: %w", ErrServerBusy)

// trouble tells a drop that is closed, which says so by the name of that error, from a
// server that is busy or fails: that is over on the next visit, perhaps.
func trouble(status int, text []byte, broken error) error {
	var said struct {
		Error string `json:"error"`
	}
	if status != http.StatusServiceUnavailable || broken != nil || json.Unmarshal(text, &said) != nil || said.Error != "closed" {
		return ErrServerBusy
	}
	return errClosed
}
