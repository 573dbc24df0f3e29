package crypto_test

import (
	"slices"
	"strings"
	"testing"

	"saksi/crypto/frames"
)

type framesSection struct {
	About   []string        `json:"about"`
	Files   []framesVector  `json:"files"`
	Refused []framesRefused `json:"refused"`
}

type framesVector struct {
	File   hexBytes `json:"file"`
	Frames []string `json:"frames"`
}

type framesRefused struct {
	About string   `json:"about"`
	Lines []string `json:"lines"`
}

func makeFrames(t *testing.T) framesSection {
	s := framesSection{About: []string{
		"files: a file and its frames, in order. In any order, twice, in small letters, behind other text of the",
		"line and between other lines they make the file. refused: lines that make none.",
	}}
	for _, size := range []int{1, 448, 449, 1000} {
		file := make([]byte, size)
		for i := range file {
			file[i] = byte(7 * i)
		}
		s.Files = append(s.Files, framesVector{file, must(frames.Split(file))(t)})
	}
	one, several := s.Files[0].Frames[0], s.Files[3].Frames
	damaged := slices.Clone(several)
	damaged[1] = damaged[1][:40] + "7" + damaged[1][41:]
	s.Refused = []framesRefused{
		{"nothing", nil},
		{"one of three is missing", several[:2]},
		{"one of three is damaged", damaged},
		{"frames of two files", append(slices.Clone(several), one)},
		{"without its check", []string{one[:len(one)-9]}},
		{"another number before the check", []string{strings.Replace(one, " 1/1 ", " 01/1 ", 1)}},
	}
	return s
}

func (s framesSection) check(t *testing.T) {
	for _, v := range s.Files {
		if got := must(frames.Split(v.File))(t); !slices.Equal(got, v.Frames) {
			t.Errorf("%d bytes: frames %q", len(v.File), got)
		}
		turned := slices.Clone(v.Frames)
		slices.Reverse(turned)
		text := "QR-Code:" + strings.ToLower(strings.Join(turned, "\r\n")) + "\n\n" + strings.Join(v.Frames, "\n")
		same(t, "file", must(frames.Join(text))(t), v.File)
	}
	for _, r := range s.Refused {
		if _, err := frames.Join(strings.Join(r.Lines, "\n")); errorName(err) != "refused" {
			t.Errorf("%s: error %q", r.About, errorName(err))
		}
	}
}

func framesSizes(t *testing.T) map[string]int64 {
	full := must(frames.Split(make([]byte, frames.MaxFile)))(t)
	piece := largest(1000, func(n int64) bool { return len(must(frames.Split(make([]byte, n)))(t)) == 1 }) + 32
	return map[string]int64{
		"file in frames": frames.MaxFile, "bytes of a frame": piece, "frames of the largest file": int64(len(full)),
		"characters of the longest frame": int64(len(full[len(full)-2])),
	}
}
