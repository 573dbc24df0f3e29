package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/release"
	"saksi/cmd/saksi/watch"
	"saksi/crypto/sign"
	"saksi/web"
	"saksi/web/taxonomy"
)

type verifyFlags struct {
	*flag.FlagSet
	release, key, socks, instance, taxonomy *string
	every                                   *time.Duration
}

func newVerifyFlags(e env) verifyFlags {
	fs := flags(e, "verify-site")
	return verifyFlags{
		fs, fs.String("release", "", ""), fs.String("key", "", ""), fs.String("socks", defaultSocks, ""),
		fs.String("instance", "", ""), fs.String("taxonomy", "", ""), fs.Duration("every", 0, ""),
	}
}

func runVerifySite(ctx context.Context, e env, args []string) error {
	fs := newVerifyFlags(e)
	if err := parse(e, fs.FlagSet, args, 1, fs.release, fs.key); err != nil {
		return err
	}
	s, err := fs.site()
	if err != nil {
		return err
	}
	if *fs.every == 0 {
		return verifyOnce(ctx, e, s)
	}
	return again(ctx, e, *fs.every, errand.Sleep, func() error { return verifyOnce(ctx, e, s) })
}

// site makes the one who looks.
func (f verifyFlags) site() (*watch.Site, error) {
	if *f.every != 0 && *f.every < leastEvery {
		return nil, hinted{errors.New("verify-site: a number is too small"), "-every 10m is the least"}
	}
	m, err := readRelease(*f.release, *f.key)
	if err != nil {
		return nil, err
	}
	address, err := parseAddress(f.Arg(0), *f.socks)
	if err != nil {
		return nil, err
	}
	own, err := readOwn(*f.instance, *f.taxonomy)
	return &watch.Site{Release: m, Address: address, Socks: *f.socks, Own: own, Now: time.Now}, err
}

// parseAddress reads the address of a drop, and holds the proxy's.
func parseAddress(text, socks string) (errand.Address, error) {
	address, err := errand.ParseAddress(text)
	if err != nil {
		return address, hinted{err, "give the address as the poster has it"}
	}
	if !address.Loopback {
		err = checkSocks(socks)
	}
	return address, err
}

// readRelease reads a release note, and checks it by the key of whoever signs releases.
func readRelease(name, key string) (*release.Manifest, error) {
	note, err := readSmall(name, release.MaxNote)
	if err != nil {
		return nil, fmt.Errorf("reading the release note: %w", err)
	}
	if !strings.Contains(key, "+") {
		text, err := readSmall(key, 1000)
		if err != nil {
			return nil, fmt.Errorf("reading -key: %w", err)
		}
		key = strings.TrimSpace(string(text))
	}
	public, err := sign.ParseKey(key)
	if err != nil {
		return nil, hinted{fmt.Errorf("reading -key: %w", err),
			"give the public key of those who sign releases, or a file with it: not from the drop that you look at"}
	}
	m, err := release.Open(note, public)
	return m, hintFor(err, []next{
		{release.ErrUnsigned, "take the signed one: whoever makes a release signs it with make release KEY=FILE"},
		{sign.ErrSignatures, "somebody else signed it, or nobody: get note and key again, each from another place"},
		{release.ErrManifest, "-release is the file release.note of a release"},
	})
}

// readOwn reads the operator's files, if there are some.
func readOwn(instance, questions string) (own web.Site, err error) {
	if instance != "" {
		text, err := readSmall(instance, web.MaxInstance)
		if err != nil {
			return own, fmt.Errorf("reading -instance: %w", err)
		}
		if own.Instance, err = web.ParseInstance(text); err != nil {
			return own, hinted{err, "-instance is the file instance.json, as the operator published it"}
		}
	}
	if questions != "" {
		text, err := readSmall(questions, taxonomy.MaxFile)
		if err != nil {
			return own, fmt.Errorf("reading -taxonomy: %w", err)
		}
		if own.Taxonomy, err = taxonomy.Parse(text); err != nil {
			return own, hinted{err, "-taxonomy is the file taxonomy.json, as the operator published it"}
		}
	}
	return own, nil
}

// readSmall reads a file of so many bytes at most.
func readSmall(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		return nil, fmt.Errorf("%q: it has more than %d bytes", name, most)
	}
	return text, err
}

// errSiteDiffers is returned for a drop whose pages are not the release's.
var errSiteDiffers = errors.New("the drop does not give what the release has")

// verifyOnce looks once, and says what it found.
func verifyOnce(ctx context.Context, e env, s *watch.Site) error {
	seen, err := s.Look(ctx)
	return told(e, s, seen, err)
}

// told says what came of a look, also of one that the drop broke off: when it does that is
// its own choice, and takes nothing back.
func told(e env, s *watch.Site, seen *watch.Seen, err error) error {
	if err != nil && seen != nil && len(seen.Findings) > 0 {
		fmt.Fprintf(e.stderr, "saksi: warning: this is not all: %v\n", err)
		err = nil
	}
	if err != nil {
		return hintFor(fmt.Errorf("verify-site: %w", err), []next{
			{watch.ErrOtherRelease, "use the saksi of release " + s.Release.Version + ", whose hash is in the note"},
			{errand.ErrNoTor, "start tor, or give its address: -socks 127.0.0.1:9150 is Tor Browser's, while it is open"},
			{errand.ErrBroken, "start it again"},
			{watch.ErrServerBusy, "look again later. If it says so for a day, ask the operator: nobody knows then what it gives"},
		})
	}
	return reportSite(e, s, seen)
}

// reportSite prints what came of a look.
func reportSite(e env, s *watch.Site, seen *watch.Seen) error {
	for _, one := range seen.Findings {
		fmt.Fprintf(e.stdout, "%s\n", one)
	}
	if seen.Closed {
		fmt.Fprintln(e.stdout, "The drop says that it is closed: nothing can be sent, and its forms were not compared. "+
			"Look again when it is open.")
	}
	if len(seen.Findings) > 0 {
		return hinted{fmt.Errorf("verify-site: %w: %d differences", errSiteDiffers, len(seen.Findings)),
			"if the drop has words or questions of its own, get its instance.json and taxonomy.json from the operator, " +
				"by another way, and give them with -instance and -taxonomy. Else tell the organisations on the poster, " +
				"and let nobody write there with scripts allowed"}
	}
	fmt.Fprintf(e.stdout, "%d pages and files are those of release %s, to the byte, on two visits. Roster %d of %s.\n",
		seen.Pages, s.Release.Version, seen.Roster.Sequence, seen.Roster.Origin)
	if s.Address.Fingerprint == "" {
		fmt.Fprintf(e.stdout, "Fingerprint, to be compared with the poster: %s\n", strings.Join(seen.Fingerprint, " "))
	}
	fmt.Fprintln(e.stdout,
		"A server that shows others another page cannot be seen like that: look often, from several places.")
	return nil
}
