package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/gate"
	"saksi/server/servertest"
	"saksi/web/evidence"
)

// picture returns a sample of package evidence, and what is left of it.
func picture(t *testing.T, name string) (raw, clean []byte) {
	t.Helper()
	b, err := os.ReadFile("../web/evidence/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, In, Clean string }
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		if v.Name == name {
			raw, _ = base64.StdEncoding.DecodeString(v.In)
			clean, _ = base64.StdEncoding.DecodeString(v.Clean)
		}
	}
	if raw == nil {
		t.Fatalf("no sample %q", name)
	}
	return raw, clean
}

// arrived returns the file that reviewers find in the n-th item of a code.
func arrived(t *testing.T, d *servertest.Drop, code receipt.Code, n int) (got []byte) {
	t.Helper()
	opened(t, d, code, n, 0, func(_ item.File, r io.Reader) (err error) {
		got, err = io.ReadAll(r)
		return err
	})
	return got
}

// TestPicturesLoseWhatTheCameraWrote, whatever their names are; and the page says what was
// taken off, in words, and no value of it.
func TestPicturesLoseWhatTheCameraWrote(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	n := 0
	for _, name := range []string{"jpeg exif", "png exif", "webp exif"} {
		raw, clean := picture(t, name)
		says{
			"Dihapus dari foto: tempat, waktu, jenis kamera, nama orang",
			"Taken off the photo: place, time, kind of camera, a person",
		}.each(t, func(t *testing.T, prefix, text string) {
			n++
			p := d.Upload(prefix+"/file", "catatan.txt", raw, "code", code.Field(), "n", strconv.Itoa(n))
			expect(t, p, http.StatusOK, text)
			for _, value := range []string{"Siti", "KX-7", "106.8", "2026:11"} {
				if strings.Contains(p.Body, value) {
					t.Errorf("%s: the page says %q", name, value)
				}
			}
			if got := arrived(t, d, code, n); !bytes.Equal(got, clean) {
				t.Errorf("%s: %d bytes arrived, want %d", name, len(got), len(clean))
			}
		})
	}
	untouched(t, d, n+1)
}

// TestOneTickLeavesAPictureAsItIs, and the page says so.
func TestOneTickLeavesAPictureAsItIs(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	raw, _ := picture(t, "jpeg exif")
	if page := d.Post("/open", "code", code.Field()).Body; !strings.Contains(page, `name="metadata" value="keep">`) {
		t.Error("there is no tick, or it is set from the start")
	}
	p := d.Upload("/file", "a.jpg", raw, "code", code.Field(), "n", "1", "metadata", "keep")
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.", "tidak kami hapus. Jika itu berbahaya")
	if !bytes.Equal(arrived(t, d, code, 1), raw) || strings.Contains(p.Body, "Dihapus dari foto") {
		t.Error("it is another one")
	}
}

// TestWhatIsNotStrippedIsSaid: files of other types, and pictures above the limit, pass on
// the byte, and the page says that what they tell is still in them.
func TestWhatIsNotStrippedIsSaid(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	raw, _ := picture(t, "jpeg exif")
	large := append(bytes.Clone(raw), make([]byte, evidence.MaxPicture)...)
	for n, file := range [][]byte{large, []byte("%PDF-1.7 dokumen"), []byte("pendek"), {0xff}} {
		p := d.Upload("/en/file", "a.jpg", file, "code", code.Field(), "n", strconv.Itoa(n+1))
		expect(t, p, http.StatusOK, "was not taken off. If that is dangerous")
		if !bytes.Equal(arrived(t, d, code, n+1), file) {
			t.Errorf("file %d is another one", n)
		}
	}
	p := d.Upload("/file", "a.age", []byte("age-encryption.org/v1\n"), "code", code.Field(), "n", "9")
	expect(t, p, http.StatusOK, "Susulan 9 sudah kami terima.")
	if strings.Contains(p.Body, "tidak kami hapus") {
		t.Error("a warning of what nobody can look into")
	}
}

// TestDamagedPictureIsNotSent: what could not be stripped is not passed on as if it were.
// The page says what to do, and the tick does it.
func TestDamagedPictureIsNotSent(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	says{"Foto ini belum terkirim.", "This photo was not sent."}.each(t, func(t *testing.T, prefix, text string) {
		for _, name := range []string{"jpeg cut", "png critical", "webp cut"} {
			raw, _ := picture(t, name)
			p := d.Upload(prefix+"/file", "a.jpg", raw, "code", code.Field(), "n", "1")
			refused(t, p, http.StatusUnprocessableEntity, text, "code", code.Field())
			expect(t, p, http.StatusUnprocessableEntity, `href="#file"`)
		}
	})
	untouched(t, d, 1)
	raw, _ := picture(t, "jpeg cut")
	p := d.Upload("/file", "a.jpg", raw, "code", code.Field(), "n", "1", "metadata", "keep")
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
}

// TestPictureThatIsCutOffKeepsNothing, as any file.
func TestPictureThatIsCutOffKeepsNothing(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	raw, _ := picture(t, "jpeg exif")
	b, kind := servertest.Multipart(t, "a.jpg", raw, "code", code.Field(), "n", "1")
	body := string(b)
	for _, sent := range []int{len(body) - 1, len(body) - 300, len(body) - len(raw)} {
		p := half(t, d, head("/file", kind, len(body))+body[:sent])
		refused(t, p, http.StatusBadRequest, "Buka percakapan, lalu coba lagi", "code", code.Field())
	}
	p := post(t, d, "/file", kind, body[:len(body)-50])
	refused(t, p, http.StatusBadRequest, "Buka percakapan, lalu coba lagi", "code", code.Field())
	untouched(t, d, 1)
}

// pictureLimits are hurried, with room for a megabyte of pictures.
func pictureLimits() server.Limits {
	l := hurried()
	l.Stall, l.Pictures, l.PictureWait = time.Minute, 2<<20, time.Minute
	return l
}

// dawdling begins to send a picture of a megabyte, and sends no more than its beginning.
func dawdling(t *testing.T, d *servertest.Drop, code receipt.Code, size int) net.Conn {
	t.Helper()
	return dawdlingOn(t, dial(t, d), code, size)
}

// dawdlingOn is dawdling, on a connection.
func dawdlingOn(t *testing.T, conn net.Conn, code receipt.Code, size int) net.Conn {
	t.Helper()
	raw, _ := picture(t, "jpeg exif")
	begin := len(raw)
	raw = append(raw, make([]byte, size-begin)...)
	b, kind := servertest.Multipart(t, "a.jpg", raw, "code", code.Field(), "n", "1")
	readies(t, conn, "/file", kind, len(b))
	conn.Write(b[:600+begin])
	return conn
}

// TestPlainFilesDoNotWaitForPictures: nor does a text.
func TestPlainFilesDoNotWaitForPictures(t *testing.T) {
	d := servertest.New(t, servertest.Options{Limits: pictureLimits()})
	code := d.Send("satu")
	for range 4 {
		dawdling(t, d, code, 1<<20)
	}
	p := d.Upload("/file", "a.bin", make([]byte, 3<<20), "code", code.Field(), "n", "2")
	expect(t, p, http.StatusOK, "Susulan 2 sudah kami terima.")
	raw, _ := picture(t, "jpeg exif")
	p = d.Upload("/file", "a.jpg", raw, "code", code.Field(), "n", "3", "metadata", "keep")
	expect(t, p, http.StatusOK, "Susulan 3 sudah kami terima.")
	d.Send("dua")
	untouched(t, d, 4)
}

// TestWhoDawdlesWithAPictureLosesHisShare, long before his connection stands still for too
// long; and who waits behind him has it.
func TestWhoDawdlesWithAPictureLosesHisShare(t *testing.T) {
	limits := pictureLimits()
	limits.PictureGrace, limits.PicturePace, limits.Stall = 300*time.Millisecond, 64<<20, time.Hour
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	slow := dawdling(t, d, code, 1<<20)
	raw, _ := picture(t, "jpeg exif")
	p := d.Upload("/file", "a.jpg", raw, "code", code.Field(), "n", "2")
	expect(t, p, http.StatusOK, "Susulan 2 sudah kami terima.", "Dihapus dari foto")
	_ = slow.SetReadDeadline(time.Now().Add(30 * time.Second)) // for a server that never lets go
	refused(t, listen(t, slow), http.StatusBadRequest, "Buka percakapan, lalu coba lagi", "code", code.Field())
	untouched(t, d, 2)
}

// TestNobodyWaitsLongForAPicture: the page says when to come back, and nothing is kept.
func TestNobodyWaitsLongForAPicture(t *testing.T) {
	limits := pictureLimits()
	limits.PictureWait = 200 * time.Millisecond
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	dawdling(t, d, code, 1<<20)
	raw, _ := picture(t, "png exif")
	send := func(n int) servertest.Page {
		return d.Upload("/file", "a.png", raw, "code", code.Field(), "n", strconv.Itoa(n))
	}
	n := 2
	p := send(n)
	for ; n < 100 && p.Status == http.StatusOK; p = send(n) {
		n++ // until the one who dawdles has his share
	}
	refused(t, p, http.StatusTooManyRequests, "Tunggu 1 menit, lalu coba lagi.", "code", code.Field())
	untouched(t, d, n-1)
}

// TestOneCircuitLeavesMemoryForPictures: it announces two of which both together take all
// that there is, and dawdles. It has the one.
func TestOneCircuitLeavesMemoryForPictures(t *testing.T) {
	limits := pictureLimits()
	limits.Pictures, limits.PictureWait = 3<<20, 200*time.Millisecond
	d := servertest.New(t, servertest.Options{Limits: limits, Gate: gate.New(gate.Production())})
	code := d.By(flooder).Send("satu")
	for _, size := range []int{1 << 20, 1 << 19} {
		dawdlingOn(t, d.Dial(flooder), code, size)
	}
	by := d.By(person)
	own := by.Send("dua")
	raw, _ := picture(t, "jpeg exif")
	for n := 1; n < 6; n++ { // while the flooder gets what he gets
		p := by.Upload("/file", "a.jpg", raw, "code", own.Field(), "n", strconv.Itoa(n))
		expect(t, p, http.StatusOK, "Dihapus dari foto")
	}
	silentOn(t, d)
}

// TestWhoIsBehindWithAPictureMakesRoom for who waits, though his pace would do if nobody did.
func TestWhoIsBehindWithAPictureMakesRoom(t *testing.T) {
	limits := pictureLimits()
	limits.PictureGrace, limits.PictureTurn, limits.PicturePace = 100*time.Millisecond, time.Second, 1
	limits.PictureWait = 2 * time.Second
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	slow := dawdling(t, d, code, 1<<20)
	answer := overheard(slow)
	go drip(slow, 1<<20, "x", 20*time.Millisecond)
	raw, _ := picture(t, "jpeg exif")
	for n := 2; ; n++ {
		p := d.Upload("/file", "a.jpg", raw, "code", code.Field(), "n", strconv.Itoa(n))
		expect(t, p, http.StatusOK, "Dihapus dari foto")
		select {
		case b := <-answer:
			p, _ := parsed(t, bytes.NewReader(b))
			refused(t, p, http.StatusBadRequest, "Buka percakapan, lalu coba lagi", "code", code.Field())
			untouched(t, d, n)
			return
		default: // he may not have had his share yet
		}
		if t.Failed() || n == 100 {
			t.Fatal("he keeps it")
		}
	}
}

// TestHostilePicturesCostBoundedMemory: forty senders announce pictures of a megabyte, and
// send the half. All together hold what the limit lets them.
func TestHostilePicturesCostBoundedMemory(t *testing.T) {
	limits := pictureLimits()
	limits.Pictures = 8 << 20
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	http.DefaultClient.CloseIdleConnections()
	before := heap()
	const senders, size = 40, 1 << 20
	var conns []net.Conn
	for range senders {
		conns = append(conns, dawdling(t, d, code, size))
	}
	piece := make([]byte, size/2)
	for _, conn := range conns {
		go conn.Write(piece)
	}
	most := int64(0)
	for range 8 {
		time.Sleep(100 * time.Millisecond) // between two samples
		most = max(most, heap()-before)
	}
	perConn := int64(400 << 10) // what an upload costs before its file
	if limit := limits.Pictures + senders*perConn; most > limit || most < limits.Pictures/2 {
		t.Errorf("%d MiB, want below %d MiB, and not nothing", most>>20, limit>>20)
	}
	t.Logf("%d pictures cost %d MiB", senders, most>>20)
}
