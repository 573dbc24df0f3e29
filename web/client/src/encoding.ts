// Bytes and their spellings. What is read here has one spelling, or is refused.

import { Failure } from "./failure";

const utf8Encoder = new TextEncoder();

/** A wrong spelling: what it was is never part of the message. */
export function malformed(): Failure {
  return new Failure("malformed");
}

export function utf8(s: string): Uint8Array {
  return utf8Encoder.encode(s);
}

/** The text of bytes that are valid UTF-8. A byte order mark stands for itself. */
export function text(b: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(b);
  } catch {
    throw malformed();
  }
}

export function hex(b: Uint8Array): string {
  let s = "";
  for (const byte of b) s += byte.toString(16).padStart(2, "0");
  return s;
}

export function unhex(s: string): Uint8Array {
  if (s.length % 2 !== 0 || !/^[0-9a-f]*$/.test(s)) throw malformed();
  return Uint8Array.from({ length: s.length / 2 }, (_, i) => parseInt(s.slice(2 * i, 2 * i + 2), 16));
}

export function base64(b: Uint8Array): string {
  return btoa(latin(b));
}

export function unbase64(s: string): Uint8Array {
  let b: Uint8Array;
  try {
    b = unlatin(atob(s));
  } catch {
    throw malformed();
  }
  // atob takes spaces, missing padding and bits that are left over.
  if (base64(b) !== s) throw malformed();
  return b;
}

/** Bytes as letters, one each. */
export function latin(b: Uint8Array): string {
  let s = "";
  for (let at = 0; at < b.length; at += 8192) s += String.fromCharCode(...b.subarray(at, at + 8192));
  return s;
}

export function unlatin(s: string): Uint8Array {
  const b = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++) b[i] = s.charCodeAt(i);
  return b;
}

export const concat = (...parts: Uint8Array[]): Uint8Array => join(parts);

/** As concat, for lists that are too long for arguments. */
export function join(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

export function u16(n: number): Uint8Array {
  return Uint8Array.of(n >> 8, n & 255);
}

export function u32(n: number): Uint8Array {
  return u64(n).subarray(4);
}

export function u64(n: number | bigint): Uint8Array {
  const b = new Uint8Array(8);
  new DataView(b.buffer).setBigUint64(0, BigInt(n));
  return b;
}
