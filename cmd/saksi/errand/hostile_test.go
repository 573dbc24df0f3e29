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

// TestABundleThatTheServerDidNotMake is refused, or what is wrong with it is said:
// a courier sees as much without a key.
func TestABundleThatTheServerDidNotMake(t *testing.T) {
	w := newWorld(t)
	code := w.Send("yang dihapus")
	w.close(0)
	if err := w.Inbox.Burn(code.ItemID(0), code.Burn(0)); err != nil {
		t.Fatal(err)
	}
	honest := unpack(t, w.close(0))
	stranger, err := sign.Generate(w.Server.Key().Name())
	if err != nil {
		t.Fatal(err)
	}
	find := func(kind batch.Kind, sequence uint64) int {
		return slices.IndexFunc(honest, func(m member) bool {
			return m.path.Kind == kind && (m.path.Sequence == sequence || kind > batch.BatchSums)
		})
	}
	note, sums, early := find(batch.BatchNote, 0), find(batch.BatchSums, 0), find(batch.BatchNote, 1)
	drop := func(at ...int) (left []member) {
		for i, m := range honest {
			if !slices.Contains(at, i) {
				left = append(left, m)
			}
		}
		return left
	}
	change := func(at int, content []byte) []member {
		changed := slices.Clone(honest)
		changed[at].content = content
		return changed
	}
	resigned, err := batch.OpenNote(honest[note].content, w.Server.Key())
	if err != nil {
		t.Fatal(err)
	}
	by := func(signer sign.Signer, edit func(*batch.Note)) []byte {
		n := resigned
		edit(&n)
		msg, err := n.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	moved := slices.Clone(honest)
	for _, at := range []int{early, find(batch.BatchSums, 1)} {
		moved[at].path.Sequence = 9
	}
	extra := member{batch.Path{Kind: batch.Payload, Sequence: 1, ID: receipt.ItemID{1}}, []byte("asing")}
	for what, row := range map[string]struct {
		members []member
		want    error
	}{
		"as it is":           {honest, nil},
		"another's key":      {change(note, by(stranger, func(*batch.Note) {})), errand.ErrForged},
		"another drop":       {change(note, by(w.Server, func(n *batch.Note) { n.Origin = "lain.saksi" })), errand.ErrForged},
		"another history":    {change(note, by(w.Server, func(n *batch.Note) { n.Previous[0]++ })), errand.ErrForged},
		"a gap":              {change(note, by(w.Server, func(n *batch.Note) { n.Sequence++ })), errand.ErrForged},
		"the batches turned": {change(early, honest[note].content), errand.ErrForged},
		"another place":      {moved, errand.ErrForged},
		"no note":            {drop(note), batch.ErrBundle},
		"no list":            {drop(sums), errand.ErrForged},
		"a list too many":    {drop(early), errand.ErrForged},
		"a changed list":     {change(sums, turned(honest[sums].content)), errand.ErrForged},
		"a note too long":    {change(note, make([]byte, 1<<17)), batch.ErrBundle},
		"what is not listed": {append(slices.Clone(honest), extra), errand.ErrForged},
		"no roster":          {drop(find(batch.RosterNote, 0)), errand.ErrForged},
		"no recipients":      {drop(find(batch.RecipientsFile, 0)), errand.ErrForged},
	} {
		got, err := errand.Check(bytes.NewReader(pack(t, row.members)), w.Roster.Origin, w.Server.Key())
		if !errors.Is(err, row.want) || err == nil && (len(got.Damaged) > 0 || len(got.Missing) > 0 || got.Batch != 2) {
			t.Errorf("%s: %+v, %v, want %v", what, got, err, row.want)
		}
	}
	_, err = errand.Check(bytes.NewReader(pack(t, honest)), "lain.saksi", w.Server.Key())
	if !errors.Is(err, errand.ErrForged) {
		t.Errorf("for another drop: %v", err)
	}
	for what, row := range map[string]struct {
		members          []member
		damaged, missing int
	}{
		"a changed payload": {change(find(batch.Payload, 0), []byte("lain")), 1, 0},
		"a changed slot":    {change(find(batch.Slot, 0), []byte("lain")), 1, 0},
		"a false proof":     {change(find(batch.BurnMark, 0), make([]byte, 32)), 1, 0},
		"a missing slot":    {drop(find(batch.Slot, 0)), 0, 1},
		"no proof":          {drop(find(batch.BurnMark, 0)), 0, 1},
	} {
		got, err := errand.Check(bytes.NewReader(pack(t, row.members)), w.Roster.Origin, w.Server.Key())
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
