// Sending in slices, against a server that plays every trick of a bad connection.

import { concat, equal, hex } from "../src/encoding";
import type { Sealed } from "../src/item";
import * as s from "../src/slices";
import { type Checks, checks, outcome, type Report } from "./checks";
import { drain, streamOf } from "./vectors";

const id = new Uint8Array(16).fill(7);
const path = "/v1/uploads/" + hex(id);
const headMark = new TextEncoder().encode("head");

/** A sealed item of that size. Each payload has other bytes, as each sealing does. */
function fake(size: number): Sealed & { made: Uint8Array[]; pulled: number } {
  const self = {
    id,
    size,
    made: [] as Uint8Array[],
    pulled: 0,
    head: (staged: boolean) => concat(headMark, Uint8Array.of(staged ? 1 : 0)),
    async payload() {
      const seed = self.made.length + 1;
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * seed + (i >> 8)) & 255);
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
  | "conflict"; // 409 without an offset: another request hangs

interface Server extends s.Port {
  upload: Uint8Array | null;
  item: Uint8Array | null;
  asked: string[];
  rests: number[];
  clock: number;
}

/** A server; tricks says what befalls the n-th request. */
function server(tricks: (n: number, method: string) => Trick, each = 10): Server {
  const none: s.Answer = { status: 0, offset: null, complete: false, problem: null };
  const self: Server = {
    upload: null,
    item: null,
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
      if (trick === "dropped") return none;
      if (trick === "busy") return { ...none, status: 503, problem: { error: "busy", minutes: 3 } };
      if (trick === "broken") return { ...none, status: 500, problem: { error: "server_error" } };
      if (trick === "conflict") return { ...none, status: 409, problem: { error: "upload_cut" } };
      if (trick === "forget") self.upload = null;
      if (trick === "back" && self.upload) self.upload = self.upload.slice(0, self.upload.length >> 1);
      const part = trick === "half" || trick === "short" ? body.slice(0, body.length >> 1) : body;
      const a = answer(method, at, headers, part, body.length);
      return trick === "lost" || trick === "half" ? none : a;
    },
  };
  const lengths = { size: 0 };
  const progress = (status: number): s.Answer => {
    const offset = self.upload?.length ?? 0;
    return { ...none, status, offset, complete: offset === lengths.size };
  };
  const missing = { ...none, status: 404, problem: { error: "upload_cut" } };
  type Headers = Record<string, string>;
  function answer(method: string, at: string, headers: Headers, body: Uint8Array, sent: number): s.Answer {
    if (at === "/v1/items") return handed(body);
    if (at !== path) throw new Error("another path");
    if (self.item && method !== "DELETE") {
      return { ...none, status: method === "PATCH" ? 409 : method === "HEAD" ? 204 : 200, complete: true };
    }
    if (method === "DELETE") {
      self.upload = null;
      return { ...none, status: 204 };
    }
    if (method === "POST") {
      const size = Number(headers["Upload-Length"]);
      if (self.upload && lengths.size !== size) return { ...none, status: 400, problem: { error: "form_damaged" } };
      if (self.upload) return progress(200);
      self.upload = body;
      lengths.size = size;
      return progress(201);
    }
    if (!self.upload) return missing;
    if (method === "HEAD") return progress(204);
    if (Number(headers["Upload-Offset"]) !== self.upload.length) return progress(409);
    const last = self.upload.length + sent === lengths.size;
    if ((headers["Upload-Complete"] === "?1") !== last) throw new Error("a last slice that is none");
    self.upload = concat(self.upload, body);
    return progress(204);
  }
  function handed(parcel: Uint8Array): s.Answer {
    if (self.item) return { ...none, status: 200 };
    const staged = parcel[headMark.length] === 1;
    if (staged && self.upload?.length !== lengths.size) return missing;
    self.item = staged ? self.upload : parcel.slice(headMark.length + 1);
    self.upload = null;
    return { ...none, status: 201 };
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
  c.same("is not asked for it without end", port.asked, ["POST", "PATCH 0", "HEAD"]);
  port = server((_, method) => (method === "PATCH" ? "broken" : ""));
  await run(c, "a server that takes no slice", large, port, "server_error");
}

async function stop(c: Checks) {
  const abort = new AbortController();
  const port = server((n) => (n === 2 ? (abort.abort(), "") : ""), 10_000);
  const got = await outcome(() => s.send(fake(large), port, () => undefined, { signal: abort.signal }));
  c.same("cancelled", [got, port.asked.at(-1), port.item, port.upload], ["cancelled", "DELETE", null, null]);
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
}

/** Whether a cancelled item may be kept is known from its own handing-in alone. */
async function doubts(c: Checks) {
  for (const [size, at] of [[small, 0], [large, 3]] as const) {
    for (const trick of ["lost", "dropped", "broken", "busy", ""] as const) {
      const abort = new AbortController();
      const port = server((n) => (n === at ? (abort.abort(), trick) : ""));
      const sealed = fake(size);
      const got = await outcome(() => s.send(sealed, port, () => undefined, { signal: abort.signal }));
      c.same(`${size} bytes, ${trick}: cancelled`, got, trick ? "cancelled" : "");
      c.same(`${size} bytes, ${trick}: doubted`, !!sealed.doubted, trick !== "");
    }
  }
  const abort = new AbortController();
  const sealed = fake(large);
  const port = server((n) => (n === 1 ? (abort.abort(), "lost") : ""));
  await outcome(() => s.send(sealed, port, () => undefined, { signal: abort.signal }));
  c.that("a lost slice leaves no doubt", !sealed.doubted);
}

/** An earlier try, sealed anew since, left something under the same id. */
async function leftovers(c: Checks) {
  for (const left of [0, 1000, large]) {
    const port = server(() => "");
    await port.ask("POST", path, { "Upload-Length": String(large) }, new Uint8Array(0));
    const headers = { "Upload-Offset": "0", "Upload-Complete": left === large ? "?1" : "?0" };
    if (left) await port.ask("PATCH", path, headers, new Uint8Array(left));
    await run(c, `an upload of ${left} bytes by an earlier sealing`, large, port, "kept");
  }
  const other = server(() => "");
  await other.ask("POST", path, { "Upload-Length": "99" }, new Uint8Array(0));
  await run(c, "an upload of another size", large, other, "kept");
  const whole = server(() => "");
  whole.item = await drain(await fake(large).payload());
  await run(c, "a large item whose number another one has", large, whole, "taken");
  c.same("and costs one request", whole.asked, ["POST"]);
  const one = server(() => "");
  one.item = whole.item;
  await run(c, "a small item whose number another one has", small, one, "taken");
  const late = server(once("lost", 1), 10_000);
  late.item = whole.item;
  late.ask = ((ask) => async (method, ...rest) => {
    if (late.asked.length === 2) late.item = whole.item; // while a slice was on its way
    else if (late.asked.length < 2) late.item = null;
    return ask(method, ...rest);
  })(late.ask);
  await run(c, "a number that another item took meanwhile", large, late, "taken");
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
