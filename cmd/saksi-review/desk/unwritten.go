package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An outbox counts as sent before its first byte is written: else a number could be used
// twice. Killed in between, its answers are nowhere but here, and as soon as something
// else waits, the next outbox hides that. So an empty file lies beside it until whoever
// wrote it says that it stands where it is carried from.

const unwrittenSuffix = ".unwritten"

func (d *Desk) unwrittenPath(number uint64) string {
	return d.path("outbox", strconv.FormatUint(number, 10)+unwrittenSuffix)
}

// Written notes that an outbox was written to its end, and is on the disk that carries it.
func (d *Desk) Written(number uint64) error {
	if err := removeIn(d.path("outbox"), filepath.Base(d.unwrittenPath(number))); err != nil {
		return inForce(fmt.Errorf("noting that outbox %d is written: %w", number, err))
	}
	return nil
}

// Unwritten returns the numbers of outboxes that count as sent and were not written to
// their end, in order.
func (d *Desk) Unwritten() (numbers []uint64, err error) {
	entries, err := os.ReadDir(d.path("outbox"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for outboxes: %w", err)
	}
	for _, entry := range entries {
		text, marked := strings.CutSuffix(entry.Name(), unwrittenSuffix)
		number, err := strconv.ParseUint(text, 10, 64)
		// Made before the index: of a greater number it says nothing.
		if marked && err == nil && number <= d.index.Outbox {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
