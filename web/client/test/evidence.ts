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

/** Kinds that are not looked into: only Go tells them apart. (Of archives, some.) */
const nameless: string[] = ["picture", "video", "audio", "document", "archive"];

/** Runs all vectors of the file, parsed. */
export async function evidence(list: Vector[]): Promise<Report> {
  const c = checks();
  for (const v of list) {
    const file = unbase64(v.in);
    const found = await inspect(new Blob([file as BlobPart]));
    const { type } = v.finding;
    if (found.type === "unknown" && nameless.includes(type)) found.type = type;
    c.same(v.name + ": finding", found, v.finding);
    const failed = await outcome(() => strip(file));
    c.same(v.name + ": failure", failed, v.error === "damaged" ? "picture_damaged" : "");
    if (failed) continue;
    const stripped = strip(file);
    c.same(v.name + ": stripped", stripped && base64(stripped), v.clean ?? null);
    if (stripped) c.same(v.name + ": twice", strip(stripped), stripped);
    if (stripped) c.same(v.name + ": input", base64(file), v.in);
  }
  return { checks: c.checks, failed: c.failed };
}
