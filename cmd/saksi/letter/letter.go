// Package letter is what the machine of a reporter, or of a helper, does who trusts
// no page: it reads a folder, seals what is in it for the roster of a drop, and
// hands it in or writes a file that another machine hands in.
//
// # What is promised
//
//   - Nothing is sealed unless the roster is signed by the roots whose fingerprint was
//     given, is in force now, and pins the recipients at hand ([Trust]).
//   - Plaintext is in memory alone, and only as long as it is being sealed. The folder
//     itself is not touched, and stays where it is: its owner has to know that.
//   - What leaves is what a page with script hands in, in the same requests, and so is
//     the item: the server cannot tell by its bytes where it was sealed.
//   - The twelve words are known to whoever made the [Letter]. What hands it in says
//     them when the testimony is kept, and not before; of what is to be carried they are
//     said before anything has arrived, as its machine does not hear of that.
//   - A drop is reached through Tor or on this machine ([errand.ParseAddress]), and by
//     no other way. What it answers is bounded; a redirect is followed nowhere.
package letter

import (
	"errors"
	"fmt"
	"io"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/web/taxonomy"
)

// A Letter is a folder that is about to be sealed.
type Letter struct {
	Circle   *roster.Circle
	Code     receipt.Code
	Folder   *Folder
	Readers  item.Readers
	Language string // "id" or "en"
	// Answers are to the questions of Taxonomy; none if that is nil.
	Answers  taxonomy.Answers
	Taxonomy *taxonomy.Taxonomy
}

// Items is how many items the letter has: the testimony, and one for each file.
func (l *Letter) Items() int { return 1 + len(l.Folder.Files) }

// Seal seals the n-th item, from 0, the testimony. done has to be called when it was
// written. It returns the errors of [item.Seal].
func (l *Letter) Seal(n int) (sealed *item.Sealed, done func(), err error) {
	c := item.Content{Kind: item.Testimony, Language: l.Language, Readers: l.Readers, Text: l.Folder.Text}
	done = func() {}
	if n == 0 {
		if l.Taxonomy != nil {
			c.Form, c.Taxonomy = item.Form{Answers: l.Answers}, l.Taxonomy.Reference()
		}
	} else {
		f := l.Folder.Files[n-1]
		in, size, err := f.open()
		if err != nil {
			return nil, nil, fmt.Errorf("reading %q: %w", f.Name, err)
		}
		done = func() { in.Close() }
		c.Kind, c.Text, c.File, c.Size, c.Name = item.Attachment, "", in, size, f.Name
	}
	if sealed, err = item.Seal(l.Circle, l.Code, n, c); err != nil {
		done()
		return nil, nil, err
	}
	return sealed, done, nil
}

// Carry writes all items into a file for another machine. When it returns an error,
// what was written is worthless.
func (l *Letter) Carry(w io.Writer) error {
	if err := parcel.BeginCarry(w); err != nil {
		return err
	}
	for n := range l.Items() {
		if err := l.carry(w, n); err != nil {
			return err
		}
	}
	return nil
}

func (l *Letter) carry(w io.Writer, n int) error {
	sealed, done, err := l.Seal(n)
	if err != nil {
		return err
	}
	defer done()
	if _, err := w.Write(HeadOf(sealed).Append(nil)); err != nil {
		return err
	}
	_, err = sealed.WriteTo(w)
	return err
}

// HeadOf returns the head of the parcel that a sealed item is.
func HeadOf(s *item.Sealed) parcel.Head {
	return parcel.Head{ID: s.ID, Burn: s.Burn, Roster: s.Roster, Slots: s.Slots, Size: s.Size}
}

// ErrAnswers is returned for answers that the questions do not take.
var ErrAnswers = errors.New("the answers do not fit the questions")
