// Signed notes and the keys that sign them: crypto/sign.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concat, hex, malformed, text, unbase64, utf8 } from "./encoding";
import { Failure } from "./failure";

/** A public signing key with the name of its holder. */
export interface Key {
  name: string;
  id: string; // 8 hex digits
  public: Uint8Array;
}

const maxLines = 100;

/** Reads a key in its one spelling: name+id+base64. */
export function parseKey(s: string): Key {
  const m = /^([a-zA-Z0-9._\-/]{1,64})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(s);
  const raw = unbase64(m?.[3] ?? "");
  const key = { name: m?.[1] ?? "", id: m?.[2] ?? "", public: raw.slice(1) };
  const id = hex(sha256(concat(utf8(key.name + "\n"), raw)).subarray(0, 4));
  if (raw.length !== 33 || raw[0] !== 1 || key.id !== id) throw malformed();
  return key;
}

/**
 * Whether the key signed the message, by the equation without the cofactor and for a
 * reduced S alone, as Go and protocol.md have it. The library's own verification has
 * the cofactor, and so takes signatures that a desk or a server does not.
 */
export function verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  if (signature.length !== 64 || key.length !== 32) return false;
  try {
    const r = signature.subarray(0, 32);
    const s = littleEndian(signature.subarray(32));
    if (s >= Point.Fn.ORDER) return false;
    const h = littleEndian(sha512(concat(r, key, message))) % Point.Fn.ORDER;
    const a = Point.fromBytes(Uint8Array.from(key), true); // any spelling of a point, as Go takes
    const found = Point.BASE.multiplyUnsafe(s).add(a.negate().multiplyUnsafe(h));
    return hex(found.toBytes()) === hex(r);
  } catch {
    return false; // the key is no point
  }
}

function littleEndian(b: Uint8Array): bigint {
  return BigInt("0x" + hex(Uint8Array.from(b).reverse()));
}

interface Line {
  name: string;
  id: string;
  signature: Uint8Array;
}

interface Note {
  text: string;
  lines: Line[];
}

/** Takes a signed note apart without checking a signature. */
export function split(note: Uint8Array): Note {
  const all = text(note);
  const at = all.lastIndexOf("\n\n");
  const tail = all.slice(at + 2);
  if (at < 0 || !tail.endsWith("\n") || /[\0-\x09\x0b-\x1f]/.test(all)) throw malformed();
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > maxLines) throw malformed();
  return { text: all.slice(0, at + 1), lines: lines.map(parseLine) };
}

function parseLine(line: string): Line {
  const m = /^— ([^\p{White_Space}+]+) (\S+)$/u.exec(line);
  const raw = unbase64(m?.[2] ?? "");
  if (!m?.[1] || raw.length < 5) throw malformed();
  return { name: m[1], id: hex(raw.subarray(0, 4)), signature: raw.subarray(4) };
}

/**
 * The text of a note that at least threshold of the keys signed, all of them
 * distinct. A bad signature in the name of one of the keys refuses the whole note.
 */
export function open(note: Uint8Array, threshold: number, keys: Key[]): string {
  const n = split(note);
  const seen = new Set<Key>();
  for (const line of n.lines) {
    const key = keys.find((k) => k.name === line.name && k.id === line.id);
    if (!key || seen.has(key)) continue;
    if (!verify(key.public, utf8(n.text), line.signature)) throw malformed();
    seen.add(key);
  }
  const distinct = new Set(Array.from(seen, (k) => hex(k.public)));
  if (distinct.size < threshold) throw new Failure("signatures");
  return n.text;
}
