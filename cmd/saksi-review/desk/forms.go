package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/web/taxonomy"
)

// ErrBuiltIn is returned for a taxonomy that the program has in itself: its rules
// come with the program too.
var ErrBuiltIn = errors.New("the program has this taxonomy in itself")

// A keptForm pins a taxonomy of an operator's own, and its rules. The files are
// public, but the index says which ones count: whoever can write into the
// folder cannot put in rules that let more out.
type keptForm struct {
	Hash  string `json:"hash"`            // SHA-256 of the taxonomy's file
	Rules string `json:"rules,omitempty"` // SHA-256 of the rules' file
}

// A form is a kept taxonomy that was read.
type form struct {
	questions *taxonomy.Taxonomy
	rules     *taxonomy.Rules // nil for none
}

func (x *index) checkForms() error {
	before := ""
	for _, f := range x.Forms {
		if f.Hash <= before {
			return errors.New("the taxonomies are not in order")
		}
		before = f.Hash
		if _, err := roster.ParseHash(f.Hash); err != nil {
			return err
		}
		if _, err := roster.ParseHash(f.Rules); err != nil && f.Rules != "" {
			return err
		}
	}
	return nil
}

func (d *Desk) formPath(hash string) string { return d.path("taxonomies", hash+".json") }

// loadForms reads the taxonomies that the index pins.
func (d *Desk) loadForms() error {
	d.forms = nil
	for _, kept := range d.index.Forms {
		f, err := d.loadForm(kept)
		if err != nil {
			return fmt.Errorf("reading taxonomy %s: %w", kept.Hash, damaged(err))
		}
		d.forms = append(d.forms, f)
	}
	return nil
}

func (d *Desk) loadForm(kept keptForm) (form, error) {
	data, err := d.readPinned(kept.Hash)
	if err != nil {
		return form{}, err
	}
	questions, err := taxonomy.Parse(data)
	if err != nil || kept.Rules == "" {
		return form{questions: questions}, err
	}
	if data, err = d.readPinned(kept.Rules); err != nil {
		return form{}, err
	}
	rules, err := taxonomy.ParseRules(data, questions)
	return form{questions, rules}, err
}

// readPinned reads a file that has its hash for a name.
func (d *Desk) readPinned(hash string) ([]byte, error) {
	data, err := readFile(d.formPath(hash), taxonomy.MaxFile)
	if err == nil && hashOf(data) != hash {
		err = errors.New("the file was changed")
	}
	return data, err
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Form returns the taxonomy of a reference and the rules for it: of the program's
// own, or of those kept here; nil for what there is not.
func (d *Desk) Form(reference string) (*taxonomy.Taxonomy, *taxonomy.Rules) {
	var others []*taxonomy.Taxonomy
	for _, f := range d.forms {
		others = append(others, f.questions)
	}
	t := taxonomy.Find(reference, others...)
	if rules := taxonomy.RulesFor(t); rules != nil {
		return t, rules
	}
	for _, f := range d.forms {
		if f.questions == t {
			return t, f.rules
		}
	}
	return t, nil
}

// inDanger reports whether an answer says that the reporter is in danger.
func (d *Desk) inDanger(reference string, f item.Form) bool {
	_, rules := d.Form(reference)
	return rules != nil && rules.Danger.Rings(f.Answers)
}

// KeepForm keeps a taxonomy of an operator's own, with rules or without; rules
// that were kept for it before give way. Testimonies that are here already are
// marked anew. It returns [taxonomy.ErrInvalid] or [ErrBuiltIn].
func (d *Desk) KeepForm(ctx context.Context, data, rules []byte) (*taxonomy.Taxonomy, error) {
	questions, err := taxonomy.Parse(data)
	if err != nil {
		return nil, err
	}
	if taxonomy.Find(questions.Reference()) != nil {
		return nil, fmt.Errorf("keeping taxonomy: %w", ErrBuiltIn)
	}
	kept := keptForm{Hash: hashOf(data)}
	if rules != nil {
		if _, err := taxonomy.ParseRules(rules, questions); err != nil {
			return nil, err
		}
		kept.Rules = hashOf(rules)
	}
	for hash, content := range map[string][]byte{kept.Hash: data, kept.Rules: rules} {
		if hash == "" {
			continue
		}
		if err := replaceFile(d.formPath(hash), content); err != nil {
			return nil, fmt.Errorf("keeping taxonomy: %w", err)
		}
	}
	next := d.index.clone()
	next.keepForm(kept)
	if err := d.save(next); err != nil {
		return nil, err
	}
	if err := d.loadForms(); err != nil {
		return nil, err
	}
	return questions, d.markDanger(ctx)
}

// keepForm puts a taxonomy in its order. Without rules it keeps those that are
// there.
func (x *index) keepForm(kept keptForm) {
	at, found := slices.BinarySearchFunc(x.Forms, kept.Hash, func(f keptForm, hash string) int {
		switch {
		case f.Hash < hash:
			return -1
		case f.Hash > hash:
			return 1
		}
		return 0
	})
	switch {
	case !found:
		x.Forms = slices.Insert(x.Forms, at, kept)
	case kept.Rules != "":
		x.Forms[at] = kept
	}
}

// markDanger reads every testimony once more: what its answers mean was not known
// when it came, perhaps. One that cannot be read stays as it was.
func (d *Desk) markDanger(ctx context.Context) error {
	next := d.index.clone()
	for _, t := range next.Threads {
		pages, err := d.Read(ctx, t)
		if err != nil && pages == nil {
			return err
		}
		for _, p := range pages {
			if p.Unread == nil {
				p.Danger = p.Kind == item.Testimony && d.inDanger(p.Taxonomy, p.Form)
			}
		}
	}
	return d.save(next)
}
