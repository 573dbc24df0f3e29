// What the end of an address names.

import { Failure } from "../src/failure";
import { named } from "../src/ui/site";
import { checks, type Report } from "./checks";

const pin = "k7qa-2mfe-x4d4-tt6p-b3rw";

/** A fingerprint with a slip is never taken for none: the site would go unchecked. */
export function site(): Report {
  const c = checks();
  const name = (hash: string) => {
    const got = named(hash, (id) => id === "readers" || id === pin);
    return got instanceof Failure ? got.key : got;
  };
  const spellings = ["", ".", "%20", "/"].map((end) => pin + end);
  for (const typed of [...spellings, pin.toUpperCase(), pin.replaceAll("-", ""), pin.replaceAll("-", "%20")]) {
    c.same(typed, name("#" + typed), pin);
  }
  for (const slip of [pin.slice(1), pin + "a", pin.replace("7", "1"), "x", "-", "%", "readers2"]) {
    c.same(slip, name("#" + slip), "pin");
  }
  for (const none of ["", "#", "#readers"]) c.same(none, name(none), "");
  return { checks: c.checks, failed: c.failed };
}
