// What the tests count and say. No API of node: the same bundle runs in a page.

import { Failure } from "../src/failure";

export interface Report {
  checks: number;
  failed: string[];
}

export interface Checks extends Report {
  that(about: string, holds: boolean): void;
  same(about: string, got: unknown, want: unknown): void;
  /** That f fails with this key; with "", that it succeeds; with "refused", that it is malformed. */
  fails(about: string, key: string, f: () => unknown): Promise<void>;
}

export function checks(): Checks {
  const c: Checks = {
    checks: 0,
    failed: [],
    that(about, holds) {
      c.checks++;
      if (!holds) c.failed.push(about);
    },
    same(about, got, want) {
      const [g, w] = [spell(got), spell(want)];
      c.that(g === w ? about : `${about}: got ${g.slice(0, 300)}, want ${w.slice(0, 300)}`, g === w);
    },
    async fails(about, key, f) {
      c.same(about, await outcome(f), key === "refused" ? "malformed" : key);
    },
  };
  return c;
}

/** The key of the failure of f, "" if there is none, or what else it threw. */
export async function outcome(f: () => unknown): Promise<string> {
  try {
    await f();
    return "";
  } catch (e) {
    return e instanceof Failure ? e.key : "exception: " + String(e);
  }
}

function spell(v: unknown): string {
  return JSON.stringify(v, (_, x) => (typeof x === "bigint" ? String(x) : x)) ?? "undefined";
}

/** Whether both hold the same bytes. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
