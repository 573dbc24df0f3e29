// Saksi-review is the reviewers' side of the drop, for machines without a
// network: a reviewer's desk, and the ceremony in which the roots sign the
// roster. It links no network code. The rules of the desk are in package desk;
// this command reads flags and says in words what happened.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

const usage = `Usage:
    saksi-review COMMAND [flags] ARGUMENTS

A reviewer, once:
    keygen          make a reviewer's key file, weeks file and a test
    rehearse        open the test with a copy of the key, and get the card
    weeks new       make identities for more weeks, and a new card
    weeks list      list the weeks that there are identities for
The roots, when they meet:
    root keygen     make a root's key
    root set        join several roots to one set
    root propose    propose roots that come after those of now
    root endorse    sign such a proposal, as a root of now
    root merge      join the signatures of several copies of a proposal
    roster new      write a roster, unsigned
    roster sign     add a root's signature to a roster
    roster merge    join the signatures of several copies of a roster
    roster verify   check a roster, with -card also whose keys it has, and say in words what it says
Across the gap without a stick, for what is public:
    qr write        show a file as QR codes
    qr read         put a file together from what a scanner read
A reviewer, at the desk:
    open            take in a bundle from the server
    list            list the threads
    show            show a thread
    extract         write a thread or an item to a folder, in plaintext
    sheet           make a sheet of a testimony that can be passed on
    reply           answer a thread
    close           close a case: destroy what this desk has of a thread
    forget          destroy what waits for shares since before a week
    gap             wait no longer for batches that nobody has any more
    share           hand a colleague what this desk has of items that need several to open
    join            take what colleagues handed over, and open what opens with it
    outbox          write the file that travels back to the server
    compare         see, by telephone, that a colleague has the same batches
    taxonomy        keep an operator's own questions, and rules for them
Whoever keeps a key:
    paper write     write a small secret on paper, or on several of which some suffice
    paper read      read a secret back from papers that were typed in

    version         say which version this is

saksi-review COMMAND -h shows the flags. Flags come before arguments. A thread is
named by the beginning of its name, four characters or more, or by the word
newest: the thread that came last. An answer is best read from a file or from
standard input: a shell remembers what is typed behind -text.

Example:
    saksi-review keygen -id r1 -region 73.71 -org "LBH Contoh" -label "Penelaah Satu" -suggest -out r1.key
    cp r1.key /media/stick/ && saksi-review rehearse -key /media/stick/r1.key -out r1.card
    saksi-review open -key r1.key -root akar.vkey -desk meja /media/stick/bundle.tar
    saksi-review list -key r1.key -desk meja
    saksi-review show -key r1.key -desk meja 3fa9
    saksi-review reply -key r1.key -desk meja -status ditelaah -text "Terima kasih." 3fa9
    saksi-review outbox -key r1.key -desk meja -out /media/stick/r1.outbox
`

// A console is where a command reads and writes.
type console struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	ended  <-chan struct{} // closed when the command is to end; nil for never

	passphraseFile string // of -passphrase-file
	weeksFile      string // of -weeks-file
}

// say prints a line for the user.
func (c *console) say(format string, args ...any) { fmt.Fprintf(c.stdout, format+"\n", args...) }

func (c *console) warn(format string, args ...any) {
	fmt.Fprintf(c.stderr, "saksi-review: warning: "+format+"\n", args...)
}

// A command is one row of the table. Its setup declares flags and returns what
// runs after they were read.
type command struct {
	name    string
	args    string // what stands behind the flags, for the usage line
	setup   func(*flag.FlagSet) action
	minimum int // of arguments
	maximum int
}

type action func(ctx context.Context, c *console, args []string) error

const many = 1 << 20

func commands() []command {
	return []command{
		{"keygen", "", keygen, 0, 0},
		{"rehearse", "", rehearse, 0, 0},
		{"weeks new", "", weeksNew, 0, 0},
		{"weeks list", "", weeksList, 0, 0},
		{"root keygen", "", rootKeygen, 0, 0},
		{"root set", "ROOT.vkey...", rootSet, 1, many},
		{"root propose", "ROOT.vkey...", rootPropose, 1, many},
		{"root endorse", "NEXT", rootEndorse, 1, 1},
		{"root merge", "NEXT...", rootMerge, 1, many},
		{"roster new", "CARD...", rosterNew, 1, many},
		{"roster sign", "ROSTER", rosterSign, 1, 1},
		{"roster merge", "ROSTER...", rosterMerge, 1, many},
		{"roster verify", "ROSTER", rosterVerify, 1, 1},
		{"qr write", "FILE", qrWrite, 1, 1},
		{"qr read", "TEXT...", qrRead, 1, many},
		{"open", "BUNDLE", openBundle, 1, 1},
		{"list", "", list, 0, 0},
		{"show", "THREAD", show, 1, 1},
		{"extract", "THREAD|ITEM", extract, 1, 1},
		{"sheet", "THREAD", writeSheet, 1, 1},
		{"reply", "THREAD", replyTo, 1, 1},
		{"close", "THREAD", closeCase, 1, 1},
		{"forget", "WEEK", forgetWaiting, 1, 1},
		{"gap", "BATCHES", giveUpGap, 1, 1},
		{"share", "", shareItems, 0, 0},
		{"join", "SHARES...", joinShares, 1, many},
		{"outbox", "", writeOutbox, 0, 0},
		{"compare", "", compare, 0, 0},
		{"taxonomy", "FILE [RULES]", keepTaxonomy, 1, 2},
		{"paper write", "SECRETFILE", paperWrite, 1, 1},
		{"paper read", "PAPER...", paperRead, 1, many},
	}
}

// errUsage is returned when the command line is wrong and nothing was done.
var errUsage = errors.New("wrong command line")

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run does everything but exit. Its result is the exit status: 1 for an error,
// 2 for a wrong command line.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	out := &output{Writer: stdout}
	c := &console{stdin: &typist{stdin, ctx.Done()}, stdout: out, stderr: stderr, ended: ctx.Done()}
	err := dispatch(ctx, c, args)
	if out.failed != nil && (err == nil || errors.Is(err, flag.ErrHelp)) {
		err = fmt.Errorf("it is done, and not all of what it says was printed: %v", out.failed)
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(stderr, "saksi-review: error: %v\n", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(stderr, "saksi-review: hint: %s\n", hint)
	}
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// output notes why something that was printed is nowhere. That a pager was left is no fault.
type output struct {
	io.Writer
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if !errors.Is(err, syscall.EPIPE) {
		o.failed = cmp.Or(o.failed, err)
	}
	return n, err
}

// dispatch finds the command, whose name is one word or two.
func dispatch(ctx context.Context, c *console, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(c.stderr, usage)
		return fmt.Errorf("%w: no command", errUsage)
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprint(c.stdout, usage)
		return nil
	case "version", "-version", "--version":
		c.say("%s", version())
		return nil
	}
	for _, cmd := range commands() {
		words := strings.Fields(cmd.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return cmd.run(ctx, c, args[len(words):])
		}
	}
	return fmt.Errorf("%w: unknown command %q", errUsage, args[0])
}

func (cmd command) run(ctx context.Context, c *console, args []string) error {
	flags := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	act := cmd.setup(flags)
	c.declare(flags)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		cmd.help(c.stdout, flags)
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %v", errUsage, cmd.name, err)
	}
	if n := flags.NArg(); n < cmd.minimum || n > cmd.maximum {
		if slices.ContainsFunc(flags.Args(), func(a string) bool { return strings.HasPrefix(a, "-") }) {
			return fmt.Errorf("%w: %s: flags come before %s", errUsage, cmd.name, cmd.args)
		}
		return fmt.Errorf("%w: want saksi-review %s [flags] %s", errUsage, cmd.name, cmd.args)
	}
	return act(ctx, c, flags.Args())
}

// declare adds what all commands have that read a key.
func (c *console) declare(flags *flag.FlagSet) {
	if flags.Lookup("key") == nil {
		return
	}
	flags.StringVar(&c.passphraseFile, "passphrase-file", "", passphraseUsage)
	flags.StringVar(&c.weeksFile, "weeks-file", "", "a reviewer's weeks `file`, if it does not lie beside the key")
}

func (cmd command) help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "Usage:\n    saksi-review %s [flags] %s\n\nFlags:\n", cmd.name, cmd.args)
	flags.SetOutput(w)
	flags.PrintDefaults()
}

// need returns a usage error that names the flags without which a command
// cannot work, if they are empty. Its arguments are names and values in turn.
func need(pairs ...string) error {
	var missing []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			missing = append(missing, "-"+pairs[i])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: missing %s", errUsage, strings.Join(missing, ", "))
}

// released is the version that make release puts in; "" in other builds.
var released string

func version() string {
	if released != "" {
		return "saksi-review " + released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "saksi-review (unknown version)"
	}
	return "saksi-review " + info.Main.Version + " " + info.GoVersion
}
