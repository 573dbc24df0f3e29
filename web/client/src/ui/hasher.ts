// SHA-256 of a file in a worker, beside the thread that encrypts. The worker is the
// same script; the policy "saksi" lets its address through, and no other.

import type { Hasher } from "../item";
import { create } from "../sha256";

interface Policy {
  createScriptURL(url: string): unknown;
}
interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

/** How many chunks may be on their way to the worker: what it has not read is memory. */
const most = 8;

/** What the script does as a worker. */
export function hash(): void {
  const state = create();
  onmessage = ({ data }: MessageEvent<Uint8Array | null>) => {
    if (data) state.update(data);
    postMessage(data ? null : state.digest());
  };
}

/** Returns what makes hashers in workers, or nothing where there are none. */
export function hashers(script: string): (() => Hasher) | undefined {
  if (!script || typeof Worker === "undefined") return undefined;
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  const ours = (url: string): string => {
    if (url !== script) throw new TypeError(url);
    return url;
  };
  const url = trustedTypes ? trustedTypes.createPolicy("saksi", { createScriptURL: ours }).createScriptURL(script) : script;
  return () => hasher(new Worker(url as string));
}

function hasher(worker: Worker): Hasher {
  let waiting = 0;
  let wake = () => {};
  let broken: ((err: Error) => void) | undefined;
  let digested: (b: Uint8Array) => void = () => {};
  const next = () => new Promise<void>((done, failed) => ((wake = done), (broken = failed)));
  worker.onerror = () => broken?.(new Error("the worker failed"));
  worker.onmessage = ({ data }: MessageEvent<Uint8Array | null>) => {
    if (data) digested(data);
    waiting--;
    wake();
  };
  return {
    update: async (b) => {
      worker.postMessage(b);
      if (++waiting > most) await next();
    },
    digest: () =>
      new Promise((done, failed) => {
        broken = failed;
        digested = (b) => (worker.terminate(), done(b));
        worker.postMessage(null);
      }),
  };
}
