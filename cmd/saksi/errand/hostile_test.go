package errand_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/errand/sockstest"
	"saksi/crypto/batch"
	"saksi/crypto/fuzztest"
	"saksi/crypto/pass"
	"saksi/crypto/receipt"
	"saksi/crypto/sign"
)

// A member of a bundle.
type member struct {
	path    batch.Path
	content []byte
}

func unpack(t testing.TB, bundle []byte) (all []member) {
	t.Helper()
	err := batch.Read(bytes.NewReader(bundle), func(p batch.Path, _ int64, r io.Reader) error {
		content, err := io.ReadAll(r)
		all = append(all, member{p, content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func pack(t testing.TB, all []member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := batch.NewWriter(&out)
	for _, m := range all {
		if err := w.AddBytes(m.path, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// turned returns a list with another hash in its first line.
func turned(list []byte) []byte {
	changed := bytes.Clone(list)
	changed[0] = map[bool]byte{true: '1', false: '0'}[changed[0] == '0']
	return changed
}

// A forgery is a bundle with one item that is there and one that was deleted, in
// two batches, to be changed.
type forgery struct {
	*world
	honest []member
}

func newForgery(t *testing.T) *forgery {
	t.Helper()
	w := newWorld(t)
	code := w.Send("yang dihapus")
	w.close(0)
	if err := w.Inbox.Burn(code.ItemID(0), code.Burn(0)); err != nil {
		t.Fatal(err)
	}
	return &forgery{w, unpack(t, w.close(0))}
}

// find returns the place of a member; of notes and lists, that of a batch.
func (f *forgery) find(kind batch.Kind, sequence uint64) int {
	return slices.IndexFunc(f.honest, func(m member) bool {
		return m.path.Kind == kind && (m.path.Sequence == sequence || kind > batch.BatchSums)
	})
}

func (f *forgery) drop(at int) []member { return slices.Delete(slices.Clone(f.honest), at, at+1) }

func (f *forgery) change(at int, content []byte) []member {
	changed := slices.Clone(f.honest)
	changed[at].content = content
	return changed
}

// note returns the newest batch's note, edited and signed.
func (f *forgery) note(signer sign.Signer, edit func(*batch.Note)) []byte {
	f.t.Helper()
	n, err := batch.OpenNote(f.honest[f.find(batch.BatchNote, 0)].content, f.Server.Key())
	if err != nil {
		f.t.Fatal(err)
	}
	edit(&n)
	msg, err := n.Sign(signer)
	if err != nil {
		f.t.Fatal(err)
	}
	return msg
}

func (f *forgery) check(all []member, origin string) (*errand.Checked, error) {
	return errand.Check(bytes.NewReader(pack(f.t, all)), origin, f.Server.Key())
}

// TestABundleThatTheServerDidNotMakeIsRefused: a courier sees it without a key.
func TestABundleThatTheServerDidNotMakeIsRefused(t *testing.T) {
	f := newForgery(t)
	stranger, err := sign.Generate(f.Server.Key().Name())
	if err != nil {
		t.Fatal(err)
	}
	note, sums, early := f.find(batch.BatchNote, 0), f.find(batch.BatchSums, 0), f.find(batch.BatchNote, 1)
	moved := slices.Clone(f.honest)
	for _, at := range []int{early, f.find(batch.BatchSums, 1)} {
		moved[at].path.Sequence = 9
	}
	own := func(edit func(*batch.Note)) []member { return f.change(note, f.note(f.Server, edit)) }
	extra := member{batch.Path{Kind: batch.Payload, Sequence: 1, ID: receipt.ItemID{1}}, []byte("asing")}
	for what, row := range map[string]struct {
		members []member
		want    error
	}{
		"as it is":           {f.honest, nil},
		"another's key":      {f.change(note, f.note(stranger, func(*batch.Note) {})), errand.ErrForged},
		"another history":    {own(func(n *batch.Note) { n.Previous[0]++ }), errand.ErrForged},
		"a gap":              {own(func(n *batch.Note) { n.Sequence++ }), errand.ErrForged},
		"the batches turned": {f.change(early, f.honest[note].content), errand.ErrForged},
		"another place":      {moved, errand.ErrForged},
		"no note":            {f.drop(note), batch.ErrBundle},
		"no list":            {f.drop(sums), errand.ErrForged},
		"a list too many":    {f.drop(early), errand.ErrForged},
		"a changed list":     {f.change(sums, turned(f.honest[sums].content)), errand.ErrForged},
		"a note too long":    {f.change(note, make([]byte, 1<<17)), batch.ErrBundle},
		"what is not listed": {append(slices.Clone(f.honest), extra), errand.ErrForged},
		"no roster":          {f.drop(f.find(batch.RosterNote, 0)), errand.ErrForged},
		"no recipients":      {f.drop(f.find(batch.RecipientsFile, 0)), errand.ErrForged},
	} {
		got, err := f.check(row.members, f.Roster.Origin)
		if !errors.Is(err, row.want) || err == nil && (len(got.Damaged) > 0 || len(got.Missing) > 0 || got.Batch != 2) {
			t.Errorf("%s: %+v, %v, want %v", what, got, err, row.want)
		}
	}
	if _, err := f.check(f.honest, "lain.saksi"); !errors.Is(err, errand.ErrForged) {
		t.Errorf("for another drop: %v", err)
	}
}

// TestWhatIsWrongWithAnItemIsSaid: it holds the others up neither on the server
// nor on the way.
func TestWhatIsWrongWithAnItemIsSaid(t *testing.T) {
	f := newForgery(t)
	for what, row := range map[string]struct {
		members          []member
		damaged, missing int
	}{
		"a changed payload": {f.change(f.find(batch.Payload, 0), []byte("lain")), 1, 0},
		"a changed slot":    {f.change(f.find(batch.Slot, 0), []byte("lain")), 1, 0},
		"a false proof":     {f.change(f.find(batch.BurnMark, 0), make([]byte, 32)), 1, 0},
		"a missing slot":    {f.drop(f.find(batch.Slot, 0)), 0, 1},
		"no proof":          {f.drop(f.find(batch.BurnMark, 0)), 0, 1},
		"a canary answered": {f.drop(f.find(batch.Canary, 0)), 0, 0},
	} {
		got, err := f.check(row.members, f.Roster.Origin)
		if err != nil || len(got.Damaged) != row.damaged || len(got.Missing) != row.missing {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}

// FuzzCheck: whatever is done to a bundle on the way, it is the one that the server
// made, or it is said that it is not.
func FuzzCheck(f *testing.F) {
	server, err := sign.Generate("uji.saksi")
	if err != nil {
		f.Fatal(err)
	}
	sums := batch.Sums{}
	roster := batch.Path{Kind: batch.RosterNote, Sequence: 1}
	sums[roster.String()] = [32]byte{}
	msg, err := batch.Note{Origin: "uji.saksi", Sequence: 1, Sums: sums.Hash()}.Sign(server)
	if err != nil {
		f.Fatal(err)
	}
	bundle := pack(f, []member{
		{batch.Path{Kind: batch.BatchNote}, msg}, {batch.Path{Kind: batch.BatchSums}, []byte(sums.Text())},
		{roster, []byte("r")},
	})
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(600), uint16(1), []byte("x"))
	f.Add(uint16(2000), uint16(1), []byte("x"))
	f.Add(uint16(len(bundle)), uint16(0), make([]byte, tar.TypeReg))
	bound := fuzztest.Bound{Base: 128 << 10, PerByte: 64}
	check := func(b []byte) (*errand.Checked, error) {
		return errand.Check(bytes.NewReader(b), "uji.saksi", server.Key())
	}
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		edited := fuzztest.MendTar(fuzztest.Edit(bundle, at, cut, with))
		got, ok := fuzztest.Parse(t, bound, edited, check, batch.ErrBundle, errand.ErrForged)
		if ok && len(got.Damaged) == 0 && got.Size == int64(len(bundle)) {
			t.Error("a roster that is not the listed one was taken")
		}
	})
}

// lies starts a server of the test's own behind a proxy, and returns a courier.
func lies(t *testing.T, handler http.HandlerFunc) *laptop {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	proxy, err := sockstest.Listen(onion, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	key, err := sign.Generate("uji.saksi")
	if err != nil {
		t.Fatal(err)
	}
	p, err := pass.New("uji.saksi", "budi", onion, key.Key())
	if err != nil {
		t.Fatal(err)
	}
	budi := &laptop{dir: t.TempDir()}
	budi.asked = func() []string {
		addresses, _ := proxy.Asked()
		return addresses
	}
	budi.Courier = &errand.Courier{
		Pass: p, Socks: proxy.Addr, Wait: 0, Now: time.Now, Pause: errand.Sleep, Notice: func(string, ...any) {},
	}
	return budi
}

// TestAServerThatLies gets nowhere: no file, no connection elsewhere, no words
// that a terminal obeys.
func TestAServerThatLies(t *testing.T) {
	const tag = `"0123456789abcdef0123456789abcdef"`
	answers := map[string]struct {
		status int
		header string
		body   string
	}{
		"no tag":              {200, "Content-Length: 3", "abc"},
		"another tag":         {200, `ETag: "../../x"`, "abc"},
		"no length":           {200, "ETag: " + tag, ""},
		"a range unasked":     {206, "ETag: " + tag + "\nContent-Range: bytes 0-2/3", "abc"},
		"a range unasked 416": {416, "ETag: " + tag + "\nContent-Range: bytes */0", ""},
		"a redirect":          {302, "Location: http://lain.example/", ""},
		"nothing":             {204, "", ""},
		"an escape":           {409, "", `{"error":"\u001b[2J lain` + strings.Repeat("a", 1200) + `"}`},
		"an odd error":        {418, "", "<html>"},
		"no bundle at all":    {200, "ETag: " + tag, "abc"},
	}
	for what, a := range answers {
		budi := lies(t, func(w http.ResponseWriter, _ *http.Request) {
			for line := range strings.SplitSeq(a.header, "\n") {
				if name, value, ok := strings.Cut(line, ": "); ok {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(a.status)
			io.WriteString(w, a.body)
			if what == "no length" {
				http.NewResponseController(w).Flush()
			}
		})
		_, err := budi.Fetch(t.Context(), budi.dir)
		if err == nil {
			t.Errorf("%s: a bundle was taken", what)
			continue
		}
		fuzztest.Refused(t, err)
		for _, address := range budi.asked() {
			if address != onion+":80" {
				t.Errorf("%s: it went to %s", what, address)
			}
		}
		if left, _ := os.ReadDir(budi.dir); len(left) > 0 {
			t.Errorf("%s: it left %s", what, left[0].Name())
		}
	}
}

// TestAReportHasNothingThatATerminalObeys: all of its words are the server's.
func TestAReportHasNothingThatATerminalObeys(t *testing.T) {
	budi := lies(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"reviewer":"\u001b[2J","canaries":"2026-10\u001b[2J","misfits":"\u202e2026-10"}`)
	})
	report, err := budi.Push(t.Context(), []byte("outbox"))
	if said := report.Reviewer + report.Canaries + report.Misfits; err != nil || said != "?[2J2026-10?[2J?2026-10" {
		t.Errorf("%q, %v", said, err)
	}
}

// TestARestThatDoesNotFitIsNotTaken: a piece from another place, of another
// bundle, or of another size.
func TestARestThatDoesNotFitIsNotTaken(t *testing.T) {
	const tag = "0123456789abcdef0123456789abcdef"
	for what, a := range map[string][2]string{
		"another place":  {tag, "bytes 4-9/10"},
		"another bundle": {strings.Repeat("f", 32), "bytes 5-9/10"},
		"not the end":    {tag, "bytes 5-8/10"},
		"too short":      {tag, "bytes 5-4/5"},
		"no range":       {tag, ""},
	} {
		budi := lies(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "bytes=5-" || r.Header.Get("If-Range") != `"`+tag+`"` {
				t.Errorf("asked for %q if %q", r.Header.Get("Range"), r.Header.Get("If-Range"))
			}
			w.Header().Set("ETag", `"`+a[0]+`"`)
			w.Header().Set("Content-Range", a[1])
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "abcde")
		})
		part := fmt.Sprintf("%s/saksi-%s-%s.part", budi.dir, onion[:8], tag)
		if err := os.WriteFile(part, []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := budi.Fetch(t.Context(), budi.dir); !errors.Is(err, errand.ErrServer) {
			t.Errorf("%s: %v, want ErrServer", what, err)
		}
		if kept, err := os.ReadFile(part); err != nil || string(kept) != "12345" {
			t.Errorf("%s: the part is %q, %v", what, kept, err)
		}
	}
}
