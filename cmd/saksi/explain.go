package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
// a server's socket only the text arrives, so that counts, too.
func hintFor(err error, rows []next) error {
	if err == nil {
		return nil
	}
	for _, row := range rows {
		if errors.Is(err, row.err) || says(err.Error(), row.err.Error()) {
			return hinted{err, row.hint}
		}
	}
	return err
}

// says reports whether a text ends with what another says, or goes on to its cause.
func says(text, what string) bool {
	return strings.HasSuffix(text, what) || strings.Contains(text, what+": ")
}

// explain adds the next step to errors of a data folder, and of other files that were
// named beside it. What has a hint keeps it.
func explain(err error, data string) error {
	switch {
	case errors.As(err, new(hinted)):
		return err
	case elsewhere(err, data):
		return explainFile(err)
	}
	explained := hintFor(err, slices.Concat(folderRows(data), diskRows(data)))
	if errors.As(explained, new(hinted)) {
		return explained
	}
	return explainRoster(err)
}

// explainDisk adds the next step where an error may be of anything, but of a disk
// it is of the data folder's.
func explainDisk(err error, data string) error {
	switch {
	case errors.As(err, new(hinted)):
		return err
	case elsewhere(err, data):
		return err
	}
	return hintFor(err, diskRows(data))
}

// elsewhere reports whether an error names a file that is not in the data folder.
func elsewhere(err error, data string) bool {
	var path *fs.PathError
	var link *os.LinkError
	name := ""
	switch {
	case errors.As(err, &path):
		name = path.Path
	case errors.As(err, &link):
		name = link.New
	default:
		return false
	}
	inside, err := filepath.Abs(data)
	if err == nil {
		name, err = filepath.Abs(name)
	}
	return err == nil && name != inside && !strings.HasPrefix(name, inside+string(filepath.Separator))
}

// folderRows is about what a data folder lacks.
func folderRows(data string) []next {
	broken := "a part of " + data + " is missing or damaged: keep a copy as it is, " +
		"then put the whole folder back from a backup, never a part of one"
	format := filepath.Join(data, "FORMAT")
	word := shellWord(data)
	return []next{
		{store.ErrLocked, "a server is running on " + data + ": stop it first; or another command is at work there: wait until it is done"},
		{folder.ErrNoFolder, "saksi init -data " + word + " -origin NAME makes one"},
		{folder.ErrNoRoster, "saksi init -data " + word + " -roster roster.note -root root.vkey"},
		{folder.ErrNoRoots, "nothing else is lost: saksi init -data " + word + " -roster roster.note -root root.vkey " +
			"writes it, with the newest roster; the roots and every reviewer have both files"},
		{folder.ErrNoFormat, "nothing else needs to be lost: keep a copy of the folder, write the line saksi/v1/data into " +
			format + ", as the owner of the others, and see what saksi check says"},
		{folder.ErrHalfMade, "if saksi init was interrupted and this drop never served: move " + data + " away, and begin again. " +
			"If it did: keep a copy as it is, then put the whole folder back from a backup"},
		{folder.ErrNotEmpty, "nothing was changed: for a new drop give a new folder; of an old one " +
			"saksi status -data " + word + " says what it lacks"},
		{store.ErrFormat, "it was made by another version of saksi: use that one"},
		{store.ErrDamaged, broken}, {fs.ErrNotExist, broken},
		{folder.ErrSite, "mend the file, or take it out of " + data + ": " +
			"without it the drop asks and says what it does by itself"},
		{fs.ErrPermission, data + " belongs to another user: sudo -u saksi saksi ..."},
	}
}

// diskRows is about the disk of a data folder.
func diskRows(data string) []next {
	room := "make room on the disk of " + data
	return []next{
		{store.ErrFailed, "the disk of " + data + " did not take a write, so nothing more is taken: see dmesg. " +
			"If the disk is sound, start the server again, then saksi check; if not, copy the folder to another disk, start there"},
		{store.ErrFull, room}, {syscall.ENOSPC, room}, {syscall.EDQUOT, room},
		{syscall.EROFS, "the disk of " + data + " is mounted read-only, as Linux does with a disk that fails: see dmesg; " +
			"if it is, copy the folder to another disk, start there"},
		{syscall.EIO, "the disk of " + data + " is failing: see dmesg, copy the folder to another disk, start there"},
	}
}

// explainFile adds the next step to errors of a file that somebody named: on a stick,
// for the most part.
func explainFile(err error) error {
	const room = "make room there, or give another place"
	return hintFor(err, []next{
		{fs.ErrNotExist, "look at the name, and whether the stick is mounted"},
		{fs.ErrPermission, "the user of this command may not: mount the stick for this user, or give another place"},
		{syscall.ENOSPC, room}, {syscall.EDQUOT, room},
		{syscall.EROFS, "it is mounted read-only: see whether the stick has a lock, and mount it anew; or give another place"},
		{syscall.EIO, "that stick or disk is failing, or was pulled out: take another"},
		{syscall.EFBIG, "the stick is formatted as FAT, for files up to 4 GiB: take one that is formatted as exFAT; " +
			"formatting this one erases all that is on it"},
	})
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
