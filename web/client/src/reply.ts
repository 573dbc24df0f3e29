// What a reviewer answers: crypto/reply.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, hex, malformed, u64, unhex, utf8 } from "./encoding";
import { Failure } from "./failure";
import { openBytes } from "./hybrid";
import { control } from "./item";
import type { Keys } from "./receipt";
import { maxItems } from "./receipt";
import { type Reviewer, type Roster, voidFrom } from "./roster";
import { parseKey, verify } from "./sign";
import * as strictjson from "./strictjson";

const plainSize = 4096;
const signatureSize = 64;
const headSize = signatureSize + 2;
const maxText = 2000;
const maxForwarded = 120;
const label = "saksi/v1/reply";

const statuses = [
  "diterima",
  "diambil",
  "ditelaah",
  "butuh_keterangan",
  "terverifikasi",
  "diteruskan",
  "tidak_dapat",
  "ditutup",
];

/** What a reply's JSON says. */
export interface Body {
  reviewer: string;
  roster: bigint;
  number: bigint; // 1 for this reviewer's first in this thread
  previous: string; // hash of the one before
  status: string;
  forwarded: string;
  items: number[];
  text: string;
}

/** A reply that a reviewer of the roster signed, for this thread. */
export interface Opened extends Body {
  author: Reviewer;
  hash: string;
  /** The key was revoked since, and the reply names a roster from before: it may be forged. */
  revoked: boolean;
}

/** A reply with what markChain found out. */
export interface Marked extends Opened {
  gap: boolean; // an answer of this reviewer before this one is missing
  repeat: boolean; // another answer of this reviewer has the same number; the same one, brought twice, is no other
}

export type Entry = { kind: "reply"; reply: Opened } | { kind: "unsigned" } | { kind: "none" };

/** Opens an entry of the mailbox and checks who signed it. Rosters are verified, and have the newest among them. */
export async function openReply(entry: Uint8Array, keys: Keys, rosters: Roster[]): Promise<Entry> {
  let plain: Uint8Array;
  try {
    plain = await openBytes(entry, keys.reply.identity, plainSize);
  } catch {
    return { kind: "none" };
  }
  try {
    return { kind: "reply", reply: openPlain(plain, keys, rosters) };
  } catch (e) {
    if (e instanceof Failure) return { kind: "unsigned" };
    throw e;
  }
}

/** Checks an opened reply; throws a Failure if no reviewer signed it. */
export function openPlain(plain: Uint8Array, keys: Keys, rosters: Roster[]): Opened {
  const json = unpack(plain);
  const body = parse(json);
  const roster = rosters.find((r) => BigInt(r.sequence) === body.roster);
  const author = roster?.reviewers.find((v) => v.id === body.reviewer);
  const newest = rosters.reduce<Roster | undefined>((a, b) => (a && a.sequence > b.sequence ? a : b), undefined);
  if (!author || !newest) throw malformed();
  const message = signedBytes(body, json, keys);
  if (!verify(parseKey(author.key).public, message, plain.subarray(0, signatureSize))) throw malformed();
  const from = voidFrom(newest, author.key);
  if (from !== undefined && body.roster >= BigInt(from)) throw malformed();
  return { ...body, author, hash: hex(sha256(plain)), revoked: from !== undefined };
}

/** The JSON in a plaintext. */
function unpack(plain: Uint8Array): Uint8Array {
  const [high = 0, low = 0] = plain.subarray(signatureSize, headSize);
  const end = headSize + ((high << 8) | low);
  if (plain.length !== plainSize || end > plainSize || plain.subarray(end).some((b) => b !== 0)) throw malformed();
  return plain.subarray(headSize, end);
}

/** Reads a reply's JSON by all its rules. */
export function parse(json: Uint8Array): Body {
  const fields = strictjson.parse(json);
  if (!(fields instanceof Map) || strictjson.str(fields, "format") !== label) throw malformed();
  const b: Body = {
    reviewer: strictjson.str(fields, "reviewer"),
    roster: strictjson.uint(fields, "roster"),
    number: strictjson.uint(fields, "number"),
    previous: strictjson.str(fields, "previous"),
    status: strictjson.str(fields, "status"),
    forwarded: strictjson.str(fields, "forwarded"),
    items: strictjson.uints(fields, "items").map(Number),
    text: strictjson.str(fields, "text"),
  };
  check(b);
  return b;
}

function check(b: Body): void {
  const size = utf8(b.reviewer).length;
  const ascending = b.items.every((n, i) => n < maxItems && (i === 0 || n > (b.items[i - 1] ?? 0)));
  const right =
    unhex(b.previous).length === 32 &&
    statuses.includes(b.status) &&
    isText(b.text, maxText) &&
    isText(b.forwarded, maxForwarded) &&
    size >= 1 &&
    size <= 255 &&
    b.number > 0n &&
    ascending;
  if (!right) throw malformed();
}

/** Whether a text has no control characters, and its size as it stands on a page is within a limit. */
function isText(s: string, limit: number): boolean {
  const escaped = s.match(/[&<>"'+]/g)?.length ?? 0;
  return utf8(s).length + 4 * escaped <= limit && !control.test(s);
}

/** What the reviewer signs. */
export function signedBytes(b: Body, json: Uint8Array, keys: Keys): Uint8Array {
  const id = utf8(b.reviewer);
  return concat(
    utf8(label),
    keys.mailbox,
    sha256(utf8(keys.reply.recipient)),
    u64(b.roster),
    Uint8Array.of(id.length),
    id,
    u64(b.number),
    unhex(b.previous),
    sha256(json),
  );
}

/**
 * Finds gaps and repeats in each reviewer's answers. Only on the last page is it
 * known that nothing comes before the oldest.
 */
export function markChain(replies: Opened[], last: boolean): Marked[] {
  return replies.map((r) => {
    const others = replies.filter((o) => o.hash !== r.hash && o.author.id === r.author.id);
    const before = others.filter((o) => o.number === r.number - 1n).at(-1);
    const gap = r.number > 1n && (before ? before.hash !== r.previous : last || others.some((o) => o.number < r.number));
    return { ...r, gap, repeat: others.some((o) => o.number === r.number) };
  });
}
