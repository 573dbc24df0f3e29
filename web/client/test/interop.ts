// Answers requests of a Go test, so that both can be held against each other. What a
// request brings and gets is JSON; bytes are in base64.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { base64, concat, hex, unbase64, unhex, utf8 } from "../src/encoding";
import { Failure } from "../src/failure";
import * as item from "../src/item";
import * as receipt from "../src/receipt";
import * as reply from "../src/reply";
import * as roster from "../src/roster";
import * as sign from "../src/sign";
import * as strictjson from "../src/strictjson";
import * as taxonomy from "../src/taxonomy";
import { drain, streamOf } from "./vectors";

type Request = any;

/** Answers a request, or says with which key it failed. What is no Failure goes through. */
export async function interop(r: Request): Promise<object> {
  try {
    return await (operations[r.op] ?? unknown)(r);
  } catch (e) {
    if (e instanceof Failure) return { key: e.key, values: e.values ?? {} };
    throw e;
  }
}

async function unknown(): Promise<object> {
  throw new Error("no such operation");
}

const operations: Record<string, (r: Request) => Promise<object>> = {
  async seal(r) {
    const circle = roster.circle(roster.verify(unbase64(r.note), r), unbase64(r.recipients), new Date(r.now));
    const sealed = await item.seal(circle, unhex(r.code), r.n, content(r.content));
    // An upload that has to begin again seals anew: what came before leaves no trace.
    const first = (await sealed.payload()).getReader();
    await first.read();
    await first.cancel();
    const payload = await drain(await sealed.payload());
    const head = sealed.head(r.staged ? new Uint8Array(16).fill(0xa5) : undefined);
    return { id: hex(sealed.id), size: sealed.size, head: base64(head), payload: base64(payload) };
  },
  async reply(r) {
    const keys = await receipt.keys(unhex(r.code));
    const e = await reply.openReply(unbase64(r.entry), keys, r.notes.map((n: string) => roster.verify(unbase64(n))));
    return e.kind === "reply" ? opened(e.reply) : { kind: e.kind };
  },
  async plain(r) {
    const keys = await receiptKeys(r.code);
    return opened(reply.openPlain(unbase64(r.plain), keys, r.notes.map(knownRoster)));
  },
  async roster(r) {
    const read = roster.verify(unbase64(r.note), { fingerprint: r.fingerprint });
    return { hash: hex(read.hash), text: roster.format(read) };
  },
  async text(r) {
    return { text: roster.format(roster.parse(r.text)) };
  },
  async words(r) {
    const { code, mended } = receipt.parse(r.typed);
    return { code: hex(code), mended };
  },
  async json(r) {
    strictjson.parse(unbase64(r.data));
    return {};
  },
  async signatures(r) {
    const taken = (o: { key: string; signature: string }) =>
      sign.verify(unhex(o.key), utf8(r.message), unhex(o.signature));
    return { signatures: [...oddSignatures(r.message)].map((o) => ({ ...o, taken: taken(o) })) };
  },
  async taxonomy(r) {
    const t = taxonomy.parse(unbase64(r.file));
    const answers = taxonomy.tidy(t, r.answers);
    const places = new Set<string>(r.places);
    return {
      reference: t.reference,
      answers,
      problems: taxonomy.check(t, answers, (code) => places.has(code)),
      advice: taxonomy.advice(t, answers),
    };
  },
};

/** Signatures that verifiers differ about, made as an attacker would. */
function* oddSignatures(message: string) {
  const { Point } = ed25519;
  const torsion = Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"); // of order 8
  const order = Point.Fn.ORDER;
  const beyond = unhex("ee" + "ff".repeat(30) + "7f"); // the field's order and one
  const bytes = (n: bigint) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
  const sign = (about: string, key: Uint8Array, secret: bigint, r: bigint, R: Uint8Array, more = 0n) => {
    const h = ed25519Hash(R, key, utf8(message)) % order;
    return { about, key: hex(key), signature: hex(concat(R, bytes(((r + h * secret) % order) + more))) };
  };
  for (let n = 1n; n <= 40n; n++) {
    const key = Point.BASE.multiply(1000n + n);
    const nonce = Point.BASE.multiply(n);
    yield sign("honest", key.toBytes(), 1000n + n, n, nonce.toBytes());
    yield sign("S is not reduced", key.toBytes(), 1000n + n, n, nonce.toBytes(), order);
    yield sign("a key with a part of small order", key.add(torsion).toBytes(), 1000n + n, n, nonce.toBytes());
    yield sign("R with a part of small order", key.toBytes(), 1000n + n, n, nonce.add(torsion).toBytes());
    yield sign("a key of small order", torsion.toBytes(), 0n, n, nonce.toBytes());
    yield sign("nothing as key, spelled beyond the field", beyond, 0n, n, nonce.toBytes());
    yield sign("R beyond the field", key.toBytes(), 1000n + n, 0n, beyond);
    yield sign("a key that is no point", bytes(2n), 0n, n, nonce.toBytes());
  }
}

function ed25519Hash(...parts: Uint8Array[]): bigint {
  return BigInt("0x" + hex(sha512(concat(...parts)).reverse()));
}

function opened(r: reply.Opened): object {
  const { author, number, ...rest } = r;
  return { ...rest, kind: "reply", roster: String(r.roster), number: String(number), author: author.id };
}

// Thousands of replies are of one code, under the same rosters.
const knownKeys = new Map<string, Promise<receipt.Keys>>();
const knownRosters = new Map<string, roster.Roster>();

function receiptKeys(code: string): Promise<receipt.Keys> {
  const keys = knownKeys.get(code) ?? receipt.keys(unhex(code));
  knownKeys.set(code, keys);
  return keys;
}

function knownRoster(note: string): roster.Roster {
  const r = knownRosters.get(note) ?? roster.verify(unbase64(note));
  knownRosters.set(note, r);
  return r;
}

function content(c: Request): item.Content {
  const { file, ...rest } = c;
  if (!file) return rest;
  const bytes = Uint8Array.from({ length: file.size }, (_, i) => (i ^ (i >> 8)) & 255);
  return { ...rest, file: { ...file, stream: () => streamOf(bytes, 65_536) } };
}
