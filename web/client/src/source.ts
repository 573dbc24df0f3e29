// A stream, so many bytes at a time.

import { Failure } from "./failure";

export interface Source {
  reader: ReadableStreamDefaultReader<Uint8Array>;
  held: Uint8Array; // read and not yet taken
}

export function source(stream: ReadableStream<Uint8Array>): Source {
  return { reader: stream.getReader(), held: new Uint8Array(0) };
}

/** The next bytes, in an array of their own. Throws Failure "size" if there are fewer. */
export async function take(from: Source, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const slice = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    if (!(await more(from))) throw new Failure("size");
    const part = from.held.subarray(0, size - at);
    slice.set(part, at);
    at += part.length;
    from.held = from.held.subarray(part.length);
  }
  return slice;
}

/** Whether there are more bytes. */
async function more(from: Source): Promise<boolean> {
  while (from.held.length === 0) {
    const { done, value } = await from.reader.read();
    if (done) return false;
    from.held = value;
  }
  return true;
}

export function close(from: Source): Promise<void> {
  return from.reader.cancel().catch(() => undefined);
}
