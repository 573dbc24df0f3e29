package tornet

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// control is a connection to a tor's control port, in as few lines as tests need.
type control struct {
	net.Conn
	lines *bufio.Reader
}

// dial opens a connection by the cookie that the tor wrote.
func dial(address, cookieFile string) (*control, error) {
	cookie, err := os.ReadFile(cookieFile)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &control{conn, bufio.NewReader(conn)}
	if _, err := c.command("AUTHENTICATE " + hex.EncodeToString(cookie)); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// command sends a line and returns the lines of the answer.
func (c *control) command(line string) ([]string, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c, "%s\r\n", line); err != nil {
		return nil, err
	}
	answer, err := c.answer()
	for err == nil && strings.HasPrefix(answer[0], "650") {
		answer, err = c.answer() // an event that came between
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(answer[len(answer)-1], "25") {
		return nil, fmt.Errorf("%.20q: %s", line, answer[len(answer)-1])
	}
	return answer, nil
}

// answer reads one answer, or one event.
func (c *control) answer() (lines []string, err error) {
	for data := false; ; {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimRight(line, "\r\n")
		lines = append(lines, line)
		switch {
		case data:
			data = line != "."
		case len(line) < 4:
			return nil, errors.New("the control port says no such thing")
		case line[3] == '+':
			data = true
		case line[3] == ' ':
			return lines, nil
		}
	}
}

// uploaded waits for the events by which a service's descriptor reaches the
// directories that it was sent to, all that take it: a client may ask any of them.
func (c *control) uploaded() error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	for sent, stored, failed := 0, 0, 0; stored == 0 || stored+failed < sent; {
		event, err := c.answer()
		if err != nil {
			return fmt.Errorf("%d of %d uploads are done, %d failed: %w", stored, sent, failed, err)
		}
		switch fields := strings.Fields(event[0]); {
		case len(fields) < 3 || fields[1] != "HS_DESC":
		case fields[2] == "UPLOAD":
			sent++
		case fields[2] == "UPLOADED":
			stored++
		case fields[2] == "FAILED":
			failed++
		}
	}
	return nil
}
