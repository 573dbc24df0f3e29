package onion

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// askEffort returns how much work tor asks of a visitor of the reporters' service
// now, or nil if it does not say. The one who watches the session answers.
func (s *session) askEffort(ctx context.Context) *int {
	reply := make(chan *int, 1)
	select {
	case s.efforts <- reply:
	case <-ctx.Done():
		return nil
	}
	select {
	case effort := <-reply:
		return effort
	case <-ctx.Done():
		return nil
	}
}

// effort reads it from tor's metrics, which has it alone. They are on TCP, where
// everyone on this machine could follow the sums of visits. So unless tor has a port
// for them by its torrc, there is one for as long as one request takes.
func (s *session) effort(ctx context.Context, name string) (*int, error) {
	configured, err := s.ask("GETCONF MetricsPort")
	if err != nil {
		return nil, err
	}
	if at, has := metricsPort(configured[0]); has {
		return fetchEffort(ctx, at, name), nil
	}
	at, err := freePort()
	if err != nil {
		return nil, nil // it is no reason to let tor go
	}
	_, err = s.ask("SETCONF MetricsPort=" + at + ` MetricsPortPolicy="accept 127.0.0.1"`)
	var refused *textproto.Error
	if errors.As(err, &refused) {
		return nil, nil // one in a sandbox, say
	}
	if err != nil {
		return nil, err
	}
	effort := fetchEffort(ctx, at, name)
	_, err = s.ask("RESETCONF MetricsPort MetricsPortPolicy")
	return effort, err
}

// metricsPort returns where tor has its metrics by its torrc, as far as that says it; has
// is whether it has any. It reads
//
//	MetricsPort=127.0.0.1:9035
//
// or the number alone, "auto", or nothing behind the name.
func metricsPort(line string) (at string, has bool) {
	_, value, _ := strings.Cut(line, "=")
	at, _, _ = strings.Cut(strings.Trim(value, `"`), " ")
	if _, err := strconv.ParseUint(at, 10, 16); err == nil && at != "0" {
		return net.JoinHostPort("127.0.0.1", at), true
	}
	return at, at != "" && at != "0"
}

// freePort returns an address of loopback where nobody listens.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func fetchEffort(ctx context.Context, at, name string) *int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext}}
	counts, err := get(ctx, &client, "http://"+at+"/metrics")
	if err != nil {
		return nil
	}
	return parseEffort(string(counts), name)
}

// parseEffort finds the line
//
//	tor_hs_pow_suggested_effort{onion="..."} 0
func parseEffort(counts, name string) *int {
	prefix := `tor_hs_pow_suggested_effort{onion="` + strings.TrimSuffix(name, ".onion") + `"} `
	for line := range strings.Lines(counts) {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), prefix)
		if !ok {
			continue
		}
		if effort, err := strconv.Atoi(rest); err == nil && effort >= 0 {
			return &effort
		}
	}
	return nil
}
