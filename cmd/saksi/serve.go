package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server"
	"saksi/server/confine"
	"saksi/server/courier"
	"saksi/server/folder"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/onion"
	"saksi/server/store"
)

const (
	defaultListen = "127.0.0.1:8800"
	defaultTexts  = 1200    // an hour
	defaultFiles  = 8 << 30 // bytes an hour
)

func runInit(_ context.Context, e env, args []string) error {
	fs := flags(e, "init")
	data := fs.String("data", "", "")
	origin := fs.String("origin", "", "")
	rosterFile := fs.String("roster", "", "")
	rootFile := fs.String("root", "", "")
	if err := parse(e, fs, args, 0, data); err != nil {
		return err
	}
	if *rosterFile == "" && *rootFile == "" {
		return initFolder(e, *data, *origin)
	}
	if *rosterFile == "" || *rootFile == "" {
		return hinted{errors.New("initialising: -roster and -root go together"),
			"saksi init -data " + *data + " -roster roster.note -root root.vkey"}
	}
	if !folder.Exists(*data) {
		return hinted{fmt.Errorf("initialising: %q is no data folder yet, and the roster must name its key", *data),
			"saksi init -data " + *data + " -origin NAME makes it and writes server.vkey for the roster"}
	}
	signed, err := folder.Admit(*data, *rosterFile, *rootFile, time.Now)
	if err != nil {
		return explain(err, *data)
	}
	fmt.Fprintf(e.stdout, "Roster %d of %s is in force until %s, with %d reviewers.\n",
		signed.Sequence, signed.Origin, signed.Until.Format(time.DateOnly), len(signed.Reviewers))
	fmt.Fprintf(e.stdout, "Next: saksi serve -data %s\n", *data)
	return nil
}

func initFolder(e env, data, origin string) error {
	if origin == "" {
		return hinted{errors.New("initialising: a new data folder needs a name"),
			"saksi init -data " + data + " -origin kotak.example"}
	}
	key, err := folder.Create(data, origin)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "Data folder %s is made. The server's key, for the roster, is in %s:\n%s\n",
		data, filepath.Join(data, "server.vkey"), key)
	fmt.Fprintf(e.stdout, "Next: saksi init -data %s -roster roster.note -root root.vkey\n", data)
	return nil
}

// explain adds the next step to errors of data folders.
func explain(err error, data string) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return hinted{err, "a server is running on " + data + ": stop it first"}
	case errors.Is(err, folder.ErrNoFolder):
		return hinted{err, "saksi init -data " + data + " -origin NAME makes one"}
	case errors.Is(err, folder.ErrNoRoster):
		return hinted{err, "saksi init -data " + data + " -roster roster.note -root root.vkey"}
	case errors.Is(err, store.ErrFormat):
		return hinted{err, "it was made by another version of saksi: use that one"}
	case errors.Is(err, store.ErrDamaged), errors.Is(err, fs.ErrNotExist):
		return hinted{err, "a part of " + data + " is missing or damaged: keep a copy as it is, " +
			"then put the whole folder back from a backup, never a part of one"}
	case errors.Is(err, folder.ErrSite):
		return hinted{err, "mend the file, or take it out of " + data + ": without it the drop asks and says what it does by itself"}
	case errors.Is(err, fs.ErrPermission):
		return hinted{err, data + " belongs to another user: sudo -u saksi saksi ..."}
	case errors.Is(err, store.ErrFull), errors.Is(err, syscall.ENOSPC):
		return hinted{err, "make room on the disk of " + data}
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EROFS):
		return hinted{err, "the disk of " + data + " is failing: see dmesg, copy the folder to another disk, start there"}
	default:
		return explainRoster(err)
	}
}

// explainRoster adds the next step to a refusal of a roster. What was in force
// stays in force.
func explainRoster(err error) error {
	for _, row := range []struct {
		err  error
		hint string
	}{
		{roster.ErrRoots, "compare the fingerprint of -root with the poster: it is another drop's, " +
			"or the roster is a false one"},
		{sign.ErrSignatures, "give it back to the roots: too few of them have signed it"},
		{roster.ErrExpired, "ask the roots for a new roster, and look whether the clock is right"},
		{roster.ErrNotYet, "wait for its first day, and look whether the clock is right"},
		{roster.ErrChain, "take in the rosters before it first, in their order, or ask the roots for one that follows"},
		{roster.ErrNoRecipients, "lay the .recipients file that came with it beside it"},
	} {
		if errors.Is(err, row.err) {
			return hinted{err, row.hint}
		}
	}
	return err
}

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
	if s.listen == "" && !s.tor.wanted() {
		s.listen = defaultListen
	}
	dir, err := filepath.Abs(*data)
	if err != nil {
		return err
	}
	if _, err := couriersOnion(dir, s.remote.onion); err != nil {
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
	return s.serve(ctx, e)
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
	return tor.with(ctx, e, s.gate, func(ctx context.Context) error { return srv.Serve(ctx, on.Listeners) })
}

// config makes what a server needs of what was asked for.
func (s *service) config(log *slog.Logger) (c server.Config, err error) {
	c = server.Config{
		Log: log, Gate: s.gate, Couriers: &folder.Couriers{Dir: s.dir}, Onion: s.remote.address(s.dir),
	}
	if c.Inbox, err = s.folder.Inbox(time.Now, s.limits); err != nil {
		return c, err
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
	if s.listen != "" {
		w = append(w, addressWarnings(on.Reporters[0].Addr())...)
	}
	if !s.tor.wanted() {
		w = append(w, s.face.warnings()...)
	}
	if _, err := box.Circle(); err != nil {
		w = append(w, fmt.Sprintf("nothing can be accepted: %v", err))
	}
	return w
}

func (s *service) announce(out io.Writer, on listeners) {
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
		return 0, fmt.Errorf("reading %q: it is no size up to %d", text, most)
	}
	return n * unit, nil
}
