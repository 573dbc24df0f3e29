package main

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is returned when a command is to end while it asks for something. Every
// command asks before it changes anything.
var errInterrupted = errors.New("interrupted: nothing was changed")

// endings are the signals that have a command end by itself: Ctrl-C, a window that is
// closed, and a system that shuts down. Killed by them it would leave plaintext of an
// extract, or a terminal that does not show what is typed. One that is to be ignored, as
// nohup has it, stays so.
func endings() []os.Signal {
	heard := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			heard = append(heard, s)
		}
	}
	return heard
}

// await returns what ask returns, or [errInterrupted] as soon as the command is to end.
// Ask goes on then, as nothing can stop one who waits for a key to be pressed; its result
// is nobody's, and it shares nothing with who called.
func await[T any](ended <-chan struct{}, ask func() (T, error)) (answer T, err error) {
	type answered struct {
		T   T
		err error
	}
	done := make(chan answered, 1)
	go func() {
		t, err := ask()
		done <- answered{t, err}
	}()
	select {
	case a := <-done:
		return a.T, a.err
	case <-ended:
		return answer, errInterrupted
	}
}

// A typist is standard input, until the command is to end.
type typist struct {
	in    io.Reader
	ended <-chan struct{}
}

func (t *typist) Read(p []byte) (int, error) {
	some, err := await(t.ended, func() ([]byte, error) {
		b := make([]byte, len(p))
		n, err := t.in.Read(b)
		return b[:n], err
	})
	return copy(p, some), err
}
