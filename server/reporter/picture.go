package reporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"saksi/web/evidence"
)

// ErrPicture is returned for a picture that is damaged or not understood, so that nothing
// can be taken off it. It is not sent as if it had been.
var ErrPicture = errors.New("the picture is damaged")

const (
	metadataField = "metadata" // of the form: "keep" leaves a picture as it is
	peeked        = 64         // bytes that say what a file is, whatever its name says
)

// A content is what is sealed of an upload.
type content struct {
	sent
	file    io.Reader
	size    int64
	release func() // gives back the memory; called once it is sealed
}

// What a person is told of a file that was sent.
type sent struct {
	removed []evidence.What // from the picture
	left    bool            // nothing was, and there may be something
}

// names returns what was removed as keys of the catalogs.
func (s sent) names() (names []string) {
	for _, what := range s.removed {
		names = append(names, string(what))
	}
	return names
}

// content returns an upload as it is to be sealed: of a picture no more than its pixels,
// unless its sender chose otherwise or it is too large to be held. All else passes as it is,
// in a stream.
func (h *Handler) content(ctx context.Context, up *upload) (*content, error) {
	first := make([]byte, peeked)
	n, err := io.ReadFull(up, first)
	if err != nil && err != io.ErrUnexpectedEOF || int64(n) < min(peeked, up.size) {
		return nil, fmt.Errorf("reading upload: %w", ErrCut)
	}
	rest := io.MultiReader(bytes.NewReader(first[:n]), up)
	kind := evidence.Sniff(first[:n], "")
	if kind.Strippable() && up.size <= evidence.MaxPicture && up.fields[metadataField] != "keep" {
		return h.picture(ctx, rest, up.size)
	}
	return &content{file: rest, size: up.size, release: func() {}, sent: sent{left: kind != evidence.Sealed}}, nil
}

// picture reads a picture into memory, and takes off what is not needed to show it. That
// takes twice its size.
func (h *Handler) picture(ctx context.Context, from io.Reader, size int64) (*content, error) {
	release := func() {}
	if h.Hold != nil {
		var err error
		if release, err = h.Hold(ctx, 2*size); err != nil {
			return nil, err
		}
	}
	clean, told, err := h.develop(from, size)
	if err != nil {
		release()
		return nil, err
	}
	return &content{sent{removed: told}, bytes.NewReader(clean), int64(len(clean)), release}, nil
}

func (h *Handler) develop(from io.Reader, size int64) (clean []byte, told []evidence.What, err error) {
	raw := make([]byte, size)
	if _, err := io.ReadFull(from, raw); err != nil {
		return nil, nil, fmt.Errorf("reading upload: %w", ErrCut)
	}
	if _, err := from.Read(make([]byte, 1)); err != io.EOF {
		return nil, nil, fmt.Errorf("reading upload: %w", ErrCut) // the form goes on
	}
	if h.Look != nil { // all of it is here: nobody waits for a sender
		h.Look.Lock()
		defer h.Look.Unlock()
	}
	if clean, _, err = evidence.Strip(raw); err != nil {
		return nil, nil, fmt.Errorf("stripping: %w", ErrPicture)
	}
	return clean, taken(evidence.InspectBytes(raw, ""), evidence.InspectBytes(clean, "")), nil
}

// taken says what a file told before and does not tell now: a colour profile stays.
func taken(before, now evidence.Finding) []evidence.What {
	before.Reveals = slices.DeleteFunc(before.Reveals, func(r evidence.Reveal) bool {
		return slices.Contains(now.Reveals, r)
	})
	return before.Whats()
}
