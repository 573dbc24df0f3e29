// How fast a browser seals, beside what age-encryption does alone with the same
// bytes in the same run. Called by a page; Go's benchmark reports it.

import { Encrypter } from "age-encryption";
import { utf8 } from "../src/encoding";
import { seal } from "../src/item";
import * as roster from "../src/roster";
import { inPieces } from "../src/pieces";

type Way = (file: Blob) => Promise<void>;

/** The seconds that each way takes for so many bytes, a number for each round. */
export async function bench(vectors: any, size: number, rounds: number): Promise<Record<string, number[]>> {
  const v = vectors.roster;
  const circle = roster.circle(
    roster.parse(v.rosters[0].text), utf8(v.recipients_files[0].text), new Date(v.circle[0].time),
  );
  const recipient = circle.recipients[0] ?? "";
  const ways: Record<string, Way> = {
    typage: (file) => alone(file, recipient),
    seal: (file) => item(circle, file),
    pieces: digest,
    read: (file) => drain(streamOf(file)),
  };
  const file = blob(size);
  const taken: Record<string, number[]> = {};
  for (let i = 0; i < rounds; i++) {
    for (const [name, way] of Object.entries(ways)) {
      const began = performance.now();
      await way(file);
      (taken[name] ??= []).push((performance.now() - began) / 1000);
    }
  }
  return taken;
}

function blob(size: number): Blob {
  const piece = new Uint8Array(1 << 20);
  for (let at = 0; at < piece.length; at += 65536) crypto.getRandomValues(piece.subarray(at, at + 65536));
  return new Blob(Array.from({ length: Math.ceil(size / piece.length) }, () => piece)).slice(0, size);
}

const streamOf = (file: Blob): ReadableStream<Uint8Array> => file.stream() as ReadableStream<Uint8Array>;

async function drain(s: ReadableStream<Uint8Array>): Promise<void> {
  const reader = s.getReader();
  while (!(await reader.read()).done);
}

async function alone(file: Blob, recipient: string): Promise<void> {
  const e = new Encrypter();
  e.addRecipient(recipient);
  await drain(await e.encrypt(streamOf(file)));
}

async function item(circle: roster.Circle, file: Blob): Promise<void> {
  const readers = { withheld: [], province: "" };
  const content = { size: file.size, name: "a.bin", keepName: false, stream: () => streamOf(file) };
  const sealed = await seal(circle, new Uint8Array(14), 1, { kind: "attachment", language: "id", readers, file: content });
  await drain(await sealed.payload());
}

async function digest(file: Blob): Promise<void> {
  const pieces = inPieces({ size: file.size, stream: () => streamOf(file) });
  for await (const _ of pieces.pass());
  await pieces.digest();
}
