// What an author signs of a file, held against hashes that noble makes of the whole.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, hex, u64, utf8 } from "../src/encoding";
import { inPieces, pieceSize } from "../src/pieces";
import { checks, outcome, type Report } from "./checks";
import { streamOf } from "./vectors";

/** By the browser's own hash, and without one; in chunks of every size. */
export async function digests(): Promise<Report> {
  const c = checks();
  const subtle = Object.getOwnPropertyDescriptor(Crypto.prototype, "subtle") as PropertyDescriptor;
  for (const native of [true, false]) {
    if (!native) Object.defineProperty(Crypto.prototype, "subtle", { value: undefined, configurable: true });
    try {
      for (const size of [1, 64, pieceSize - 1, pieceSize, pieceSize + 1, 6 * pieceSize + 70_000]) {
        for (const chunk of [65_536, pieceSize, 3 * pieceSize + 1]) {
          const got = hex(await digestOf(bytes(size), chunk));
          c.same(`${size} bytes by ${chunk}, ${native}`, got, hex(plainly(bytes(size))));
        }
      }
    } finally {
      Object.defineProperty(Crypto.prototype, "subtle", subtle);
    }
  }
  for (const off of [-1, 1]) {
    const got = outcome(() => digestOf(bytes(pieceSize), 65_536, pieceSize + off));
    c.same(`${off} of what was announced`, await got, "size");
  }
  return { checks: c.checks, failed: c.failed };
}

/** Bytes of which no two pieces are alike. */
export function bytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i + (i >> 18)) % 251);
}

async function digestOf(b: Uint8Array, chunk: number, size = b.length): Promise<Uint8Array> {
  const pieces = inPieces({ size, stream: () => streamOf(b, chunk) });
  for await (const _ of pieces.pass());
  return pieces.digest();
}

/** The document's words over again. */
function plainly(b: Uint8Array): Uint8Array {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < b.length; at += 2 ** 18) hashes.push(sha256(b.slice(at, at + 2 ** 18)));
  return sha256(concat(utf8("saksi/v1/pieces"), u64(b.length), ...hashes));
}
