// The one door to age-encryption: files sealed to post-quantum hybrid recipients,
// and to nothing else, as crypto/hybrid does.

import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import { x25519 } from "@noble/curves/ed25519.js";
import { malformed } from "./encoding";

export interface Pair {
  identity: string;
  recipient: string;
}

const recipientSize = 1959;
export const identitySize = 77;

const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** A new identity, from the system's randomness. */
export function generate(): Promise<Pair> {
  return fromSeed(crypto.getRandomValues(new Uint8Array(32)));
}

/** The identity whose secret is the seed, 32 bytes. */
export async function fromSeed(seed: Uint8Array): Promise<Pair> {
  const identity = bech32("age-secret-key-pq-", seed).toUpperCase();
  return { identity, recipient: await identityToRecipient(identity) };
}

/**
 * Refuses all but hybrid recipients in their one spelling, and those that nothing
 * can be sealed to: by a point of small order, or numbers outside the field.
 */
export function checkRecipient(s: string): void {
  if (s.length !== recipientSize || !s.startsWith("age1pq1")) throw malformed();
  const key = unbech32(s.slice("age1pq1".length, -6));
  if (key.length !== 1216 || bech32("age1pq", key) !== s) throw malformed();
  if (!inField(key.subarray(0, 1152))) throw malformed();
  try {
    x25519.scalarMult(new Uint8Array(32).fill(1), key.subarray(1184));
  } catch {
    throw malformed();
  }
}

/** Whether all numbers of an ML-KEM key, of twelve bits, are below 3,329 (FIPS 203, 7.2). */
function inField(key: Uint8Array): boolean {
  for (let i = 0; i < key.length; i += 3) {
    const [a = 0, b = 0, c = 0] = key.subarray(i, i + 3);
    if ((a | ((b & 15) << 8)) >= 3329 || ((b >> 4) | (c << 4)) >= 3329) return false;
  }
  return true;
}

export async function sealBytes(plain: Uint8Array, recipient: string): Promise<Uint8Array> {
  return encrypter(recipient).encrypt(plain);
}

export async function sealStream(
  plain: ReadableStream<Uint8Array>,
  recipient: string,
): Promise<ReadableStream<Uint8Array>> {
  return encrypter(recipient).encrypt(plain);
}

function encrypter(recipient: string): Encrypter {
  checkRecipient(recipient);
  const e = new Encrypter();
  e.addRecipient(recipient);
  return e;
}

/** The size of the age file around so many bytes, for one recipient. */
export function sealedSize(plain: number): number {
  return 70 + 1557 + 16 + plain + 16 * Math.max(1, Math.ceil(plain / 65536));
}

/** The plaintext of a file that has exactly that size inside. */
export async function openBytes(sealed: Uint8Array, identity: string, size: number): Promise<Uint8Array> {
  let plain: Uint8Array;
  try {
    const d = new Decrypter();
    d.addIdentity(identity);
    plain = await d.decrypt(sealed);
  } catch {
    throw malformed();
  }
  if (plain.length !== size) throw malformed();
  return plain;
}

/** BIP 173 without its limit of 90 characters, in lower case. */
function bech32(prefix: string, data: Uint8Array): string {
  const values: number[] = [];
  let bits = 0;
  let held = 0;
  for (const b of data) {
    held = (held << 8) | b;
    for (bits += 8; bits >= 5; ) values.push((held >> (bits -= 5)) & 31);
    held &= 31;
  }
  if (bits > 0) values.push((held << (5 - bits)) & 31);
  return prefix + "1" + [...values, ...checksum(prefix, values)].map((v) => charset[v]).join("");
}

function checksum(prefix: string, values: number[]): number[] {
  const codes = [...prefix].map((c) => c.charCodeAt(0));
  const all = [...codes.map((c) => c >> 5), 0, ...codes.map((c) => c & 31), ...values, 0, 0, 0, 0, 0, 0];
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  let sum = 1;
  for (const v of all) {
    const top = sum >> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ v;
    generator.forEach((g, i) => (sum ^= (top >> i) & 1 ? g : 0));
  }
  return [25, 20, 15, 10, 5, 0].map((shift) => ((sum ^ 1) >> shift) & 31);
}

/** The whole bytes in a run of letters. Who calls spells them again and compares. */
function unbech32(letters: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const c of letters) {
    held = ((held << 5) | charset.indexOf(c)) & 0xfff;
    if ((bits += 5) >= 8) bytes.push((held >> (bits -= 8)) & 255);
  }
  return Uint8Array.from(bytes);
}
