// USTAR, as protocol.md has it: regular files, one header each.

import { utf8 } from "./encoding";

const block = 512;

/** The end of an archive. */
export const membersEnd = 2 * block;

/** What a member of that size takes. */
export function stored(size: number): number {
  return block + Math.ceil(size / block) * block;
}

/** A member, piece by piece. Its content has that size: who gives it sees to it. */
export async function* member(
  name: string,
  size: number,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield header(name, size);
  yield* content;
  const filling = stored(size) - block - size;
  if (filling > 0) yield new Uint8Array(filling);
}

function header(name: string, size: number): Uint8Array {
  const h = new Uint8Array(block);
  const put = (at: number, s: string) => h.set(utf8(s), at);
  put(0, name);
  put(100, "0000600\0" + "0000000\0".repeat(2));
  put(124, octal(size, 11) + "\0" + "0".repeat(11) + "\0" + " ".repeat(8) + "0");
  put(257, "ustar\0" + "00");
  put(329, "0000000\0".repeat(2));
  put(148, octal(h.reduce((sum, b) => sum + b, 0), 6) + "\0 ");
  return h;
}

function octal(n: number, digits: number): string {
  return n.toString(8).padStart(digits, "0");
}
