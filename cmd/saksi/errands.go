package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/crypto/batch"
	"saksi/crypto/outbox"
	"saksi/crypto/pass"
	"saksi/server/inbox"
	"saksi/server/onion"
	"saksi/server/store"
)

const defaultSocks = "127.0.0.1:9050"

// errandFlags are those of fetch and push.
type errandFlags struct {
	*flag.FlagSet
	pass  *string
	socks *string
	wait  *time.Duration

	control, password *string // of the laptop's tor
}

func newErrandFlags(e env, name string) errandFlags {
	fs := flags(e, name)
	return errandFlags{
		fs, fs.String("pass", "", ""), fs.String("socks", defaultSocks, ""), fs.Duration("wait", 5*time.Minute, ""),
		fs.String("tor-control", "", ""), fs.String("tor-password", "", ""),
	}
}

// courier makes the one who does the errand.
func (f errandFlags) courier(e env) (*errand.Courier, error) {
	p, err := readPass(e, *f.pass)
	if err != nil {
		return nil, err
	}
	if err := checkSocks(*f.socks); err != nil {
		return nil, err
	}
	return &errand.Courier{
		Pass: p, Socks: *f.socks, Wait: *f.wait, Now: time.Now, Pause: errand.Sleep, Authorize: f.authorize(p),
		Notice: func(format string, args ...any) { fmt.Fprintf(e.stderr, "saksi: "+format+"\n", args...) },
	}, nil
}

func checkSocks(address string) error {
	if err := errand.CheckSocks(address); err != nil {
		return hinted{fmt.Errorf("-socks %q: %w", address, err), "leave -socks out for " + defaultSocks}
	}
	return nil
}

// authorize gives the key of the pass to the laptop's tor, if that has a control
// port.
func (f errandFlags) authorize(p *pass.Pass) func(context.Context) error {
	if *f.control == "" {
		return nil
	}
	return func(ctx context.Context) error {
		password, err := readPassword(*f.password)
		if err != nil {
			return err
		}
		return explainTor(onion.GiveKey(ctx, *f.control, password, p.Onion, p.TorPrivate()), onion.Config{})
	}
}

func runFetch(ctx context.Context, e env, args []string) error {
	fs := newErrandFlags(e, "fetch")
	out := fs.String("out", "", "")
	list := fs.Bool("list", false, "")
	if err := parse(e, fs.FlagSet, args, 0, fs.pass); err != nil {
		return err
	}
	if *out == "" && !*list {
		return hinted{errors.New("fetching: no folder for the bundle"), "-out FOLDER, or -list to see what there is"}
	}
	c, err := fs.courier(e)
	if err != nil {
		return err
	}
	if *list {
		return listBatches(ctx, e, c, fs)
	}
	got, err := c.Fetch(ctx, *out)
	if err != nil {
		return fs.explain(err)
	}
	printFetched(e, got)
	return nil
}

func listBatches(ctx context.Context, e env, c *errand.Courier, fs errandFlags) error {
	states, err := c.Batches(ctx)
	if err != nil {
		return fs.explain(err)
	}
	for _, s := range states {
		var has []string
		for id, there := range s.Desks {
			has = append(has, fmt.Sprintf("%q %s", id, map[bool]string{true: "has it", false: "not yet"}[there]))
		}
		slices.Sort(has)
		fmt.Fprintf(e.stdout, "batch %d: %d items; %s\n", s.Sequence, s.Items, strings.Join(has, ", "))
	}
	return nil
}

func printFetched(e env, f *errand.Fetched) {
	if f.Already {
		fmt.Fprintf(e.stdout, "Nothing new: %s is what the server has.\n", f.Path)
		return
	}
	fmt.Fprintf(e.stdout, "%s holds the bundle, %d bytes: batches up to %d, %d items. The server's signature is right. "+
		"Carry it to the reviewers.\n", f.Path, f.Size, f.Batch, f.Items)
	for _, name := range f.Damaged {
		fmt.Fprintf(e.stderr, "saksi: warning: %s is damaged on the server's disk; "+
			"the desks will say so. Tell the operator\n", name)
	}
	for _, id := range f.Missing {
		fmt.Fprintf(e.stderr, "saksi: warning: item %s is listed and not there; "+
			"the desks will say so. Tell the operator\n", id)
	}
}

func runPush(ctx context.Context, e env, args []string) error {
	fs := newErrandFlags(e, "push")
	if err := fs.Parse(args); err != nil {
		return errUsage
	}
	if err := parse(e, fs.FlagSet, args, max(1, fs.NArg()), fs.pass); err != nil {
		return err
	}
	c, err := fs.courier(e)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range fs.Args() {
		file, err := readOutbox(name)
		if err != nil {
			failed = append(failed, explainFile(err))
			continue
		}
		if err := fs.push(ctx, e, c, name, file); err != nil {
			failed = append(failed, err)
			if !errors.As(err, new(*errand.RefusedError)) && !errors.Is(err, errCrowded) {
				break
			}
		}
	}
	return errors.Join(failed...)
}

// push brings one outbox.
func (f errandFlags) push(ctx context.Context, e env, c *errand.Courier, name string, file []byte) error {
	report, err := c.Push(ctx, file)
	if err != nil {
		return fmt.Errorf("bringing %q: %w", name, f.explain(err))
	}
	return printImported(e.stdout, name, report)
}

// readOutbox reads a file that is to be brought. What is none, a key or a note perhaps,
// stays here.
func readOutbox(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("bringing: %w", err)
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, outbox.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("bringing: %w", err)
	}
	if len(file) > outbox.MaxSize {
		return nil, hinted{fmt.Errorf("bringing %q: it is too long for an outbox", name),
			"give the file that saksi-review outbox wrote"}
	}
	if !bytes.HasPrefix(file, []byte("saksi/v1/outbox\n")) {
		return nil, hinted{fmt.Errorf("bringing %q: it is no outbox, and stays here", name),
			"give the file that saksi-review outbox wrote; if it is that one, it was damaged on the way: ask for it again"}
	}
	return file, nil
}

// explain adds the next step to what can go wrong on an errand.
func (f errandFlags) explain(err error) error {
	const room = "make room, or give another folder; what came is kept, and the next fetch goes on there"
	const again = "start it again: a fetch goes on where it was, and an outbox may come twice"
	line := "saksi courier line -pass " + shellWord(*f.pass) + " says how tor gets the key of this pass"
	var clock *errand.ClockError
	if errors.As(err, &clock) {
		return hinted{err, "set this machine's clock, and its time zone, and try again"}
	}
	explained := hintFor(err, []next{
		{errand.ErrTwice, "wait until it is done; if no other window shows it, end that fetch: what came is kept"},
		{errand.ErrNoTor, "start tor, or give its address: -socks 127.0.0.1:9150 is Tor Browser's, while it is open"},
		{errand.ErrNoKey, line},
		{errand.ErrUnreachable, "see whether tor has a connection; if it has: " + line +
			"; if it has the key: the server may be down, or you were removed. Ask the operator"},
		{errand.ErrBroken, again}, {errand.ErrStopped, again},
		{errand.ErrRefused, "you were removed, or got a new pass: ask the operator"},
		{errand.ErrForged, "do not carry it. Tell the operator and the reviewers: somebody poses as the server, " +
			"or it has a new key and you need a new pass"},
		{errand.ErrLarge, "tell the operator: no desk has confirmed a batch for too long, or the server is flooded, or it is a false one"},
		{batch.ErrBundle, "start it again; if it goes on like that, tell the operator"},
		{syscall.ENOSPC, room}, {syscall.EDQUOT, room},
		{store.ErrFull, "tell the operator to make room on the server's disk, then bring the same outbox once more: " +
			"what is in already comes in no second time"},
		{errand.ErrBusy, "wait some minutes; then tell the operator"},
		{errand.ErrServer, "tell the operator: the server's log or saksi check says more"},
		{inbox.ErrNoBatch, "one closes each day at 17.00 UTC: come again after that"},
	})
	if !errors.As(explained, new(hinted)) {
		explained = explainOutbox(err)
	}
	if !errors.As(explained, new(hinted)) {
		explained = explainFile(err)
	}
	return explained
}
