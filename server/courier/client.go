package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"saksi/crypto/receipt"
	"saksi/server/inbox"
)

// ErrNotRunning is returned when no server answers on the socket.
var ErrNotRunning = errors.New("no server is running on this data folder")

// A Client works through the socket of a running server.
type Client struct{ http http.Client }

var (
	_ Operations = (*Client)(nil)
	_ Book       = (*Client)(nil)
)

// NewClient returns a client for the data folder's server. It returns
// [ErrNotRunning] when there is none.
func NewClient(dir string) (*Client, error) {
	conn, err := dial(context.Background(), dir)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("reaching server: %w", err)
	}
	conn.Close()
	connect := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) }
	return &Client{http.Client{Transport: &http.Transport{DialContext: connect, ReadBufferSize: trailerRoom}}}, nil
}

// call sends a request and returns the body of a good answer.
func (c *Client) call(method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequest(method, "http://saksi/v1/"+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking server: %w", err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking server: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var f failure
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&f); err != nil || f.Error == "" {
		f.Error = "status " + resp.Status
	}
	return nil, errors.New(f.Error)
}

// maxAnswer bounds an answer, in bytes: of a store with 100,000 damaged items [Check]
// has a line for each.
const maxAnswer = 16 << 20

func (c *Client) callJSON(method, path string, body io.Reader, value any) error {
	resp, err := c.call(method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(value); err != nil {
		return fmt.Errorf("reading answer: %.200v", err) // it repeats what it cannot read
	}
	return nil
}

// Status implements [Operations].
func (c *Client) Status() (s inbox.Status, err error) {
	err = c.callJSON(http.MethodGet, "status", nil, &s)
	return s, err
}

// Check implements [Operations].
func (c *Client) Check() (wrong []string, err error) {
	err = c.callJSON(http.MethodGet, "check", nil, &wrong)
	return wrong, err
}

// Close implements [Operations].
func (c *Client) Close() (uint64, error) {
	var n closed
	err := c.callJSON(http.MethodPost, "close", nil, &n)
	return n.Batch, err
}

// Bundle implements [Operations].
func (c *Client) Bundle(w io.Writer) (damaged []receipt.ItemID, err error) {
	resp, err := c.call(http.MethodGet, "bundle", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return nil, fmt.Errorf("receiving bundle: %w", err)
	}
	if damaged, err = parseDamaged(resp.Trailer.Get(damagedTrailer)); err != nil {
		return nil, fmt.Errorf("receiving bundle: %w", err)
	}
	return damaged, nil
}

// Import implements [Operations].
func (c *Client) Import(file []byte) (report inbox.Imported, err error) {
	err = c.callJSON(http.MethodPost, "outbox", bytes.NewReader(file), &report)
	return report, err
}

// Lost implements [Operations].
func (c *Client) Lost(id receipt.ItemID) error {
	return c.callJSON(http.MethodGet, "lost/"+id.String(), nil, new(struct{}))
}

// GiveUp implements [Operations].
func (c *Client) GiveUp(id receipt.ItemID) error {
	return c.callJSON(http.MethodPost, "lost/"+id.String(), nil, new(struct{}))
}
