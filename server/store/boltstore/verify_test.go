//go:build !race

package boltstore_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
	"saksi/server/store/boltstore"
)

// verify opens a folder after whatever befell it and returns what is wrong: an
// acknowledged step that is lost, a half-kept one, a store that is not clean.
func verify(dir string, records map[key]record) (wrong []string) {
	wrong = stillOpen(dir, records)
	s, err := boltstore.Open(dir, now)
	if err != nil {
		return []string{"it does not open: " + err.Error()}
	}
	defer s.Close()
	check, err := s.Check()
	wrong = append(wrong, check...)
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	for k, r := range records {
		var problem string
		switch {
		case r.begun[addReply]:
			problem = verifyReply(s, k, r)
		case r.begun[addRoster]:
			problem = cmp.Or(verifyItem(s, k, r), verifyRound(s, k, r))
		default:
			problem = verifyItem(s, k, r)
		}
		if problem != "" {
			wrong = append(wrong, fmt.Sprintf("%x: %s", k, problem))
		}
	}
	return wrong
}

func verifyItem(s store.Store, k key, r record) string {
	states, err := s.States([]receipt.ItemID{receipt.ItemID(k)})
	if err != nil {
		return err.Error()
	}
	created := r.done[createText] || r.done[createFile] || r.done[stageFile]
	switch {
	case states[0].Gone != nil && !r.begun[remove] && !r.begun[bury]:
		return "nobody deleted it, and it is gone"
	case r.begun[bury] && states[0].Gone != nil && *states[0].Gone != k.tombstone():
		return "it has another tombstone"
	case states[0].Gone != nil:
		return ""
	case r.seen['G']:
		return "somebody saw that it is gone, and it is not"
	case r.seen['I'] && states[0].Item == nil:
		return "somebody saw that it is there, and it is not"
	case r.done[remove]:
		return "it was deleted, and is there"
	case r.done[bury]:
		return "it was buried, and has no tombstone"
	case states[0].Item == nil && created:
		return "it was acknowledged, and is lost"
	case states[0].Item == nil && (r.begun[stageFile] || r.begun[stageHalf]):
		return verifyStaged(s, k, r)
	case states[0].Item == nil:
		return ""
	}
	kind := byte(createFile)
	if r.begun[createText] {
		kind = createText
	}
	return wholeItem(s, k, kind)
}

func wholeItem(s store.Store, k key, kind byte) string {
	i, wantSlots, wantPayload := k.item(kind)
	slots, err := s.Slots(i.ID)
	if err != nil || !slices.EqualFunc(slots, wantSlots, bytes.Equal) {
		return fmt.Sprintf("its slots are other ones: %v", err)
	}
	r, err := s.Payload(i.ID)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	if payload, err := io.ReadAll(r); err != nil || !bytes.Equal(payload, wantPayload) {
		return fmt.Sprintf("its payload is another one: %v", err)
	}
	return ""
}

func verifyReply(s store.Store, k key, r record) string {
	want := k.reply()
	replies, err := s.Replies(want.Mailbox, store.Places(0, 8))
	switch {
	case err != nil:
		return err.Error()
	case len(replies) == 1 && bytes.Equal(replies[0].Sealed, want.Sealed):
		if r.done[emptyBox] {
			return "its mailbox was emptied, and it is there"
		}
		return ""
	case len(replies) > 0:
		return "the mailbox has something else"
	case r.done[addReply] && !r.begun[emptyBox]:
		return "the reply was acknowledged, and is lost"
	}
	return ""
}

// TestWorkloadCanFail: the verifier names a lost item, a lost reply and a
// deletion that did not happen. Otherwise it would prove nothing.
func TestWorkloadCanFail(t *testing.T) {
	dir := t.TempDir()
	if err := boltstore.Create(dir); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	kept := key{1}
	half, size := key{3}, int64(100_000)
	err = errors.Join(do(s, createText, kept), do(s, addReply, key{2}), do(s, stageHalf, half),
		do(s, stageHalf, key{4}), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	yes := func(kinds ...byte) record {
		r := record{map[byte]bool{}, map[byte]bool{}, map[byte]bool{}, new(int64)}
		for _, kind := range kinds {
			r.begun[kind], r.done[kind] = true, true
		}
		return r
	}
	good := map[key]record{kept: yes(createText), {2}: yes(addReply), {4}: yes(stageHalf)}
	if wrong := verify(dir, good); len(wrong) > 0 {
		t.Errorf("what is well is called wrong: %q", wrong)
	}
	for name, records := range map[string]map[key]record{
		"lost item":        {{9}: yes(createFile)},
		"lost reply":       {{9}: yes(addReply)},
		"lost slice":       {{9}: {begun: map[byte]bool{stageHalf: true}, staged: &size}},
		"fewer bytes":      {half: {begun: map[byte]bool{stageHalf: true}, staged: &size}},
		"seen":             {{9}: {seen: map[byte]bool{'I': true}}},
		"seen gone":        {kept: {begun: yes(createText).begun, seen: map[byte]bool{'G': true}}},
		"undone unstage":   {half: yes(stageHalf, unstage)},
		"another content":  {kept: yes(createFile)},
		"undone deletion":  {kept: yes(createText, remove)},
		"undone empty box": {{2}: yes(addReply, emptyBox)},
	} {
		if wrong := verify(dir, records); len(wrong) == 0 {
			t.Errorf("%s: found %q", name, wrong)
		}
	}
}
