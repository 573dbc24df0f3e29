// WebP: its chunks, what they tell, and those that show the picture.

import {
  add, dateless, type Finder, join, latin, MAX_PARTS, profile, rest, starts, text, unlatin, view,
} from "./bytes";
import { exif, minimal, orientation } from "./exif";
import { xmp } from "./xml";

interface Chunk {
  name: string;
  body: Uint8Array;
}

/** Chunks that follow each other to the end, and whether they do. */
function split(b: Uint8Array): [Chunk[], boolean] {
  const list: Chunk[] = [];
  const v = view(b);
  for (let at = 0; at < b.length; ) {
    const size = at + 8 > b.length || list.length === MAX_PARTS ? Infinity : v.getUint32(at + 4, true);
    const end = at + 8 + size + (size % 2);
    if (!(end <= b.length)) return [list, false];
    list.push({ name: latin(b.subarray(at, at + 4)), body: b.subarray(at + 8, at + 8 + size) });
    at = end;
  }
  return [list, true];
}

/** The chunks of a file, whether it is whole, and how many bytes follow it. */
function file(b: Uint8Array): [Chunk[], boolean, number] {
  if (b.length < 12 || !starts(b, "RIFF")) return [[], false, 0];
  const end = view(b).getUint32(4, true) + 8;
  if (end < 12 || end > b.length) return [split(b.subarray(12))[0], false, 0];
  return [...split(b.subarray(12, end)), b.length - end];
}

const inFrames = ["ALPH", "VP8 ", "VP8L"];
const keeps = ["VP8X", "ICCP", "ANIM", "ANMF", ...inFrames];

function chunk(name: string, body: Uint8Array): Uint8Array {
  const size = new Uint8Array(4);
  view(size).setUint32(0, body.length, true);
  return join([unlatin(name), size, body, new Uint8Array(body.length % 2)]);
}

export function stripWebP(b: Uint8Array): Uint8Array | null {
  const [list, whole] = file(b);
  if (!whole || !list.some((c) => ["ANMF", "VP8 ", "VP8L"].includes(c.name))) return null;
  const block = list[0]?.name === "VP8X" && list.find((c) => c.name === "EXIF");
  const up = block ? orientation(block.body) : 1;
  const out = [unlatin("RIFF\0\0\0\0WEBP")];
  for (const c of list) {
    if (!keeps.includes(c.name)) continue;
    const body = cleaned(c, up);
    if (!body) return null;
    out.push(chunk(c.name, body));
  }
  if (up > 1) out.push(chunk("EXIF", minimal(up)));
  const clean = join(out);
  view(clean).setUint32(4, clean.length - 8, true);
  return clean;
}

/** A chunk's content without what is not needed; null if it is damaged. */
function cleaned({ name, body }: Chunk, up: number): Uint8Array | null {
  if (name === "ANMF") return frame(body);
  if (name === "ICCP") return dateless(body, 0);
  if (name !== "VP8X") return body;
  if (body.length < 10) return null;
  const head = body.slice(0, 10);
  head[0] = (head[0]! & 0x32) | (up > 1 ? 0x08 : 0);
  return head.fill(0, 1, 4);
}

function frame(b: Uint8Array): Uint8Array | null {
  const [list, whole] = split(b.subarray(16));
  if (b.length < 16 || !whole) return null;
  return join([b.subarray(0, 16), ...list.filter((c) => inFrames.includes(c.name)).map((c) => chunk(c.name, c.body))]);
}

export function webp(f: Finder, b: Uint8Array): void {
  const [list, whole, behind] = file(b);
  f.unknown = !whole;
  for (const c of list) {
    if (c.name === "EXIF") exif(f, c.body);
    else if (c.name === "XMP ") xmp(f, c.body);
    else if (c.name === "ICCP") profile(f, c.body);
    else if (c.name === "ANMF") others(f, split(c.body.subarray(16))[0], inFrames);
    else others(f, [c], keeps);
  }
  rest(f, behind);
}

function others(f: Finder, list: Chunk[], known: string[]): void {
  for (const c of list) if (!known.includes(c.name)) add(f, "other", text(unlatin(c.name)));
}
