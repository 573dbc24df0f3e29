package frames

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i + i>>8)
	}
	return b
}

func split(t testing.TB, file []byte) []string {
	t.Helper()
	frames, err := Split(file)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// TestFramesComeInAnyOrder, several times, between other lines, in small letters.
func TestFramesComeInAnyOrder(t *testing.T) {
	for _, size := range []int{1, piece - 32, piece - 31, 2*piece - 32, 5000, MaxFile} {
		file := content(size)
		frames := split(t, file)
		if want := (32 + size + piece - 1) / piece; len(frames) != want {
			t.Errorf("%d bytes: %d frames, want %d", size, len(frames), want)
		}
		text := "terbaca:\r\n"
		for i, n := range rand.Perm(len(frames)) {
			line := "QR-Code:" + frames[n]
			if i%2 == 0 {
				line = strings.ToLower(line)
			}
			text += line + "\r\n\n" + frames[n] + "\n"
		}
		if got, err := Join(text); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}

// TestAFrameFitsACode: in a QR code's alphanumeric mode, of a size that a telephone
// reads from a screen.
func TestAFrameFitsACode(t *testing.T) {
	form := regexp.MustCompile(`^SAKSI/V1/FRAME [0-9A-F]{8} \d+/\d+ [A-Z2-7]+ [0-9A-F]{8}$`)
	frames := split(t, content(MaxFile))
	for _, line := range frames {
		if !form.MatchString(line) || len(line) > 809 {
			t.Errorf("a frame of %d characters: %.60q", len(line), line)
		}
	}
	if len(frames) != maxFrames {
		t.Errorf("%d frames", len(frames))
	}
}

// TestMissingFramesAreNamed, and a damaged one is one that is missing.
func TestMissingFramesAreNamed(t *testing.T) {
	frames := split(t, content(3000))
	lines := slices.Clone(frames)
	lines[2] = strings.Replace(lines[2], " 3/7 A", " 3/7 B", 1)
	if lines[2] == frames[2] {
		lines[2] = strings.Replace(frames[2], "A", "B", 1)
	}
	lines = append(lines[:5], lines[6:]...)
	_, err := Join(strings.Join(lines, "\n"))
	var missing *MissingError
	if !errors.As(err, &missing) || !slices.Equal(missing.Missing, []int{3, 6}) || missing.Damaged != 1 {
		t.Fatalf("%v", err)
	}
	if want := "of 7 frames these are missing: 3, 6; damaged lines: 1"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// TestFramesOfTwoFilesDoNotMix, even where somebody made both sets to look alike.
func TestFramesOfTwoFilesDoNotMix(t *testing.T) {
	a, b := split(t, content(3000)), split(t, content(2999))
	if _, err := Join(strings.Join(append(a[:3:3], b[3:]...), "\n")); !errors.Is(err, ErrMixed) {
		t.Errorf("two sets: %v, want ErrMixed", err)
	}
	forged := func(n int, old, other string) string {
		body := strings.Replace(a[n][:strings.LastIndex(a[n], " ")], old, other, 1)
		return body + " " + check(body)
	}
	one := a[1][strings.Index(a[1], "/7 ")+3:][:10]
	other := forged(1, one, strings.Repeat("A", 10))
	if _, err := Join(strings.Join(append(slices.Clone(a), other), "\n")); !errors.Is(err, ErrMixed) {
		t.Errorf("a second frame 2: %v, want ErrMixed", err)
	}
	swapped := append(slices.Clone(a[:1]), append([]string{other}, a[2:]...)...)
	if _, err := Join(strings.Join(swapped, "\n")); !errors.Is(err, ErrDamaged) {
		t.Errorf("a forged frame in its place: %v, want ErrDamaged", err)
	}
}

// TestTheWholeHashIsChecked, not only the part of it that names the set.
func TestTheWholeHashIsChecked(t *testing.T) {
	line := split(t, content(100))[0]
	f, ok := parse(line)
	if !ok {
		t.Fatal("a frame is not read")
	}
	f.bytes[31] ^= 1
	body := fmt.Sprintf("%s%s 1/1 %s", label, f.set, encoding.EncodeToString(f.bytes))
	if _, err := Join(body + " " + check(body)); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	for _, size := range []int{0, MaxFile + 1} {
		if _, err := Split(content(size)); !errors.Is(err, ErrSize) {
			t.Errorf("%d bytes: %v, want ErrSize", size, err)
		}
	}
	for _, text := range []string{"", "halo\n", label, label + strings.Repeat("A", 5000)} {
		if _, err := Join(text); !errors.Is(err, ErrNone) {
			t.Errorf("%.40q: %v, want ErrNone", text, err)
		}
	}
}

// FuzzJoin: what was joined comes out again as the same frames, and each whole line
// that was read is one of them.
func FuzzJoin(f *testing.F) {
	for _, size := range []int{1, 448, 449, 2000} {
		frames := split(f, content(size))
		f.Add(strings.Join(frames, "\n"))
		f.Add(strings.Join(frames[:len(frames)-1], "\n"))
		for _, spelling := range fuzztest.Respell(frames[0] + "\n") {
			f.Add(spelling)
		}
	}
	f.Add(strings.Repeat(label+"\n", 1000))
	bound := fuzztest.Bound{Base: 16 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, text string) {
		text = mend(text)
		file, ok := fuzztest.Parse(t, bound, text, Join)
		if !ok {
			_, err := Join(text)
			if !errors.As(err, new(*MissingError)) {
				fuzztest.Refused(t, err, ErrNone, ErrMixed, ErrDamaged)
			}
			return
		}
		frames, err := Split(file)
		if err != nil {
			t.Fatalf("a file that was joined is not split: %v", err)
		}
		for line := range strings.Lines(text) {
			line = strings.ToUpper(strings.TrimSpace(line))
			at := strings.Index(line, label)
			if at < 0 {
				continue
			}
			if _, ok := parse(line[at:]); ok && !slices.Contains(frames, line[at:]) {
				t.Errorf("%q was read, and is none of the file's", line)
			}
		}
	})
}

// mend gives each line the check that fits, so that a mutation reaches what is behind it.
func mend(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if end := strings.LastIndex(line, " "); strings.HasPrefix(line, label) && end > len(label) {
			line = line[:end] + " " + check(line[:end])
		}
		fmt.Fprintln(&out, line)
	}
	return out.String()
}
