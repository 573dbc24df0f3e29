package main

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"saksi/cmd/saksi-review/desk"
	"saksi/cmd/saksi-review/sheet"
	"saksi/crypto/batch"
	"saksi/crypto/frames"
	"saksi/crypto/hybrid"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/share"
	"saksi/crypto/sign"
	"saksi/web/taxonomy"
)

// askForForm is what to do about questions that nobody here knows.
const askForForm = "ask the operator for the taxonomy file of this drop, or for a newer saksi-review; " +
	"saksi-review taxonomy keeps the file"

// asBefore ends hints about a disk: a command that fails changes nothing, unless it says so.
const asBefore = "; what was there before is as it was"

// hintFor says what to do about an error, if there is something.
func hintFor(err error) string {
	hint := rowFor(err)
	if !errors.Is(err, desk.ErrTakenIn) && !errors.Is(err, desk.ErrInForce) {
		return hint
	}
	const counts = "it is done, and what is said above is not said again; the next command does what is left"
	if hint = strings.TrimSuffix(hint, asBefore); hint != "" {
		return hint + "; " + counts
	}
	return counts
}

// rowFor returns the first hint that fits.
func rowFor(err error) string {
	if errors.As(err, new(*frames.MissingError)) {
		return "scan those too, and give all texts together: those that are there twice do no harm"
	}
	for _, row := range hints() {
		if errors.Is(err, row.err) {
			return row.hint
		}
	}
	return ""
}

type hintRow struct {
	err  error
	hint string
}

// hints returns all rows.
func hints() []hintRow { return slices.Concat(keyHints(), deskHints(), signHints(), diskHints()) }

// diskHints are about the reviewer's own disk and sticks. Other rows come first: they
// know what was being done.
func diskHints() []hintRow {
	const room = "make room there, or give another place" + asBefore
	return []hintRow{
		{syscall.ENOSPC, room}, {syscall.EDQUOT, room},
		{syscall.EROFS, "it is mounted read-only: see whether the stick has a lock, and mount it anew, or give another place" + asBefore},
		{fs.ErrPermission, "it is read-only, as in a copy from a disc, or belongs to somebody else, as what sudo made belongs to root: " +
			"chmod -R u+rwX opens a folder that is yours" + asBefore},
		{syscall.EIO, "that disk or stick is failing, or was pulled out: while it can be read, copy all that is on it to another one, " +
			"the desk's folder and the keys first, and go on there"},
		{syscall.EFBIG, "the stick is formatted as FAT, for files up to 4 GiB: take one that is formatted as exFAT; " +
			"formatting this one erases all that is on it"},
	}
}

// keyHints are about commands, and the keys of reviewers.
func keyHints() []hintRow {
	return []hintRow{
		{errUsage, "saksi-review -h lists the commands, saksi-review COMMAND -h its flags"},
		{errOthersWeeks, "look which key file stands behind -key, and whether the weeks file is the one that was made with it: " +
			"nothing is lost while you have both"},
		{errWeeksThere, "a weeks file is lost only if it is nowhere: look at the key file first, saksi-review weeks list -key " +
			"says whether the two belong together; if this one is of no use here, move it to found.weeks, and keep it"},
		{errWeeks, "it was made with the key file and lies beside it, under the same name with " + weeksSuffix +
			"; if it is lost, saksi-review weeks new -lost begins another, and what was sealed before stays closed"},
		{errWeeksHeld, "nothing was changed; wait for the other saksi-review, or close it"},
		{hybrid.ErrPassphrase, "nothing was changed; look at the Caps Lock key, " +
			"at the keyboard's language, and at each space"},
		{errNoTerminal, "-passphrase-file FILE takes it from a file, " +
			"-passphrase-file - from the first line of standard input"},
		{errShort, "with -suggest you get seven words"},
		{errUnlike, "nothing was written; type it once more"},
		{errToken, "open it with its token and hand it over: " +
			"age -d -i token.txt r1.key | saksi-review COMMAND -key - -weeks-file r1.weeks"},
		{errSameFile, "copy it to another stick first: a copy on the same disk is lost with it"},
		{errCopy, "copy the key file again, and try that copy; if it says the same, the test is damaged, or of another key: " +
			"move it away, such as r1.test beside r1.weeks, and saksi-review rehearse makes another"},
		{errUnrehearsed, "saksi-review rehearse tries one"},
		{errClock, "set the clock; if it is right, say with -week from which week on"},
	}
}

// deskHints are about what a desk keeps, and what is brought to it.
func deskHints() []hintRow {
	const keepStick = "keep the stick and this desk as they are, and compare both with another reviewer " +
		"before anything else: the server, or who carried the bundle, may be hostile"
	const anew = "saksi-review open, with -desk for a new folder; first the bundles that are left on sticks, the oldest first: " +
		"no server brings again what every desk has confirmed; keep this folder as it is"
	return []hintRow{
		{desk.ErrColleague, "saksi-review roster verify lists who is on a roster, with their ids"},
		{share.ErrNotMine, "ask who made it to name this reviewer behind -to, with the newest roster; if your weeks file is new, " +
			"nobody can hand you shares until a roster has your new card"},
		{share.ErrSender, "take in the newest bundle first; if it stays so, call whoever says to have sent it"},
		{share.ErrSignature, "somebody changed it, or made it in a colleague's name: call that colleague"},
		{desk.ErrNoDesk, "a desk begins with its first bundle: saksi-review open, with -desk for a new folder"},
		{desk.ErrNoIndex, "copy the desk's whole folder again, to a new place, from where it is whole, and see that index.age is " +
			"in it; if there is none anywhere, take an empty folder for -desk, and keep this one as it is"},
		{desk.ErrLocked, "wait for the other saksi-review, or close it"},
		{desk.ErrOtherKey, "use the key file that the desk was begun with, or another folder for -desk"},
		{desk.ErrOtherRoots, "use the root file that the desk was begun with; compare its fingerprint with the poster"},
		{desk.ErrNewer, "nothing was changed: use the newer saksi-review, which wrote to it last, and no older copy of the desk"},
		{desk.ErrVersion, "use the saksi-review that it was begun with; or begin a new desk: " + anew},
		{desk.ErrNoCase, "bring back a copy of the desk's folder; saksi-review close gives the case up for good"},
		{desk.ErrLeft, "delete the folder whose name ends in .part, as you do with all that was extracted; then extract again"},
		{desk.ErrClosed, "what was in it is gone; what comes later for its thread opens a new case"},
		{desk.ErrItem, "other items can be read; put back the folder of this one, which is called as it is in the folder items, from a copy " +
			"of the desk, and nothing else of that copy; if there is none, a colleague has the item perhaps"},
		{desk.ErrDamaged, "bring back a copy of the desk's folder; if there is none, begin a new desk: " + anew},
		{desk.ErrFork, keepStick},
		{desk.ErrRollback, keepStick},
		{desk.ErrReplaced, "somebody uses a key that the roots took from the server: keep the stick, ask who brought it, " +
			"and tell the roots"},
		{desk.ErrBlocked, "tell the roots the number of that batch: whoever had the server's old key may have made it; " +
			"then begin a new desk: saksi-review open, with -desk for a new folder, and keep this one for reading"},
		{desk.ErrFull, "begin a new desk: saksi-review open, with -desk for a new folder; keep this one for reading"},
		{desk.ErrRoster, "copy the bundle to the stick again, and check that -root is the file of this drop: " +
			"compare its fingerprint with the poster; if it stays so, keep the stick and tell the roots, " +
			"for a roster is missing or false"},
		{desk.ErrUntrusted, "copy the bundle to the stick again; if it stays so, it is not from a server that the roots " +
			"named: ask the operator where it came from"},
		{desk.ErrOversize, "the bundle is not as a server makes it; ask the operator for a new one"},
		{desk.ErrNoThread, "what needs several reviewers is no thread before it opens: saksi-review share, and join"},
		{desk.ErrName, "saksi-review list shows the names of threads"},
		{desk.ErrUnknown, "saksi-review list shows the names of threads"},
		{desk.ErrAmbiguous, "give all of its digits: saksi-review list shows as many of each thread as it takes"},
		{sheet.ErrClosed, "ask in an answer what it may be used for; with -internal the sheet is made for your desk alone"},
		{sheet.ErrDeleted, "pass nothing of it on; with -internal the sheet is made for your desk alone"},
		{sheet.ErrNoTestimony, "saksi-review show shows what the thread has"},
		{sheet.ErrNoForm, askForForm},
		{sheet.ErrNoRules, "ask the operator for the rules of this drop: saksi-review taxonomy FILE RULES keeps them"},
		{desk.ErrBuiltIn, "nothing needs to be kept: saksi-review show and sheet know it"},
		{taxonomy.ErrInvalid, "copy the files again, and compare their SHA-256 with the operator; " +
			"the taxonomy stands before its rules"},
		{desk.ErrNotOnRoster, "give your card to the roots, and open a bundle with the new roster"},
		{desk.ErrNoGap, "saksi-review open names those that are missing, with any bundle: give the numbers just so, such as 3-4"},
		{desk.ErrNoBatch, "compare a batch that both desks have, or open the bundle with it first"},
		{batch.ErrChallenge, "the words are on the list of receipts; let them be spelt, " +
			"and type them in quotes: -with \"kata kata\""},
		{desk.ErrNoOutbox, "saksi-review outbox without -again writes a new one"},
		{batch.ErrBundle, "copy the bundle to the stick again, and compare its SHA-256 with the operator"},
	}
}

// signHints are about codes, rosters and answers.
func signHints() []hintRow {
	return []hintRow{
		{errSecret, "show nobody's key: QR codes are for cards, rosters and what the roots sign"},
		{frames.ErrMixed, "scan the codes of one page alone"},
		{frames.ErrDamaged, "scan all codes again; if it stays so, somebody made them up"},
		{frames.ErrNone, "give the text that the scanner wrote: its lines have SAKSI/V1/FRAME in them"},
		{frames.ErrSize, "carry it on a stick"},
		{errDamaged, "ask for the file again, and carry it on a stick or as QR codes; mail and word processors change files"},
		{errUnsure, "if something looks wrong, call the other roots; otherwise type the word yes (a script gives -yes)"},
		{errDiffer, "find out by telephone which of them you all want, and sign that one"},
		{errCard, "try it with the newest card of this reviewer, and the .recipients files of this roster beside it: if it stays so, " +
			"testimonies may be sealed to a stranger in their place; keep the files, let nobody use this roster, and call every root"},
		{errNobody, "let the roots sign it: saksi-review roster sign, or root endorse"},
		{roster.ErrSuccessor, "give the newest roster with -current; or it was proposed for another drop"},
		{roster.ErrRoots, "check that -root is the file of this drop; compare its fingerprint with the poster"},
		{sign.ErrSignatures, "let more roots sign it: saksi-review roster sign"},
		{roster.ErrExpired, "let the roots sign a new roster: saksi-review roster new -previous"},
		{roster.ErrChain, "make the roster with -previous and the newest roster that was signed"},
		{reply.ErrTooLong, "shorten it, or send it as two replies"},
		{reply.ErrInvalid, "saksi-review reply -h lists the statuses; texts are UTF-8 without control characters"},
		{fs.ErrExist, "nothing is ever overwritten: choose a path that does not exist"},
	}
}
