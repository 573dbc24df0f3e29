package letter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
	"saksi/server/servertest"
	"saksi/web/taxonomy"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fits is the anchor of a party's poster.
func fits(p *partytest.Party) Anchor {
	return Anchor{Fits: func(groups []string) bool { return slices.Equal(groups, p.Trusted.Fingerprint()) }}
}

// TestNothingIsSealedToARosterOfOthers: each thing that a server may show instead.
func TestNothingIsSealedToARosterOfOthers(t *testing.T) {
	now := time.Now()
	p, other := partytest.New(t, now, 3), partytest.New(t, now, 3)
	text := p.Recipients[0].Text()
	circle, err := Trust(p.Roster.Note, text, fits(p), now)
	check(t, err)
	if circle.Hash != p.Roster.Hash || len(circle.Keys) != 3 {
		t.Errorf("%+v", circle)
	}
	if _, err := Trust(p.Roster.Note, text, Anchor{Roots: &p.Trusted}, now); err != nil {
		t.Error(err)
	}
	unsigned, err := sign.Note(p.Roster.Text, other.Roots...)
	check(t, err)
	changed := bytes.Replace(p.Roster.Note, []byte("Penelaah 1"), []byte("Penelaah X"), 1)
	both := Anchor{Fits: fits(p).Fits, Roots: &other.Trusted}
	for what, fault := range map[string]struct {
		note       []byte
		recipients string
		anchor     Anchor
		now        time.Time
		want       error
	}{
		"of other roots":          {other.Roster.Note, other.Recipients[0].Text(), fits(p), now, ErrFingerprint},
		"of another root file":    {p.Roster.Note, text, Anchor{Roots: &other.Trusted}, now, ErrFingerprint},
		"without an anchor":       {p.Roster.Note, text, Anchor{}, now, ErrFingerprint},
		"signed by others":        {unsigned, text, fits(p), now, ErrRoster},
		"changed":                 {changed, text, fits(p), now, ErrRoster},
		"no note":                 {[]byte("x"), text, fits(p), now, ErrRoster},
		"with others' keys":       {p.Roster.Note, other.Recipients[0].Text(), fits(p), now, roster.ErrNoRecipients},
		"with keys that are none": {p.Roster.Note, "x", fits(p), now, roster.ErrNoRecipients},
		"that is over":            {p.Roster.Note, text, fits(p), now.AddDate(1, 0, 0), roster.ErrExpired},
		"that has not begun":      {p.Roster.Note, text, fits(p), now.AddDate(0, 0, -9), roster.ErrNotYet},
		"of one anchor alone":     {other.Roster.Note, text, both, now, ErrFingerprint},
	} {
		if _, err := Trust(fault.note, fault.recipients, fault.anchor, fault.now); !errors.Is(err, fault.want) {
			t.Errorf("a roster %s: %v, want %v", what, err, fault.want)
		}
	}
}

// TestAClockAtTheTurnOfAWeek that is an hour behind the server's swaps nobody's key.
func TestAClockAtTheTurnOfAWeek(t *testing.T) {
	now := time.Now()
	p := partytest.New(t, now, 1)
	p.Reviewers[0], p.Roster = partytest.Weekly(t, 1, now, 16), nil
	p.Sign(t, p.Draft(now))
	next, _ := p.Roster.Period(week.Of(now).Add(1))
	_, err := Trust(p.Roster.Note, p.Files()[next.File], fits(p), next.From.Monday().Add(-time.Hour))
	check(t, err)
}

// folder writes files, and returns where they are.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

// TestAFolderIsHeldToWhatTheFormTakes.
func TestAFolderIsHeldToWhatTheFormTakes(t *testing.T) {
	for what, one := range map[string]struct {
		files map[string]string
		want  error
	}{
		"named":          {map[string]string{TextName: "Kami.", "lain.txt": "x"}, nil},
		"one text":       {map[string]string{"catatan.TXT": "Kami."}, nil},
		"with a mark":    {map[string]string{TextName: "\ufeffKami."}, nil},
		"none":           {map[string]string{"foto.mp4": "x"}, ErrNoText},
		"two texts":      {map[string]string{"a.txt": "x", "b.txt": "x"}, ErrNoText},
		"an empty text":  {map[string]string{TextName: " \n"}, item.ErrEmpty},
		"a long text":    {map[string]string{TextName: strings.Repeat("a", item.MaxText+4)}, item.ErrTooLong},
		"no text":        {map[string]string{TextName: "\xff\xfe"}, item.ErrNotText},
		"an empty file":  {map[string]string{TextName: "Kami.", "x.bin": ""}, item.ErrEmpty},
		"a false JPEG":   {map[string]string{TextName: "Kami.", "x.jpg": "\xff\xd8\xff\xe1\x00"}, ErrPicture},
		"too many files": {many(receipt.MaxItems), ErrTooMany},
		"all that goes":  {many(receipt.MaxItems - 1), nil},
	} {
		f, err := Read(folder(t, one.files), false)
		if !errors.Is(err, one.want) || err == nil && f.Text != "Kami." {
			t.Errorf("%s: %v, want %v", what, err, one.want)
		}
	}
	kept, err := Read(folder(t, map[string]string{TextName: "Kami.", "x.jpg": "\xff\xd8\xff\xe1\x00"}), true)
	if err != nil || kept.Files[0].Strip {
		t.Errorf("kept as it is: %v", err)
	}
	dir := folder(t, map[string]string{TextName: "Kami."})
	check(t, os.Symlink("/etc/hostname", filepath.Join(dir, "tautan")))
	if _, err := Read(dir, false); !errors.Is(err, ErrNotAFile) {
		t.Errorf("a link: %v", err)
	}
}

func many(files int) map[string]string {
	all := map[string]string{TextName: "Kami."}
	for i := range files {
		all["x"+strings.Repeat("x", i)] = "x"
	}
	return all
}

// TestAnswersAreHeldToTheQuestions, and what is typed wrong is not repeated at length.
func TestAnswersAreHeldToTheQuestions(t *testing.T) {
	q := taxonomy.Current()
	good := `{"tempat": "73.02", "waktu": "2026-10", "tindakan": ["hadir"], "tekanan": ["lisan"], "pelaku": ["camat"],
		"cara_tahu": "mengalami", "jumlah_tahu": "banyak", "izin": "informasi"}`
	answers, err := ParseAnswers([]byte(good), q)
	if err != nil || answers["tempat"][0] != "73.02" {
		t.Errorf("%v, %v", answers, err)
	}
	for what, text := range map[string]string{
		"no JSON": "x", "a list": "[]", "nothing answered": "{}", "a number": strings.Replace(good, `"informasi"`, "1", 1),
		"another question": strings.Replace(good, "{", `{"lain": "x", `, 1),
		"another code":     strings.Replace(good, "camat", "x", 1),
		"the story":        strings.Replace(good, "{", `{"`+q.Story().ID+`": "x", `, 1),
	} {
		if _, err := ParseAnswers([]byte(text), q); !errors.Is(err, ErrAnswers) {
			t.Errorf("%s: %v", what, err)
		}
	}
	p := partytest.New(t, time.Now(), 3)
	r, err := Choose(p.Circle, []string{"r2"}, "31", answers, q)
	if err != nil || r.Province != "73" || r.Roster != p.Roster.Hash {
		t.Errorf("%+v, %v: the answer says where it was", r, err)
	}
	if r, err := Choose(p.Circle, nil, "31", nil, nil); err != nil || r.Province != "31" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Choose(p.Circle, nil, "99", nil, nil); !errors.Is(err, ErrProvince) {
		t.Errorf("%v", err)
	}
}

// hostile returns a drop whose server answers like that.
func hostile(t *testing.T, h http.HandlerFunc) *Drop {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	address, err := errand.ParseAddress(s.URL)
	check(t, err)
	return &Drop{Address: address, Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

// TestWhatAServerAnswersIsBounded: an endless answer ends, and a redirect is followed
// nowhere.
func TestWhatAServerAnswersIsBounded(t *testing.T) {
	other := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { other++ }))
	defer elsewhere.Close()
	for what, h := range map[string]http.HandlerFunc{
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		},
		"another status": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) },
	} {
		if body, err := hostile(t, h).Fetch(t.Context(), "/roster.note"); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %d bytes, %v", what, len(body), err)
		}
	}
	if other != 0 {
		t.Error("a redirect was followed")
	}
	_, err := hostile(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }).Questions(t.Context())
	if !errors.Is(err, ErrAnswer) {
		t.Errorf("questions that are none: %v", err)
	}
}

// TestAClosedDropIsNotABusyOne: nobody is told to try again in some minutes.
func TestAClosedDropIsNotABusyOne(t *testing.T) {
	var years atomic.Int64
	d := servertest.New(t, servertest.Options{Now: func() time.Time { return time.Now().AddDate(int(years.Load()), 0, 0) }})
	years.Store(1)
	address, err := errand.ParseAddress(d.URL)
	check(t, err)
	drop := &Drop{Address: address, Failed: func(err error) { t.Errorf("it is tried again after %v", err) },
		Pause: func(context.Context, time.Duration) error { return nil }}
	if _, err := drop.Fetch(t.Context(), "/roster.recipients"); !errors.Is(err, roster.ErrExpired) {
		t.Errorf("a drop that is closed: %v", err)
	}
}

// TestAProgramSaysNothingOfItself: neither by its agent nor by cookies.
func TestAProgramSaysNothingOfItself(t *testing.T) {
	var seen http.Header
	d := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	})
	for range 2 {
		_, err := d.Fetch(t.Context(), "/roster.note")
		check(t, err)
	}
	if len(seen) != 0 {
		t.Errorf("it sends %v", seen)
	}
}

// TestACarriedLetterIsWhatWouldHaveBeenSent: the desk opens it, and in the file there
// is nothing that the server may not have.
func TestACarriedLetterIsWhatWouldHaveBeenSent(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	film := strings.Repeat("isi rapat ", 30_000)
	f, err := Read(folder(t, map[string]string{TextName: "Kami diminta.", "rapat.mp4": film}), false)
	check(t, err)
	l := &Letter{Circle: d.Circle, Code: receipt.New(), Folder: f, Language: "id"}
	var file bytes.Buffer
	check(t, l.Carry(&file))
	keys := l.Code.Keys()
	burn := l.Code.Burn(0)
	for what, secret := range map[string][]byte{
		"the text": []byte("Kami diminta"), "a file": []byte("isi rapat"), "its name": []byte("rapat.mp4"),
		"the code": l.Code[:], "the token": keys.Token[:], "a burn token": burn[:],
	} {
		if bytes.Contains(file.Bytes(), secret) {
			t.Errorf("the carried file has %s", what)
		}
	}
	address, err := errand.ParseAddress(d.URL)
	check(t, err)
	drop := &Drop{Address: address, Pause: errand.Sleep}
	count, err := CountCarried(bytes.NewReader(file.Bytes()))
	if err != nil || count != 2 {
		t.Fatalf("%d parcels, %v", count, err)
	}
	for range 2 {
		for n := range count {
			check(t, drop.SendCarried(t.Context(), bytes.NewReader(file.Bytes()), n))
		}
	}
	states, err := d.Inbox.States(l.Code.ItemIDs())
	check(t, err)
	for n, s := range states {
		if kept := s.Stand != 0; kept != (n < count) {
			t.Errorf("item %d: %+v", n, s)
		}
	}
}

// TestTheGuidesAnswersWork: the example in docs/sealing.md is one that the form takes.
func TestTheGuidesAnswersWork(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/sealing.md")
	check(t, err)
	_, rest, found := strings.Cut(string(guide), "```json\n")
	example, _, _ := strings.Cut(rest, "```")
	if answers, err := ParseAnswers([]byte(example), taxonomy.Current()); !found || err != nil || len(answers) == 0 {
		t.Errorf("%q: %v", example, err)
	}
}
