package crypto_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/shamir"
)

type shamirSection struct {
	About    []string        `json:"about"`
	Products [][3]int        `json:"products"`
	Inverses [][2]int        `json:"inverses"`
	Sharings []sharingVector `json:"sharings"`
	Refused  []refusedShares `json:"refused"`
}

// A sharingVector is a secret, what was random, and all shares.
type sharingVector struct {
	Need         int           `json:"need"`
	Secret       hexBytes      `json:"secret"`
	Coefficients []hexBytes    `json:"coefficients"`
	Shares       []shareVector `json:"shares"`
}

type shareVector struct {
	X int      `json:"x"`
	Y hexBytes `json:"y"`
}

type refusedShares struct {
	About  string        `json:"about"`
	Shares []shareVector `json:"shares"`
}

func makeShamir(t *testing.T) shamirSection {
	s := shamirSection{About: []string{
		"products: a, b and a times b. inverses: a and 1/a.",
		"sharings: coefficients are those of x, x^2 and so on, each as long as the secret.",
		"Any need of the shares join to the secret.",
		"refused: shares that must not be joined.",
	}}
	for _, pair := range [][2]int{{0, 7}, {1, 255}, {2, 128}, {128, 128}, {3, 7}, {83, 202}, {255, 255}} {
		s.Products = append(s.Products, [3]int{pair[0], pair[1], int(fieldMul(byte(pair[0]), byte(pair[1])))})
	}
	for _, a := range []int{1, 2, 3, 29, 128, 255} {
		s.Inverses = append(s.Inverses, [2]int{a, int(fieldInverse(byte(a)))})
	}
	identity := []byte(codes()[2].Keys().Reply.String())
	s.Sharings = []sharingVector{
		makeSharing(t, identity, 3, []byte{1, 2, 3, 4, 5}), makeSharing(t, identity, 2, []byte{255, 7}),
		makeSharing(t, []byte{0}, 4, []byte{1, 2, 3, 4}), makeSharing(t, []byte("satu"), 1, []byte{1, 2}),
	}
	y := hexBytes("saksi")
	s.Refused = []refusedShares{
		{"none", []shareVector{}}, {"number 0", []shareVector{{1, y}, {0, y}}}, {"twice", []shareVector{{3, y}, {3, y}}},
		{"unequal", []shareVector{{1, y}, {2, y[:4]}}}, {"empty", []shareVector{{1, hexBytes{}}, {2, hexBytes{}}}},
	}
	return s
}

func makeSharing(t *testing.T, secret []byte, need int, xs []byte) sharingVector {
	v := sharingVector{Need: need, Secret: secret, Coefficients: []hexBytes{}}
	shares := must(shamir.Split(secret, need, xs))(t)
	for _, s := range shares {
		v.Shares = append(v.Shares, shareVector{int(s.X), s.Y})
	}
	v.Coefficients = coefficients(t, secret, shares[:need])
	return v
}

// coefficients finds what was random. (y - secret) / x is a polynomial of one degree
// less, whose value at 0 is the lowest coefficient.
func coefficients(t *testing.T, secret []byte, shares []shamir.Share) []hexBytes {
	rows := []hexBytes{}
	for shares = shares[1:]; len(shares) > 0; shares = shares[1:] {
		for i, s := range shares {
			shares[i].Y = slices.Clone(s.Y)
			for j := range s.Y {
				shares[i].Y[j] = fieldMul(s.Y[j]^secret[j], fieldInverse(s.X))
			}
		}
		secret = must(shamir.Combine(shares))(t)
		rows = append(rows, secret)
	}
	return rows
}

// fieldMul and fieldInverse are the document's words over again, without the
// package's code.
func fieldMul(a, b byte) byte {
	product := 0
	for i := range 8 {
		if b>>i&1 == 1 {
			product ^= int(a) << i
		}
	}
	for i := 14; i >= 8; i-- {
		if product>>i&1 == 1 {
			product ^= 0x11d << (i - 8)
		}
	}
	return byte(product)
}

func fieldInverse(a byte) byte {
	b := byte(1)
	for fieldMul(a, b) != 1 {
		b++
	}
	return b
}

func (s shamirSection) check(t *testing.T) {
	for _, p := range s.Products {
		if got := fieldMul(byte(p[0]), byte(p[1])); int(got) != p[2] {
			t.Errorf("%d times %d is %d, the file has %d", p[0], p[1], got, p[2])
		}
	}
	for _, p := range s.Inverses {
		if got := fieldInverse(byte(p[0])); int(got) != p[1] {
			t.Errorf("1/%d is %d, the file has %d", p[0], got, p[1])
		}
	}
	for _, v := range s.Sharings {
		v.check(t)
	}
	for _, v := range s.Refused {
		if _, err := shamir.Combine(sharesOf(v.Shares)); errorName(err) != "refused" {
			t.Errorf("%s: error %q", v.About, errorName(err))
		}
	}
}

// check evaluates the polynomials by hand, and joins each run of as many shares as
// are needed.
func (v sharingVector) check(t *testing.T) {
	for _, s := range v.Shares {
		y := slices.Clone(v.Secret)
		power := byte(1)
		for _, row := range v.Coefficients {
			power = fieldMul(power, byte(s.X))
			for i, c := range row {
				y[i] ^= fieldMul(c, power)
			}
		}
		same(t, "share by hand", y, s.Y)
	}
	if len(v.Coefficients) != v.Need-1 {
		t.Errorf("%d coefficients, for %d shares that are needed", len(v.Coefficients), v.Need)
	}
	for from := 0; from+v.Need <= len(v.Shares); from++ {
		same(t, "secret", must(shamir.Combine(sharesOf(v.Shares[from:from+v.Need])))(t), v.Secret)
	}
	same(t, "secret, of all", must(shamir.Combine(sharesOf(v.Shares)))(t), v.Secret)
}

func sharesOf(all []shareVector) (shares []shamir.Share) {
	for _, s := range all {
		shares = append(shares, shamir.Share{X: byte(s.X), Y: s.Y})
	}
	return shares
}

func sharingSizes() map[string]int64 {
	xs := make([]byte, 300)
	for i := range xs {
		xs[i] = byte(i + 1)
	}
	split := func(n int64) bool {
		_, err := shamir.Split([]byte("a"), 1, xs[:n])
		return err == nil
	}
	return map[string]int64{"shares of a secret": largest(300, split)}
}

// shellBlocks returns the commands in a section of the document, block by block.
func shellBlocks(t *testing.T, section string, want int) (blocks []string) {
	t.Helper()
	_, text, _ := strings.Cut(readProtocol(t), "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != want {
		t.Fatalf("%q has %d blocks of commands, want %d", section, len(blocks), want)
	}
	return blocks
}

// TestProtocolShares runs the document's command on the shares of the vectors.
func TestProtocolShares(t *testing.T) {
	v := readVectors(t, must(os.ReadFile(vectorsFile))(t)).Shamir.Sharings[0]
	folder := t.TempDir()
	for name, i := range map[string]int{"secret.001": 0, "secret.002": 1, "secret.005": 4} {
		if err := os.WriteFile(filepath.Join(folder, name), v.Shares[i].Y, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, folder, shellBlocks(t, "19. Sharing a secret", 1)[0])
	same(t, "secret", must(os.ReadFile(filepath.Join(folder, "secret")))(t), v.Secret)
}
