package sign

import "strings"

// Sort parts the signature lines of a text, as [Split] gives them: those that keys
// made, one of each key at most, in the order of the keys; and the rest, which are
// by others, or damaged, or over another text. by has the key of each valid line.
func Sort(text string, lines []string, keys ...Key) (by []Key, valid, rest []string) {
	found := map[string]string{}
	for _, line := range lines {
		key, ok := signerOf(text, line, keys)
		if !ok {
			rest = append(rest, line)
		} else if found[key.String()] == "" {
			found[key.String()] = line
		}
	}
	for _, k := range keys {
		if line := found[k.String()]; line != "" {
			by, valid = append(by, k), append(valid, line)
		}
	}
	return by, valid, rest
}

// signerOf returns which of the keys made a signature line.
func signerOf(text, line string, keys []Key) (Key, bool) {
	name, _, _ := strings.Cut(line, " ")
	msg := []byte(text + "\n— " + line + "\n")
	for _, k := range keys {
		if k.Name() != name {
			continue
		}
		if got, err := Open(msg, 1, k); err == nil && got == text {
			return k, true
		}
	}
	return Key{}, false
}
