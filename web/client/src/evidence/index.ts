// What a file tells about whoever made it, and pictures without it: the twin of
// web/evidence, which says what is looked at, what is kept, and why. The vectors in its
// testdata hold the two to each other. Kinds that neither looks into have no names here.

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
  [0, "age-encryption.org/", "sealed"], [0, "-----BEGIN AGE ENCRYPTED FILE", "sealed"],
];

/** Files that are not looked into, of whatever kind: the page says the same of all. */
const others =
  /^(.{4}ftyp|.{8}(AVI |WAVE)|GIF8|II\*\0|MM\0\*|\x1aE\xdf\xa3|ID3|OggS|fLaC|#!AMR|\xd0\xcf\x11\xe0|{\\rtf|Rar!|7z\xbc\xaf|\x1f\x8b)/s;

/** The kind of a file by its first bytes. */
function sniff(head: string): Kind {
  const magic = magics.find(([at, bytes]) => head.startsWith(bytes, at));
  if (magic) return magic[2];
  return head.includes("%PDF-") && !others.test(head) ? "pdf" : "unknown";
}

const strippers: Partial<Record<Kind, (b: Uint8Array) => Uint8Array | null>> = {
  jpeg: stripJPEG,
  png: stripPNG,
  webp: stripWebP,
};

/** Says what a file tells. */
export async function inspect(file: Blob): Promise<Finding> {
  const read = async (at: number, n: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(at, at + Math.min(n, MAX_PICTURE)).arrayBuffer());
  const kind = sniff(latin(await read(0, 1024)));
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
export function strip(b: Uint8Array): Uint8Array | null {
  const stripper = strippers[sniff(latin(b.subarray(0, 1024)))];
  if (!stripper) return null;
  const clean = stripper(b);
  if (!clean) throw new Failure("picture_damaged");
  return clean;
}
