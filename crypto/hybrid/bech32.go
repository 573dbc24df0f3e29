package hybrid

import "strings"

// identityPrefix is the human-readable part of an identity before it is put in
// upper case.
const identityPrefix = "age-secret-key-pq-"

const bech32Charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 encodes data in lower case (BIP 173, without its 90-character limit,
// as age does). age keeps its own encoder internal, and an identity derived
// from a seed has to be spelled before age can parse it.
func bech32(prefix string, data []byte) string {
	values := regroup(data)
	values = append(values, bech32Checksum(prefix, values)...)
	var out strings.Builder
	out.WriteString(prefix + "1")
	for _, v := range values {
		out.WriteByte(bech32Charset[v])
	}
	return out.String()
}

// regroup splits bytes into groups of five bits, the last filled with zeros.
func regroup(data []byte) []byte {
	var out []byte
	acc, bits := uint(0), uint(0)
	for _, b := range data {
		acc = acc<<8 | uint(b)
		for bits += 8; bits >= 5; {
			bits -= 5
			out = append(out, byte(acc>>bits&31))
		}
	}
	if bits > 0 {
		out = append(out, byte(acc<<(5-bits)&31))
	}
	return out
}

// bech32Data returns the bytes in a lower-case string that age has read, so that
// its form and its checksum are right.
func bech32Data(s string) []byte {
	var out []byte
	acc, bits := uint(0), 0
	for _, c := range []byte(s[strings.LastIndexByte(s, '1')+1 : len(s)-6]) {
		acc = acc<<5 | uint(strings.IndexByte(bech32Charset, c))
		if bits += 5; bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	return out
}

func bech32Checksum(prefix string, values []byte) []byte {
	var all []byte
	for _, c := range []byte(prefix) {
		all = append(all, c>>5)
	}
	all = append(all, 0)
	for _, c := range []byte(prefix) {
		all = append(all, c&31)
	}
	all = append(all, values...)
	mod := polymod(append(all, 0, 0, 0, 0, 0, 0)) ^ 1
	sum := make([]byte, 6)
	for i := range sum {
		sum[i] = byte(mod >> (5 * (5 - i)) & 31)
	}
	return sum
}

func polymod(values []byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	chk := uint32(1)
	for _, v := range values {
		top := chk >> 25
		chk = chk&0x1ffffff<<5 ^ uint32(v)
		for i, g := range generator {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	return chk
}
