package main

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"saksi/crypto/paper"
)

// longPaper is as long as a reviewer's key file.
func longPaper() paper.Paper {
	return paper.Paper{Kind: "share 2 of 3 need 2 set acdefghj", Data: bytes.Repeat([]byte("saksi mata "), 230)}
}

func pageText(t *testing.T, p paper.Paper) string {
	t.Helper()
	page, err := pageOf(p)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestThePageHoldsThePaper: what stands on it in letters reads back as it is.
func TestThePageHoldsThePaper(t *testing.T) {
	want := longPaper()
	m := regexp.MustCompile(`(?s)<pre>(.*)</pre>`).FindStringSubmatch(pageText(t, want))
	if m == nil {
		t.Fatal("the page has no lines")
	}
	got, err := paper.Parse(html.UnescapeString(m[1]))
	if err != nil || got.Kind != want.Kind || !bytes.Equal(got.Data, want.Data) {
		t.Errorf("%q, %d bytes, %v", got.Kind, len(got.Data), err)
	}
}

// TestTheCodesHoldThePaper: a program that has nothing of ours reads them from
// pictures, and what they hold, one after the other, is the paper.
func TestTheCodesHoldThePaper(t *testing.T) {
	want := longPaper()
	pictures := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(pageText(t, want), -1)
	if len(pictures) < 8 {
		t.Fatalf("%d codes", len(pictures))
	}
	var read strings.Builder
	for i, picture := range pictures {
		file := filepath.Join(t.TempDir(), fmt.Sprint(i, ".pbm"))
		if err := os.WriteFile(file, bitmap(t, picture), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
		if err != nil {
			t.Fatalf("code %d: zbarimg (Debian's zbar-tools): %v", i+1, err)
		}
		read.Write(out)
	}
	got, err := paper.Parse(read.String())
	if err != nil || got.Kind != want.Kind || !bytes.Equal(got.Data, want.Data) {
		t.Errorf("%q, %d bytes, %v", got.Kind, len(got.Data), err)
	}
}

// bitmap paints a QR code of runs, four dots to a module, as a plain PBM.
func bitmap(t *testing.T, svg string) []byte {
	t.Helper()
	const dots = 4
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n * dots
	}
	side := number(regexp.MustCompile(`viewBox="0 0 (\d+) `).FindStringSubmatch(svg)[1])
	rows := make([][]byte, side)
	for y := range rows {
		rows[y] = bytes.Repeat([]byte("0"), side)
	}
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1`).FindAllStringSubmatch(svg, -1) {
		x, y, long := number(run[1]), number(run[2]), number(run[3])
		for i := range dots {
			copy(rows[y+i][x:], bytes.Repeat([]byte("1"), long))
		}
	}
	return fmt.Appendf(nil, "P1\n%d %d\n%s\n", side, side, bytes.Join(rows, []byte("\n")))
}

// TestThePageStandsAlone, and names nobody: it is found in drawers.
func TestThePageStandsAlone(t *testing.T) {
	for _, p := range []paper.Paper{longPaper(), {Kind: paper.Whole, Data: []byte("a")}} {
		page := pageText(t, p)
		if m := regexp.MustCompile(`(?i)<script|src=|href=|url\(|@import|saksi|reviewer`).FindString(page); m != "" {
			t.Errorf("%s: the page has %q", p.Kind, m)
		}
		if !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
			t.Errorf("%s: the page may fetch things", p.Kind)
		}
		if shared := strings.Contains(page, "Share 2 of 3"); shared != (p.Kind != paper.Whole) {
			t.Errorf("%s: the page says that it is a share: %v", p.Kind, shared)
		}
	}
}

// TestSealedFilesAreKnown: what age writes under a passphrase, armored or not.
func TestSealedFilesAreKnown(t *testing.T) {
	recipient, err := age.NewScryptRecipient("kata sandi")
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(10)
	var binary, armored bytes.Buffer
	text := armor.NewWriter(&armored)
	for _, step := range []func() error{
		func() error { w, err := age.Encrypt(&binary, recipient); w.Close(); return err },
		func() error { w, err := age.Encrypt(text, recipient); w.Close(); return err }, text.Close,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	for what, test := range map[string]struct {
		file []byte
		want bool
	}{
		"binary": {binary.Bytes(), true}, "armored": {armored.Bytes(), true},
		"key": {[]byte("# Saksi root\nPRIVATE+KEY+akar\n"), false}, "empty": {nil, false},
	} {
		if isSealed(test.file) != test.want {
			t.Errorf("%s: sealed is not %v", what, test.want)
		}
	}
}

// TestNothingIsLeftOfPapersThatFail: a secret that does not fit leaves no folder with
// a part of it.
func TestNothingIsLeftOfPapersThatFail(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "kertas")
	papers := []paper.Paper{{Kind: paper.Whole, Data: []byte("a")}, {Kind: "too much", Data: make([]byte, paper.MaxData+1)}}
	if err := writePapers(folder, papers); err == nil {
		t.Error("too much was written")
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
}
