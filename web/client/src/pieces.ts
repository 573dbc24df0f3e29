// What an author signs of a file: the hash of its pieces' hashes (crypto/item). So
// the browser's own SHA-256, which takes everything at once, can be used for files of
// any size, beside the encryption; noble's, an order slower, is for where there is none.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, u64, utf8 } from "./encoding";
import { Failure } from "./failure";

export const pieceSize = 1 << 18;

/** How many pieces may be hashed at once: each is memory. */
const most = 8;

/**
 * A file's bytes, as they are read; digest() holds once all have passed. Throws Failure
 * "size" if they are not as many as were announced, or cannot be read.
 */
export function inPieces(file: { size: number; stream(): ReadableStream<Uint8Array> }) {
  const hashes: Promise<Uint8Array>[] = [];
  const held = new Uint8Array(Math.min(file.size, pieceSize));
  let at = 0;
  const add = async (b: Uint8Array) => {
    for (let rest = b; rest.length > 0; ) {
      const part = rest.subarray(0, held.length - at);
      held.set(part, at);
      at += part.length;
      rest = rest.subarray(part.length);
      if (at === held.length) await flush();
    }
  };
  const flush = async () => {
    hashes.push(hash(held.subarray(0, at)));
    at = 0;
    await hashes.at(-most);
  };
  const pass = async function* (): AsyncGenerator<Uint8Array> {
    const reader = file.stream().getReader();
    const read = () => reader.read().catch(changed);
    let left = file.size;
    try {
      for (let r = await read(); !r.done; r = await read()) {
        if ((left -= r.value.length) < 0) break;
        await add(r.value);
        yield r.value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
    if (left !== 0) changed();
  };
  const digest = async () => {
    if (at > 0) await flush();
    return sha256(concat(utf8("saksi/v1/pieces"), u64(file.size), ...(await Promise.all(hashes))));
  };
  return { pass, digest };
}

/** Browsers do not read on in a file that was changed. */
function changed(): never {
  throw new Failure("size");
}

/** SHA-256 of what b holds at this moment: the browser copies it before it returns. */
async function hash(b: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const subtle = crypto.subtle as SubtleCrypto | undefined; // missing outside secure contexts
  return subtle ? new Uint8Array(await subtle.digest("SHA-256", b)) : sha256(b);
}
