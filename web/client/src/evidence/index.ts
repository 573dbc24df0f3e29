// What a file tells about whoever made it, and pictures without it: the twin of
// web/evidence, which says what is looked at, what is kept, and why. The vectors in its
// testdata hold the two to each other.

import { Failure } from "../failure";
import { type Finder, join, type Kind, latin, MAX_PICTURE, type Reveal } from "./bytes";
import { jpeg, stripJPEG } from "./jpeg";
import { pdf } from "./pdf";
import { png, stripPNG } from "./png";
import { stripWebP, webp } from "./webp";
import { zip } from "./zip";

export { type Kind, MAX_PICTURE, type Reveal, type What } from "./bytes";

export interface Finding {
  type: Kind;
  reveals: Reveal[];
  /** By strip: a type that it knows, and not too large. */
  strippable: boolean;
  /** There may be more that cannot be seen here. */
  unknown: boolean;
}

const magics: [number, string, Kind][] = [
  [0, "\xff\xd8\xff", "jpeg"],
  [0, "\x89PNG\r\n\x1a\n", "png"],
  [8, "WEBP", "webp"],
  [0, "PK\x03\x04", "archive"],
  [4, "ftyphe", "picture"], [4, "ftypmif1", "picture"], [4, "ftypavi", "picture"],
  [0, "GIF8", "picture"], [0, "II*\0", "picture"], [0, "MM\0*", "picture"],
  [4, "ftypM4A", "audio"], [4, "ftyp", "video"], [0, "\x1aE\xdf\xa3", "video"], [8, "AVI ", "video"],
  [8, "WAVE", "audio"], [0, "ID3", "audio"], [0, "OggS", "audio"], [0, "fLaC", "audio"], [0, "#!AMR", "audio"],
  [0, "\xd0\xcf\x11\xe0", "document"], [0, "{\\rtf", "document"],
  [0, "Rar!", "archive"], [0, "7z\xbc\xaf", "archive"], [0, "\x1f\x8b", "archive"],
  [0, "age-encryption.org/", "sealed"], [0, "-----BEGIN AGE ENCRYPTED FILE", "sealed"],
];

const extensions: [Kind, RegExp][] = [
  ["picture", /\.(bmp|gif|heic|heif|avif|tif|tiff|dng|svg)$/i],
  ["video", /\.(mp4|mov|3gp|mkv|avi|webm|mpg|mpeg)$/i],
  ["audio", /\.(mp3|aac|m4a|amr|opus|ogg|wav|wma)$/i],
  ["document", /\.(doc|xls|ppt|rtf)$/i],
];

/** The kind of a file by its first bytes; by its name only where they say nothing. */
function sniff(head: string, name: string): Kind {
  const magic = magics.find(([at, bytes]) => head.startsWith(bytes, at));
  if (magic) return magic[2];
  if (head.includes("%PDF-")) return "pdf";
  return extensions.find(([, ending]) => ending.test(name))?.[0] ?? "unknown";
}

const strippers: Partial<Record<Kind, (b: Uint8Array) => Uint8Array | null>> = {
  jpeg: stripJPEG,
  png: stripPNG,
  webp: stripWebP,
};

/** Says what a file tells. */
export async function inspect(file: Blob, name: string): Promise<Finding> {
  const read = async (at: number, n: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(at, at + Math.min(n, MAX_PICTURE)).arrayBuffer());
  const kind = sniff(latin(await read(0, 1024)), name);
  const f: Finder = { kind, found: [], unknown: false, inflates: 0, inflated: 0, looks: 0, lines: 0 };
  if (kind === "jpeg") jpeg(f, await read(0, MAX_PICTURE));
  else if (kind === "png") await png(f, await read(0, MAX_PICTURE));
  else if (kind === "webp") webp(f, await read(0, MAX_PICTURE));
  else if (kind === "archive") await zip(f, read, file.size);
  else if (kind === "pdf" && file.size <= MAX_PICTURE) await pdf(f, await read(0, MAX_PICTURE), true);
  else if (kind === "pdf") await pdf(f, join([await read(0, HALF), await read(file.size - HALF, HALF)]), false);
  else f.unknown = true;
  const strippable = kind in strippers && file.size <= MAX_PICTURE;
  return { type: f.kind, reveals: f.found, strippable, unknown: f.unknown };
}

const HALF = MAX_PICTURE / 2;

/**
 * A picture without what is not needed to show it, or null for another kind of file. A
 * picture that is damaged or not understood is a failure: it must not be sent as if it
 * were stripped.
 */
export function strip(b: Uint8Array): { kind: "jpeg" | "png" | "webp"; clean: Uint8Array } | null {
  const kind = sniff(latin(b.subarray(0, 1024)), "");
  if (kind !== "jpeg" && kind !== "png" && kind !== "webp") return null;
  const clean = strippers[kind]?.(b);
  if (!clean) throw new Failure("picture_damaged");
  return { kind, clean };
}
