// SHA-256 of a file in a worker, beside the thread that encrypts. The worker is the
// same script; the policy "saksi" lets its address through, and no other.

import { type Hasher, hasher as onThisThread } from "../item";
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

/** Returns what makes hashers in workers, or nothing where there are none. To be
 * called once: a policy cannot be made twice. */
export function hashers(script: string): (() => Hasher) | undefined {
  if (!script || typeof Worker === "undefined") return undefined;
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  const ours = (url: string): string => {
    if (url !== script) throw new TypeError(url);
    return url;
  };
  try {
    const url = trustedTypes ? trustedTypes.createPolicy("saksi", { createScriptURL: ours }).createScriptURL(script) : script;
    return () => hasher(new Worker(url as string));
  } catch {
    return undefined; // no policy: this thread does it
  }
}

/** A hasher in a worker. If that does not start, what it was given is hashed here. */
function hasher(worker: Worker): Hasher {
  let waiting = 0;
  let wake = () => {};
  let early: Uint8Array[] | null = []; // until the worker answers
  let here: Hasher | undefined;
  let digest: Uint8Array | null = null;
  let broken = false;
  worker.onerror = () => {
    if (early) {
      here = onThisThread();
      for (const b of early) void here.update(b);
    } else broken = true;
    wake();
  };
  worker.onmessage = ({ data }: MessageEvent<Uint8Array | null>) => {
    early = null;
    digest = data;
    waiting--;
    wake();
  };
  const next = async () => {
    if (!broken) await new Promise<void>((done) => (wake = done));
    if (broken) throw new Error("the worker failed");
  };
  return {
    update: async (b) => {
      if (here) return here.update(b);
      early?.push(b.slice());
      worker.postMessage(b);
      if (++waiting > most) await next();
    },
    digest: async () => {
      worker.postMessage(null);
      while (!here && !digest) await next();
      worker.terminate();
      return here ? here.digest() : (digest as Uint8Array);
    },
  };
}
