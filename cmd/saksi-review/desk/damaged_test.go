package desk

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
)

// A disk forgets a bit, a copy of the folder lacks a file: what the desk then has of an
// item is not what came, and says nothing of its reporter.

// damages are what can happen to a file; each returns what is left of it, or nothing.
func damages() map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"a bit":  func(b []byte) []byte { b[len(b)-5] ^= 1; return b },
		"header": func(b []byte) []byte { b[60] ^= 1; return b },
		"cut":    func(b []byte) []byte { return b[:len(b)-100] },
		"gone":   func([]byte) []byte { return nil },
	}
}

// damage leaves of a file what an accident does, and returns what puts it back.
func (d *table) damage(path string, what func([]byte) []byte) (mend func()) {
	d.t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		d.t.Fatal(err)
	}
	write := func(content []byte) {
		if err := os.WriteFile(path, content, fileMode); err != nil {
			d.t.Fatal(err)
		}
	}
	if left := what(bytes.Clone(was)); left != nil {
		write(left)
	}
	return func() { write(was) }
}

// TestWhatADiskDamagedWaitsOn until its files are put back: it would be set apart as its
// reporter's forgery, and its parts destroyed. Others open meanwhile.
func TestWhatADiskDamagedWaitsOn(t *testing.T) {
	s := newQuorum(t)
	code := receipt.New()
	s.close(s.secret(code, 0, "satu"), s.secret(receipt.New(), 0, "dua"))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	three.take(s.bundle(1, 1))
	for name, what := range damages() {
		for _, file := range []string{"payload.age", "slots/004.age"} {
			mend := one.damage(one.path("items", code.ItemID(0).String(), file), what)
			r := three.hand(one).Report
			warned := strings.Join(r.Warnings, "\n")
			if len(one.Threads()) != 1 || len(r.Apart) != 0 || one.Pending() != 1 ||
				!strings.Contains(warned, "not those that came") || !strings.Contains(warned, code.ItemID(0).String()) {
				t.Fatalf("%s of %s: %+v, %d wait", name, file, r, one.Pending())
			}
			mend()
		}
	}
	if three.hand(one); one.Pending() != 0 || !one.reads("0 dua", "0 satu") {
		t.Errorf("put back: %d wait, %q", one.Pending(), one.texts())
	}
}

// TestWhatADiskDamagedLiesOn until its files are put back, though the weeks file is found
// before.
func TestWhatADiskDamagedLiesOn(t *testing.T) {
	s := newWeekly(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	s.week = week.Of(day).Add(1)
	s.close()
	d := s.sit(0)
	whole := d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	mend := d.damage(d.path("apart", d.Apart()[0].ID, "payload.age"), damages()["a bit"])
	d.with(whole)
	later := s.bundle(2, 2)
	r := d.take(later)
	if len(r.New)+len(r.Apart) != 0 || !strings.Contains(strings.Join(r.Warnings, "\n"), "not those that came") {
		t.Errorf("damaged: %+v", r)
	}
	mend()
	d.hasOpened(d.take(later))
}

// TestALostCaseKeyKeepsNothingElseClosed: what waits beside it is handed over, and opens.
func TestALostCaseKeyKeepsNothingElseClosed(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "satu"), s.secret(receipt.New(), 0, "dua"))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	three.take(s.bundle(1, 1))
	for name, what := range damages() {
		w := one.index.Waiting[0]
		mend := one.damage(one.casePath(w.Case), what)
		var file bytes.Buffer
		if sum, err := one.Share("r3", &file); err != nil || sum.Items != 1 || sum.Lost != 1 {
			t.Errorf("%s: handed over: %+v, %v", name, sum, err)
		}
		mend()
	}
	mend := one.damage(one.casePath(one.index.Waiting[0].Case), damages()["a bit"])
	var file bytes.Buffer
	if _, err := three.Share("r1", &file); err != nil {
		t.Fatal(err)
	}
	j, err := one.Join(context.Background(), file.Bytes())
	if err != nil || len(j.Report.New) != 1 || j.Taken != 1 || one.Pending() != 1 || len(j.Report.Warnings) != 1 {
		t.Fatalf("%+v, %v", j, err)
	}
	mend()
	if three.hand(one); one.Pending() != 0 {
		t.Error("with the key put back it does not open")
	}
}
