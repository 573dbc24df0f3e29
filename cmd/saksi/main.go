// Command saksi is the operator's program: it makes and serves a drop, and
// carries sealed bundles and signed outboxes across. It can open nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"saksi/cmd/saksi/watch"
)

const usage = `Usage:

    saksi demo [-dir DIR] [-listen ADDR]
    saksi init -data DIR -origin NAME
    saksi init -data DIR -roster FILE -root FILE
    saksi serve -data DIR [-onion [-tor PROGRAM] [-torrc FILE]]
                [-tor-control ADDR [-tor-password FILE] [-tor-sockets DIR]]
                [-listen 127.0.0.1:8800] [-host NAME]... [-front ADDR]
                [-max-file 512MiB] [-reserve 1GiB] [-texts-per-hour 1200] [-files-per-hour 8GiB]
                [-couriers 127.0.0.1:8801 | -couriers unix:SOCKET] [-couriers-onion ADDRESS]
    saksi export -data DIR -out FILE [-now]
    saksi import -data DIR FILE
    saksi status -data DIR
    saksi check -data DIR
    saksi lost -data DIR [-yes] ITEM...
    saksi poster -data DIR -out DIR [-onion ADDRESS]
    saksi courier add -data DIR -out FILE [-onion ADDRESS] NAME
    saksi courier list -data DIR
    saksi courier remove -data DIR NAME
    saksi courier line -pass FILE
    saksi fetch -pass FILE -out FOLDER [-list] [-socks 127.0.0.1:9050] [-wait 5m]
                [-tor-control ADDR [-tor-password FILE]]
    saksi push -pass FILE [-socks 127.0.0.1:9050] [-wait 5m]
               [-tor-control ADDR [-tor-password FILE]] OUTBOX...
    saksi monitor -onion ADDRESS -root FILE -dir DIR
                  [-every 6h] [-misses 3] [-socks 127.0.0.1:9050]
    saksi monitor compare LOG LOG
    saksi verify-site -release FILE -key KEY [-socks 127.0.0.1:9050] [-every 6h]
                      [-instance FILE] [-taxonomy FILE] ADDRESS
    saksi seal -to ADDRESS#FINGERPRINT [-socks 127.0.0.1:9050] [-roots FILE] [-not ID]...
               [-province CODE] [-answers FILE] [-keep-metadata] [-look] [-lang id|en] FOLDER
    saksi seal -carry FILE -roster FILE -recipients FILE [-roots FILE] [-to ADDRESS#FINGERPRINT]
               [-taxonomy FILE] [-not ID]... [-province CODE] [-answers FILE] [-keep-metadata]
               [-look] [-lang id|en] FOLDER
    saksi seal -look [-keep-metadata] [-lang id|en] FOLDER
    saksi seal -send FILE -to ADDRESS [-socks 127.0.0.1:9050] [-lang id|en]
    saksi version

demo runs a whole throwaway drop on this machine. init makes a data folder with
the server's key, and then takes the roster that names this key. serve serves
it. export writes a bundle for the reviewers, import takes what they send back.
status counts; check holds the data folder against its own invariants. lost gives up
items of which check says that the disk has lost them: their reporters are told, and
the desks no longer wait. Without -yes it says what that means.

serve takes no file above -max-file, and none once less than -reserve would be
left on the disk: that is for texts. Items and answers are deleted when their
time has come: 13 weeks after every desk had them, 52 weeks after they came.
Against floods it takes so many texts and so many bytes of files an hour, of all
reporters together. A text beyond waits a while, then it is handed back.

-onion publishes the drop with a tor of its own, -tor-control through one that
runs; -listen is then off unless it is given. status says whether it is reachable.

Only who comes by an onion address of ours, by a -host, or from this machine by
localhost, gets a form; others get a page that says how to come. -front has that
page for the ordinary internet. poster writes what can be printed: address and
fingerprint.

courier makes and removes couriers, who do the errand over Tor: add writes a pass
for one. On the courier's laptop fetch brings the bundle and push takes outboxes
to the server, through tor's SOCKS port alone. Tor needs the key of the pass: by
-tor-control from fetch and push, or for good from what line prints.
Both go on by themselves after a broken circuit, for pauses of -wait in all.

monitor looks at a drop from outside, as a visitor, on any machine with tor: whether
its roster is signed by the roots, follows the one before, and is the one that its
pages show. It ends with status 3 and a reason if not; -every has it go on, at
drawn times. DIR is its memory. compare holds the logs of two watchdogs together.

verify-site holds the pages, the script and the headers of a drop against a signed
release note, on two circuits, and says what differs. ADDRESS is an onion address or
one of this machine, with #FINGERPRINT behind it if you have it from the poster. Of a
drop that is closed it says so: that has no forms to compare.

seal is for reporters and their helpers. It seals a folder on this machine, where no
page can change what is sealed, and hands it in; or writes a file to carry, which -send
hands in from another machine. The folder has kesaksian.txt and other files. -look only
says what they reveal and, with an address or a roster, who would read them. At a
terminal it asks before it sends.

serve -couriers is where a tor that is neither started nor joined brings couriers
in, by a service of their own, whose address is -couriers-onion.

A size is a number of bytes, or a number with KiB, MiB or GiB; 7GiB at most, and
1000GiB for an hour.
export, import, status, check and lost work through the server if it runs, else on the
data folder itself.

Example:
    $ saksi init -data /var/lib/saksi -origin kotak.example
    $ saksi init -data /var/lib/saksi -roster roster.note -root root.vkey
    $ saksi serve -data /var/lib/saksi -onion
    $ saksi export -data /var/lib/saksi -out /media/stick/bundle.tar
    $ saksi import -data /var/lib/saksi /media/stick/r1.outbox
`

// A command is one subcommand.
type command struct {
	name string
	run  func(ctx context.Context, env env, args []string) error
}

func commands() []command {
	return []command{
		{"demo", runDemo}, {"init", runInit}, {"serve", runServe}, {"export", runExport},
		{"import", runImport}, {"status", runStatus}, {"check", runCheck}, {"lost", runLost}, {"courier", runCourier}, {"fetch", runFetch},
		{"push", runPush}, {"poster", runPoster}, {"monitor", runMonitor},
		{"verify-site", runVerifySite}, {"seal", runSeal}, {"version", runVersion},
	}
}

// env is what a command may use of the world.
type env struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// errUsage is returned for wrong arguments; the usage has been printed.
var errUsage = errors.New("wrong arguments")

// A hinted error comes with a next step.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func main() {
	syscall.Umask(0o077) // nothing that this program makes is for others
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	code := run(ctx, env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// endings are the signals after which a command still puts things in order. That of a
// closed terminal is one, unless whoever started us has it ignored, as nohup does.
func endings() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

func run(ctx context.Context, e env, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(e.stderr, usage)
		return 2
	}
	name := strings.TrimLeft(args[0], "-")
	if name == "help" || name == "h" {
		fmt.Fprint(e.stdout, usage)
		return 0
	}
	for _, c := range commands() {
		if c.name == name {
			return report(e, c.run(ctx, e, args[1:]))
		}
	}
	fmt.Fprintf(e.stderr, "saksi: error: unknown command %q\n\n%s", args[0], usage)
	return 2
}

// report prints an error and returns the exit status.
func report(e env, err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errUsage) {
		return 2
	}
	fmt.Fprintf(e.stderr, "saksi: error: %v\n", err)
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintf(e.stderr, "saksi: hint: %s\n", h.hint)
	}
	if errors.As(err, new(*watch.Alarm)) {
		return 3
	}
	return 1
}

// flags returns a flag set that prints the usage of its command alone: of the
// whole, what was wrong would leave the screen.
func flags(e env, name string) *flag.FlagSet {
	fs := flag.NewFlagSet("saksi "+name, flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.Usage = func() { fmt.Fprintf(e.stderr, "Usage:\n\n%s\nsaksi help says more.\n", usageOf(fs.Name())) }
	return fs
}

// usageOf returns the lines of the usage that belong to one command.
func usageOf(name string) string {
	var text strings.Builder
	ours := false
	for line := range strings.Lines(usage) {
		more := strings.HasPrefix(line, "          ")
		ours = strings.HasPrefix(line, "    "+name+" ") || ours && more
		if ours {
			text.WriteString(line)
		}
	}
	return text.String()
}

// parse reads flags, and holds that as many arguments are left as wanted and
// that no required flag is empty.
func parse(e env, fs *flag.FlagSet, args []string, rest int, required ...*string) error {
	if err := fs.Parse(args); err != nil {
		return errUsage // it has said what
	}
	ok := fs.NArg() == rest
	for _, value := range required {
		ok = ok && *value != ""
	}
	if !ok {
		fmt.Fprintf(e.stderr, "saksi: error: %s: an argument is missing or one too many\n\n", strings.TrimPrefix(fs.Name(), "saksi "))
		fs.Usage()
		return errUsage
	}
	return nil
}

// released is the version that make release puts in; "" in other builds.
var released string

func runVersion(_ context.Context, e env, _ []string) error {
	version := "unknown"
	if released != "" {
		version = released
	} else if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	fmt.Fprintln(e.stdout, "saksi", version)
	return nil
}
