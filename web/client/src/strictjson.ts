// JSON in the one way that all readers agree on: crypto/strictjson. JSON.parse lets
// the last of two equal names win, so the names are read here.

import { malformed, text } from "./encoding";

/** Whole numbers are bigints, to the last digit; those with a fraction or an exponent are numbers. */
export type Value = string | boolean | bigint | number | Value[] | Fields;
export type Fields = Map<string, Value>;

const maxDepth = 32;
const space = /[ \t\n\r]*/;
const quoted = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/;
const digits = /((?:0|[1-9]\d*)((?:\.\d+)?(?:[eE][+-]?\d+)?))/;
const token = new RegExp(`${space.source}(?:([{}[\\],:])|(${quoted.source})|${digits.source}|(true|false))`, "y");

/** Reads one JSON value, with nothing around it but white space. */
export function parse(data: Uint8Array): Value {
  const all = text(data);
  const at = { all, index: 0 };
  const value = readValue(at, next(at), 0);
  if (!/^[ \t\n\r]*$/.test(all.slice(at.index))) throw malformed();
  return value;
}

interface Place {
  all: string;
  index: number;
}

/** The next token: sign, string, number, its fraction and exponent, word. */
function next(at: Place): RegExpExecArray {
  token.lastIndex = at.index;
  const found = token.exec(at.all);
  if (!found) throw malformed();
  at.index = token.lastIndex;
  return found;
}

function readValue(at: Place, t: RegExpExecArray, depth: number): Value {
  const [, sign, string, number, rest, word] = t;
  if (depth > maxDepth) throw malformed();
  if (sign === "{") return readFields(at, depth + 1);
  if (sign === "[") return readList(at, depth + 1);
  if (string) return readString(string);
  if (number) return rest ? Number(number) : BigInt(number);
  if (word) return word === "true";
  throw malformed();
}

function readString(quoted: string): string {
  const s: string = JSON.parse(quoted);
  // Half of a surrogate pair can only have come from an escape.
  if (/\p{Surrogate}/u.test(s)) throw malformed();
  return s;
}

function readFields(at: Place, depth: number): Fields {
  const fields: Fields = new Map();
  for (let t = next(at); t[1] !== "}"; ) {
    const name = readString(t[2] ?? '"?"');
    if (!/^[a-z0-9_./-]*$/.test(name) || fields.has(name) || next(at)[1] !== ":") throw malformed();
    fields.set(name, readValue(at, next(at), depth));
    t = separator(at, "}");
  }
  return fields;
}

function readList(at: Place, depth: number): Value[] {
  const list: Value[] = [];
  for (let t = next(at); t[1] !== "]"; ) {
    list.push(readValue(at, t, depth));
    t = separator(at, "]");
  }
  return list;
}

/** Behind a value: what follows a comma, or the end. */
function separator(at: Place, end: string): RegExpExecArray {
  const t = next(at);
  if (t[1] === end) return t;
  const following = next(at);
  if (t[1] !== "," || following[1] === end) throw malformed();
  return following;
}

// The values of names, of which one that is absent is empty.

export function str(f: Fields, name: string): string {
  const v = f.get(name) ?? "";
  if (typeof v !== "string") throw malformed();
  return v;
}

/** A whole number of 64 bits. */
export function uint(f: Fields, name: string): bigint {
  return whole(f.get(name) ?? 0n);
}

export function uints(f: Fields, name: string): bigint[] {
  const v = f.get(name) ?? [];
  if (!Array.isArray(v)) throw malformed();
  return v.map(whole);
}

function whole(v: Value): bigint {
  if (typeof v !== "bigint" || v >= 1n << 64n) throw malformed();
  return v;
}
