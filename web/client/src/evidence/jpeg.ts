// JPEG: its segments, what they tell, and those that show the picture.

import {
  add, dateless, type Finder, join, latin, MAX_PARTS, orName, profile, rest, starts, text, unlatin, type What,
} from "./bytes";
import { EXIF, exif, minimal, orientation } from "./exif";
import { xmp } from "./xml";

interface Segment {
  marker: number;
  body: Uint8Array;
  scan: Uint8Array; // coded pixels behind it
}

/** The segments, and where the picture ends: -1 if it is damaged. */
function split(b: Uint8Array): [Segment[], number] {
  const list: Segment[] = [];
  for (let at = 2; list.length < MAX_PARTS; ) {
    while (b[at] === 0xff && b[at + 1] === 0xff) at++;
    const marker = b[at + 1];
    if (b[at] !== 0xff || marker === undefined) break;
    if (marker === 0xd9) return [list, at + 2];
    const size = (b[at + 2]! << 8) | b[at + 3]!;
    const end = at + 2 + size;
    if (at + 4 > b.length || size < 2 || end > b.length) break;
    const next = marker === 0xda ? scanEnd(b, end) : end;
    list.push({ marker, body: b.subarray(at + 4, end), scan: b.subarray(end, next) });
    at = next;
  }
  return [list, -1];
}

function scanEnd(b: Uint8Array, at: number): number {
  for (;;) {
    at = b.indexOf(0xff, at);
    const m = b[at + 1];
    if (at < 0 || m === undefined) return b.length;
    if (m === 0 || (m >= 0xd0 && m <= 0xd7)) at += 2;
    else if (m === 0xff) at++;
    else return at;
  }
}

/** What is kept of a segment; null for nothing, undefined for what is not understood. */
function kept({ marker: m, body }: Segment): Uint8Array | null | undefined {
  if (m === 0xe0 && starts(body, "JFIF\0")) {
    return body.length < 14 ? undefined : join([body.subarray(0, 12), new Uint8Array(2)]);
  }
  if (m === 0xee && starts(body, "Adobe") && body.length >= 12) return body.subarray(0, 12);
  if (m === 0xe2 && starts(body, "ICC_PROFILE\0")) return body[12]! > 1 ? body : dateless(body, 14);
  if ((m >= 0xe0 && m <= 0xef) || m === 0xfe) return null;
  return fits(m, body) ? body : undefined;
}

/** Whether a segment belongs to coding that is known, and is as long as its own counts say. */
function fits(m: number, b: Uint8Array): boolean {
  let at = 0;
  if (m === 0xc4 || m === 0xdb) {
    while (at < b.length && !(b[at]! & 0xec)) {
      at += m === 0xc4 ? b.subarray(at + 1, at + 17).reduce((n, x) => n + x, 17) : 65 + (b[at]! >> 4) * 64;
    }
  } else if (m === 0xda) at = 4 + 2 * b[0]!;
  else if (m === 0xdc || m === 0xdd) at = 2;
  else if (m === 0xcc) at = b.length & 14;
  else at = (m & 0xf4) === 0xc0 && m !== 0xc8 ? 6 + 3 * b[5]! : -1;
  return at === b.length;
}

const isEXIF = (s: Segment): boolean => s.marker === 0xe1 && starts(s.body, EXIF);

function segment(marker: number, body: Uint8Array): Uint8Array {
  const size = body.length + 2;
  return join([Uint8Array.of(0xff, marker, size >> 8, size), body]);
}

export function stripJPEG(b: Uint8Array): Uint8Array | null {
  const [list, end] = split(b);
  if (end < 0 || !list.some((s) => s.marker === 0xda)) return null;
  const first = list.find(isEXIF);
  const up = first ? orientation(first.body) : 1;
  let block = up > 1 ? [segment(0xe1, join([unlatin(EXIF), minimal(up)]))] : [];
  const out: Uint8Array[] = [Uint8Array.of(0xff, 0xd8)];
  let jfif = false;
  for (const s of list) {
    const body = kept(s);
    if (body === undefined) return null;
    const isJFIF = s.marker === 0xe0;
    if (body === null || (isJFIF && jfif)) continue;
    if (!isJFIF || out.length > 1) block = (out.push(...block), []); // JFIF stands first, where there is one
    out.push(segment(s.marker, body), s.scan);
    jfif ||= isJFIF;
  }
  return join([...out, Uint8Array.of(0xff, 0xd9)]);
}

export function jpeg(f: Finder, b: Uint8Array): void {
  const [list, end] = split(b);
  f.unknown = end < 0;
  for (const s of list) tell(f, s);
  if (end >= 0) rest(f, b.length - end);
}

function tell(f: Finder, s: Segment): void {
  const body = kept(s);
  const { marker: m } = s;
  if (body === undefined) f.unknown = true;
  if (body && m === 0xe2) return profile(f, body.subarray(14));
  if (body?.length === s.body.length) return;
  if (body && m === 0xe0) add(f, "thumbnail");
  else if (isEXIF(s)) exif(f, s.body);
  else if (m === 0xe1 && starts(s.body, "http://ns.adobe.com/x")) xmp(f, s.body);
  else if (m === 0xed) orName(f, "APP13", () => iptc(f, s.body));
  else if (m === 0xfe) add(f, "comment", text(s.body));
  else if (m >= 0xe0 && m <= 0xef) add(f, "other", "APP" + (m - 0xe0));
}

const notes: [What, ...number[]][] = [
  ["title", 5, 105],
  ["comment", 40, 120],
  ["time", 55],
  ["software", 65],
  ["author", 80, 85, 110, 115, 116, 122],
  ["place", 90, 92, 95, 101],
];

/** What the press's notes tell, in Photoshop's block. */
function iptc(f: Finder, b: Uint8Array): void {
  const s = latin(b);
  for (let at = s.indexOf("\x1c\x02"); at >= 0; at = s.indexOf("\x1c\x02", at)) {
    const what = notes.find((of) => of.indexOf(b[at + 2]!) > 0)?.[0];
    const end = at + 5 + ((b[at + 3]! << 8) | b[at + 4]!);
    if (what && end <= b.length) {
      add(f, what, text(b.subarray(at + 5, end)));
      at = end;
    } else at++;
  }
}
