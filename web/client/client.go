// Package client embeds the script that seals in the browser. The script is built
// from src by npm run build, which needs node; without it the drop runs as well,
// and the server seals.
package client

import "embed"

//go:embed all:dist
var dist embed.FS

// Script returns the script, or nil if this program was built without it.
func Script() []byte {
	script, err := dist.ReadFile("dist/saksi.js")
	if err != nil {
		return nil
	}
	return script
}
