package server_test

import (
	"bytes"
	"net/http"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/servertest"
)

// TestAFileThatIsDeletedOnItsWayIsRefused: whoever deletes everything while the first
// bytes of a file are here hears that it is done, and nothing of the file is kept. A
// picture, which is read whole before anything is made of it, is no exception.
func TestAFileThatIsDeletedOnItsWayIsRefused(t *testing.T) {
	raw, _ := picture(t, "jpeg exif")
	for name, file := range map[string][]byte{
		"a.jpg": raw, "a.pdf": bytes.Repeat([]byte("%PDF-1.7 isi "), 50),
	} {
		d := newDrop(t)
		code := d.Send("satu")
		deletedOnItsWay(t, d, code, name, file)
		if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 0 {
			t.Errorf("%s: %d items are kept, %v", name, u.Items, err)
		}
		d.Restart()
		states, err := d.Inbox.States(code.ItemIDs())
		if err != nil || states[1].Stand != parcel.Unused && states[1].Stand != parcel.Deleted {
			t.Errorf("%s: after a restart it is %v, %v", name, states[1].Stand, err)
		}
	}
}

// deletedOnItsWay sends a file, and deletes everything meanwhile.
func deletedOnItsWay(t *testing.T, d *servertest.Drop, code receipt.Code, name string, file []byte) {
	t.Helper()
	form, kind := servertest.Multipart(t, name, nil, "code", code.Field(), "n", "1")
	fields := bytes.LastIndex(form, []byte("\r\n--")) // where the file begins
	body, _ := servertest.Multipart(t, name, file, "code", code.Field(), "n", "1")
	copy(body, form[:fields])                                // with its boundary
	copy(body[len(body)-(len(form)-fields):], form[fields:]) // and at the end
	conn := begun(t, d, "/file", kind, len(body))
	if _, err := conn.Write(body[:fields+100]); err != nil {
		t.Fatal(err)
	}
	deletesUnderWay(t, d, code)
	conn.Write(body[fields+100:])
	p, _ := answerOn(t, conn)
	expect(t, p, http.StatusGone, "Yang baru ini tidak disimpan.")
}

// TestAFileThatIsDeletedOnItsWayHasBeenHad: its bytes are not given back, else tombstones
// would be had for nothing.
func TestAFileThatIsDeletedOnItsWayHasBeenHad(t *testing.T) {
	l := gate.Production()
	l.AllBytes = gate.Volume{Burst: 1 << 10, PerHour: 1}
	d := servertest.New(t, servertest.Options{Gate: gate.New(l)})
	code := d.Send("satu")
	deletedOnItsWay(t, d, code, "a.pdf", bytes.Repeat([]byte("%PDF-1.7 isi "), 50))
	p := d.By(person).Upload("/file", "b.pdf", []byte("%PDF-1.7 isi"), "code", code.Field(), "n", "2")
	expect(t, p, http.StatusTooManyRequests)
}

// deletesUnderWay deletes all of a code with the page's form, a few times: the first may
// come before the server has read whose file it is. Each is answered on a tick. Of a
// file that is being kept there is a tombstone then; one that was met before that has none.
func deletesUnderWay(t *testing.T, d *servertest.Drop, code receipt.Code) {
	t.Helper()
	for range 8 {
		p := d.Post("/delete", "code", code.Field(), "n", "all", "confirm", "yes")
		expect(t, p, http.StatusOK)
		states, err := d.Inbox.States(code.ItemIDs())
		if err != nil {
			t.Fatal(err)
		}
		if states[1].Stand == parcel.Deleted {
			return
		}
	}
}
