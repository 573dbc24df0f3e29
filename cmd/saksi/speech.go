package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/letter"
	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/roster"
	"saksi/server/sealed/deliver"
)

// A speech has the words of saksi seal in one language: people use it who do not run
// a server.
type speech map[string]string

//go:embed words
var words embed.FS

// speaker returns the words of a language, or nil.
func speaker(lang string) speech {
	if lang != "id" && lang != "en" {
		return nil
	}
	s := speech{}
	text, err := words.ReadFile("words/" + lang + ".json")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		panic("saksi: internal error: words: " + err.Error())
	}
	return s
}

func (s speech) text(key string, args ...any) string {
	if len(args) == 0 {
		return s[key]
	}
	return fmt.Sprintf(s[key], args...)
}

// What failed, and what it means for what was sent before.
type (
	notSent     struct{ error }
	notWritten  struct{ error }
	notKept     struct{ error }
	fileNotKept struct {
		error
		name string
	}
	partCarried struct {
		error
		n, count int
	}
	notShown struct {
		error
		text, hint string // keys
	}
)

func (e notSent) Unwrap() error     { return e.error }
func (e notWritten) Unwrap() error  { return e.error }
func (e notKept) Unwrap() error     { return e.error }
func (e fileNotKept) Unwrap() error { return e.error }
func (e partCarried) Unwrap() error { return e.error }
func (e notShown) Unwrap() error    { return e.error }

// A spoken error is said in the person's language.
type spoken struct {
	error
	text string
}

func (e spoken) Error() string { return e.text }
func (e spoken) Unwrap() error { return e.error }

// explain puts an error into words, with what to do next.
func (s speech) explain(err error) error {
	if err == nil {
		return nil
	}
	text, hint := s.reason(err)
	text, hint = s.outcome(err, text, hint)
	if hint == "" {
		return spoken{err, text}
	}
	return hinted{spoken{err, text}, hint}
}

// outcome adds what an error means for what was sent and written before. Of what is kept,
// nobody is told to begin again: whoever did would send the testimony twice, under words
// that nobody can tell from another person's.
func (s speech) outcome(err error, text, hint string) (string, string) {
	var file fileNotKept
	var part partCarried
	var shown notShown
	switch {
	case errors.As(err, &shown):
		return s.text(shown.text), s.text(shown.hint)
	case errors.As(err, &file) && mayBeKept(err):
		return s.text("err.file_unsure", file.name, text), s.text("hint.file_unsure")
	case errors.As(err, &file):
		return s.text("err.file_not_kept", file.name, text), s.text("hint.file_not_kept")
	case errors.As(err, &part):
		return s.text("err.part_carried", part.n, part.count, text), s.hintPart(part, hint)
	case errors.As(err, new(notKept)) && mayBeKept(err):
		return s.text("err.unsure", text), s.hintUnsure(err, hint)
	case errors.As(err, new(notKept)):
		return s.text("err.not_kept", text), hint
	case errors.As(err, new(notWritten)):
		return s.text("err.not_written", text), hint
	case errors.As(err, new(notSent)):
		return s.text("err.not_sent", text), hint
	}
	return text, hint
}

// hintUnsure returns what to do: a failed disk has to be waited for.
func (s speech) hintUnsure(err error, hint string) string {
	var refused *deliver.Refused
	if errors.As(err, &refused) && refused.Name == "disk" {
		return hint
	}
	return s.text("hint.unsure")
}

// hintPart returns what to do about parts that are missing. The same file can be handed in
// as often as need be; what can only be sealed anew goes by the same words.
func (s speech) hintPart(part partCarried, hint string) string {
	var refused *deliver.Refused
	switch {
	case !errors.As(part, &refused):
		return hint
	case slices.Contains([]string{"busy", "internal", "files_full", "store", "disk"}, refused.Name):
		return s.text("part_later")
	case part.n > 0:
		return s.text("hint.part_carried")
	}
	return hint
}

// mayBeKept reports whether the server may have what was sent, and only its answer is
// missing, or says that it does not know.
func mayBeKept(err error) bool { return errors.As(err, new(*deliver.Unsure)) }

// reason says why, and what to do, without what it means for what was sent.
func (s speech) reason(err error) (text, hint string) {
	var refused *deliver.Refused
	if errors.As(err, &refused) {
		return s.refusal(refused)
	}
	return s.cause(err)
}

// cause looks an error up.
func (s speech) cause(err error) (text, hint string) {
	for _, known := range []struct {
		err error
		key string
	}{
		{errSealMode, "mode"}, {errSealWhere, "where"}, {errSealFiles, "roster_files"}, {errSealTo, "no_fingerprint"},
		{context.Canceled, "ended"}, {errand.ErrAddress, "address"}, {errand.ErrSocks, "socks"},
		{letter.ErrNoText, "no_text"}, {letter.ErrNotAFile, "not_a_file"}, {letter.ErrTooMany, "too_many"},
		{letter.ErrPicture, "picture"}, {item.ErrTooLong, "too_long"}, {item.ErrEmpty, "empty"},
		{item.ErrNotText, "not_text"}, {letter.ErrFingerprint, "fingerprint"}, {letter.ErrRoster, "roster"},
		{roster.ErrExpired, "expired"}, {roster.ErrNotYet, "expired"}, {roster.ErrNoRecipients, "recipients"},
		{letter.ErrAnswers, "answers"}, {letter.ErrProvince, "province"}, {item.ErrNoReader, "no_reader"},
		{item.ErrFewReaders, "few_readers"}, {letter.ErrAnswer, "answer"}, {errand.ErrNoTor, "no_tor"},
		{letter.ErrUnreachable, "unreachable"}, {errand.ErrBroken, "broken"}, {errand.ErrBusy, "busy"},
		{deliver.ErrLost, "lost"}, {parcel.ErrMalformed, "malformed"}, {item.ErrSize, "changed"},
		{fs.ErrExist, "exists"}, {fs.ErrNotExist, "missing"}, {syscall.ENOTDIR, "not_a_folder"}, {fs.ErrPermission, "denied"},
		{syscall.ENOSPC, "no_room"}, {syscall.EDQUOT, "no_room"}, {syscall.EROFS, "read_only"}, {syscall.EIO, "failing"},
		{syscall.EFBIG, "file_limit"}, {syscall.EISDIR, "a_folder"},
	} {
		if errors.Is(err, known.err) {
			return s.text("err."+known.key) + s.detail(err), s.text("hint." + known.key)
		}
	}
	return err.Error(), ""
}

// detail names the questions or the file that an error is about.
func (s speech) detail(err error) string {
	var answers *letter.AnswersError
	var path *fs.PathError
	switch {
	case errors.As(err, &answers):
		return answers.Error()[len(letter.ErrAnswers.Error()):]
	case errors.As(err, &path):
		return fmt.Sprintf(": %q", path.Path)
	}
	return ""
}

// refusal says what the server refused.
func (s speech) refusal(r *deliver.Refused) (text, hint string) {
	switch r.Name {
	case "too_large":
		return s.text("err.too_large", r.Limit), s.text("hint.too_large")
	case "closed", "no_reader": // of which the second is sealed for a roster of before
		return s.text("err.closed"), s.text("hint.closed")
	case "deleted":
		return s.text("err.deleted"), s.text("hint.deleted")
	case "file_number_used":
		return s.text("err.number_used"), s.text("hint.number_used")
	case "busy":
		return s.text("err.busy"), s.text("hint.busy")
	case "files_full", "store":
		return s.text("err.full"), s.text("hint.full")
	case "disk":
		return s.text("err.disk"), s.text("hint.disk")
	}
	return s.text("err.refused", r.Status), s.text("hint.refused")
}
