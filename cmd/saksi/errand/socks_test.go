package errand

import (
	"net"
	"testing"
	"time"
)

// deadlines is a connection that notes until when it may be read.
type deadlines struct {
	net.Conn
	reading time.Time
}

func (d *deadlines) SetDeadline(t time.Time) error {
	d.reading = t
	return nil
}

func (d *deadlines) SetReadDeadline(t time.Time) error       { return d.SetDeadline(t) }
func (d *deadlines) SetWriteDeadline(time.Time) error        { return nil }
func (d *deadlines) Read([]byte) (int, error)                { return 0, nil }
func (d *deadlines) Write(p []byte) (written int, err error) { return len(p), nil }

// TestALongUploadMayTakeItsTime: the reading of its answer begins before its first byte
// leaves, and must not end the connection while bytes leave.
func TestALongUploadMayTakeItsTime(t *testing.T) {
	d := &deadlines{}
	conn := &steadyConn{d}
	_, _ = conn.Read(nil)
	d.reading = time.Time{}.Add(1) // long over
	_, _ = conn.Write([]byte("a piece of an outbox"))
	if time.Until(d.reading) < stall/2 {
		t.Errorf("the answer has to be there until %s", d.reading)
	}
}
