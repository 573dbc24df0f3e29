package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"saksi/crypto/outbox"
	"saksi/server/courier"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/store"
)

// operate gives f the operations of a data folder: through the running server
// if there is one, else on the folder itself.
func operate(data string, f func(courier.Operations) error) error {
	return withData(data, func(c *courier.Client) error { return f(c) }, func(b *inbox.Inbox) error { return f(b) })
}

// withData calls running with a client of the server that runs on a data folder, or
// resting with the folder's rules if none does.
func withData(data string, running func(*courier.Client) error, resting func(*inbox.Inbox) error) error {
	client, err := courier.NewClient(data)
	if err == nil {
		return explain(running(client), data)
	}
	if !errors.Is(err, courier.ErrNotRunning) {
		return explain(err, data)
	}
	opened, err := folder.Open(data, time.Now)
	if err != nil {
		return explain(err, data)
	}
	box, err := opened.Inbox(time.Now, inbox.Limits{})
	if err == nil {
		err = resting(box)
	}
	return errors.Join(explain(err, data), explain(opened.Close(), data))
}

func runExport(ctx context.Context, e env, args []string) error {
	fs := flags(e, "export")
	data := fs.String("data", "", "")
	out := fs.String("out", "", "")
	now := fs.Bool("now", false, "")
	if err := parse(e, fs, args, 0, data, out); err != nil {
		return err
	}
	return operate(*data, func(ops courier.Operations) error { return export(ctx, e, ops, *out, *now) })
}

// export writes the bundle to a file that appears only when it is whole. No batch is
// closed for a file that has no place. It ends with the context, and leaves nothing.
func export(ctx context.Context, e env, ops courier.Operations, out string, now bool) (err error) {
	if _, err := os.Stat(out); err == nil {
		return hinted{fmt.Errorf("exporting: %q exists", out),
			"give another name, or remove it if the reviewers have it"}
	}
	f, err := createPart(out)
	if errors.Is(err, errTwice) {
		return hinted{fmt.Errorf("exporting: %w", err), "wait until it is done, or give another name"}
	}
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer f.Close() // last: as long as it is open nobody else has this name
	named := false
	defer func() {
		if !named {
			_ = os.Remove(f.Name())
		}
	}()
	if now {
		n, err := ops.Close()
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "Batch %d is closed.\n", n)
	}
	damaged, err := ops.Bundle(stoppable{ctx, f})
	if err != nil {
		return explainBundle(err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	named = true
	if err := syncFolder(filepath.Dir(out)); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s holds the bundle, %d bytes. Carry it to the reviewers.\n", out, info.Size())
	for _, id := range damaged {
		fmt.Fprintf(e.stderr, "saksi: warning: item %s is damaged on this disk and left out; "+
			"the desks will say that they miss it\n", id)
	}
	return nil
}

// errStopped is returned when the context ended before an export did.
var errStopped = errors.New("it was stopped before its end: nothing half-written stays")

// A stoppable is a writer that takes no more once a context has ended.
type stoppable struct {
	ctx context.Context
	w   io.Writer
}

func (s stoppable) Write(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, errStopped
	}
	return s.w.Write(p)
}

// syncFolder makes a new name in a folder final: the stick is pulled next.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return nil
}

func explainBundle(err error) error {
	return hintFor(err, []next{
		{inbox.ErrNoBatch, "one closes each day at 17.00 UTC; -now closes one at once"},
		{errStopped, "start it again; without -now, if that has closed its batch already"},
		{io.ErrUnexpectedEOF, "the server broke off: its log says why, and saksi check what is damaged; nothing half-written stays"},
	})
}

func runImport(_ context.Context, e env, args []string) error {
	fs := flags(e, "import")
	data := fs.String("data", "", "")
	if err := parse(e, fs, args, 1, data); err != nil {
		return err
	}
	f, err := os.Open(fs.Arg(0))
	if err != nil {
		return explainFile(fmt.Errorf("importing: %w", err))
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, outbox.MaxSize+1))
	if err != nil {
		return explainFile(fmt.Errorf("importing: %w", err))
	}
	take := func(ops courier.Operations) error {
		report, err := ops.Import(file)
		if err != nil {
			return explainOutbox(err)
		}
		return printImported(e.stdout, fs.Arg(0), report)
	}
	return withData(*data, func(c *courier.Client) error { return take(c) }, func(b *inbox.Inbox) error {
		b.Reserve = 0 // what the server's is, nobody knows here: what deletions need is left to them
		return take(b)
	})
}

// explainOutbox adds the next step to a refusal. Nothing of the outbox was taken, but
// where its answers found no room.
func explainOutbox(err error) error {
	explained := hintFor(err, []next{
		{outbox.ErrSignature, "the file was changed or cut on the way: ask the reviewer for it again (outbox -again)"},
		{outbox.ErrRevoked, "nothing of it was taken: tell the roots and the other reviewers who brought it"},
		{store.ErrFull, "make room on the server's disk, then bring the same outbox once more: what is in already comes in no second time"},
		{outbox.ErrUnknown, "the reviewer has left, or the newest roster is not in this server yet: saksi init -roster"},
	})
	if errors.As(explained, new(hinted)) {
		return explained
	}
	if strings.Contains(err.Error(), "reading outbox: ") {
		return hinted{err, "it is not the file that saksi-review outbox wrote, or it was cut on the way: ask for it again"}
	}
	return err
}

// errCrowded is returned for an outbox that is to be brought once more.
var errCrowded = errors.New("not all of it was taken: keep the file")

// printImported says what became of an outbox. It returns [errCrowded] when some of its
// answers are not in: whoever removes the file then loses them.
func printImported(w io.Writer, name string, r inbox.Imported) error {
	fmt.Fprintf(w, "Outbox %d of %s: %d new replies, %d that were here before.\n",
		r.Number, r.Reviewer, r.Replies, r.Known)
	if r.Batches > 0 {
		fmt.Fprintf(w, "Batches newly on this reviewer's desk: %d.\n", r.Batches)
	}
	if r.Finished > 0 {
		fmt.Fprintf(w, "Batches on every desk by now, and not exported again: %d.\n", r.Finished)
	}
	if r.Crowded > 0 {
		fmt.Fprintf(w, "Replies refused, as they are more than %d from one reviewer to one thread "+
			"between two batches: %d.\n",
			inbox.MaxRepliesPerBatch, r.Crowded)
	}
	if r.Canaries != "" {
		fmt.Fprintf(w, "Canaries that this reviewer has answered: %s.\n", r.Canaries)
	}
	if r.Misfits != "" {
		fmt.Fprintf(w, "WARNING: these are not this reviewer's answers to the canaries of %s: call and ask.\n", r.Misfits)
	}
	if r.Foreign > 0 {
		fmt.Fprintf(w, "WARNING: the reviewer confirms batches that this server did not make: %d.\n", r.Foreign)
	}
	if r.Crowded > 0 {
		return hinted{fmt.Errorf("taking in %q: %w", name, errCrowded),
			"bring it once more after the next batch has closed: what is in already comes in no second time"}
	}
	return nil
}

func runStatus(_ context.Context, e env, args []string) error {
	fs := flags(e, "status")
	data := fs.String("data", "", "")
	if err := parse(e, fs, args, 0, data); err != nil {
		return err
	}
	return operate(*data, func(ops courier.Operations) error {
		s, err := ops.Status()
		if err != nil {
			return err
		}
		_, running := ops.(*courier.Client)
		printStatus(e.stdout, s, running)
		h, err := readHealth(*data)
		if h != nil {
			printHealth(e.stdout, h, running)
		}
		return err
	})
}

func printStatus(w io.Writer, s inbox.Status, running bool) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("origin", "%s", s.Origin)
	line("server", "%s", map[bool]string{true: "running", false: "not running"}[running])
	line("fingerprint", "%s", strings.Join(s.Fingerprint, " "))
	line("roster", "%d, until %s, %d reviewers", s.Roster, s.RosterUntil, s.Reviewers)
	if s.Next != 0 {
		line("next roster", "%d, begins by itself on %s", s.Next, s.NextFrom)
	}
	if s.Closed != "" {
		line("CLOSED", "%s", s.Closed)
	} else if s.RunsOut != "" {
		line("RUNS OUT", "%s: ask the roots for the next roster", s.RunsOut)
	}
	if s.Failed {
		line("DISK FAILED", "nothing is taken until the server is started again; see docs/operating.md")
	}
	if s.Damaged > 0 {
		line("DAMAGED", "%d records cannot be read, and are left out below: saksi check, before the server is stopped", s.Damaged)
	}
	line("items", "%d, of them %d in no batch yet; %d deleted or expired", s.Items, s.Waiting, s.Gone)
	line("payloads", "%d bytes; %d bytes are free%s", s.PayloadBytes, s.Free, crowded(s))
	line("replies", "%d", s.Replies)
	if !s.Failed { // then it is not known
		line("batches", "%d closed, the next at %s", s.Batch, s.NextClosing)
	}
	var ids []string
	for id := range s.Confirmed {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		line("desk "+id, "has everything up to batch %d", s.Confirmed[id])
	}
	for _, u := range s.Unanswered {
		line("CANARY "+u.Reviewer, "%s", unanswered(u))
	}
}

// unanswered says what is known of a canary that nobody answered.
func unanswered(u inbox.Unanswered) string {
	text := fmt.Sprintf("that of %s is unanswered since week %s", u.Month, u.Since)
	if u.Carried {
		return text + ", though the desk has its batch: CALL, THE KEY MAY BE LOST"
	}
	return text + ": its batch is not on the desk yet"
}

// crowded says what is not taken any more for want of room.
func crowded(s inbox.Status) string {
	switch {
	case !s.TakesTexts:
		return ": NOTHING IS TAKEN until there is more room"
	case !s.TakesFiles:
		return ": NO FILES ARE TAKEN until there is more room; texts are"
	default:
		return ""
	}
}

func runCheck(_ context.Context, e env, args []string) error {
	fs := flags(e, "check")
	data := fs.String("data", "", "")
	if err := parse(e, fs, args, 0, data); err != nil {
		return err
	}
	return operate(*data, func(ops courier.Operations) error {
		wrong, err := ops.Check()
		if err != nil {
			return err
		}
		foreign, err := folder.Foreign(*data)
		if err != nil {
			return err
		}
		for _, name := range foreign {
			wrong = append(wrong, fmt.Sprintf("foreign file %q in the data folder", name))
		}
		if _, err := folder.Site(*data); err != nil {
			wrong = append(wrong, err.Error())
		}
		if _, err := (&folder.Couriers{Dir: *data}).Couriers(); err != nil {
			wrong = append(wrong, err.Error())
		}
		for _, line := range wrong {
			fmt.Fprintln(e.stdout, line)
		}
		if len(wrong) > 0 {
			return hinted{fmt.Errorf("checking %q: lines that say what is wrong: %d", filepath.Clean(*data), len(wrong)),
				"keep a copy of the folder before anything else; what is damaged is left out of bundles, the rest goes on"}
		}
		fmt.Fprintln(e.stdout, "All is well.")
		return nil
	})
}
