// Sending a sealed item, over connections that break: crypto/parcel's upload in
// slices. The slice that the server has not acknowledged is the only ciphertext that
// is kept. If the server has lost what it had acknowledged, the payload is sealed
// anew and sent from its beginning.

import { concat, hex } from "./encoding";
import { Failure } from "./failure";
import type { Sealed } from "./item";

export interface Answer {
  status: number; // 0: no answer came
  offset: number | null; // Upload-Offset
  complete: boolean; // Upload-Complete is ?1
  problem: { error: string; minutes?: number; limit?: number } | null; // the JSON of an error
}

/** The requests that this makes, so that tests can play a bad server. */
export interface Port {
  ask(
    method: "POST" | "HEAD" | "PATCH" | "DELETE",
    path: string,
    headers: Record<string, string>,
    body: Uint8Array,
  ): Promise<Answer>;
  rest(milliseconds: number): Promise<void>;
  now(): number; // milliseconds
}

export interface Control {
  signal?: AbortSignal;
  /** While this returns a promise, nothing more is sent until it resolves. */
  paused?(): Promise<void> | null;
}

export const smallSlice = 1 << 20;
export const largeSlice = 4 << 20;
const fast = 4000; // milliseconds for a small slice, below which large ones follow
const tries = 12; // without an answer in between, about six minutes
const longest = 60_000; // milliseconds between two tries
const restarts = 5;

const nothing = new Uint8Array(0);

/**
 * Sends an item until the server has said that it is kept, for the first time or
 * again. on is called with the bytes of the payload that the server has for good.
 * Rejects with a Failure: "cancelled" after an abort, "unreachable" when no answer
 * came for long, else what the server said.
 */
export async function send(
  sealed: Sealed,
  port: Port,
  on: (acknowledged: number) => void,
  control: Control = {},
): Promise<"kept" | "again"> {
  const u: Upload = { sealed, port, on, control, path: "/v1/uploads/" + hex(sealed.id) };
  try {
    return sealed.size <= smallSlice ? await sendWhole(u) : await sendSliced(u);
  } catch (e) {
    if (control.signal?.aborted) await abandon(u);
    throw control.signal?.aborted ? new Failure("cancelled") : e;
  }
}

interface Upload {
  sealed: Sealed;
  port: Port;
  on: (acknowledged: number) => void;
  control: Control;
  path: string;
}

/** Thrown inside when the server does not have what it had acknowledged. */
const lost = new Error("lost");

async function sendWhole(u: Upload): Promise<"kept" | "again"> {
  const payload = await take(source(await u.sealed.payload()), u.sealed.size);
  return hand(u, concat(u.sealed.head(false), payload));
}

async function sendSliced(u: Upload): Promise<"kept" | "again"> {
  for (let i = 0; ; i++) {
    const from = source(await u.sealed.payload());
    try {
      await sendSlices(u, from);
      return await hand(u, u.sealed.head(true));
    } catch (e) {
      if (e !== lost || i === restarts) throw e === lost ? new Failure("unreachable") : e;
      await abandon(u);
      u.on(0);
    } finally {
      await from.reader.cancel().catch(() => undefined);
    }
  }
}

/** Hands in the parcel: 201 it is kept, 200 it was before. */
async function hand(u: Upload, parcel: Uint8Array): Promise<"kept" | "again"> {
  const a = await insist(u, () => post(u, "/v1/items", { "Content-Type": "application/octet-stream" }, parcel));
  if (a.status === 404 || a.status === 409 || a.status === 410) throw lost;
  if (a.status !== 201 && a.status !== 200) throw refusal(a);
  u.on(u.sealed.size);
  return a.status === 201 ? "kept" : "again";
}

function post(u: Upload, path: string, headers: Record<string, string>, body: Uint8Array): Promise<Answer> {
  return u.port.ask("POST", path, headers, body);
}

/** Sends all slices; throws lost if the server fell back behind what it acknowledged. */
async function sendSlices(u: Upload, from: Source): Promise<void> {
  let done = await begin(u);
  let size = smallSlice;
  if (done !== 0) throw lost; // by an earlier sealing: other bytes
  while (done < u.sealed.size) {
    const slice = await take(from, Math.min(size, u.sealed.size - done));
    const start = u.port.now();
    await sendSlice(u, done, slice);
    done += slice.length;
    size = u.port.now() - start < (fast * slice.length) / smallSlice ? largeSlice : smallSlice;
  }
}

/** Announces the upload, and returns how much of it is there. */
async function begin(u: Upload): Promise<number> {
  const headers = { "Upload-Length": String(u.sealed.size), "Upload-Complete": "?0" };
  const a = await insist(u, () => post(u, u.path, headers, nothing));
  if (a.status === 409 || a.status === 410) throw lost; // one of another length is there
  if (a.status !== 201 && a.status !== 200) throw refusal(a);
  return a.offset ?? 0;
}

/** Sends a slice until all of it is acknowledged. */
async function sendSlice(u: Upload, start: number, slice: Uint8Array): Promise<void> {
  const end = start + slice.length;
  let at = start;
  for (let n = 0; at < end; ) {
    await allowed(u);
    const before = at;
    const a = await patch(u, at, slice.subarray(at - start), end === u.sealed.size);
    at = a.status === 204 || a.status === 409 ? (a.offset ?? -1) : await wherever(u, a);
    if (at < start || at > end) throw lost;
    if (at > before) u.on(at);
    n = at > before ? 0 : n + 1;
    if (at < end && a.status !== 204) await pause(u, n, a);
  }
}

function patch(u: Upload, at: number, body: Uint8Array, last: boolean): Promise<Answer> {
  const headers = {
    "Content-Type": "application/partial-upload",
    "Upload-Offset": String(at),
    "Upload-Complete": last ? "?1" : "?0",
  };
  return u.port.ask("PATCH", u.path, headers, body);
}

/** Asks how far the upload has come, after a slice whose fate is not known. */
async function wherever(u: Upload, after: Answer): Promise<number> {
  if (gone(after)) throw lost;
  if (!passes(after)) throw refusal(after);
  const a = await insist(u, () => u.port.ask("HEAD", u.path, {}, nothing));
  if (gone(a)) throw lost;
  if (a.status !== 204 && a.status !== 200) throw refusal(a);
  return a.complete ? u.sealed.size : (a.offset ?? 0);
}

function gone(a: Answer): boolean {
  return a.status === 404 || a.status === 410;
}

/** Whether to try again is worth it: no answer, too many at once, or a server in trouble. */
function passes(a: Answer): boolean {
  return a.status === 0 || a.status === 408 || a.status === 429 || (a.status >= 500 && a.status !== 507);
}

/** Asks until there is an answer that does not pass by itself. */
async function insist(u: Upload, ask: () => Promise<Answer>): Promise<Answer> {
  for (let n = 0; ; n++) {
    await allowed(u);
    const a = await ask();
    if (!passes(a)) return a;
    await pause(u, n, a);
  }
}

/** Waits longer each time, and gives up after many. */
async function pause(u: Upload, n: number, a: Answer): Promise<void> {
  if (n >= tries) throw a.problem ? refusal(a) : new Failure("unreachable");
  await u.port.rest(Math.min(longest, 1000 * 2 ** n));
}

/** Waits while it is paused; throws if it was cancelled. */
async function allowed(u: Upload): Promise<void> {
  for (let p = u.control.paused?.(); p; p = u.control.paused?.()) await p;
  u.control.signal?.throwIfAborted();
}

/** Tells the server to forget what it has. If it does not hear that, it forgets it in a day. */
async function abandon(u: Upload): Promise<void> {
  await u.port.ask("DELETE", u.path, {}, nothing).catch(() => undefined);
}

function refusal(a: Answer): Failure {
  const { error = "unreachable", ...values } = a.problem ?? {};
  return new Failure(error, values);
}

// The payload, a slice at a time.

interface Source {
  reader: ReadableStreamDefaultReader<Uint8Array>;
  held: Uint8Array; // read and not yet taken
}

function source(stream: ReadableStream<Uint8Array>): Source {
  return { reader: stream.getReader(), held: nothing };
}

async function take(from: Source, size: number): Promise<Uint8Array> {
  const slice = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    while (from.held.length === 0) {
      const { done, value } = await from.reader.read();
      if (done) throw new Failure("size");
      from.held = value;
    }
    const part = from.held.subarray(0, size - at);
    slice.set(part, at);
    at += part.length;
    from.held = from.held.subarray(part.length);
  }
  return slice;
}
