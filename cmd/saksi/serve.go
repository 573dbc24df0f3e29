package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"saksi/server"
	"saksi/server/confine"
	"saksi/server/courier"
	"saksi/server/folder"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/onion"
	"saksi/web/client"
)

const (
	defaultListen = "127.0.0.1:8800"
	defaultTexts  = 1200    // an hour
	defaultFiles  = 8 << 30 // bytes an hour
)

func runServe(ctx context.Context, e env, args []string) error {
	fs := flags(e, "serve")
	var s service
	data := fs.String("data", "", "")
	fs.StringVar(&s.listen, "listen", "", "")
	maxFile, reserve := size(inbox.DefaultMaxFile), size(inbox.DefaultReserve)
	fs.Var(&maxFile, "max-file", "")
	fs.Var(&reserve, "reserve", "")
	s.tor.define(fs)
	texts, files := perHour(defaultTexts), volume(defaultFiles)
	fs.Var(&texts, "texts-per-hour", "")
	fs.Var(&files, "files-per-hour", "")
	s.face.flags(fs)
	s.remote.flags(fs)
	if err := parse(e, fs, args, 0, data); err != nil {
		return err
	}
	if err := s.tor.check(); err != nil {
		return err
	}
	if s.listen == "" && !s.tor.wanted() {
		s.listen = defaultListen
	}
	dir, err := filepath.Abs(*data)
	if err != nil {
		return err
	}
	if err := s.remote.check(dir); err != nil {
		return err
	}
	f, err := folder.Open(dir, time.Now)
	if err != nil {
		return explain(err, *data)
	}
	defer f.Close()
	s.dir, s.folder = dir, f
	s.limits = inbox.Limits{MaxFile: int64(maxFile), Reserve: int64(reserve)}
	s.gate = gate.New(gate.Production().PerHour(int(texts), int64(files), int64(maxFile)))
	return explainDisk(s.serve(ctx, e), *data)
}

// A service is what serve was asked for.
type service struct {
	dir    string
	folder *folder.Folder
	listen string // address of this machine, or ""
	limits inbox.Limits
	gate   *gate.Gate
	face   face
	tor    torFlags
	remote remoteFlags
}

// serve opens the listeners, gives up what the process does not need, and
// serves.
func (s *service) serve(ctx context.Context, e env) error {
	config, err := s.config(newLog(e))
	if err != nil {
		return err
	}
	tor, err := s.tor.publish(ctx, s.dir, &config)
	if err != nil {
		return err
	}
	defer tor.Close()
	srv, err := server.New(config)
	if err != nil {
		return err
	}
	on, err := s.open()
	defer on.close()
	if err != nil {
		return err
	}
	for _, l := range tor.listener(onion.Reporters) {
		on.Reporters = append(on.Reporters, gate.Listen(l))
	}
	on.Couriers = append(on.Couriers, tor.listener(onion.Couriers)...)
	confined, err := confine.Process(s.dir)
	if err != nil {
		return err
	}
	for _, w := range slices.Concat(confined, s.warnings(on, config.Inbox), tor.warnings()) {
		fmt.Fprintf(e.stderr, "saksi: warning: %s\n", w)
	}
	s.announce(e.stdout, on)
	return tor.with(ctx, e, s.gate, config.Inbox, func(ctx context.Context) error { return srv.Serve(ctx, on.Listeners) })
}

// config makes what a server needs of what was asked for.
func (s *service) config(log *slog.Logger) (c server.Config, err error) {
	c = server.Config{
		Log: log, Gate: s.gate, Script: client.Script(), Couriers: &folder.Couriers{Dir: s.dir}, Onion: s.remote.address(s.dir),
	}
	if c.Inbox, err = s.folder.Inbox(time.Now, s.limits); err != nil {
		return c, explain(err, s.dir)
	}
	if c.Site, err = folder.Site(s.dir); err != nil {
		return c, explain(err, s.dir)
	}
	c.Hosts, err = s.face.names()
	return c, err
}

// warnings are what the operator should know at the start. Reporters come
// through Tor, which connects from this machine.
func (s *service) warnings(on listeners, box *inbox.Inbox) (w []string) {
	w = on.warnings()
	if !s.tor.wanted() {
		w = append(w, s.face.warnings()...)
	}
	if _, err := box.Circle(); err != nil {
		w = append(w, fmt.Sprintf("nothing can be accepted: %v", err))
	}
	return w
}

// withoutScript is said by a program that was built where npm was missing.
const withoutScript = "browser sealing is off: the server seals, for everybody. " +
	"This program was built without npm: install npm, and make build again"

func (s *service) announce(out io.Writer, on listeners) {
	if client.Script() == nil {
		fmt.Fprintln(out, "saksi: "+withoutScript)
	}
	if s.listen != "" {
		fmt.Fprintf(out, "saksi: serving http://%s/\n", on.Reporters[0].Addr())
	}
	for _, l := range on.Front {
		fmt.Fprintf(out, "saksi: the front is on %s\n", l.Addr())
	}
}

// listeners are those of this machine, which are closed together.
type listeners struct {
	server.Listeners
	dir string
}

// open opens them. Those that it did open are to be closed also after an error.
func (s *service) open() (on listeners, err error) {
	on.dir = s.dir
	for _, at := range []struct {
		what, address string
		to            *[]net.Listener
	}{{"serving", s.listen, &on.Reporters}, {"serving the front", s.face.front, &on.Front}} {
		if at.address == "" {
			continue
		}
		l, err := net.Listen("tcp", at.address)
		if err != nil {
			return on, fmt.Errorf("%s: %w", at.what, err)
		}
		*at.to = append(*at.to, l)
	}
	if on.Couriers, err = s.remote.open(); err != nil {
		return on, err
	}
	operators, err := courier.Listen(s.dir)
	if err != nil {
		return on, err
	}
	on.Operators = append(on.Operators, operators)
	return on, nil
}

func (on *listeners) close() {
	for _, l := range slices.Concat(on.Reporters, on.Front, on.Couriers, on.Operators) {
		l.Close() // the server may have done so
	}
	if len(on.Operators) > 0 {
		courier.Remove(on.dir)
	}
}

// newLog logs events by the day: the time of an event may be that of a visit.
func newLog(e env) *slog.Logger {
	return slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.String(slog.TimeKey, a.Value.Time().UTC().Format(time.DateOnly))
			}
			return a
		},
	}))
}

// warnings: whoever reaches a listener knows where the drop stands, also where it takes
// nothing from him.
func (on *listeners) warnings() (w []string) {
	for _, l := range slices.Concat(on.Reporters, on.Couriers) {
		w = append(w, addressWarnings(l.Addr())...)
	}
	return w
}

func addressWarnings(addr net.Addr) []string {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		return []string{"listening on " + addr.String() + ", which others on the network can reach and watch: " +
			"use an address of 127.0.0.0/8 and an onion service"}
	}
	return nil
}

// size is a flag for bytes: 100, 64KiB, 512MiB, 2GiB.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(text string) error {
	const most = 7 << 30 // a tar member has at most 8 GiB
	n, err := parseSize(text, most)
	if err != nil {
		return fmt.Errorf("want a size such as 512MiB, at most 7GiB")
	}
	*s = size(n)
	return nil
}

// volume is a flag for bytes an hour.
type volume int64

func (v *volume) String() string { return strconv.FormatInt(int64(*v), 10) }

func (v *volume) Set(text string) error {
	n, err := parseSize(text, 1000<<30)
	if err != nil {
		return fmt.Errorf("want a size such as 8GiB, at most 1000GiB")
	}
	*v = volume(n)
	return nil
}

// perHour is a flag for how many.
type perHour int

func (p *perHour) String() string { return strconv.Itoa(int(*p)) }

func (p *perHour) Set(text string) error {
	const most = 1_000_000
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return fmt.Errorf("want a number from 1 to %d", most)
	}
	*p = perHour(n)
	return nil
}

// parseSize reads a number of bytes from 1 to most.
func parseSize(text string, most int64) (int64, error) {
	unit := int64(1)
	number := text
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			number, unit = rest, factor
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if unit == 1 {
		n, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil || n < 1 || n*unit > most {
		return 0, fmt.Errorf("reading %.40q: it is no size up to %d", text, most)
	}
	return n * unit, nil
}
