package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"saksi/cmd/saksi/errand"
	"saksi/server/sealed/deliver"
	"saksi/server/servertest"
)

// TestOnlyWhatIsNotKeptIsCalledSo: after a failed disk and after a fault nobody knows
// whether the testimony was kept, and nobody is told that it was not. After the other
// refusals the server knows.
func TestOnlyWhatIsNotKeptIsCalledSo(t *testing.T) {
	for lang, says := range map[string]struct{ unsure, not, disk string }{
		"id": {"server belum menyatakan bahwa kesaksian tersimpan", "tidak ada yang tersimpan", "penyimpanan server rusak"},
		"en": {"the server has not said that the testimony is kept", "nothing was kept", "the server's disk has failed"},
	} {
		for name, unsure := range map[string]bool{
			"disk": true, "internal": true, "no_reader": true, "store": false, "files_full": false, "closed": false, "busy": false,
		} {
			var err error = &deliver.Refused{Status: 503, Name: name}
			if unsure {
				err = &deliver.Unsure{Cause: err}
			}
			err = notKept{fmt.Errorf("delivering: %w", err)}
			text := speaker(lang).explain(err).Error()
			if strings.Contains(text, says.unsure) != unsure || strings.Contains(text, says.not) == unsure {
				t.Errorf("%s: %q", name, text)
			}
			if strings.Contains(text, says.disk) != (name == "disk") {
				t.Errorf("%s: %q", name, text)
			}
			if h := (hinted{}); !errors.As(speaker(lang).explain(err), &h) || h.hint == "" {
				t.Errorf("%s: there is nothing to do", name)
			}
		}
	}
}

// TestAFailedDiskIsSaid: the same from the program's own mouth, at once.
func TestAFailedDiskIsSaid(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	out, code := sealWith(t, d, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			passOn(d, w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"error":"disk"}`)
	})
	if code == 0 || !strings.Contains(out, "penyimpanan server rusak") || strings.Contains(out, "tidak ada yang tersimpan") {
		t.Errorf("status %d: %s", code, out)
	}
}

// TestEveryEndSaysWhatToDo: who ends it, whose disk ends it, and who deleted it before
// read what there is to do; and nobody sends a testimony twice for the sake of a file.
func TestEveryEndSaysWhatToDo(t *testing.T) {
	unsure := func(err error) error { return &deliver.Unsure{Cause: err} }
	pulled := &fs.PathError{Op: "read", Path: "map/foto.png", Err: syscall.EIO}
	for _, c := range []struct {
		err        error
		says, hint string
	}{
		{notSent{context.Canceled}, "err.ended", "hint.ended"},
		{notKept{context.Canceled}, "err.ended", "hint.ended"},
		{partCarried{context.Canceled, 1, 3}, "err.ended", "hint.ended"},
		{partCarried{pulled, 1, 3}, "err.failing", "hint.failing"},
		{notKept{unsure(context.Canceled)}, "err.ended", "hint.unsure"},
		{fileNotKept{context.Canceled, "foto.png"}, "err.ended", "hint.file_not_kept"},
		{fileNotKept{pulled, "foto.png"}, "err.failing", "hint.file_not_kept"},
		{fileNotKept{unsure(context.Canceled), "foto.png"}, "err.ended", "hint.file_unsure"},
		{fileNotKept{&deliver.Refused{Name: "too_large"}, "foto.png"}, "", "hint.file_not_kept"},
		{partCarried{&deliver.Refused{Name: "deleted"}, 0, 3}, "err.deleted", "hint.deleted"},
		{notWritten{&fs.PathError{Op: "write", Path: "titip", Err: syscall.EFBIG}}, "err.file_limit", "hint.file_limit"},
		{notWritten{&fs.PathError{Op: "write", Path: "titip", Err: syscall.EDQUOT}}, "err.no_room", "hint.no_room"},
	} {
		for _, lang := range []string{"id", "en"} {
			said, h := speaker(lang).explain(c.err), hinted{}
			if !strings.Contains(said.Error(), speaker(lang)[c.says]) || !errors.As(said, &h) || h.hint != speaker(lang)[c.hint] {
				t.Errorf("%v: it says %q, and to do is %q", c.err, said, h.hint)
			}
		}
	}
}

// TestWhatIsKeptIsNotSentTwice: after whatever refusal. One witness who sends under other
// words once more looks like two, and might so release what waits for another person.
func TestWhatIsKeptIsNotSentTwice(t *testing.T) {
	again := map[string]*regexp.Regexp{
		"id": regexp.MustCompile(`buat lagi|jalankan lagi|coba lagi|kata-kata(nya)? baru|kirim(kan)? lagi`),
		"en": regexp.MustCompile(`anew|again|new words`),
	}
	for _, lang := range []string{"id", "en"} {
		say := speaker(lang)
		for _, name := range []string{
			"files_full", "store", "closed", "no_reader", "too_large", "file_number_used", "busy", "deleted", "disk", "internal", "other",
		} {
			var refused, unsure error = &deliver.Refused{Status: 507, Name: name}, &deliver.Unsure{Cause: &deliver.Refused{Status: 507, Name: name}}
			part := "hint.part_carried"
			if slices.Contains([]string{"files_full", "store", "busy", "disk", "internal"}, name) {
				part = "part_later"
			}
			for err, key := range map[error]string{
				fileNotKept{refused, "foto.png"}: "hint.file_not_kept", fileNotKept{unsure, "foto.png"}: "hint.file_unsure",
				partCarried{refused, 1, 3}: part, partCarried{unsure, 2, 3}: part,
			} {
				said, h := say.explain(err), hinted{}
				why, _ := say.reason(refused)
				if !errors.As(said, &h) || h.hint != say[key] || !strings.Contains(said.Error(), why) {
					t.Errorf("%s: %s: it says %q, and to do is %q", lang, name, said, h.hint)
				}
				if bad := again[lang].FindString(h.hint); bad != "" {
					t.Errorf("%s: %s: to do is %q", lang, name, h.hint)
				}
			}
			h := hinted{}
			errors.As(say.explain(notKept{unsure}), &h)
			look, at := strings.Index(h.hint, map[string]string{"id": "dua belas kata", "en": "twelve words"}[lang]), again[lang].FindStringIndex(h.hint)
			if look < 0 || at == nil || at[0] < look {
				t.Errorf("%s: %s: nobody is told to look first: %q", lang, name, h.hint)
			}
		}
	}
}

// TestAFolderInTheWayOfAFileIsSaid: to a person, and not as a system says it.
func TestAFolderInTheWayOfAFileIsSaid(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	given, folder := carryTo(t, d), t.TempDir()
	with := func(flag string) []string {
		args := slices.Clone(given)
		if at := slices.Index(args, flag); at > 0 {
			args[at+1] = folder
			return args
		}
		return slices.Insert(args, 1, flag, folder)
	}
	for _, args := range [][]string{
		with("-roster"), with("-recipients"), with("-roots"), with("-taxonomy"), with("-answers"),
		{"seal", "-to", d.URL, "-send", folder},
	} {
		for _, lang := range []string{"id", "en"} {
			var out bytes.Buffer
			code := run(t.Context(), env{nil, &out, &out}, slices.Insert(slices.Clone(args), 1, "-lang", lang))
			say := speaker(lang)
			if want := say["err.a_folder"] + fmt.Sprintf(": %q\nsaksi: hint: ", folder) + say["hint.a_folder"]; code == 0 || !strings.Contains(out.String(), want) {
				t.Errorf("%q: status %d: %s", args, code, out.String())
			}
		}
	}
}

// TestACarriedFileThatWasBegunBeforeIsNotSaidToBeLost: one run does not know what another
// one handed in.
func TestACarriedFileThatWasBegunBeforeIsNotSaidToBeLost(t *testing.T) {
	for lang, want := range map[string]string{
		"id": "kali ini 0 dari 3 bagian dipastikan tersimpan; yang tersimpan sebelumnya tetap ada: ",
		"en": "this run made sure that 0 of 3 parts are kept; what was kept before stays kept: ",
	} {
		said := speaker(lang).explain(partCarried{errand.ErrNoTor, 0, 3}).Error()
		if said != want+speaker(lang)["err.no_tor"] {
			t.Errorf("it says %q", said)
		}
	}
}
