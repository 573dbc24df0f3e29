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
  const sizes = [1, 64, pieceSize - 1, pieceSize, pieceSize + 1, 4 * pieceSize + 7];
  const files = sizes.map(bytes).map((b) => [b, hex(plainly(b))] as const);
  for (const native of [true, false]) {
    if (!native) Object.defineProperty(Crypto.prototype, "subtle", { value: undefined, configurable: true });
    try {
      for (const [file, want] of files) {
        for (const chunk of [65_536, pieceSize, 3 * pieceSize + 1]) {
          c.same(`${file.length} bytes by ${chunk}, ${native}`, hex(await digestOf(file, chunk)), want);
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
  const pull = () => Promise.reject(new DOMException("", "NotReadableError"));
  const changed = inPieces({ size: 1, stream: () => new ReadableStream({ pull }) });
  c.same("a file that was changed since", await outcome(() => changed.pass().next()), "size");
  return { checks: c.checks, failed: c.failed };
}

/** Bytes of which no two pieces are alike. */
export function bytes(size: number): Uint8Array {
  const b = new Uint8Array(size);
  for (let i = 0; i < size; i++) b[i] = (i + (i >> 18)) % 251;
  return b;
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
