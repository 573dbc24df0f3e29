// How fast this browser seals. Where compilers are off it is a hundredth of the usual,
// and a person with a large file should know before he waits.

import { generate, sealStream } from "../hybrid";

const trialSize = 192 << 10;
const slowBelow = 4e6; // bytes a second

export const slow = (perSecond: number): boolean => perSecond < slowBelow;

let measured: Promise<number> | undefined;

/** Bytes a second, measured once; the first round only warms up. */
export function speed(): Promise<number> {
  return (measured ??= trial().then(trial));
}

async function trial(): Promise<number> {
  const { recipient } = await generate();
  const plain = new Blob([new Uint8Array(trialSize)]).stream() as ReadableStream<Uint8Array>;
  const sealed = (await sealStream(plain, recipient)).getReader();
  const began = performance.now();
  while (!(await sealed.read()).done);
  return (1000 * trialSize) / Math.max(1, performance.now() - began);
}
