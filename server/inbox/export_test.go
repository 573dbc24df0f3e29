package inbox

// UploadsKnown is how many uploads the memory has.
func (b *Inbox) UploadsKnown() int {
	b.progress.mu.Lock()
	defer b.progress.mu.Unlock()
	return len(b.progress.all)
}

// Expected is how many arrivals the memory has.
func (b *Inbox) Expected() int {
	b.arrivals.mu.Lock()
	defer b.arrivals.mu.Unlock()
	return len(b.arrivals.all)
}

// Promised returns how many bytes of room files that come whole hold.
func (b *Inbox) Promised() int64 {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	return b.room.promised
}
