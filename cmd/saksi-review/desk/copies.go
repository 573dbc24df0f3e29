package desk

// A Copy is an item with a sealed file that an item of another thread has too.
type Copy struct{ Item, Of string }

// sealedAs returns what a sealed file and its copies have in common, and no other file:
// the SHA-256 of the file, and that of its header. Whoever copies a file can put armor
// around it, or cut it off; with another header it does not open.
func (a Attachment) sealedAs() (hashes []string) {
	if a.Sealed == "" {
		return nil
	}
	if a.Header != "" {
		hashes = append(hashes, a.Header)
	}
	return append(hashes, a.Hash)
}

// holders are the items that have a sealed file, by each hash of sealedAs: the first one,
// and the first of another thread. They are found anew from what the desk has: a warning
// at the import alone is seen once, by whoever sits there, among many others.
type holders map[string][]origin

func (x *index) holders() holders {
	h := holders{}
	for _, t := range x.Threads {
		for _, i := range t.Items {
			h.add(t, i.stub())
		}
		for _, c := range t.Closed {
			h.add(t, c)
		}
	}
	return h
}

func (h holders) add(t *Thread, c Closed) {
	for _, hash := range c.Sealed {
		if known := h[hash]; len(known) == 0 || len(known) == 1 && known[0].thread != t.Mailbox {
			h[hash] = append(known, origin{t.Mailbox, c.ID})
		}
	}
}

// copies returns the sealed files of an item that another thread has too, by their
// path: the id of an item there.
func (h holders) copies(i *Item) map[string]string {
	found := map[string]string{}
	for _, a := range i.Attachments {
		for _, hash := range a.sealedAs() {
			for _, o := range h[hash] {
				if _, known := found[a.Path]; !known && o.thread != i.thread.Mailbox {
					found[a.Path] = o.item
				}
			}
		}
	}
	return found
}

// Copied returns the threads that have a sealed file which another thread has too,
// by their mailbox.
func (d *Desk) Copied() map[string]bool {
	copied, h := map[string]bool{}, d.index.holders()
	for _, t := range d.index.Threads {
		for _, i := range t.Items {
			if len(h.copies(i)) > 0 {
				copied[t.Mailbox] = true
			}
		}
	}
	return copied
}
