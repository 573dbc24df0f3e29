package inbox

import (
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"saksi/server/store"
)

// How an upload comes on, in memory alone: no such time is written down.
type progress struct {
	mu  sync.Mutex
	all map[store.UploadID]going
}

// A going is one upload's.
type going struct {
	begun time.Time
	last  time.Time // when it last had come on by progressOfUpload
	at    int64     // how far it was then
	to    int64     // up to where it has room
}

// clockRace is by how much a time that was noted may be ahead of one that was looked up
// before, by another request.
const clockRace = time.Minute

// begin forgets what was known of an upload, which counts as begun now, where it
// is, with room up to some place.
func (p *progress) begin(u store.Upload, to int64, now time.Time) going {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[store.UploadID]going{}
	}
	g := going{begun: now, last: now, at: u.Offset, to: to}
	p.all[u.ID] = g
	return g
}

// of returns how an upload comes on. One that is new to this process, or known by
// a clock that ran ahead, counts as begun now. It has to ask for room: all uploads
// of before a restart would have more than there is.
func (p *progress) of(u store.Upload, now time.Time) going {
	p.mu.Lock()
	g, ok := p.all[u.ID]
	p.mu.Unlock()
	latest := now.Add(clockRace)
	if !ok || g.begun.After(latest) || g.last.After(latest) {
		return p.begin(u, u.Offset, now)
	}
	return g
}

// came notes how far an upload has come. A byte now and then is no progress, nor
// is the same one again.
func (p *progress) came(id store.UploadID, at int64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g, ok := p.all[id]; ok && at-g.at >= progressOfUpload {
		g.last, g.at = now, at
		p.all[id] = g
	}
}

// grant notes up to where an upload has room.
func (p *progress) grant(id store.UploadID, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g, ok := p.all[id]; ok {
		g.to = to
		p.all[id] = g
	}
}

// over reports whether an upload has had its time.
func (p *progress) over(u store.Upload, now time.Time) bool {
	g := p.of(u, now)
	return now.Sub(g.last) >= KeepUpload || now.Sub(g.begun) >= LongestUpload
}

func (p *progress) forget(id store.UploadID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, id)
}

// keep forgets all but these.
func (p *progress) keep(uploads []store.Upload) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.all, func(id store.UploadID, _ going) bool {
		return !slices.ContainsFunc(uploads, func(u store.Upload) bool { return u.ID == id })
	})
}

// bringing is a slice on its way in. It is read as far as there is room.
type bringing struct {
	io.Reader
	inbox *Inbox
	id    store.UploadID
	size  int64
	at    int64
}

func (r *bringing) Read(p []byte) (int, error) {
	to := r.inbox.progress.of(store.Upload{ID: r.id, Size: r.size, Offset: r.at}, r.inbox.Now()).to
	if r.at >= to && to < r.size {
		var err error
		if to, err = r.inbox.goOn(r.id, r.size, r.at); err != nil {
			return 0, err
		}
	}
	if to < r.size { // behind its end it is for the store to refuse
		p = p[:min(int64(len(p)), to-r.at)]
	}
	n, err := r.Reader.Read(p)
	r.at += int64(n)
	r.inbox.progress.came(r.id, min(r.at, r.size), r.inbox.Now())
	return n, err
}
