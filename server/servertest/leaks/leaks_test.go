package leaks_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/servertest/leaks"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person gives everything away.
func person(code receipt.Code) *leaks.Secrets {
	s := leaks.New()
	s.Code(code)
	s.Text("what was typed", "isi kesaksian yang agak panjang")
	s.File("rapat.mp4", bytes.Repeat([]byte("isi berkas "), 1000))
	s.Address(net.IPv4(127, 47, 11, 9))
	s.Add("the user agent", "penanda-agen")
	return s
}

// folder is a data folder whose index is this.
func folder(t *testing.T, index string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "data", "store"), 0o700))
	for file, content := range map[string]string{
		"data/server.vkey": "x", "data/root.vkey": "x", "data/store/index.db": index,
	} {
		name := filepath.Join(dir, file)
		must(t, os.WriteFile(name, []byte(content), 0o600))
		blur(t, name)
	}
	blur(t, filepath.Join(dir, "data", "store"))
	return dir
}

func blur(t *testing.T, name string) {
	t.Helper()
	monday := week.Of(time.Now()).Monday()
	must(t, os.Chtimes(name, monday, monday))
}

// planted are leaks of a person's code and visit, each by itself.
func planted(code receipt.Code, now time.Time) map[string]string {
	field, keys, burn := code.Field(), code.Keys(), code.Burn(3)
	base64s := base64.StdEncoding.EncodeToString
	number := func(v int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(v))) }
	little := func(v int64) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(v))) }
	marshalled, _ := now.MarshalBinary() // a time in a zone of whole minutes never fails
	return map[string]string{
		"a text": "isi kesaksian yang agak panjang", "a form's text": "isi+kesaksian+yang+agak+panjang",
		"an escaped text": "isi%20kesaksian%20yang%20agak%20panjang", "the end of a text": "kesaksian yang agak panjang.",
		"a text in base64":   base64s([]byte("isi kesaksian yang agak panjang")),
		"a text as odd JSON": `isi\u0020kesaksian\u0020yang\u0020agak\u0020panjang`,
		"a file's name":      "rapat.mp4", "a file": strings.Repeat("isi berkas ", 90),
		"an address": "127.47.11.9:40123", "an address alone": "ip=127.47.11.9 ",
		"an address as bytes": string(net.IPv4(127, 47, 11, 9).To16()), "a user agent": "x (penanda-agen)",

		"a code": field, "a code in capitals": strings.ToUpper(field), "a raw code": string(code[:]),
		"a code in base64": base64s(code[:]), "a field as bytes in base64": base64.URLEncoding.EncodeToString(code[:]),
		"words": strings.Join(code.Words()[3:5], " "), "words joined": strings.Join(code.Words(), ""),
		"words by lines": strings.Join(code.Words(), "\r\n"),
		"words in JSON":  `["` + strings.Join(code.Words(), `","`) + `"]`,
		"a token":        string(keys.Token[:]), "a token in digits": fmt.Sprintf("%x", keys.Token),
		"a burn token": string(burn[:]), "a burn token in base64": base64s(burn[:]),
		"the author's key": string(keys.Author.Seed()), "the author's key, whole": string(keys.Author),
		"reply identity": keys.Reply.String(),

		"a day": now.UTC().Format(time.DateOnly), "a day without hyphens": now.UTC().Format("20060102"),
		"an HTTP date": now.UTC().Format(time.RFC1123), "an ANSI date": now.UTC().Format(time.ANSIC),
		"a mail's date": now.Format(time.RFC1123Z), "a log's time": now.Format(time.RFC3339Nano),
		"a time of day alone": now.UTC().Format(time.TimeOnly), "a day in words": now.UTC().Format("2 January 2006"),
		"another day": "2031-02-03T04:05Z",

		"seconds": number(now.Unix()), "seconds, little": little(now.Unix()), "seconds in decimal": fmt.Sprint(now.Unix()),
		"milliseconds": number(now.UnixMilli()), "milliseconds in decimal": fmt.Sprint(now.UnixMilli()),
		"microseconds": little(now.UnixMicro()), "nanoseconds": number(now.UnixNano()),
		"nanoseconds, little": little(now.UnixNano()),
		"Go's own":            string(marshalled),
		"32 bits": string(binary.BigEndian.AppendUint32(nil, uint32(now.Unix()))) + "...." +
			string(binary.BigEndian.AppendUint32([]byte("2"), uint32(now.Unix()))),
		"32 bits, little": string(binary.LittleEndian.AppendUint32(nil, uint32(now.Unix()))) + "...." +
			string(binary.LittleEndian.AppendUint32([]byte("2"), uint32(now.Unix()))),
	}
}

// TestLeaksAreFound plants each kind of leak: the search must find them all, and by
// themselves.
func TestLeaksAreFound(t *testing.T) {
	code := receipt.New()
	s := person(code)
	for name, leak := range planted(code, time.Now()) {
		wrong, files, err := s.Search(folder(t, "...."+leak+"...."))
		if err != nil || len(wrong) == 0 || files != 3 {
			t.Errorf("%s: found %q in %d files, %v", name, wrong, files, err)
		}
	}
}

// TestNothingIsFoundByChance in what honest servers write: ciphertext, and weeks.
func TestNothingIsFoundByChance(t *testing.T) {
	s := person(receipt.New())
	now := time.Now()
	honest := fmt.Sprintf("valid %s 2031-01-01 %s %x", now.UTC().Format(time.DateOnly), week.Of(now), now.Year())
	for range 8 {
		noise := make([]byte, 4<<20)
		rand.Read(noise)
		if wrong, _, err := s.Search(folder(t, honest+string(noise))); err != nil || len(wrong) > 0 {
			t.Errorf("found %q, %v", wrong, err)
		}
	}
}

// TestMomentsAreFoundAmongCiphertext: where a megabyte has some nanoseconds by chance,
// a few more are found.
func TestMomentsAreFoundAmongCiphertext(t *testing.T) {
	s := person(receipt.New())
	now := time.Now()
	for name, leak := range map[string]func(n int64) []byte{
		"nanoseconds": func(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()+n)) },
		"32 bits":     func(int64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(now.Unix())) },
	} {
		noise := make([]byte, 1<<20)
		rand.Read(noise)
		for n := range int64(8) {
			copy(noise[n<<17:], leak(n))
		}
		if wrong, _, err := s.Search(folder(t, string(noise))); err != nil || len(wrong) == 0 {
			t.Errorf("%s: found %q, %v", name, wrong, err)
		}
	}
}

// TestWhatIsCarriedIsSearched: outside of data folders and desks, too.
func TestWhatIsCarriedIsSearched(t *testing.T) {
	code := receipt.New()
	s := person(code)
	for _, name := range []string{"a.tar", "a.part", "a.outbox", "a.pass", "a.share", "titip"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("saksi/v1/carry\n"+code.Field()), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "catatan.txt"), []byte(code.Field()), 0o600))
		if wrong, files, err := s.Search(dir); err != nil || len(wrong) != 1 || files != 1 {
			t.Errorf("%s: found %q in %d files, %v", name, wrong, files, err)
		}
	}
}

// TestTheProofOfADeletionIsNoLeak: the burn token of what was deleted is kept.
func TestTheProofOfADeletionIsNoLeak(t *testing.T) {
	code, other := receipt.New(), receipt.New()
	s := person(code)
	s.Code(other)
	s.Burned(code)
	s.Code(code) // he reads on
	for c, want := range map[receipt.Code]int{code: 0, other: 1} {
		burn := c.Burn(0)
		if wrong, _, err := s.Search(folder(t, string(burn[:]))); err != nil || len(wrong) != want {
			t.Errorf("found %q, %v, want %d", wrong, err, want)
		}
	}
}

// TestOddTimesOfFilesAreFound: of a store's files, and of those in a bundle.
func TestOddTimesOfFilesAreFound(t *testing.T) {
	s := person(receipt.New())
	now := time.Now().Truncate(time.Second)
	dir := folder(t, "")
	must(t, os.Chtimes(filepath.Join(dir, "data", "store", "index.db"), now, now))
	if wrong, _, err := s.Search(dir); err != nil || len(wrong) != 1 {
		t.Errorf("found %q, %v", wrong, err)
	}
	for at, want := range map[time.Time]int{
		now.Add(-72*time.Hour + 5*time.Second): 1, week.Of(now).Monday(): 0, time.Unix(0, 0): 0,
	} {
		var bundle bytes.Buffer
		w := tar.NewWriter(&bundle)
		must(t, w.WriteHeader(&tar.Header{Name: "a", ModTime: at, Mode: 0o600}))
		must(t, w.Close())
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "bundle.tar"), bundle.Bytes(), 0o600))
		if wrong, _, err := s.Search(dir); err != nil || len(wrong) != want {
			t.Errorf("%v: found %q, %v", at, wrong, err)
		}
	}
}

// TestNamesAreSearched: of folders, of what a link points to, and of sockets.
func TestNamesAreSearched(t *testing.T) {
	code := receipt.New()
	s, today := person(code), time.Now().UTC().Format(time.DateOnly)
	for name, plant := range map[string]func(in string) error{
		"nothing":             func(string) error { return nil },
		"a folder":            func(in string) error { return os.Mkdir(filepath.Join(in, code.Field()), 0o700) },
		"a day":               func(in string) error { return os.Mkdir(filepath.Join(in, today), 0o700) },
		"a link":              func(in string) error { return os.Symlink("x", filepath.Join(in, code.Field())) },
		"what a link is of":   func(in string) error { return os.Symlink("/a/"+code.Field(), filepath.Join(in, "l")) },
		"a file":              func(in string) error { return os.WriteFile(filepath.Join(in, today), nil, 0o600) },
		"a pipe, as a socket": func(in string) error { return syscall.Mkfifo(filepath.Join(in, today), 0o600) },
	} {
		dir := folder(t, "")
		must(t, os.Mkdir(filepath.Join(dir, "data", "next"), 0o700))
		must(t, plant(filepath.Join(dir, "data", "next")))
		if wrong, _, err := s.Search(dir); err != nil || (len(wrong) > 0) != (name != "nothing") {
			t.Errorf("%s: found %q, %v", name, wrong, err)
		}
	}
}

// TestOddTimesInADataFolderAreFound: of all that is in the store, and beside it of what
// is not known to be written by the operator, or by the clock.
func TestOddTimesInADataFolderAreFound(t *testing.T) {
	s := person(receipt.New())
	for name, want := range map[string]bool{
		"store/payloads": true, "store/payloads/a": true, "visits": true, "visits/a": true, "couriers.part": true,
		"next": false, "next/2.note": false, "couriers": false, "health.json": false, "tor/data": false,
	} {
		dir := folder(t, "")
		path := filepath.Join(dir, "data", name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, nil, 0o600))
		for in := filepath.Dir(path); in != dir; in = filepath.Dir(in) {
			blur(t, in)
		}
		if wrong, _, err := s.Search(dir); err != nil || (len(wrong) > 0) != want {
			t.Errorf("%s: found %q, %v", name, wrong, err)
		}
	}
}

// TestShortNeedlesAreAFault of the test: nobody looks for them.
func TestShortNeedlesAreAFault(t *testing.T) {
	for text, want := range map[string]bool{"Maros": true, "Maros Baru": false} {
		s := leaks.New()
		s.Text("what was typed", text)
		if wrong, _, err := s.Search(folder(t, "")); err != nil || (len(wrong) > 0) != want {
			t.Errorf("%s: found %q, %v", text, wrong, err)
		}
	}
}

// TestALogHasDaysAndNoTimes: of each event the day is known, of a request nothing.
func TestALogHasDaysAndNoTimes(t *testing.T) {
	s := person(receipt.New())
	today, clock := time.Now().UTC().Format(time.DateOnly), time.Now().UTC().Format(time.TimeOnly)
	for log, want := range map[string]int{
		"time=" + today + " level=INFO msg=\"batch closed\"\n": 0, "time=" + today + " at=" + today + "\n": 1,
		"time=" + today + "T" + clock + "Z\n": 3,
	} {
		if wrong := s.FindInLog("the log", log); len(wrong) != want {
			t.Errorf("%q: found %q", log, wrong)
		}
	}
}
