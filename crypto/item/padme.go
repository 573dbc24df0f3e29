package item

import "math/bits"

// Padme returns the padded size of a tar of size bytes: at least [Floor], and
// above it the Padmé size (Nikitin et al., "Reducing Metadata Leakage from
// Encrypted Files and Communication with PURBs", PETS 2019), which keeps only
// as many leading bits of the length as the length of its length has. Above
// the floor it is a multiple of 2,048, so a whole number of tar blocks.
func Padme(size int64) int64 {
	if size <= Floor {
		return Floor
	}
	exponent := bits.Len64(uint64(size)) - 1
	kept := bits.Len64(uint64(exponent))
	mask := int64(1)<<(exponent-kept) - 1
	return (size + mask) &^ mask
}
