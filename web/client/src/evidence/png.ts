// PNG: its chunks, what they tell, and those that show the picture.

import {
  add, cut, type Finder, inflate, join, latin, MAX_PARTS, rest, text, tidy, unlatin, view, type What,
} from "./bytes";
import { u32 } from "../encoding";
import { exif, minimal, orientation } from "./exif";
import { xmp } from "./xml";

interface Chunk {
  name: string;
  body: Uint8Array;
  whole: Uint8Array;
  animated: boolean; // an animation was announced before it
}

/** The chunks, and where the picture ends: -1 if it is damaged. */
function split(b: Uint8Array): [Chunk[], number] {
  const list: Chunk[] = [];
  const v = view(b);
  let animated = false;
  for (let at = 8; list.length < MAX_PARTS && at + 12 <= b.length; ) {
    const end = at + 12 + v.getUint32(at);
    if (end > b.length) break;
    const name = latin(b.subarray(at + 4, at + 8));
    animated ||= name === "acTL";
    list.push({ name, body: b.subarray(at + 8, end - 4), whole: b.subarray(at, end), animated });
    if (name === "IEND") return [list, end];
    at = end;
  }
  return [list, -1];
}

const keeps = "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD cICP mDCV cLLI acTL fcTL fdAT".split(" ");

/** Whether a chunk is kept; undefined if it is not understood. */
function kept({ name, body, animated }: Chunk): boolean | undefined {
  if (name === "fcTL" || name === "fdAT") return animated;
  if (keeps.includes(name)) return name === "IEND" && body.length > 0 ? undefined : true;
  if ((name.charCodeAt(0) & 0x20) === 0) return undefined;
  // How large a pixel is tells of the screen. That it is no square is seen.
  return name === "pHYs" && body.length === 9 && String(body.subarray(0, 4)) !== String(body.subarray(4, 8));
}

function crc(b: Uint8Array): number {
  let c = -1;
  for (const byte of b) {
    c ^= byte;
    for (let i = 0; i < 8; i++) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
  }
  return ~c >>> 0;
}

export function stripPNG(b: Uint8Array): Uint8Array | null {
  const [list, end] = split(b);
  const head = list[0];
  if (end < 0 || head?.name !== "IHDR" || head.body.length !== 13) return null;
  const block = list.find((c) => c.name === "eXIf");
  const up = block ? orientation(block.body) : 1;
  const out = [b.subarray(0, 8)];
  for (const c of list) {
    const keep = kept(c);
    if (keep === undefined) return null;
    if (keep) out.push(c.whole);
    if (c === head && up > 1) {
      const body = join([unlatin("eXIf"), minimal(up)]);
      out.push(u32(26), body, u32(crc(body)));
    }
  }
  return join(out);
}

export async function png(f: Finder, b: Uint8Array): Promise<void> {
  const [list, end] = split(b);
  f.unknown = end < 0;
  for (const c of list) {
    const keep = kept(c);
    if (keep === undefined) f.unknown = true;
    if (!keep) await tell(f, c);
    else if (c.name === "iCCP") add(f, "other", "ICC");
  }
  if (end >= 0) rest(f, b.length - end);
}

async function tell(f: Finder, { name, body }: Chunk): Promise<void> {
  if (["tEXt", "zTXt", "iTXt"].includes(name)) return note(f, name, body);
  if (name === "eXIf") return exif(f, body);
  if (name !== "tIME") return add(f, "other", text(unlatin(name)));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [high, low, month, day, ...clock] = body;
  if (body.length !== 7) return add(f, "time", name);
  const year = String(high! * 256 + low!).padStart(4, "0");
  add(f, "time", `${year}-${two(month!)}-${two(day!)} ${clock.map(two).join(":")}`);
}

const words: Record<string, What> = {
  author: "author",
  copyright: "author",
  artist: "author",
  software: "software",
  title: "title",
  description: "comment",
  comment: "comment",
  source: "camera",
  "creation time": "time",
  "date:create": "time",
  "date:modify": "time",
};

/** What a chunk of text says, which has a key word and perhaps is compressed. */
async function note(f: Finder, name: string, body: Uint8Array): Promise<void> {
  let [word, value] = cut(body);
  let packed = name === "zTXt";
  if (packed) value = value.subarray(1);
  if (name === "iTXt" && value.length >= 2) {
    packed = value[0] === 1;
    value = cut(cut(value.subarray(2))[1])[1];
  }
  if (packed) value = await inflate(f, value, "deflate");
  const key = tidy(text(word.subarray(0, 4096)));
  const what = Object.hasOwn(words, key.toLowerCase()) ? words[key.toLowerCase()] : undefined;
  if (key === "XML:com.adobe.xmp") xmp(f, value);
  else add(f, what ?? "other", (what ? "" : key + ": ") + text(value.subarray(0, 4096)));
}

