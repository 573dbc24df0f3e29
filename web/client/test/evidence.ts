// The vectors of web/evidence, held against its twin.

import { base64, unbase64 } from "../src/encoding";
import { type Finding, inspect, strip } from "../src/evidence/index";
import { checks, outcome, type Report } from "./checks";

export interface Vector {
  name: string;
  in: string;
  clean?: string;
  error?: "kind" | "damaged";
  finding: Finding;
}

/** Runs all vectors of the file, parsed. */
export async function evidence(list: Vector[]): Promise<Report> {
  const c = checks();
  for (const v of list) {
    const file = unbase64(v.in);
    const found = await inspect(new Blob([file as BlobPart]), "berkas.bin");
    c.same(v.name + ": finding", found, v.finding);
    const failed = await outcome(() => strip(file));
    c.same(v.name + ": failure", failed, v.error === "damaged" ? "picture_damaged" : "");
    if (failed) continue;
    const stripped = strip(file);
    c.same(v.name + ": stripped", stripped && base64(stripped.clean), v.clean ?? null);
    if (stripped) c.same(v.name + ": twice", strip(stripped.clean), stripped);
    if (stripped) c.same(v.name + ": input", base64(file), v.in);
  }
  await byName(c);
  return { checks: c.checks, failed: c.failed };
}

/** Where the bytes say nothing, the name may. */
async function byName(c: ReturnType<typeof checks>): Promise<void> {
  for (const [name, want] of [["a.MP3", "audio"], ["a.heic", "picture"], ["b.doc", "document"], ["d.jpg", "unknown"]]) {
    c.same("name " + name, (await inspect(new Blob(["xyz"]), name!)).type, want);
  }
}
