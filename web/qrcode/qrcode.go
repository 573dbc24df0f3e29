// Package qrcode draws QR codes as SVG. It is the one door to the encoder.
package qrcode

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the white edge that a reader needs, in modules.
const quiet = 4

// SVG returns a QR code, one unit to a module, for a printer of any resolution.
// Level M stands a crease or a stain. Text of digits, capitals and " $%*+-./:"
// alone makes a smaller code.
func SVG(text string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("drawing a QR code: %v", err)
	}
	side := code.Size + 2*quiet
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="QR" `+
		`shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dh-%dz"/><path fill="#000" d="`, side, side, side, side, side)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if run := blacks(code, x, y); run > 0 {
				fmt.Fprintf(&out, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	out.WriteString(`"/></svg>` + "\n")
	return out.String(), nil
}

// blacks returns how many black modules follow in a row.
func blacks(code *qr.Code, x, y int) (run int) {
	for code.Black(x+run, y) {
		run++
	}
	return run
}
