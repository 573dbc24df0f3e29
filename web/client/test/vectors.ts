// The test vectors of crypto/testdata, held against every format that the script has.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, hex, unbase64, unhex, utf8 } from "../src/encoding";
import { Failure } from "../src/failure";
import * as hybrid from "../src/hybrid";
import * as item from "../src/item";
import { inPieces } from "../src/pieces";
import * as parcel from "../src/parcel";
import * as receipt from "../src/receipt";
import * as reply from "../src/reply";
import * as roster from "../src/roster";
import * as shamir from "../src/shamir";
import * as sign from "../src/sign";
import * as week from "../src/week";
import { type Checks, checks, outcome, type Report } from "./checks";
import { ed25519 } from "@noble/curves/ed25519.js";

// Vectors are data of many shapes.
type Vector = any;

/** Runs all vectors of the file, parsed. */
export async function vectors(v: Vector): Promise<Report> {
  const c = checks();
  await weeks(c, v.week);
  await receipts(c, v.receipt);
  await files(c, v.hybrid);
  await notes(c, v.sign);
  await rosters(c, v.roster);
  await sizes(c, v.size);
  await sharings(c, v.shamir);
  await quorums(c, v.quorum);
  await items(c, v.item, v.roster);
  await unsealable(c, v.item.content_refused, v.roster);
  await replies(c, v.reply, v.roster);
  chains(c);
  await parcels(c, v.parcel);
  return { checks: c.checks, failed: c.failed };
}

/** What edits and a size make of bytes. */
function edited(b: Uint8Array, v: Vector): Uint8Array {
  const out = new Uint8Array(v.size);
  out.set(b.subarray(0, v.size));
  for (const e of v.edits ?? []) out.set(unhex(e.hex), e.at);
  return out;
}

function replaced(s: string, v: Vector): string {
  return s.replace(v.old, () => v.new);
}

async function weeks(c: Checks, v: Vector) {
  for (const w of v.weeks) {
    c.same("week of " + w.time, week.of(new Date(w.time)), w.week);
    c.same("week " + w.week, week.parse(w.week), w.week);
    c.same("monday " + w.monday, week.of(new Date(w.monday)), w.week);
    c.that("before monday", week.of(new Date(Date.parse(w.monday) - 1000)) < w.week);
  }
  for (const w of v.refused) await c.fails("no week " + w, "refused", () => week.parse(w));
}

async function receipts(c: Checks, v: Vector) {
  for (const r of v.receipts) {
    const code = unhex(r.code);
    const keys = await receipt.keys(code);
    c.same("words", receipt.words(code), r.words);
    c.same("token", hex(keys.token), r.token);
    c.same("token hash", hex(keys.tokenHash), r.token_hash);
    c.same("key hash", hex(keys.keyHash), r.key_hash);
    c.same("mailbox", hex(keys.mailbox), r.mailbox);
    c.same("author", [hex(keys.author.secret), hex(keys.author.public)], [r.author_seed, r.author]);
    c.same("reply", keys.reply, { identity: r.reply_identity, recipient: r.reply_recipient });
    for (const i of r.items) {
      c.same("item id", hex(receipt.itemID(code, i.n)), i.id);
      c.same("burn token", hex(receipt.burn(code, i.n)), i.burn);
    }
  }
  for (const p of v.parse) await typed(c, p);
}

async function typed(c: Checks, p: Vector) {
  if (!p.error) {
    const r = receipt.parse(p.input);
    c.same(p.about, [hex(r.code), r.mended], [p.code, p.mended ?? []]);
    return;
  }
  const count = p.found ? "word_count" : "empty";
  const keys: Record<string, string> = { count, word: "word_unknown", check: "check" };
  await c.fails(p.about, keys[p.error] ?? "", () => receipt.parse(p.input));
  try {
    receipt.parse(p.input);
  } catch (e) {
    const values = e instanceof Failure ? e.values : {};
    if (p.error === "count" && p.found) c.same(p.about, values?.["count"], p.found);
    if (p.error === "word") c.same(p.about, values?.["number"], p.number);
  }
}

async function files(c: Checks, v: Vector) {
  for (const k of v.keys) {
    c.same("pair", await hybrid.fromSeed(unhex(k.seed)), { identity: k.identity, recipient: k.recipient });
    await c.fails("recipient", "", () => hybrid.checkRecipient(k.recipient));
  }
  for (const k of v.recipients_refused) await c.fails(k.about, "refused", () => hybrid.checkRecipient(k.key));
  for (const s of v.sealed) {
    for (const identity of s.identities) {
      const plain = await hybrid.openBytes(unbase64(s.sealed_base64), identity, s.plain.length / 2);
      c.same(s.about, hex(plain), s.plain);
    }
  }
  for (const r of v.refused) {
    const file = edited(unbase64(v.sealed[0].sealed_base64), r);
    await c.fails(r.about, r.error && "refused", () => hybrid.openBytes(file, r.identity, r.plain_size));
  }
}

async function notes(c: Checks, v: Vector) {
  const named = new Map<string, sign.Key>();
  for (const k of v.keys) {
    const key = sign.parseKey(k.public_key);
    c.same("key", [key.name, key.id, hex(key.public)], [k.name, k.id, hex(ed25519.getPublicKey(unhex(k.seed)))]);
    named.set(k.name, key);
  }
  for (const k of v.keys_refused) await c.fails(k.about, "refused", () => sign.parseKey(k.key));
  for (const o of v.open) {
    const keys = o.keys.map((name: string) => named.get(name));
    await c.fails("note: " + o.about, o.error, () => sign.open(utf8(o.note), o.threshold, keys));
    if (!o.error) c.same(o.about, sign.open(utf8(o.note), o.threshold, keys), v.note.text);
  }
}

async function rosters(c: Checks, v: Vector) {
  const trusted = { fingerprint: v.roots.fingerprint.join("-") };
  const read = v.rosters.map((r: Vector) => roster.verify(utf8(r.note), trusted));
  read.forEach((r: roster.Roster, i: number) => {
    c.same("roster", [roster.format(r), hex(r.hash)], [v.rosters[i].text, v.rosters[i].sha256]);
  });
  const [first, second] = read[1].rootSets;
  c.same("fingerprints", [first, second].map(roster.fingerprint), [
    v.roots.fingerprint.join("-"),
    v.successor_roots.fingerprint.join("-"),
  ]);
  await c.fails("other roots", "roots", () =>
    roster.verify(utf8(v.rosters[0].note), { fingerprint: v.successor_roots.fingerprint.join("-") }),
  );
  for (const r of v.text_refused) {
    const text = replaced(v.rosters[0].text, r);
    await c.fails("roster: " + r.about, r.error, () => roster.parse(text));
  }
  for (const r of v.note_refused) {
    await c.fails("note: " + r.about, r.error, () => roster.verify(utf8(replaced(v.rosters[1].note, r)), trusted));
  }
  for (const s of v.verify) {
    const note = v.rosters[s.roster - 1].text + "\n" + s.signature_lines.map((l: string) => `— ${l}\n`).join("");
    await c.fails("signed by " + s.about, s.error, () => roster.verify(utf8(note), trusted));
  }
  for (const f of v.follows) {
    await c.fails("follows", f.error, () => roster.follows(read[f.roster - 1], read[f.previous - 1]));
  }
  for (const n of v.next) {
    const next = roster.verify(utf8(n.note), trusted);
    await c.fails("next: " + n.about, n.error, () => roster.follows(next, read[1]));
  }
  await circles(c, v, read[0]);
}

async function circles(c: Checks, v: Vector, r: roster.Roster) {
  const all: Uint8Array[] = v.recipients_files.map((f: Vector) => utf8(f.text));
  for (const at of v.circle) {
    const now = new Date(at.time);
    const period = r.periods.find((p) => p.from <= week.of(now) && week.of(now) <= p.to);
    const file = all.find((f) => hex(sha256(f)) === period?.hash) ?? utf8("");
    const given = at.with_file ? file : utf8("");
    await c.fails("circle at " + at.time, at.error, () => roster.circle(r, given, now));
    if (!at.error) c.same("circle", roster.circle(r, given, now).recipients, at.recipients);
  }
  // At the turn of a week the server may have the other week's file, as clocks differ.
  const [, year = "", number = ""] = /^(\d+)-W(\d+)$/.exec(r.periods[1]?.from ?? "") ?? [];
  for (const [hours, i, error] of [[-23, 1, ""], [-25, 1, "no_recipients"], [23, 0, ""], [25, 0, "no_recipients"]] as const) {
    const file = all.find((f) => hex(sha256(f)) === r.periods[i]?.hash) ?? utf8("");
    const now = new Date(week.monday(Number(year), Number(number)) + hours * 3_600_000);
    await c.fails(`circle ${hours} hours from a turn`, error, () => roster.circle(r, file, now));
  }
  for (const bad of v.recipients_refused) {
    const file = utf8(replaced(v.recipients_files[0].text, bad));
    // The roster pins the file as it is, so that its form alone refuses it.
    const pinned = { ...r, periods: r.periods.map((p, i) => (i === 0 ? { ...p, hash: hex(sha256(file)) } : p)) };
    await c.fails("recipients: " + bad.about, bad.error, () => roster.circle(pinned, file, new Date(v.circle[0].time)));
  }
}

async function sizes(c: Checks, v: Vector) {
  for (const s of v.sealed) if (s.recipients === 1) c.same("sealed size", hybrid.sealedSize(s.plain), s.sealed);
  for (const p of v.padme) c.same("padded size", item.padme(p.size), p.padded);
  for (const d of v.digests) {
    const pieces = inPieces({ size: d.size, stream: () => streamOf(fileOf(d.size), 100_000) });
    for await (const _ of pieces.pass());
    c.same(`digest of ${d.size} bytes`, hex(await pieces.digest()), d.digest);
  }
}

async function sharings(c: Checks, v: Vector) {
  for (const [a, b, product] of v.products) c.same(`${a} times ${b}`, shamir.mul(a, b), product);
  for (const [a, inverse] of v.inverses) c.same(`1/${a}`, shamir.inverse(a), inverse);
  for (const s of v.sharings) {
    const coefficients = s.coefficients.map(unhex).reverse();
    const shares = s.shares.map((x: Vector) => ({ x: x.x, y: unhex(x.y) }));
    for (const x of shares) c.same("share", hex(shamir.evaluate(unhex(s.secret), coefficients, x.x)), hex(x.y));
    c.same("joined", hex(shamir.combine(shares.slice(-s.need))), s.secret);
    const own = shamir.split(unhex(s.secret), s.need, shares.map((x: Vector) => x.x));
    const again = own.map((y, i) => ({ x: shares[i].x, y })).slice(0, s.need);
    c.same("shared and joined", hex(shamir.combine(again)), s.secret);
  }
  for (const r of v.refused) {
    const shares = r.shares.map((x: Vector) => ({ x: x.x, y: unhex(x.y ?? "") }));
    c.that("shares: " + r.about, (await outcome(() => shamir.combine(shares))) !== "");
  }
}

async function quorums(c: Checks, v: Vector) {
  for (const o of v.outside) {
    const reviewers = o.regions.map((region: string, i: number) => ({ region, organisation: o.organisations[i] }));
    const r = { reviewers, quorum: { needed: o.outside, outside: o.outside } } as Vector;
    c.same("elsewhere", roster.outside(r, o.province), o.elsewhere);
  }
}

function fileOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Math.floor((i * i) / 7) & 255);
}

function contentOf(v: Vector): item.Content {
  const bytes = fileOf(v.file_size ?? 0);
  return {
    kind: v.kind,
    language: v.language ?? "id",
    readers: { withheld: v.excluded ?? [], province: "" },
    text: v.text,
    answers: v.answers,
    taxonomy: v.taxonomy,
    ...(v.file_size !== undefined && {
      file: {
        size: v.file_size,
        name: v.file_name ?? "",
        keepName: v.keep_name ?? false,
        stream: () => streamOf(bytes),
      },
    }),
  };
}

export function streamOf(b: Uint8Array, piece = 4099): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < b.length) controller.enqueue(b.slice(at, (at += piece)));
      else controller.close();
    },
  });
}

export async function drain(s: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const reader = s.getReader();
  for (let r = await reader.read(); !r.done; r = await reader.read()) parts.push(r.value);
  return concat(...parts);
}

function circleOf(v: Vector): roster.Circle {
  const r = roster.parse(v.rosters[0].text);
  return roster.circle(r, utf8(v.recipients_files[0].text), new Date(v.circle[0].time));
}

async function items(c: Checks, v: Vector, rosterVectors: Vector) {
  const circle = circleOf(rosterVectors);
  await readsAsItIsRead(c, circle);
  for (const i of v.items) {
    await givenMembers(c, i);
    const code = unhex(i.content.code);
    const sealed = await item.seal(circle, code, i.content.n, contentOf(i.content));
    const payload = await drain(await sealed.payload());
    c.same(i.name + ": id", hex(sealed.id), i.id);
    c.same(i.name + ": size", [sealed.size, payload.length], [unbase64(i.payload_base64).length, sealed.size]);
    const head = sealed.head();
    c.same(i.name + ": burn hash", hex(head.slice(32, 64)), i.burn_hash);
    c.same(i.name + ": head", head.length, 85 + i.slots.length * 1736);
  }
}

/** A file is read as its payload is, and not ahead. */
async function readsAsItIsRead(c: Checks, circle: roster.Circle) {
  const size = 20 << 20;
  const piece = 65_536;
  let read = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    controller.enqueue(new Uint8Array(piece));
    read += piece;
    if (read === size) controller.close();
  };
  const file = { size, name: "a", keepName: false, stream: () => new ReadableStream({ pull }, { highWaterMark: 0 }) };
  const sealed = await item.seal(circle, new Uint8Array(14), 0, { ...contentOf({ kind: "attachment" }), file });
  const reader = (await sealed.payload()).getReader();
  let got = 0;
  for (let r = await reader.read(); !r.done; r = await reader.read()) {
    got += r.value.length;
    // Time in which a stream that reads ahead would do so.
    for (let turn = 0; got < 3 * piece && turn < 50; turn++) await new Promise((done) => setTimeout(done, 0));
    if (read - got > 8 * piece) break;
  }
  c.same("a payload is sealed as it is read", [read, got], [size, sealed.size]);
}

/** From given members the tar and the signature follow to the byte. */
async function givenMembers(c: Checks, v: Vector) {
  const code = unhex(v.content.code);
  const keys = await receipt.keys(code);
  const small: [string, Uint8Array][] = [];
  for (const m of v.members) if (m.text !== undefined && /json$|txt$/.test(m.name)) small.push([m.name, utf8(m.text)]);
  const file = contentOf(v.content).file;
  const path = v.members.find((m: Vector) => m.name.startsWith("attachments/"))?.name ?? "";
  const signed = concat(
    utf8("saksi/v1/item"), unhex(v.id), Uint8Array.of(v.content.n), unhex(v.mailbox), unhex(v.roster_hash),
  );
  const tar: item.Tar = { small, path, file, signed, author: keys.author.secret };
  c.same(v.name + ": tar size", item.padme(item.needed(tar)), v.tar_size);
  const parts: Uint8Array[] = [];
  for await (const p of item.writeTar(tar, v.tar_size)) parts.push(Uint8Array.from(p));
  c.same(v.name + ": tar", hex(sha256(concat(...parts))), v.tar_sha256);
  c.that(v.name + ": signature", sign.verify(keys.author.public, unhex(v.signed_bytes), unhex(v.signature)));
  c.that(v.name + ": signature of another", !sign.verify(keys.author.public, utf8("x"), unhex(v.signature)));
}

async function unsealable(c: Checks, refused: Vector, rosterVectors: Vector) {
  const circle = circleOf(rosterVectors);
  for (const r of refused) {
    const content = contentOf({ kind: "testimony", ...r, text: r.text.repeat(r.repeat), file_size: undefined });
    if (r.kind === "attachment") {
      content.file = { size: r.file_size ?? 0, name: "", keepName: false, stream: () => streamOf(new Uint8Array(0)) };
    }
    await c.fails("content: " + r.about, r.error, () => item.seal(circle, new Uint8Array(14), 0, content));
  }
}

async function replies(c: Checks, v: Vector, rosterVectors: Vector) {
  const keys = await receipt.keys(unhex(v.code));
  const rosters = rosterVectors.rosters.map((r: Vector) => roster.parseRoster(utf8(r.note)));
  for (const r of v.replies) {
    const e = await reply.openReply(unbase64(r.sealed_base64), keys, rosters);
    if (e.kind !== "reply") {
      c.that("a reply is not opened", false);
      continue;
    }
    const { author, status, forwarded, items, text, number, previous, hash, revoked } = e.reply;
    c.same("reply", [author.id, status, forwarded, items, text], [
      r.reviewer, r.status, r.forwarded ?? "", r.items ?? [], r.text ?? "",
    ]);
    c.same("reply's chain", [Number(number), previous, hash, revoked], [r.number, r.previous, r.hash, r.revoked]);
    const json = utf8(r.json);
    c.same("signed bytes", hex(reply.signedBytes(reply.parse(json), json, keys)), r.signed_bytes);
  }
  for (const r of v.refused) {
    const kinds: Record<string, string> = { "": "reply", not_mine: "none", unsigned: "unsigned" };
    const e = await reply.openReply(unbase64(r.sealed_base64), keys, rosters);
    c.same("reply: " + r.about, e.kind, kinds[r.error]);
  }
}

/** Gaps and repeats, as server/scribe marks them. A reply is written as its author and number; its hash follows, or stands behind ":". */
function chains(c: Checks) {
  const replyOf = (s: string) => {
    const [, id = "", number = "", after = "", own = ""] = /^(\w)(\d+)(?:<(\w*))?(?::(\w))?$/.exec(s) ?? [];
    const previous = after || `${id}${Number(number) - 1}`;
    return { author: { id }, number: BigInt(number), hash: id + number + own, previous } as Vector as reply.Opened;
  };
  const mark = (r: reply.Marked) => (r.gap ? "gap " : "") + (r.repeat ? "repeat" : "");
  const marks = (replies: string, last: boolean) =>
    reply.markChain(replies.split(" ").map(replyOf), last).map(mark);
  for (const [about, replies, last, want] of [
    ["a whole chain", "a3 a2 a1", true, ["", "", ""]],
    ["two authors", "a2 b1 a1 b2", true, ["", "", "", ""]],
    ["the oldest is missing, on the last page", "a3 a2", true, ["", "gap "]],
    ["the oldest may be on a later page", "a3 a2", false, ["", ""]],
    ["one in the middle is missing", "a4 a2 a1", false, ["gap ", "", ""]],
    ["one names another before it", "a2<x a1", true, ["gap ", ""]],
    ["two with one number", "a1 a1:x", true, ["repeat", "repeat"]],
    ["one that is brought twice", "a2 a2 a1", true, ["", "", ""]],
    ["the oldest, brought twice", "a2 a2", true, ["gap ", "gap "]],
    ["a colleague's does not fill a gap", "a2 b1", true, ["gap ", ""]],
    ["the first needs none", "a1<x", true, [""]],
  ] as [string, string, boolean, string[]][]) {
    c.same("chain: " + about, marks(replies, last), want);
  }
}

async function parcels(c: Checks, v: Vector) {
  const code = unhex(v.code);
  const keys = await receipt.keys(code);
  for (const p of v.parcels) {
    const slots = Array.from({ length: p.slots }, (_, i) => new Uint8Array(p.slot_size).fill(i));
    const burnHash = sha256(receipt.burn(code, p.n));
    const head = item.head(receipt.itemID(code, p.n), burnHash, p.roster, slots, p.payload, p.staged ? unhex(p.upload) : undefined);
    c.same("parcel: " + p.about, [head.length, hex(sha256(head))], [p.size, p.sha256]);
  }
  c.same("read request", hex(parcel.readRequest(keys, v.read.page, code)), v.read.request);
  const read = v.answers.map((a: Vector) => answerOf(a));
  for (const [i, a] of v.answers.entries()) {
    const got = parcel.parseAnswer(read[i]);
    c.same("answer: " + a.about, [hex(sha256(read[i])), got.ends], [a.sha256, a.ends]);
    const used = got.states.flatMap((s, n) => (s.stand === "unused" ? [] : [{ n, ...s }]));
    const stands = ["unused", "waiting", "batched", "carried", "deleted", "expired", "lost"];
    c.same("states", used, a.states.map((s: Vector) => ({ ...s, stand: stands[s.stand] })));
    const whole = got.entries.every((e, n) => e.length === 5755 && e.every((b) => b === n));
    c.that("entries", got.entries.length === 8 && whole);
  }
  for (const r of v.answers_refused) {
    await c.fails("answer: " + r.about, "refused", () => parcel.parseAnswer(edited(read[0], r)));
  }
  for (const b of v.burns) {
    const request = parcel.burnRequest(code, b.numbers, b.empty ? keys : undefined);
    c.same("burn: " + b.about, hex(request), b.request);
  }
}

function answerOf(a: Vector): Uint8Array {
  const entries = Array.from({ length: 8 }, (_, i) => new Uint8Array(5755).fill(i));
  return concat(unhex(a.begin), ...entries);
}

