package errand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"saksi/crypto/batch"
	"saksi/crypto/pass"
)

// A Fetched is a bundle that was fetched and checked.
type Fetched struct {
	Path    string
	Already bool // it was there before
	Resumed bool
	Checked
}

// partial is a bundle that grows.
type partial struct {
	dir    string
	prefix string
	tag    string // 32 hex; "" before anything came
	file   *os.File
	have   int64
	size   int64 // of the whole; 0 as long as it is unknown
	pieces int
	unfit  string // tag of a bundle that is in its place already, and damaged
}

func (p *partial) name() string { return filepath.Join(p.dir, p.prefix+p.tag+".part") }

// Fetch fetches the bundle of now into a folder. It returns [ErrTwice] while another
// fetch writes there.
func (c *Courier) Fetch(ctx context.Context, dir string) (*Fetched, error) {
	release, err := hold(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := findPartial(dir, "saksi-"+c.Pass.Onion[:8]+"-")
	if err != nil {
		return nil, err
	}
	defer func() { p.close() }()
	for again := false; ; again = true {
		done, err := c.receive(ctx, p)
		if err != nil || done != nil {
			return done, err
		}
		done, err = c.finish(p)
		suspect := errors.Is(err, batch.ErrBundle) || err == nil && len(done.Damaged) > 0
		if suspect && p.pieces > 1 && !again {
			c.Notice("the pieces do not fit together: fetching all of it anew")
			if err := p.discard(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, p.refuse(err)
		}
		return done, p.settle(done)
	}
}

// receive goes on until the partial file is whole, or finds that its bundle is
// here already.
func (c *Courier) receive(ctx context.Context, p *partial) (already *Fetched, err error) {
	err = c.persist(ctx, func() (bool, error) {
		before := p.have
		already, err = c.piece(ctx, p)
		return p.have > before, err
	})
	return already, err
}

// piece fetches the rest of a bundle, or as much as comes.
func (c *Courier) piece(ctx context.Context, p *partial) (already *Fetched, err error) {
	r := pass.Request{Method: http.MethodGet, URI: "/v1/bundle"}
	if p.have > 0 {
		r.Range, r.IfRange = fmt.Sprintf("bytes=%d-", p.have), `"`+p.tag+`"`
	}
	resp, err := c.call(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	tag, err := tagOf(resp)
	switch {
	case resp.StatusCode == http.StatusOK && err == nil:
		if already := c.already(p, tag, resp.ContentLength); already != nil {
			return already, nil
		}
		err = c.begin(p, tag, resp.ContentLength)
	case resp.StatusCode == http.StatusPartialContent && err == nil:
		err = p.goOn(tag, resp.Header.Get("Content-Range"))
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && p.have > 0:
		return nil, p.complete(resp.Header.Get("Content-Range"))
	case resp.StatusCode < 300:
		return nil, fmt.Errorf("fetching: %w", ErrServer)
	default:
		return nil, c.explain(resp)
	}
	if err != nil {
		return nil, err
	}
	return nil, p.take(resp.Body)
}

var tagPattern = regexp.MustCompile(`^"([0-9a-f]{32})"$`)

func tagOf(resp *http.Response) (string, error) {
	m := tagPattern.FindStringSubmatch(resp.Header.Get("ETag"))
	if m == nil {
		return "", fmt.Errorf("fetching: %w", ErrServer)
	}
	return m[1], nil
}

// begin starts with an empty file.
func (c *Courier) begin(p *partial, tag string, size int64) error {
	if size <= 0 {
		return fmt.Errorf("fetching: %w", ErrServer)
	}
	if p.have > 0 {
		c.Notice("the server has another bundle by now: beginning anew")
	}
	if err := p.discard(); err != nil {
		return err
	}
	p.tag, p.size = tag, size
	f, err := os.OpenFile(p.name(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	p.file = f
	return nil
}

// goOn holds that what comes is what was asked for.
func (p *partial) goOn(tag, contentRange string) error {
	var first, last, size int64
	_, err := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &first, &last, &size)
	again := fmt.Sprintf("bytes %d-%d/%d", first, last, size)
	if err != nil || again != contentRange || tag != p.tag || first != p.have || last != size-1 || size <= p.have {
		return fmt.Errorf("fetching: %w", ErrServer)
	}
	p.size = size
	return nil
}

// complete is told that there is nothing behind what is here.
func (p *partial) complete(contentRange string) error {
	text, ok := strings.CutPrefix(contentRange, "bytes */")
	size, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || size <= 0 || size > p.have || strconv.FormatInt(size, 10) != text {
		return fmt.Errorf("fetching: %w", ErrServer)
	}
	p.size, p.pieces = size, p.pieces+1 // a file that is too long does not stand the check
	return nil
}

// take writes what comes behind what is here. An error of this machine's disk is
// told apart from one of the network.
func (p *partial) take(body io.Reader) error {
	p.pieces++
	if _, err := p.file.Seek(p.have, io.SeekStart); err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	out := &disk{w: p.file}
	n, err := io.Copy(out, io.LimitReader(body, p.size-p.have))
	p.have += n
	switch {
	case out.err != nil:
		return fmt.Errorf("fetching: %w", out.err)
	case err != nil:
		return network(err)
	case p.have < p.size:
		return ErrBroken
	}
	return nil
}

// disk remembers whether it was the disk that failed.
type disk struct {
	w   io.Writer
	err error
}

func (d *disk) Write(b []byte) (int, error) {
	n, err := d.w.Write(b)
	d.err = err
	return n, err
}

// finish checks a bundle that is whole.
func (c *Courier) finish(p *partial) (*Fetched, error) {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("checking: %w", err)
	}
	checked, err := Check(p.file, c.Pass.Origin, c.Pass.Server)
	if err != nil {
		return nil, err
	}
	return &Fetched{Resumed: p.pieces > 1, Checked: *checked}, nil
}
