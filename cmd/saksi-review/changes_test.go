package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

func someKey(t testing.TB, name string) sign.Key {
	t.Helper()
	s, err := sign.Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s.Key()
}

func someRecipient(t testing.TB) *hybrid.Recipient {
	t.Helper()
	i, err := hybrid.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return i.Recipient()
}

// fullRoster has two of everything.
func fullRoster(t testing.TB) *roster.Roster {
	t.Helper()
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	r := &roster.Roster{
		Origin: "uji.saksi", Sequence: 7, Previous: roster.Hash{1}, From: at, Until: at.AddDate(0, 0, 90),
		Quorum: roster.Quorum{Needed: 2, Outside: 1}, Server: someKey(t, "uji.saksi"),
	}
	for i := range 2 {
		n := fmt.Sprint(i + 1)
		r.RootSets = append(r.RootSets, roster.RootSet{
			Threshold: 2, Endorsed: []string{"a" + n, "b" + n},
			Keys: []sign.Key{someKey(t, "lbh"+n), someKey(t, "aji"+n)},
		})
		r.Reviewers = append(r.Reviewers, roster.Reviewer{
			ID: "r" + n, Region: "7" + n, Organisation: "LBH " + n, Label: "Penelaah " + n,
			Key: someKey(t, "r"+n), Direct: someRecipient(t),
		})
		w := week.Of(at).Add(2 * i)
		r.Recipients = append(r.Recipients, roster.Period{From: w, To: w.Add(1), File: roster.Hash{byte(i)}})
		r.Revoked = append(r.Revoked, roster.Revocation{Key: someKey(t, "lama"+n), From: uint64(i + 2)})
	}
	return r
}

// A place leads to a part of a roster.
type place func(*roster.Roster) reflect.Value

// tell is told of a change, and what it changes.
type tell func(name string, change func(*roster.Roster))

// variants calls each with every change of one part that reflection finds: each
// value another one, each list one shorter, one longer, and in another order.
func variants(t *testing.T, name string, at place, r *roster.Roster, each tell) {
	set := func(what string, value any) {
		each(name+" "+what, func(r *roster.Roster) { at(r).Set(reflect.ValueOf(value)) })
	}
	v := at(r)
	switch old := v.Interface().(type) {
	case sign.Key:
		set("other key", someKey(t, old.Name()))
		set("other name", someKey(t, old.Name()+"x"))
	case *hybrid.Recipient:
		set("other", someRecipient(t))
	case time.Time:
		set("later", old.AddDate(0, 0, 1))
		set("earlier", old.AddDate(0, 0, -1))
	case roster.Hash:
		set("other", roster.Hash{9, 9})
	case week.Week:
		set("later", old.Add(1))
	case string:
		set("other", old+"x")
	case int:
		set("more", old+1)
		set("less", old-1)
	case uint64:
		set("more", old+1)
		set("less", old-1)
	default:
		inside(t, name, at, r, each)
	}
}

func inside(t *testing.T, name string, at place, r *roster.Roster, each tell) {
	v := at(r)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			variants(t, name+"."+field, func(r *roster.Roster) reflect.Value { return at(r).Field(i) }, r, each)
		}
	case reflect.Slice:
		for i := range v.Len() {
			variants(t, fmt.Sprintf("%s[%d]", name, i), func(r *roster.Roster) reflect.Value { return at(r).Index(i) }, r, each)
		}
		each(name+" shorter", func(r *roster.Roster) { at(r).Set(at(r).Slice(0, v.Len()-1)) })
		each(name+" longer", func(r *roster.Roster) { at(r).Set(reflect.Append(at(r), at(r).Index(0))) })
		each(name+" turned", func(r *roster.Roster) { reflect.Swapper(at(r).Interface())(0, 1) })
	default:
		t.Fatalf("%s: a %s: teach this test to change it", name, v.Kind())
	}
}

// copied is deep enough for variants to leave the original alone.
func copied(r *roster.Roster) *roster.Roster {
	c := *r
	c.RootSets = slices.Clone(r.RootSets)
	for i, s := range r.RootSets {
		c.RootSets[i].Keys, c.RootSets[i].Endorsed = slices.Clone(s.Keys), slices.Clone(s.Endorsed)
	}
	c.Reviewers, c.Recipients, c.Revoked = slices.Clone(r.Reviewers), slices.Clone(r.Recipients), slices.Clone(r.Revoked)
	return &c
}

// TestNoDifferenceBetweenRostersIsLeftOut: whatever part of a roster is another one,
// words are found for it, and they are not those for want of words.
func TestNoDifferenceBetweenRostersIsLeftOut(t *testing.T) {
	r := fullRoster(t)
	count := 0
	// What stands twice or out of order is no roster: the last words do for it.
	invalid := []string{
		"roster.Reviewers longer", "roster.Recipients longer", "roster.Recipients turned", "roster.Revoked longer",
	}
	whole := func(r *roster.Roster) reflect.Value { return reflect.ValueOf(r).Elem() }
	variants(t, "roster", whole, r, func(name string, change func(*roster.Roster)) {
		count++
		other := copied(r)
		change(other)
		for _, pair := range [][2]*roster.Roster{{r, other}, {other, r}} {
			lines := differences(pair[0], pair[1], nil)
			empty := slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, " ") })
			if empty || len(lines) == 0 || slices.Contains(lines, noWords) && !slices.Contains(invalid, name) {
				t.Errorf("%s: described as %q", name, lines)
			}
		}
	})
	if count < 80 {
		t.Errorf("%d variants only", count)
	}
	if lines := differences(r, copied(r), nil); len(lines) > 0 {
		t.Errorf("a roster differs from itself: %q", lines)
	}
}

// TestASuccessorIsComparedByWhatItSays: that its number is one more and that it names
// the one before is no difference; that it names another one is.
func TestASuccessorIsComparedByWhatItSays(t *testing.T) {
	r := fullRoster(t)
	next := copied(r)
	next.Sequence, next.Previous = r.Sequence+1, textHash(r)
	if lines := differences(r, next, nil); len(lines) > 0 {
		t.Errorf("described as %q", lines)
	}
	next.Previous = roster.Hash{5}
	const want = "names another roster as the one before"
	if got := strings.Join(differences(r, next, nil), "\n"); !strings.Contains(got, want) {
		t.Errorf("described as %q", got)
	}
}

// TestOtherKeysOfWeeksAreNamed: with both recipients files it is said whose.
func TestOtherKeysOfWeeksAreNamed(t *testing.T) {
	p := partytest.New(t, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), 3)
	before := &p.Roster.Roster
	after := copied(before)
	after.Sequence, after.Previous = before.Sequence+1, p.Roster.Hash
	files := recipientsFiles(p.Files())
	file, err := roster.ParseRecipients(files[before.Recipients[0].File])
	if err != nil {
		t.Fatal(err)
	}
	file.Keys[1] = someRecipient(t)
	after.Recipients[0].File = file.Hash()
	const unknown = "can only be said with both files"
	if got := strings.Join(differences(before, after, files), "\n"); !strings.Contains(got, unknown) {
		t.Errorf("without the file: %q", got)
	}
	files[file.Hash()] = file.Text()
	if got := strings.Join(differences(before, after, files), "\n"); !strings.HasSuffix(got, ": other keys of r2") {
		t.Errorf("with both files: %q", got)
	}
}

// TestAKeyIsNotRevokedByItsName: who proposes to revoke a key that only bears a
// reviewer's name is found out.
func TestAKeyIsNotRevokedByItsName(t *testing.T) {
	before := fullRoster(t)
	for _, c := range []struct {
		key  sign.Key
		want string
	}{
		{before.Reviewers[0].Key, "revoked: the key of r1, Penelaah 1;"},
		{someKey(t, "r1"), "revoked: a key with the name r1 that neither of the two rosters has;"},
	} {
		after := copied(before)
		after.Revoked = append(after.Revoked, roster.Revocation{Key: c.key, From: 7})
		if got := strings.Join(differences(before, after, nil), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("described as %q, want %q", got, c.want)
		}
	}
}
