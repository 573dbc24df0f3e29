// What an author signs of a file: the hash of its pieces' hashes (crypto/item). So
// the browser's own SHA-256, which takes everything at once, can be used for files of
// any size, beside the encryption; noble's, an order slower, is for where there is none.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, u64, utf8 } from "./encoding";
import { Failure } from "./failure";
import { close, more, source, take } from "./source";

export const pieceSize = 1 << 18;

/** How many pieces may be hashed at once: each is memory. */
const most = 8;

/**
 * A file's bytes, piece by piece; digest() holds once all have passed. Throws Failure
 * "size" if they are not as many as were announced.
 */
export function inPieces(file: { size: number; stream(): ReadableStream<Uint8Array> }) {
  const hashes: Promise<Uint8Array>[] = [];
  const pass = async function* (): AsyncGenerator<Uint8Array> {
    const from = source(file.stream());
    try {
      for (let left = file.size; left > 0; ) {
        const piece = await take(from, Math.min(left, pieceSize));
        hashes.push(hash(piece));
        await hashes.at(-most);
        left -= piece.length;
        yield piece;
      }
      if (await more(from)) throw new Failure("size");
    } finally {
      await close(from);
    }
  };
  const digest = async () => sha256(concat(utf8("saksi/v1/pieces"), u64(file.size), ...(await Promise.all(hashes))));
  return { pass, digest };
}

async function hash(b: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const subtle = crypto.subtle as SubtleCrypto | undefined; // missing outside secure contexts
  return subtle ? new Uint8Array(await subtle.digest("SHA-256", b)) : sha256(b);
}
