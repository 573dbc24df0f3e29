package server_test

import (
	"bytes"
	"net/http"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
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
