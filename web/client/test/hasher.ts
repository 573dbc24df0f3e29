// The hasher in a worker, with workers that do not start or die on the way.

import { equal } from "../src/encoding";
import { create } from "../src/sha256";
import { hashers } from "../src/ui/hasher";
import { type Checks, checks, outcome, type Report } from "./checks";

type Message = { data: Uint8Array | null };

/** A worker that fails at the n-th message, counted from 1. */
function workerThatFails(at: number) {
  return class {
    onmessage = (_: Message) => {};
    onerror = () => {};
    private state = create();
    private n = 0;
    constructor() {
      if (at === 1) setTimeout(() => this.onerror(), 0);
    }
    postMessage(b: Uint8Array | null): void {
      if (++this.n > at || at === 1) return;
      setTimeout(() => {
        if (this.n === at) return this.onerror();
        if (b) this.state.update(b);
        this.onmessage({ data: b ? null : this.state.digest() });
      }, 0);
    }
    terminate(): void {}
  };
}

const piece = (n: number): Uint8Array => new Uint8Array(1000).fill(n);
const soon = (): Promise<void> => new Promise((done) => setTimeout(done, 1));

async function digestOf(pieces: number, pace: () => Promise<void> | void): Promise<Uint8Array> {
  const h = hashers("script")?.();
  if (!h) throw new Error("no hasher");
  for (let n = 0; n < pieces; n++) {
    await h.update(piece(n));
    await pace();
  }
  return h.digest();
}

function want(pieces: number): Uint8Array {
  const h = create();
  for (let n = 0; n < pieces; n++) h.update(piece(n));
  return h.digest();
}

/** No file waits for a worker forever: that would look like a slow connection. */
export async function hasher(): Promise<Report> {
  const c = checks();
  const global = globalThis as { Worker?: unknown; trustedTypes?: unknown };
  const before = global.Worker;
  for (const pieces of [0, 3, 30]) {
    for (const pace of [soon, () => {}]) {
      global.Worker = workerThatFails(1);
      c.that(`${pieces} without a worker`, equal(await digestOf(pieces, pace), want(pieces)));
      global.Worker = workerThatFails(1000);
      c.that(`${pieces} in a worker`, equal(await digestOf(pieces, pace), want(pieces)));
    }
  }
  global.Worker = workerThatFails(5);
  c.same("a worker that dies", await outcome(() => digestOf(30, soon)), "exception: Error: the worker failed");
  policies(c, global);
  global.Worker = before;
  return { checks: c.checks, failed: c.failed };
}

function policies(c: Checks, global: { trustedTypes?: unknown }): void {
  global.trustedTypes = {
    createPolicy() {
      throw new TypeError("there is one of this name");
    },
  };
  c.same("without a policy this thread does it", hashers("script"), undefined);
  delete global.trustedTypes;
}
