package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// marionette speaks the protocol by which Firefox is driven: messages are JSON
// arrays behind their length in bytes and a colon, over TCP on loopback. A command
// is [0, id, name, parameters], its answer [1, id, error, result].
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	last int // id of the last command
}

// maxAnswer bounds an answer: the largest is a screenshot.
const maxAnswer = 256 << 20

// dialMarionette connects, and reads the greeting.
func dialMarionette(port int) (*marionette, error) {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), patience)
	if err != nil {
		return nil, fmt.Errorf("dialling marionette: %w", err)
	}
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	var greeting struct {
		Protocol int `json:"marionetteProtocol"`
	}
	if err := m.receive(&greeting); err != nil {
		return nil, err
	}
	if greeting.Protocol != 3 {
		return nil, fmt.Errorf("dialling marionette: protocol %d is not 3", greeting.Protocol)
	}
	return m, nil
}

// command sends a command and decodes the value of its answer into out.
func (m *marionette) command(name string, params, out any) error {
	if params == nil {
		params = struct{}{}
	}
	m.last++
	text, err := json.Marshal([]any{0, m.last, name, params})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(text), text); err != nil {
		return fmt.Errorf("sending %s: %w", name, err)
	}
	return m.answer(name, out)
}

// answer reads the answer to the last command.
func (m *marionette) answer(name string, out any) error {
	var parts [4]json.RawMessage
	if err := m.receive(&parts); err != nil {
		return fmt.Errorf("waiting for the answer to %s: %w", name, err)
	}
	if string(parts[1]) != strconv.Itoa(m.last) {
		return fmt.Errorf("waiting for the answer to %s: this is another's", name)
	}
	var failed *struct{ Error, Message string }
	if err := json.Unmarshal(parts[2], &failed); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", name, err)
	}
	if failed != nil {
		return fmt.Errorf("%s: %s: %s", name, failed.Error, failed.Message)
	}
	if out == nil {
		return nil
	}
	result := struct{ Value any }{out}
	return json.Unmarshal(parts[3], &result)
}

// receive reads one message. Firefox ends its own waits after patience, so twice
// that means that it hangs.
func (m *marionette) receive(out any) error {
	if err := m.conn.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	length, err := m.in.ReadString(':')
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil || size < 0 || size > maxAnswer {
		return fmt.Errorf("reading the length of a message: %.20q", length)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(m.in, text); err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}
