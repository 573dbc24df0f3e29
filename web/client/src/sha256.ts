// SHA-256 of files: the browser's own where a file fits into memory, else noble's.

import { sha256 } from "@noble/hashes/sha2.js";

export interface State {
  update(b: Uint8Array): void;
  digest(): Uint8Array;
}

export function create(): State {
  const state = sha256.create();
  return { update: (b) => void state.update(b), digest: () => state.digest() };
}

/** Above this, holding a file costs more than hashing it in pieces. */
export const mostNative = 32 << 20;

/** What hashes a file of that size with the browser's own SHA-256, where there is one:
 * it is fast also where scripts are interpreted, but takes everything at once. */
export function native(size: number): { update(b: Uint8Array): void; digest(): Promise<Uint8Array> } | undefined {
  const subtle = crypto.subtle as SubtleCrypto | undefined; // missing outside secure contexts
  if (!subtle || size > mostNative) return undefined;
  const all = new Uint8Array(size);
  let at = 0;
  return {
    update: (b) => void all.set(b, (at += b.length) - b.length),
    digest: async () => new Uint8Array(await subtle.digest("SHA-256", all.subarray(0, at))),
  };
}
