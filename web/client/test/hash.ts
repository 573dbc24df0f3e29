// SHA-256 of files, held against a known value and the browser's own, at every length
// around a block's and in pieces of every size.

import { sha256 } from "@noble/hashes/sha2.js";
import { hex } from "../src/encoding";
import { create } from "../src/sha256";
import { type Checks, checks, type Report } from "./checks";

export async function hashes(long: boolean): Promise<Report> {
  const c = checks();
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  c.same("nothing", hex(create().digest()), empty);
  for (let size = 0; size < 300; size++) {
    const b = crypto.getRandomValues(new Uint8Array(size));
    const own = new Uint8Array(await crypto.subtle.digest("SHA-256", b));
    for (const piece of [1, 3, 63, 64, 65, 128, 300]) {
      const h = create();
      for (let at = 0; at < size; at += piece) h.update(b.subarray(at, at + piece));
      c.same(`${size} bytes by ${piece}`, hex(h.digest()), hex(own));
    }
    c.same(`${size} bytes by noble`, hex(sha256(b)), hex(own));
  }
  if (long) zeros(c);
  return { checks: c.checks, failed: c.failed };
}

/** More than 2^29 bytes have more than 2^32 bits. */
function zeros(c: Checks): void {
  const h = create();
  const some = new Uint8Array(1 << 20);
  for (let i = 0; i < 513; i++) h.update(some);
  c.same("513 MiB of zeros", hex(h.digest()), "a3e2acbb469e4e59dde406f912e754c933c1ac0fb0092a3634d61d5073309c0c");
}
