// Sending in slices, against a server that plays every trick of a bad connection.

import { concat, hex } from "../src/encoding";
import type { Sealed } from "../src/item";
import * as s from "../src/slices";
import { type Checks, checks, equal, outcome, type Report } from "./checks";
import { drain, streamOf } from "./vectors";

const id = new Uint8Array(16).fill(7);
const path = /^\/v1\/uploads\/([0-9a-f]{32})$/;
const headMark = new TextEncoder().encode("head");
const headSize = headMark.length + 8;

/** A sealed item of that size. Each has slots of its own, and each payload other bytes. */
function fake(size: number): Sealed & { made: Uint8Array[]; pulled: number } {
  const slots = concat(headMark, crypto.getRandomValues(new Uint8Array(8)));
  const self = {
    id,
    size,
    made: [] as Uint8Array[],
    pulled: 0,
    head: (upload?: Uint8Array) => (upload ? concat(slots, Uint8Array.of(1), upload) : concat(slots, Uint8Array.of(0))),
    async payload() {
      const seed = self.made.length + 1;
      const bytes = new Uint8Array(size);
      for (let i = 0; i < size; i++) bytes[i] = i * seed + (i >> 8);
      self.made.push(bytes);
      const from = streamOf(bytes, 65_552).getReader();
      self.pulled = 0;
      const pull = async (c: ReadableStreamDefaultController<Uint8Array>) => {
        const r = await from.read();
        if (r.done) return c.close();
        self.pulled += r.value.length;
        c.enqueue(r.value);
      };
      return new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
    },
  };
  return self;
}

type Trick =
  | "" // as it should be
  | "lost" // the request arrives, its answer does not
  | "dropped" // the request does not arrive
  | "half" // half of the body arrives, no answer
  | "short" // half of the body arrives, and the answer says so
  | "forget" // the server has lost the upload
  | "back" // a power cut took more than was acknowledged
  | "busy" // refused with minutes
  | "broken" // 500
  | "disk" // 503: it may be kept, and nothing is until the server is started anew
  | "full" // 507: it is not kept
  | "gone" // 410: it was deleted
  | "bare" // 200, by something in between
  | "closed" // 503: the roster ran out
  | "others" // 422: the roster is another one by now
  | "conflict"; // 409 without an offset: another request hangs

interface Server extends s.Port {
  uploads: Map<string, { bytes: Uint8Array; size: number }>; // by their names
  item: Uint8Array | null;
  slots: string; // of the item
  asked: string[];
  rests: number[];
  clock: number;
}

/** A server; tricks says what befalls the n-th request. */
function server(tricks: (n: number, method: string) => Trick, each = 10): Server {
  const none: s.Answer = { status: 0, offset: null, complete: false, problem: null };
  const self: Server = {
    uploads: new Map(),
    item: null,
    slots: "",
    asked: [],
    rests: [],
    clock: 0,
    now: () => self.clock,
    async rest(ms) {
      self.rests.push(ms);
    },
    async ask(method, at, headers, body) {
      const trick = tricks(self.asked.length, method);
      self.asked.push(`${method} ${at === "/v1/items" ? "item" : ""}${headers["Upload-Offset"] ?? ""}`.trim());
      self.clock += each;
      const had = at === "/v1/items" && self.item; // then it looks at nothing else
      if (trick === "dropped") return none;
      if (trick === "busy") return { ...none, status: 503, problem: { error: "busy", minutes: 3 } };
      if (trick === "broken") return { ...none, status: 500, problem: { error: "internal" } };
      if (trick === "disk") return { ...none, status: 503, offset: far(at), problem: { error: "disk" } };
      if (trick === "full" && !had) return { ...none, status: 507, offset: far(at), problem: { error: "store" } };
      if (trick === "gone") return { ...none, status: 410, problem: { error: "deleted" } };
      if (trick === "bare") return { ...none, status: 200 };
      if (trick === "closed") return { ...none, status: 503, problem: { error: "closed" } };
      if (trick === "others" && !had) return { ...none, status: 422, problem: { error: "no_reader" } };
      if (trick === "conflict") return { ...none, status: 409, problem: { error: "upload_cut" } };
      if (trick === "forget") self.uploads.clear();
      if (trick === "back") for (const u of self.uploads.values()) u.bytes = u.bytes.slice(0, u.bytes.length >> 1);
      const part = trick === "half" || trick === "short" ? body.slice(0, body.length >> 1) : body;
      const a = answer(method, at, headers, part, body.length);
      return trick === "lost" || trick === "half" ? none : a;
    },
  };
  /** A slice that fails says how far its upload has come, if there is something. */
  const far = (at: string): number | null => self.uploads.get(path.exec(at)?.[1] ?? "")?.bytes.length || null;
  const progress = (status: number, u: { bytes: Uint8Array; size: number }): s.Answer => {
    return { ...none, status, offset: u.bytes.length, complete: u.bytes.length === u.size };
  };
  const missing = { ...none, status: 404, problem: { error: "upload_cut" } };
  type Headers = Record<string, string>;
  function answer(method: string, at: string, headers: Headers, body: Uint8Array, sent: number): s.Answer {
    if (at === "/v1/items") return handed(body);
    const name = path.exec(at)?.[1];
    if (!name || name === hex(id)) throw new Error("another path");
    const u = self.uploads.get(name);
    if (method === "DELETE") {
      self.uploads.delete(name);
      return { ...none, status: 204 };
    }
    if (method === "POST") {
      const begun = { bytes: body, size: Number(headers["Upload-Length"]) };
      if (u && u.size !== begun.size) return { ...none, status: 400, problem: { error: "form_damaged" } };
      if (u) return progress(200, u);
      self.uploads.set(name, begun);
      return progress(201, begun);
    }
    if (!u) return missing;
    if (method === "HEAD") return progress(204, u);
    if (Number(headers["Upload-Offset"]) !== u.bytes.length) return progress(409, u);
    const last = u.bytes.length + sent === u.size;
    if ((headers["Upload-Complete"] === "?1") !== last) throw new Error("a last slice that is none");
    u.bytes = concat(u.bytes, body);
    return progress(204, u);
  }
  function handed(parcel: Uint8Array): s.Answer {
    const slots = hex(parcel.slice(0, headSize));
    if (self.item && self.slots !== slots) return { ...none, status: 409, problem: { error: "file_number_used" } };
    if (self.item) return { ...none, status: 200, complete: true };
    const behind = parcel.slice(headSize + 1);
    const u = behind.length === 16 ? self.uploads.get(hex(behind)) : undefined;
    const staged = parcel[headSize] === 1;
    if (staged && (!u || u.bytes.length !== u.size)) return missing;
    self.item = u ? u.bytes : behind;
    self.slots = slots;
    if (u) self.uploads.delete(hex(behind));
    return { ...none, status: 201, complete: true };
  }
  return self;
}

const small = 70_000;
const large = 3_400_000;

async function run(c: Checks, about: string, size: number, port: Server, want: string): Promise<number[]> {
  const sealed = fake(size);
  const acknowledged: number[] = [];
  let far = 0;
  const on = (n: number) => {
    acknowledged.push(n);
    far = Math.max(far, sealed.pulled - n);
  };
  const got = await s.send(sealed, port, on).catch((e) => e.key ?? String(e));
  c.same(about, got, want);
  if (want === "kept" || want === "again") {
    c.that(about + ": one whole sealing", port.item !== null && sealed.made.some((m) => equal(m, port.item ?? id)));
  }
  c.that(about + ": holds a slice and a chunk at most", far <= s.largeSlice + 65_552);
  return acknowledged;
}

/** The trick befalls the n-th request, and no other. */
function once(trick: Trick, n: number): (at: number) => Trick {
  return (at) => (at === n ? trick : "");
}

export async function slices(): Promise<Report> {
  const c = checks();
  await plain(c);
  await eachTrickEverywhere(c);
  await giveUp(c);
  await stop(c);
  await leftovers(c);
  await afterwards(c);
  await chaos(c);
  return { checks: c.checks, failed: c.failed };
}

async function plain(c: Checks) {
  let port = server(() => "");
  await run(c, "a small item", small, port, "kept");
  c.same("is one request", port.asked, ["POST item"]);
  port = server(() => "");
  const acknowledged = await run(c, "a large one", large, port, "kept");
  c.same("goes in slices, large ones after a fast one", port.asked, ["POST", "PATCH 0", "PATCH 1048576", "POST item"]);
  c.same("and says how far it is", acknowledged, [1048576, large, large]);
  port = server(() => "", 10_000);
  await run(c, "over a slow connection", large, port, "kept");
  c.same("slices stay small", port.asked.filter((a) => a.startsWith("PATCH")).length, 4);
}

async function eachTrickEverywhere(c: Checks) {
  const tricks: Trick[] = ["lost", "dropped", "half", "short", "forget", "back", "broken", "conflict"];
  for (const trick of tricks) {
    for (let n = 0; n < 6; n++) {
      const method = ["POST", "PATCH", "PATCH", "PATCH", "PATCH", "POST item"][n];
      // A parcel is taken whole or not at all, and a first request brings nothing.
      if (method !== "PATCH" && !["lost", "dropped", "broken", "forget"].includes(trick)) continue;
      const port = server(once(trick, n), 10_000);
      const want = method === "POST item" && trick === "lost" ? "again" : "kept";
      await run(c, `${trick} at request ${n}`, large, port, want);
    }
  }
  let port = server(once("lost", 0));
  await run(c, "a small item whose answer is lost", small, port, "again");
  c.same("is sent again", port.asked, ["POST item", "POST item"]);
  port = server(once("bare", 0));
  await run(c, "a 200 that is not the server's", small, port, "kept");
  c.same("is no answer", port.asked, ["POST item", "POST item"]);
  port = server(once("busy", 0));
  await run(c, "a server that is busy from the start", small, port, "busy");
  port = server((n) => (n === 0 ? "lost" : n === 1 ? "busy" : ""));
  await run(c, "busy after a lost answer: it may be kept", small, port, "again");
  port = server((n) => (n > 1 && n < 5 ? "busy" : ""));
  await run(c, "busy in the middle of a file", large, port, "kept");
}

async function giveUp(c: Checks) {
  let port = server(() => "dropped");
  await run(c, "no answer ever", small, port, "unreachable");
  c.same("waits longer each time", port.rests.slice(0, 4), [1000, 2000, 4000, 8000]);
  c.that("but no longer than a minute", Math.max(...port.rests) === 60_000 && port.rests.length === 12);
  port = server((_, method) => (method === "PATCH" ? "forget" : ""));
  await run(c, "a server that forgets every upload", large, port, "upload_cut");
  port = server((_, method) => (method === "PATCH" || method === "HEAD" ? "conflict" : ""));
  await run(c, "a server that never tells an offset", large, port, "upload_cut");
  c.same("is not asked for it without end", port.asked, ["POST", "PATCH 0", "HEAD", "DELETE"]);
  for (const at of [0, 1, 3]) {
    for (const [trick, want] of [["closed", "closed"], ["others", "no_reader"]] as const) {
      port = server(once(trick, at));
      await run(c, `no longer the readers of this one, at request ${at}`, large, port, want);
      c.same(`and it is given up at once ${at}`, [port.asked.length, port.asked.at(-1)], [at + 2, "DELETE"]);
    }
  }
  port = server((_, method) => (method === "PATCH" ? "broken" : ""));
  await run(c, "a server that takes no slice", large, port, "internal");
  for (const trick of ["broken", "disk", "full"] as const) {
    port = server(() => trick);
    await run(c, `a small item, and a server that is ${trick}`, small, port, { broken: "internal", full: "store", disk: trick }[trick]);
    c.same(`its sender is told at once: ${trick}`, [port.asked, port.rests], [["POST item"], []]);
  }
  for (const at of [0, 1, 2, 3]) {
    for (const [trick, want] of [["disk", "disk"], ["full", "store"]] as const) {
      port = server((n) => (n >= at ? trick : ""));
      await run(c, `a disk that is ${trick} at request ${at}`, large, port, want);
      c.same(`and nobody waits for it ${at}`, [port.asked.length, port.rests], [at + 2, []]);
    }
  }
}

async function stop(c: Checks) {
  const abort = new AbortController();
  const port = server((n) => (n === 2 ? (abort.abort(), "") : ""), 10_000);
  const got = await outcome(() => s.send(fake(large), port, () => undefined, { signal: abort.signal }));
  c.same("cancelled", [got, port.asked.at(-1), port.item, port.uploads.size], ["cancelled", "DELETE", null, 0]);
  await doubts(c);
  let go = () => undefined as void;
  let waiting: Promise<void> | null = null;
  const paused = server((n) => {
    if (n === 2) waiting = new Promise((resolve) => (go = () => ((waiting = null), resolve())));
    return "";
  }, 10_000);
  const sending = s.send(fake(large), paused, () => undefined, { paused: () => waiting });
  while (paused.asked.length < 3) await new Promise((r) => setTimeout(r, 0));
  for (let i = 0; i < 50; i++) await new Promise((r) => setTimeout(r, 0));
  c.same("nothing is asked while it is paused", paused.asked.length, 3);
  go();
  c.same("and then it goes on", await sending, "kept");
  const end = new AbortController();
  let looks = 0;
  const rested = async () => {
    if (++looks === 3) end.abort();
  };
  const held = () => (looks > 9 ? null : rested());
  const cut = await outcome(() => s.send(fake(large), server(() => ""), () => undefined, { signal: end.signal, paused: held }));
  c.same("a pause ends when it is cancelled", [cut, looks], ["cancelled", 3]);
}

/** Whether a cancelled item may be kept is known from its own handing-in alone. */
async function doubts(c: Checks) {
  for (const [size, at] of [[small, 0], [large, 3]] as const) {
    for (const trick of ["lost", "dropped", "broken", "disk", "bare", "busy", "full", ""] as const) {
      const abort = new AbortController();
      const port = server((n) => (n === at ? (abort.abort(), trick) : ""));
      const sealed = fake(size);
      const got = await outcome(() => s.send(sealed, port, () => undefined, { signal: abort.signal }));
      c.same(`${size} bytes, ${trick}: cancelled`, got, trick ? "cancelled" : "");
      c.same(`${size} bytes, ${trick}: doubted`, !!sealed.doubted, !["busy", "full", ""].includes(trick));
    }
  }
  // What is said of the way depends on it, so it is asked for while an answer comes.
  const asked: boolean[] = [];
  const twice = fake(small);
  const watched = server((n) => (asked.push(!!twice.doubted), n < 2 ? "dropped" : ""));
  await s.send(twice, watched, () => undefined);
  c.same("there is no doubt before an answer is missing", [asked, twice.doubted], [[false, true, true], false]);
  const before = fake(small);
  await outcome(() => s.send(before, server((n) => (n === 0 ? "dropped" : "full")), () => undefined));
  c.that("a full disk says nothing of an earlier try", !!before.doubted);
  const abort = new AbortController();
  const sealed = fake(large);
  const port = server((n) => (n === 1 ? (abort.abort(), "lost") : ""));
  await outcome(() => s.send(sealed, port, () => undefined, { signal: abort.signal }));
  c.that("a lost slice leaves no doubt", !sealed.doubted);
}

/** Another page sends under the same number: bytes of two sealings never come together, and the later is told. */
async function leftovers(c: Checks) {
  for (let seed = 1; seed <= 20; seed++) {
    let state = seed;
    const port = server((_, method) => {
      state = (state * 48271) % 2147483647;
      return method === "PATCH" ? (["", "", "lost", "half"] as const)[state % 4] ?? "" : "";
    }, 10_000);
    const pages = [fake(large), fake(large)];
    pages[1]?.made.push(new Uint8Array(0)); // so that its bytes are others
    const told = await Promise.all(pages.map((p) => s.send(p, port, () => undefined)));
    c.same(`two pages at once ${seed}`, told.sort(), ["kept", "taken"]);
    c.that(`one whole sealing ${seed}`, pages.some((p) => p.made.some((m) => equal(m, port.item ?? id))));
  }
  const whole = server(() => "");
  whole.item = await drain(await fake(large).payload());
  await run(c, "a large item whose number another one has", large, whole, "taken");
  const one = server(() => "");
  one.item = whole.item;
  await run(c, "a small item whose number another one has", small, one, "taken");
}

/** What became of a sealing in doubt is known without sending it again. */
async function afterwards(c: Checks) {
  for (const size of [small, large]) {
    const port = server(() => "");
    const [ours, other] = [fake(size), fake(size)];
    c.same(`nothing kept ${size}`, await s.stands(ours, port), "none");
    for (const refused of ["others", "full", "gone"] as const) {
      c.same(`nothing kept ${size}, ${refused}`, await s.stands(ours, server(() => refused)), "none");
    }
    for (const [trick, want] of [["busy", "busy"], ["closed", "closed"], ["disk", "disk"], ["broken", "internal"]] as const) {
      c.same(`not told ${size}, ${trick}`, await outcome(() => s.stands(ours, server(() => trick))), want);
    }
    await s.send(ours, port, () => undefined);
    const sent = port.asked.length;
    c.same(`kept ${size}`, [await s.stands(ours, port), await s.stands(other, port)], ["again", "taken"]);
    c.same(`a request each ${size}`, port.asked.length, sent + 2);
    for (const refused of ["others", "full"] as const) {
      const later = server(() => refused);
      Object.assign(later, { item: port.item, slots: port.slots });
      c.same(`kept, ${refused} ${size}`, [await s.stands(ours, later), await s.stands(other, later)], ["again", "taken"]);
    }
    c.same(`no doubt is left ${size}`, [ours.doubted, other.doubted], [false, false]);
  }
  const silent = server(() => "dropped");
  const got = outcome(() => s.stands(fake(small), silent));
  c.same("no answer", [await got, silent.rests], ["unreachable", [1000, 2000, 4000]]);
}

async function chaos(c: Checks) {
  const tricks: Trick[] = ["", "", "", "", "lost", "dropped", "half", "short", "broken", "conflict"];
  for (let seed = 1; seed <= 40; seed++) {
    let state = seed;
    const random = () => (state = (state * 48271) % 2147483647);
    const port = server((_, method) => {
      const t = tricks[random() % tricks.length] ?? "";
      return method === "PATCH" || ["", "lost", "dropped", "broken"].includes(t) ? t : "";
    }, 10_000);
    const sealed = fake(large);
    const got = await s.send(sealed, port, () => undefined).catch((e) => e.key ?? String(e));
    c.that(`chaos ${seed}: ${got}`, got === "kept" || got === "again");
    c.that(`chaos ${seed}: one whole sealing`, sealed.made.some((m) => equal(m, port.item ?? id)));
  }
}
