package main

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/onion"
	"saksi/server/store"
)

// A next is what to do about an error.
type next struct {
	err  error
	hint string
}

// hintFor adds the hint of the first row that fits. Of an error that comes through
// a server's socket only the text arrives, so its ending counts, too.
func hintFor(err error, rows []next) error {
	if err == nil {
		return nil
	}
	for _, row := range rows {
		if errors.Is(err, row.err) || strings.HasSuffix(err.Error(), row.err.Error()) {
			return hinted{err, row.hint}
		}
	}
	return err
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
		return hinted{err, "mend the file, or take it out of " + data + ": " +
			"without it the drop asks and says what it does by itself"}
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
	today := ": here it is " + time.Now().UTC().Format(time.DateOnly)
	return hintFor(err, []next{
		{roster.ErrRoots, "compare the fingerprint of -root with the poster: it is another drop's, " +
			"or the roster is a false one"},
		{sign.ErrSignatures, "give it back to the roots: too few of them have signed it"},
		{roster.ErrExpired, "ask the roots for a new roster, and look whether the clock is right" + today},
		{roster.ErrNotYet, "wait for its first day, and look whether the clock is right" + today},
		{inbox.ErrOlder, "nobody goes back: ask the roots for a roster that follows the newest"},
		{inbox.ErrSkips, "take in the rosters before it first, in their order"},
		{inbox.ErrTwice, "two rosters with one number are a fork: read the hash of both to the roots, by telephone"},
		{inbox.ErrServer, "give server.vkey of this data folder to the roots once more"},
		{roster.ErrChain, "ask the roots for one that follows: roster new -previous, with the newest roster"},
		{roster.ErrNoRecipients, "lay all the .recipients files that came with it beside it"},
	})
}

// explainTor adds the next step to what keeps the drop from being published.
func explainTor(err error, c onion.Config) error {
	sockets := c.Sockets
	if sockets == "" {
		sockets = c.Folder
	}
	return hintFor(err, []next{
		{onion.ErrProgram, "sudo apt install tor; or name the program with -tor"},
		{onion.ErrVersion, "Debian 12 has a tor that is new enough: sudo apt update && sudo apt install tor"},
		{onion.ErrTorrc, "mend the line in the file of -torrc"},
		{onion.ErrControl, "is that tor running, and does its torrc have a line such as \"ControlPort 9051\" " +
			"or \"ControlSocket /run/tor/control\"?"},
		{onion.ErrRefused, "give the password in a file with -tor-password, or let this user read tor's cookie: " +
			"\"CookieAuthentication 1\" and \"CookieAuthFileGroupReadable 1\" in the torrc, " +
			"and tor's group, debian-tor, for this program"},
		{onion.ErrLines, "these lines belong into the torrc, as they are; then sudo systemctl restart tor, and begin again:\n\n" +
			onion.Lines("/var/lib/tor", sockets)},
		{onion.ErrPath, "move the data folder, or that of -tor-sockets, to a short, plain path, such as /var/lib/saksi"},
		{onion.ErrSocket, "the folder of -tor-sockets has to be there, and this user's: " +
			"in a unit of systemd \"RuntimeDirectory=saksi\" makes /run/saksi"},
	})
}
