package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const octets = "application/octet-stream"

// cut is the failure of an upload of which something is missing.
const cut = "upload_cut"

// maxFailure bounds what is read of an error, in bytes.
const maxFailure = 64 << 10

// ErrStrange is returned for answers that are not of a server of ours, such as those
// of a proxy in front of it. They count as a broken connection.
var ErrStrange = errors.New("the answer is not that of a drop")

// An answer is what this package looks at of one.
type answer struct {
	status   int
	offset   int64
	complete bool
}

// ask makes one request.
func (d *delivery) ask(
	ctx context.Context, method, path, kind string, header map[string]string, body []byte,
) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := d.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, refusal(method, resp, text)
	}
	return readAnswer(resp)
}

func readAnswer(resp *http.Response) (*answer, error) {
	a := &answer{status: resp.StatusCode, complete: resp.Header.Get("Upload-Complete") == "?1"}
	if text := resp.Header.Get("Upload-Offset"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
			return nil, ErrStrange
		}
		a.offset = n
	}
	return a, nil
}

// refusal reads an error. The answer to HEAD has a status alone.
func refusal(method string, resp *http.Response, text []byte) error {
	r := &Refused{Status: resp.StatusCode}
	if method == http.MethodHead && resp.StatusCode == http.StatusNotFound {
		return r
	}
	var body struct {
		Error   string `json:"error"`
		Minutes int    `json:"minutes"`
		Limit   int64  `json:"limit"`
	}
	if json.Unmarshal(text, &body) != nil || !isName(body.Error) {
		return ErrStrange
	}
	r.Name, r.Minutes, r.Limit = body.Error, body.Minutes, body.Limit
	return r
}

// isName reports whether a text may be the name of a failure. Errors repeat it: it is
// not what somebody wants a terminal to show.
func isName(text string) bool {
	other := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }
	return text != "" && len(text) <= 40 && !strings.ContainsFunc(text, other)
}

// persist asks until there is an answer: a refusal is one, unless the server is only
// busy, or at fault itself.
func (d *delivery) persist(ask func() (*answer, error)) (*answer, error) {
	for {
		answer, err := ask()
		if err == nil {
			d.since = d.Now()
			return answer, nil
		}
		wait, again := waits(err)
		if !again {
			return nil, err
		}
		if err := d.fail(err, wait); err != nil {
			return nil, err
		}
	}
}

// waits says whether to try again, and when, if the server says so.
func waits(err error) (wait time.Duration, again bool) {
	var refused *Refused
	switch {
	case errors.Is(err, ErrLost):
		return 0, false
	case !errors.As(err, &refused):
		return 0, true
	}
	switch refused.Name {
	case "busy":
		minutes := min(max(1, refused.Minutes), int(longestBusy/time.Minute))
		return time.Duration(minutes) * time.Minute, true
	case "internal":
		return 0, true
	case cut: // on its way, or else what was staged is not what is handed in
		return 0, refused.Status == http.StatusBadRequest
	}
	return 0, false
}

// fail counts an attempt of which nothing came, and waits before the next.
func (d *delivery) fail(cause error, wait time.Duration) error {
	if err := d.ctx.Err(); err != nil {
		return err // what failed, failed because of it
	}
	if d.failed++; d.failed >= attempts || d.Now().Sub(d.since) >= Patience {
		return cause
	}
	if wait == 0 {
		wait = min(longestPause, firstPause<<min(d.failed-1, 10))
	}
	if d.Failed != nil {
		d.Failed(cause)
	}
	return d.Pause(d.ctx, wait)
}
