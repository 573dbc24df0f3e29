// Sealing what a reporter sends: crypto/item. The payload is made while it is sent;
// nothing of it is held but what is under way.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { base64, concat, hex, malformed, u16, u64, utf8 } from "./encoding";
import { Failure } from "./failure";
import { generate, identitySize, type Pair, sealBytes, sealedSize, sealStream } from "./hybrid";
import { inPieces } from "./pieces";
import { burn, type Code, itemID, type Keys, keys as keysOf, lower } from "./receipt";
import { type Circle, outside, type Roster } from "./roster";
import { split } from "./shamir";
import { member, membersEnd, stored } from "./tar";

export interface Readers {
  withheld: string[]; // ids of the reviewers who are excluded
  province: string; // of the incident, such as "73"; "" if it is not told
}

export interface File {
  size: number;
  name: string;
  keepName: boolean;
  stream(): ReadableStream<Uint8Array>;
}

export interface Content {
  kind: "testimony" | "message" | "attachment";
  language: "id" | "en";
  readers: Readers;
  text?: string;
  answers?: Record<string, string[]>;
  taxonomy?: string;
  file?: File;
}

export interface Sealed {
  id: Uint8Array;
  size: number; // of payload.age
  /** What stands before the payload in a parcel: crypto/parcel. With the name of an upload: what stands for it. */
  head(upload?: Uint8Array): Uint8Array;
  /** The payload. Each call seals it anew, from its beginning; the slots stay. */
  payload(): Promise<ReadableStream<Uint8Array>>;
  /** Set while it is not known whether it is kept: it was handed in, without an answer. */
  doubted?: boolean | undefined;
}

const maxText = 24_000;
const maxFile = 7 * 2 ** 30;
const maxField = 300;
const maxQuestions = 64;
const maxValues = 128;
const maxAnswers = 5000;
const floor = 65_536;
const signatureSize = 89;

export const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** How long a text is, and may be, in bytes. */
export function measure(text: string) {
  const { length } = utf8(text);
  return { length, max: maxText, over: length - maxText };
}

/** Throws Failure "too_long", "not_text" or "empty". */
export function checkText(text: string): void {
  if (measure(text).over > 0) throw new Failure("too_long");
  if (control.test(text)) throw new Failure("not_text");
  if (/^\p{White_Space}*$/u.test(text)) throw new Failure("empty");
}

/** Throws Failure "no_reader" or "few_readers" unless enough reviewers are left to open it. */
export function checkReaders(circle: Circle, readers: Readers): void {
  entitled(circle, readers);
}

/** Prepares the n-th item of a code. */
export async function seal(circle: Circle, code: Code, n: number, content: Content): Promise<Sealed> {
  checkContent(content);
  const e = await generate();
  const slots = await sealSlots(circle, e, content.readers);
  const keys = await keysOf(code);
  const id = itemID(code, n);
  const burnHash = sha256(burn(code, n));
  const manifest = newManifest(circle, keys, id, n, burnHash, slots, content);
  const tar: Tar = {
    small: smallMembers(content, manifest),
    path: path(content),
    file: content.file,
    signed: concat(utf8("saksi/v1/item"), id, Uint8Array.of(n), keys.mailbox, circle.roster.hash),
    author: keys.author.secret,
  };
  const size = padme(needed(tar));
  if (content.kind !== "attachment" && size !== floor) throw new Failure("too_long");
  const sealed = sealedSize(size);
  return {
    id,
    size: sealed,
    head: (upload) => head(id, burnHash, circle.roster.sequence, slots, sealed, upload),
    payload: () => sealStream(pulled(writeTar(tar, size)), e.recipient),
  };
}

/** A parcel up to its payload. */
export function head(
  id: Uint8Array,
  burnHash: Uint8Array,
  sequence: number,
  slots: Uint8Array[],
  size: number,
  upload?: Uint8Array,
): Uint8Array {
  const flag = upload ? concat(Uint8Array.of(1), upload) : Uint8Array.of(0);
  const count = concat(u16(slots.length), u16(slots[0]?.length ?? 0), u64(size), flag);
  return concat(utf8("saksi/v1/parcel\n"), id, burnHash, u64(sequence), count, ...slots);
}

// What can be sealed.

function checkContent(c: Content): void {
  checkAnswers(c.answers ?? {});
  if (c.taxonomy) checkField(c.taxonomy);
  if (c.kind === "testimony" || c.kind === "message") return checkText(c.text ?? "");
  if (c.kind !== "attachment") throw malformed();
  const size = c.file?.size ?? 0;
  if (size < 1) throw new Failure("empty");
  if (size > maxFile) throw new Failure("too_long");
}

function checkAnswers(answers: Record<string, string[]>): void {
  const questions = Object.entries(answers);
  const values = questions.flatMap(([, v]) => v);
  const named = questions.every(([q, v]) => /^[a-z][a-z0-9_]{0,31}$/.test(q) && v.length > 0);
  if (!named) throw malformed();
  values.forEach(checkField);
  const size = values.reduce((sum, v) => sum + utf8(v).length, 0);
  if (questions.length > maxQuestions || values.length > maxValues || size > maxAnswers) {
    throw new Failure("long_field");
  }
}

function checkField(s: string): void {
  if (s === "") throw new Failure("empty");
  if (utf8(s).length > maxField) throw new Failure("long_field");
  if (control.test(s) || /[\ufffd\p{Surrogate}]/u.test(s)) throw new Failure("not_text");
}

// Slots.

/** For each slot, whether its reviewer may read, and whether from elsewhere. */
function entitled(circle: Circle, readers: Readers): { entitled: boolean[]; elsewhere: boolean[] } {
  const { reviewers, quorum } = circle.roster;
  if (!readers.withheld.every((id) => reviewers.some((v) => v.id === id))) throw new Failure("no_reader");
  const may = reviewers.map((v) => !readers.withheld.includes(v.id));
  const elsewhere = outside(circle.roster, readers.province);
  const left = may.filter(Boolean).length;
  const leftElsewhere = may.filter((m, i) => m && elsewhere[i]).length;
  if (left < quorum.needed || leftElsewhere < quorum.outside) throw new Failure("few_readers");
  return { entitled: may, elsewhere };
}

/** Splits E's string, and seals to each reviewer what is theirs; to who is excluded, random bytes. */
async function sealSlots(circle: Circle, e: Pair, readers: Readers): Promise<Uint8Array[]> {
  const may = entitled(circle, readers);
  const plains = dealOut(utf8(e.identity), circle.roster.quorum, may.elsewhere);
  const slots: Uint8Array[] = [];
  for (const [i, plain] of plains.entries()) {
    if (!may.entitled[i]) crypto.getRandomValues(plain);
    slots.push(await sealBytes(plain, circle.recipients[i] ?? ""));
    plain.fill(0);
  }
  return slots;
}

/** The plaintext of each slot, as if nobody were excluded: P, A and B of section 9. */
function dealOut(e: Uint8Array, q: Roster["quorum"], elsewhere: boolean[]): Uint8Array<ArrayBuffer>[] {
  if (q.needed === 1 && q.outside === 0) return elsewhere.map(() => Uint8Array.from(e));
  const parts = q.outside === 0 ? [1, 2] : [1, 2, 3];
  const [p = e, a = e, b = e] = split(e, parts.length, parts);
  const plains = elsewhere.map(() => crypto.getRandomValues(new Uint8Array(parts.length * identitySize)));
  plains.forEach((plain) => plain.set(p));
  deal(plains, 1, a, q.needed, elsewhere.map(() => true));
  if (q.outside > 0) deal(plains, 2, b, q.outside, elsewhere);
  return plains;
}

/** Splits a secret, k of those who are to have a share, and writes each to its part of their slot. */
function deal(plains: Uint8Array[], part: number, secret: Uint8Array, k: number, to: boolean[]): void {
  const slots = to.flatMap((has, i) => (has ? [i] : []));
  const shares = split(secret, k, slots.map((i) => i + 1));
  slots.forEach((slot, i) => plains[slot]?.set(shares[i] ?? secret, part * identitySize));
}

// The payload.

export interface Tar {
  small: [name: string, content: Uint8Array][]; // members before the file
  path: string;
  file: File | undefined;
  signed: Uint8Array; // the beginning of what the author signs
  author: Uint8Array;
}

function newManifest(
  circle: Circle,
  keys: Keys,
  id: Uint8Array,
  n: number,
  burnHash: Uint8Array,
  slots: Uint8Array[],
  c: Content,
): object {
  const withheld = [...new Set(c.readers.withheld)].sort();
  const original = c.file && c.kind === "attachment" && c.file.keepName ? cleanName(c.file.name) : "";
  return {
    format: "saksi/v1/item",
    kind: c.kind,
    id: hex(id),
    n,
    mailbox: hex(keys.mailbox),
    token_hash: hex(keys.tokenHash),
    author: hex(keys.author.public),
    reply_recipient: keys.reply.recipient,
    burn: hex(burnHash),
    roster: { sequence: circle.roster.sequence, hash: hex(circle.roster.hash) },
    slots: slots.map((s) => hex(sha256(s))),
    ...(withheld.length > 0 && { withheld }),
    language: c.language,
    ...(c.taxonomy && { taxonomy: c.taxonomy }),
    ...(original && { original_names: { [path(c)]: original } }),
  };
}

function smallMembers(c: Content, manifest: object): [string, Uint8Array][] {
  const first: [string, Uint8Array] = ["manifest.json", json(manifest)];
  const text = utf8(c.text ?? "");
  if (c.kind === "attachment") return [first];
  if (c.kind === "message") return [first, ["message.txt", text]];
  const answers = c.answers && Object.keys(c.answers).length > 0 && { answers: c.answers };
  return [first, ["testimony.json", json({ format: "saksi/v1/testimony", ...answers })], ["testimony.txt", text]];
}

function json(v: object): Uint8Array {
  return utf8(JSON.stringify(v, null, 2) + "\n"); // it is read by eye
}

const path = (c: Content): string => "attachments/" + neutral(c.file?.name ?? "");

/** The neutral name that a file has in the tar. */
export function neutral(name: string): string {
  return "001." + (/\.([a-z0-9]{1,5})$/.exec(lower(name))?.[1] ?? "bin");
}

/** A name without control characters, cut between two characters to what fits. */
function cleanName(name: string): string {
  const letters = Array.from(name.replace(/[\0-\x1f\x7f-\x9f\ufffd\p{Surrogate}]/gu, "_"));
  while (utf8(letters.join("")).length > maxField) letters.pop();
  return letters.join("");
}

/** What the tar needs with an empty padding. */
export function needed(tar: Tar): number {
  const sizes = [...tar.small.map(([, content]) => content.length), signatureSize, 0];
  if (tar.file) sizes.push(tar.file.size);
  return sizes.reduce((sum, size) => sum + stored(size), membersEnd);
}

/** The padded size of a tar. Sizes are beyond 32 bits, so nothing is shifted. */
export function padme(size: number): number {
  if (size <= floor) return floor;
  const bits = (n: number) => n.toString(2).length;
  const exponent = bits(size) - 1;
  const kept = bits(exponent);
  const unit = 2 ** (exponent - kept);
  return Math.ceil(size / unit) * unit;
}

/** Makes the tar, piece by piece. */
export async function* writeTar(tar: Tar, size: number): AsyncGenerator<Uint8Array> {
  let signed = tar.signed;
  for (const [name, content] of tar.small) {
    signed = concat(signed, sha256(utf8(name)), sha256(content));
    yield* member(name, content.length, [content]);
  }
  if (tar.file) {
    const pieces = inPieces(tar.file);
    yield* member(tar.path, tar.file.size, pieces.pass());
    signed = concat(signed, sha256(utf8(tar.path)), await pieces.digest());
  }
  const signature = utf8(base64(ed25519.sign(signed, tar.author)) + "\n");
  yield* member("author.sig", signatureSize, [signature]);
  const padding = size - needed(tar);
  yield* member(".padding", padding, zeros(padding));
  yield new Uint8Array(membersEnd);
}

function* zeros(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= floor) yield new Uint8Array(Math.min(left, floor));
}

/** A stream that makes a piece when one is asked for, and two ahead: so the encryption does not wait for the disk. */
function pulled(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const piece = await pieces.next();
    if (piece.done) controller.close();
    else controller.enqueue(piece.value);
  };
  const cancel = async () => void (await pieces.return(undefined));
  return new ReadableStream({ pull, cancel }, { highWaterMark: 2 });
}
