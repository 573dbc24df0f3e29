// The twelve words, and every key and name that follows from them: crypto/receipt.

import { ed25519 } from "@noble/curves/ed25519.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import list from "../../../crypto/receipt/words.txt";
import { concat, hex, utf8 } from "./encoding";
import { Failure } from "./failure";
import { fromSeed, type Pair } from "./hybrid";

/** The secret behind the words: 14 bytes. */
export type Code = Uint8Array;

export const codeWords = 12;
export const maxItems = 128;
const codeSize = 14;
const prefixSize = 4;

export interface Reading {
  code: Code;
  /** Places, from 0, of words read as their only neighbour: ask before the code is used. */
  mended: number[];
}

export interface Keys {
  token: Uint8Array;
  tokenHash: Uint8Array;
  keyHash: Uint8Array;
  mailbox: Uint8Array;
  author: { secret: Uint8Array; public: Uint8Array };
  reply: Pair;
}

/** A code as the hidden field of a form that the server made has it. */
export function field(code: Code): string {
  return hex(concat(code, Uint8Array.of(check(code))));
}

export function newCode(): Code {
  return crypto.getRandomValues(new Uint8Array(codeSize));
}

function check(code: Code): number {
  return sha256(concat(utf8("saksi/v1/check"), code))[0] ?? 0;
}

// The build front-codes the list: build.mjs.
const wordList: string[] = [];
for (const [, shared, rest] of list.matchAll(/(\d)([a-z]+)/g)) {
  wordList.push((wordList.at(-1) ?? "").slice(0, Number(shared)) + rest);
}

/** From a word, and each beginning of it that tells it from all others, to its number. */
const wordIndex = new Map<string, number>();
wordList.forEach((w, i) => {
  for (let n = prefixSize; n <= w.length; n++) wordIndex.set(w.slice(0, n), i);
});

export function words(code: Code): string[] {
  const bits = concat(code, Uint8Array.of(check(code)));
  return Array.from({ length: codeWords }, (_, i) => {
    const at = (10 * i) >> 3;
    const pair = ((bits[at] ?? 0) << 8) | (bits[at + 1] ?? 0);
    return wordList[(pair >> (6 - ((10 * i) & 7))) & 1023] ?? "";
  });
}

/**
 * Reads twelve words as a person types them. The failures are those of the page:
 * "empty", "word_count" with count, "word_unknown" with number and word, "check".
 */
export function parse(typed: string): Reading {
  const found = split(typed);
  if (found.length !== codeWords) {
    throw found.length ? new Failure("word_count", { count: found.length }) : new Failure("empty");
  }
  const mended: number[] = [];
  const numbers = found.map((word, i) => {
    const known = wordIndex.get(word);
    if (known !== undefined) return known;
    const candidates = near(word);
    if (candidates.length !== 1) throw unknown(found, i);
    mended.push(i);
    return candidates[0] ?? 0;
  });
  const bits = join(numbers);
  const code = bits.slice(0, codeSize);
  if (check(code) === bits[codeSize]) return { code, mended };
  throw mended[0] !== undefined ? unknown(found, mended[0]) : new Failure("check");
}

function unknown(found: string[], i: number): Failure {
  const letters = [...(found[i] ?? "")];
  const word = letters.length > 30 ? letters.slice(0, 30).join("") + "…" : letters.join("");
  return new Failure("word_unknown", { number: i + 1, word });
}

/** Runs of letters in lower case; of far too many, the first. */
function split(typed: string): string[] {
  const found: string[] = [];
  for (const [word] of lower(typed).matchAll(/\p{L}+/gu)) {
    found.push(word);
    if (found.length > 10 * codeWords) break;
  }
  return found;
}

/** Lower case letter by letter: no letter becomes two, and none looks at its neighbours. */
export function lower(s: string): string {
  return Array.from(s, (c) => (c === "\u0130" ? "i" : c.toLowerCase())).join("");
}

function near(word: string): number[] {
  if (!/^[a-z]+$/.test(word)) return [];
  return wordList.flatMap((w, i) => (oneEdit(word, w) ? [i] : []));
}

/** Whether one insertion, deletion, change or swap of neighbours turns x into y. */
function oneEdit(x: string, y: string): boolean {
  const [a, b] = x.length > y.length ? [y, x] : [x, y];
  if (b.length - a.length > 1 || a === b) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  if (a.length < b.length) return a.slice(i) === b.slice(i + 1);
  if (a.slice(i + 1) === b.slice(i + 1)) return true;
  return a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2);
}

function join(numbers: number[]): Uint8Array {
  const bits = new Uint8Array(codeSize + 1);
  numbers.forEach((n, i) => {
    for (let b = 0; b < 10; b++) {
      const at = 10 * i + b;
      if ((n >> (9 - b)) & 1) bits[at >> 3] = (bits[at >> 3] ?? 0) | (0x80 >> (at & 7));
    }
  });
  return bits;
}

function derive(code: Code, label: string, size: number): Uint8Array {
  return expand(sha256, extract(sha256, code, utf8("saksi/v1")), utf8(label), size);
}

export async function keys(code: Code): Promise<Keys> {
  const token = derive(code, "mailbox", 32);
  const secret = derive(code, "author", 32);
  const author = { secret, public: ed25519.getPublicKey(secret) };
  const reply = await fromSeed(derive(code, "reply", 32));
  const tokenHash = sha256(token);
  const keyHash = sha256(concat(author.public, utf8(reply.recipient)));
  const mailbox = sha256(concat(utf8("saksi/v1/mailbox"), tokenHash, keyHash));
  return { token, tokenHash, keyHash, mailbox, author, reply };
}

/** The id of the n-th item, 16 bytes. */
export function itemID(code: Code, n: number): Uint8Array {
  return derive(code, "item/" + number(n), 16);
}

/** The token that deletes the n-th item. */
export function burn(code: Code, n: number): Uint8Array {
  return derive(code, "burn/" + number(n), 32);
}

function number(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n >= maxItems) throw new RangeError("item number out of range");
  return n;
}
