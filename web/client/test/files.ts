// Properties of what looks at files, and strips pictures: photographs are forwarded, and
// whoever made them may want the page of the one who shows them to us to stand still.

import { concat, unbase64, utf8 } from "../src/encoding";
import { type Finder, join, latin, tidy } from "../src/evidence/bytes";
import { exif, orientation } from "../src/evidence/exif";
import { inspect, type Finding, strip } from "../src/evidence/index";
import { xmp } from "../src/evidence/xml";
import { time, type Views } from "../src/ui/view";
import { equal } from "./checks";
import type { Vector as File } from "./evidence";
import type { Property } from "./properties";

// Letters and bytes that are gone through. Each letter of XMP is, for each of some sixty
// names; so are 5 MiB of a document, or a PNG, that were opened; and 64 streams of a PDF may share
// theirs.
const ofPicture = (size: number): number => (32 << 20) + 100 * size;
const ofDocument = (size: number): number => (400 << 20) + 100 * size;
const ofPDF = (size: number): number => (64 << 20) + 500 * size;

export function files(list: File[]): Property[] {
  const named = (word: RegExp): Uint8Array[] => list.filter((v) => word.test(v.name)).map((v) => unbase64(v.in));
  const whole = (kind: string): Uint8Array[] =>
    list.filter((v) => v.finding.type === kind && !v.error).map((v) => unbase64(v.in));
  const cut = (name: string, from: string): Uint8Array => {
    const b = named(new RegExp(`^${name}$`))[0]!;
    return b.slice(latin(b).indexOf(from));
  };
  const pictures = ["jpeg", "png", "webp"].flatMap((kind): Property[] => [
    { name: "strip " + kind, from: whole(kind), odd: [parts(whole(kind)[0]!, kind)], again: stripped, most: ofPicture },
    { name: kind, from: named(new RegExp("^" + kind)), again: looked, most: kind === "png" ? ofDocument : ofPicture, never: true },
  ]);
  return [
    ...pictures,
    { name: "pdf", from: named(/^pdf/), heavy: [streams(2000, 30_000)], again: looked, most: ofPDF, never: true },
    { name: "zip", from: named(/^(docx|xlsx|pptx|odt|office)/), heavy: [members(4090, 3000)], again: looked, most: ofDocument, never: true },
    { name: "EXIF", from: [cut("jpeg exif", "MM\0*"), cut("png exif", "MM\0*")], again: block, most: ofPicture, never: true },
    { name: "XMP", from: [cut("pdf xmp", "<"), cut("jpeg xmp", "<")], again: packet, most: ofPicture, never: true },
    { name: "kinds", from: named(/^other/), again: looked, most: ofPicture, never: true },
  ];
}

/** A picture of which nothing is told: it is hardly larger, and stays as it is if it is stripped again. */
async function stripped(b: Uint8Array): Promise<null> {
  const before = b.slice();
  const clean = strip(b);
  if (!equal(b, before)) throw new Error("the file is another one");
  if (!clean) return null;
  if (clean.length > b.length + 40) throw new Error(`${b.length} bytes became ${clean.length}`);
  const again = strip(clean);
  if (!again || !equal(again, clean)) throw new Error("stripping twice is not stripping once");
  const left = await inspect(new Blob([clean as BlobPart]));
  const tells = left.reveals.some((r) => r.what !== "other" || r.value !== "ICC");
  if (!left.strippable || left.unknown || tells) throw new Error("still tells " + JSON.stringify(left));
  return null;
}

/** Whatever a file is, what it tells fits on a page. */
async function looked(b: Uint8Array): Promise<null> {
  tells(await inspect(new Blob([b as BlobPart])));
  return null;
}

function tells({ reveals }: Pick<Finding, "reveals">): void {
  if (reveals.length > 32) throw new Error(`${reveals.length} things are told`);
  for (const { what, value } of reveals) {
    const fits = tidy(value) === value && [...value].length <= 101 && !/[\0-\x1f\x7f-\x9f]/.test(value);
    if (!fits || (!value && what !== "thumbnail")) throw new Error(`told as ${JSON.stringify(value)}`);
    time({ lang: "id" } as Views, value);
  }
}

const finder = (): Finder => ({ kind: "jpeg", found: [], unknown: false, inflates: 0, inflated: 0, looks: 0, lines: 0 });

function block(b: Uint8Array): null {
  const f = finder();
  exif(f, b);
  tells({ reveals: f.found });
  const up = orientation(b);
  if (!(up >= 1 && up <= 8)) throw new Error("orientation " + up);
  return null;
}

function packet(b: Uint8Array): null {
  const f = finder();
  xmp(f, b);
  tells({ reveals: f.found });
  return null;
}

/** A picture of more parts than are looked at: 70,000 of the smallest. */
function parts(picture: Uint8Array, kind: string): Uint8Array {
  const [at, part] = {
    jpeg: [2, [0xff, 0xfe, 0, 2]] as const,
    png: [33, [0, 0, 0, 0, 0x74, 0x65, 0x58, 0x74, 0, 0, 0, 0]] as const,
    webp: [12, [0x70, 0x72, 0x69, 0x76, 0, 0, 0, 0]] as const,
  }[kind]!;
  const many = join(Array.from({ length: 70_000 }, () => Uint8Array.from(part)));
  const b = concat(picture.subarray(0, at), many, picture.subarray(at));
  if (kind === "webp") new DataView(b.buffer).setUint32(4, b.length - 8, true);
  return b;
}

/** A PDF whose streams all end at the same place. */
function streams(times: number, size: number): Uint8Array {
  return utf8("%PDF-1.7\n" + "obj/Metadata/Fl stream ".repeat(times) + "x".repeat(size) + "endstream");
}

/** A document whose directory has one part, which is not packed, so many times. */
function members(times: number, size: number): Uint8Array {
  const entry = (name: string): Uint8Array => {
    const b = new Uint8Array(46);
    b.set(utf8("PK\x01\x02"));
    const v = new DataView(b.buffer);
    v.setUint32(20, size, true);
    v.setUint16(28, name.length, true);
    return concat(b, utf8(name));
  };
  const part = concat(utf8("PK\x03\x04"), new Uint8Array(26), utf8(" ".repeat(size)));
  const directory = join([entry("[Content_Types].xml"), ...Array.from({ length: times }, () => entry("meta.xml"))]);
  const end = new Uint8Array(22);
  end.set(utf8("PK\x05\x06"));
  new DataView(end.buffer).setUint32(12, directory.length, true);
  new DataView(end.buffer).setUint32(16, part.length, true);
  return concat(part, directory, end);
}
