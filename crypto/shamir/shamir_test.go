package shamir

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// slowMul multiplies polynomials over GF(2) as one does on paper: the whole
// product first, then the remainder of the division by 0x11D.
func slowMul(a, b byte) byte {
	var product uint32
	for i := range 8 {
		if b>>i&1 == 1 {
			product ^= uint32(a) << i
		}
	}
	for bits.Len32(product) > 8 {
		product ^= 0x11d << (bits.Len32(product) - 9)
	}
	return byte(product)
}

// slowInverse tries every byte.
func slowInverse(a byte) byte {
	for b := range 256 {
		if slowMul(a, byte(b)) == 1 {
			return byte(b)
		}
	}
	return 0
}

// slowCombine is Lagrange's formula with the slow field.
func slowCombine(shares []Share) []byte {
	secret := make([]byte, len(shares[0].Y))
	for at := range secret {
		for i, s := range shares {
			term := s.Y[at]
			for j, other := range shares {
				if i != j {
					term = slowMul(term, slowMul(other.X, slowInverse(other.X^s.X)))
				}
			}
			secret[at] ^= term
		}
	}
	return secret
}

// TestEveryProductIsRight compares all 65,536 with another implementation.
func TestEveryProductIsRight(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			if got, want := mul(byte(a), byte(b)), slowMul(byte(a), byte(b)); got != want {
				t.Fatalf("%#x * %#x is %#x, want %#x", a, b, got, want)
			}
		}
	}
}

func TestEveryInverseIsRight(t *testing.T) {
	for a := range 256 {
		if got, want := inverse(byte(a)), slowInverse(byte(a)); got != want {
			t.Errorf("1/%#x is %#x, want %#x", a, got, want)
		}
	}
}

// TestArithmeticHasNoBranchAndNoTable holds the promise of constant time as far as
// the source shows it: what touches secret bytes decides and looks up nothing.
func TestArithmeticHasNoBranchAndNoTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "shamir.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "mul" && f.Name.Name != "inverse" {
			continue
		}
		found++
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt, *ast.SwitchStmt, *ast.ForStmt, *ast.IndexExpr, *ast.BranchStmt:
				t.Errorf("%s has a %T", f.Name.Name, n)
			case *ast.RangeStmt:
				if _, constant := n.X.(*ast.BasicLit); !constant {
					t.Errorf("%s has a loop whose length varies", f.Name.Name)
				}
			case *ast.BinaryExpr:
				if n.Op == token.QUO || n.Op == token.REM {
					t.Errorf("%s divides, which takes longer for some numbers", f.Name.Name)
				}
			}
			return true
		})
	}
	if found != 2 {
		t.Errorf("%d functions were looked at", found)
	}
}

// numbers returns 1 to n.
func numbers(n int) []byte {
	xs := make([]byte, n)
	for i := range xs {
		xs[i] = byte(i + 1)
	}
	return xs
}

func split(t testing.TB, secret []byte, k int, xs []byte) []Share {
	t.Helper()
	shares, err := Split(secret, k, xs)
	if err != nil {
		t.Fatal(err)
	}
	return shares
}

// subset returns the shares whose bit is set.
func subset(shares []Share, mask int) (some []Share) {
	for i, s := range shares {
		if mask>>i&1 == 1 {
			some = append(some, s)
		}
	}
	return some
}

// TestAnyKSharesRestore tries every k of up to 6 shares and every subset: k and
// more restore the secret, fewer do not. That fewer do not is chance: of 16 bytes,
// one in 2^128.
func TestAnyKSharesRestore(t *testing.T) {
	secret := []byte("saksi mata rumah")
	for n := 1; n <= 6; n++ {
		for k := 1; k <= n; k++ {
			shares := split(t, secret, k, numbers(n))
			for mask := 1; mask < 1<<n; mask++ {
				some := subset(shares, mask)
				got, err := Combine(some)
				if err != nil || bytes.Equal(got, secret) != (len(some) >= k) {
					t.Errorf("%d of %d, %d shares: %q, %v", k, n, len(some), got, err)
				}
				if !bytes.Equal(got, slowCombine(some)) {
					t.Errorf("%d of %d, %d shares: another result by hand", k, n, len(some))
				}
			}
		}
	}
}

// TestAllNumbersServe: 255 shares, the highest k, and numbers in any order.
func TestAllNumbersServe(t *testing.T) {
	xs := numbers(MaxShares)
	slices.Reverse(xs)
	shares := split(t, []byte{7, 0, 255}, MaxShares, xs)
	if got, err := Combine(shares); err != nil || !bytes.Equal(got, []byte{7, 0, 255}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestOneShareOfTwoTellsNothing: for each share that there can be, and each guess
// of the secret, exactly one coefficient fits. So all guesses stay equally likely.
func TestOneShareOfTwoTellsNothing(t *testing.T) {
	for x := 1; x <= MaxShares; x++ {
		for guess := range 256 {
			var fits [256]int
			for c := range 256 {
				fits[evaluate([]byte{byte(guess)}, []byte{byte(c)}, byte(x))[0]]++
			}
			for y, n := range fits {
				if n != 1 {
					t.Fatalf("share %d is %d, the secret %d: %d coefficients fit", x, y, guess, n)
				}
			}
		}
	}
}

// TestTwoSharesOfThreeTellNothing: the same for each pair of 6 shares, and the
// 65,536 polynomials for some guesses.
func TestTwoSharesOfThreeTellNothing(t *testing.T) {
	for a := byte(1); a <= 6; a++ {
		for b := a + 1; b <= 6; b++ {
			for _, guess := range []byte{0, 1, 0x80} {
				fits := make([]bool, 1<<16)
				for c := range fits {
					coefficients := []byte{byte(c >> 8), byte(c)}
					at := func(x byte) int { return int(evaluate([]byte{guess}, coefficients, x)[0]) }
					pair := at(a)<<8 | at(b)
					if fits[pair] {
						t.Fatalf("shares %d and %d, secret %d: two polynomials fit", a, b, guess)
					}
					fits[pair] = true
				}
			}
		}
	}
}

// TestCoefficientsAreUniform: of 65,536 bytes each has a coefficient of its own,
// and each of the 256 values is among them, zero too: a scheme that leaves out zero
// tells what the secret is not. That one is missing by chance has probability
// 256 e^-256.
func TestCoefficientsAreUniform(t *testing.T) {
	secret := make([]byte, 1<<16)
	shares := split(t, secret, 3, numbers(3))
	again := split(t, secret, 3, numbers(3))
	for name, row := range map[string][]byte{"first": linear(shares), "second": square(shares)} {
		var seen [256]int
		for _, c := range row {
			seen[c]++
		}
		for c, n := range seen {
			// 256 are expected, and 100 are ten standard deviations fewer or so.
			if n < 100 || n > 500 {
				t.Errorf("%s coefficient: %d is there %d times", name, c, n)
			}
		}
	}
	if bytes.Equal(linear(shares), square(shares)) || bytes.Equal(linear(shares), linear(again)) {
		t.Error("the same coefficients were used twice")
	}
}

// square and linear return the coefficients behind shares 1, 2 and 3 of zeros.
func square(shares []Share) []byte {
	row := make([]byte, len(shares[0].Y))
	for i := range row { // y1/1 + y2/2 = c2 (1 + 2)
		row[i] = slowMul(shares[0].Y[i]^slowMul(shares[1].Y[i], slowInverse(2)), slowInverse(3))
	}
	return row
}

func linear(shares []Share) []byte {
	row := square(shares)
	for i := range row { // y1 = c1 + c2
		row[i] ^= shares[0].Y[i]
	}
	return row
}

// TestWhatCannotBeSharedIsRefused, and no error repeats a byte of it.
func TestWhatCannotBeSharedIsRefused(t *testing.T) {
	secret := []byte("rahasia yang tidak boleh tampak")
	for name, test := range map[string]struct {
		secret []byte
		k      int
		xs     []byte
	}{
		"no secret":     {nil, 1, []byte{1}},
		"none":          {secret, 1, nil},
		"k of 0":        {secret, 0, []byte{1, 2}},
		"negative k":    {secret, -1, []byte{1, 2}},
		"k too high":    {secret, 3, []byte{1, 2}},
		"number 0":      {secret, 2, []byte{1, 0}},
		"twice":         {secret, 2, []byte{1, 2, 1}},
		"too many":      {secret, 2, append(numbers(MaxShares), 1)},
		"first is 0":    {secret, 1, []byte{0}},
		"twice, 1 of 2": {secret, 1, []byte{9, 9}},
	} {
		shares, err := Split(test.secret, test.k, test.xs)
		if err == nil || shares != nil || strings.Contains(err.Error(), "rahasia") {
			t.Errorf("%s: %v, %v", name, shares, err)
		}
	}
}

func TestWhatCannotBeCombinedIsRefused(t *testing.T) {
	y, short := []byte("tidak boleh tampak"), []byte("tidak")
	for name, shares := range map[string][]Share{
		"none":           nil,
		"empty":          {{1, nil}, {2, nil}},
		"number 0":       {{1, y}, {0, y}},
		"twice":          {{1, y}, {2, y}, {1, y}},
		"shorter second": {{1, y}, {2, short}},
		"longer second":  {{1, short}, {2, y}},
		"empty second":   {{1, y}, {2, nil}},
	} {
		got, err := Combine(shares)
		if err == nil || got != nil || strings.Contains(err.Error(), "tidak") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestSplitKeepsTheSecret: neither the caller's secret nor another share changes
// when a share is overwritten, which one of one share would do.
func TestSplitKeepsTheSecret(t *testing.T) {
	secret := []byte("saksi")
	for k := 1; k <= 2; k++ {
		shares := split(t, secret, k, []byte{1, 2, 3})
		clear(shares[0].Y)
		if got, err := Combine(shares[1:]); err != nil || string(got) != "saksi" || string(secret) != "saksi" {
			t.Errorf("k of %d: %q, %q, %v", k, got, secret, err)
		}
	}
}

// run runs one of libgfshare's programs. That it is missing fails the test.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// TestGfcombineJoinsOurShares: the share of number x is the file NAME.x.
func TestGfcombineJoinsOurShares(t *testing.T) {
	for _, size := range []int{1, 77, 5000} {
		secret := make([]byte, size)
		rand.Read(secret)
		for _, xs := range [][]byte{{1, 2}, {1, 2, 3}, {7, 255, 128, 2, 64}} {
			dir := t.TempDir()
			args := []string{"-o", "joined"}
			for _, s := range split(t, secret, len(xs), xs) {
				args = append(args, fmt.Sprintf("e.%03d", s.X))
				if err := os.WriteFile(filepath.Join(dir, args[len(args)-1]), s.Y, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			run(t, dir, "gfcombine", args...)
			if got, err := os.ReadFile(filepath.Join(dir, "joined")); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%d bytes, shares %v: gfcombine gives %d other bytes, %v", size, xs, len(got), err)
			}
		}
	}
}

// TestGfsplitMakesSharesForUs: every k of the shares that it writes.
func TestGfsplitMakesSharesForUs(t *testing.T) {
	secret := make([]byte, 1000)
	rand.Read(secret)
	const n = 5
	for k := 2; k <= n; k++ {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "e"), secret, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "gfsplit", "-n", strconv.Itoa(k), "-m", strconv.Itoa(n), "e")
		shares := readShares(t, filepath.Join(dir, "e.*"))
		if len(shares) != n {
			t.Fatalf("gfsplit wrote %d shares", len(shares))
		}
		for mask := range 1 << n {
			if some := subset(shares, mask); len(some) >= k {
				if got, err := Combine(some); err != nil || !bytes.Equal(got, secret) {
					t.Errorf("%d of %d: %v", k, n, err)
				}
			}
		}
	}
}

func readShares(t *testing.T, pattern string) (shares []Share) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		x, err := strconv.ParseUint(strings.TrimPrefix(filepath.Ext(name), "."), 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, Share{byte(x), y})
	}
	return shares
}
