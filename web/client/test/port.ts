// What the script takes from a server's answers.

import { bytesIn, reading } from "../src/ui/port";
import { checks, type Report } from "./checks";

/** A server's word is not taken for a number or a text of the page's own. */
export function port(): Report {
  const c = checks();
  for (const [header, want] of [["0", 0], ["4194304", 4194304], ["9999999999999999", 1e16]] as const) {
    c.same(header, bytesIn(header), want);
  }
  for (const none of [null, "", "x", "-1", "1.5", "1e3", "0x10", " 1", "12345678901234567", "Infinity"]) {
    c.same(`offset ${none}`, bytesIn(none), null);
  }
  c.same("a known error", reading({ error: "busy", minutes: 3 }), { error: "busy", minutes: 3 });
  for (const error of ["cancelled", "roots", "no_reader", "file_number_used", "busy\n", "", 7, null]) {
    c.same(`error ${error}`, reading({ error, minutes: "3", more: 1 }), { error: "internal" });
  }
  for (const said of [null, 7, "busy", []]) c.same(`error ${said}`, reading(said), { error: "internal" });
  return { checks: c.checks, failed: c.failed };
}
