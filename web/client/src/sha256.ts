// SHA-256 (FIPS 180-4) of long files. noble's costs more than the encryption beside
// it: this one, with its state in local variables, is five times as fast, and twice
// where scripts are interpreted. For all that is short noble's is used.

const constants = primes(64, 1 / 3);
const start = primes(8, 1 / 2);

export interface State {
  update(b: Uint8Array): void;
  digest(): Uint8Array;
}

export function create(): State {
  const sums = Int32Array.from(start);
  const words = new Int32Array(64);
  const held = new Uint8Array(64); // what does not fill a block yet
  let used = 0;
  let size = 0;
  const update = (b: Uint8Array): void => {
    size += b.length;
    let at = 0;
    if (used > 0) {
      at = Math.min(64 - used, b.length);
      held.set(b.subarray(0, at), used);
      if ((used += at) < 64) return;
      compress(sums, words, held);
    }
    const whole = at + ((b.length - at) & ~63);
    compress(sums, words, b.subarray(at, whole));
    held.set(b.subarray(whole));
    used = b.length - whole;
  };
  const digest = (): Uint8Array => {
    const end = new DataView(new ArrayBuffer(used < 56 ? 64 - used : 128 - used));
    end.setUint8(0, 0x80);
    end.setBigUint64(end.byteLength - 8, BigInt(size) * 8n);
    update(new Uint8Array(end.buffer));
    const out = new DataView(new ArrayBuffer(32));
    sums.forEach((sum, i) => out.setInt32(4 * i, sum));
    return new Uint8Array(out.buffer);
  };
  return { update, digest };
}

/** The first 32 bits of the fractions of roots of the first primes. */
function primes(count: number, power: number): Int32Array {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((p) => n % p)) found.push(n);
  return Int32Array.from(found, (p) => ((p ** power % 1) * 2 ** 32) | 0);
}

/** Takes in whole blocks. */
function compress(sums: Int32Array, w: Int32Array, b: Uint8Array): void {
  // One by one: taking an array apart costs as much as a quarter of a block.
  let s0 = sums[0] as number;
  let s1 = sums[1] as number;
  let s2 = sums[2] as number;
  let s3 = sums[3] as number;
  let s4 = sums[4] as number;
  let s5 = sums[5] as number;
  let s6 = sums[6] as number;
  let s7 = sums[7] as number;
  for (let at = 0; at < b.length; at += 64) {
    schedule(w, b, at);
    let v0 = s0;
    let v1 = s1;
    let v2 = s2;
    let v3 = s3;
    let v4 = s4;
    let v5 = s5;
    let v6 = s6;
    let v7 = s7;
    for (let i = 0; i < 64; i++) {
      const turned = ((v4 >>> 6) | (v4 << 26)) ^ ((v4 >>> 11) | (v4 << 21)) ^ ((v4 >>> 25) | (v4 << 7));
      const one = (v7 + turned + (v6 ^ (v4 & (v5 ^ v6))) + (constants[i] as number) + (w[i] as number)) | 0;
      const other = ((v0 >>> 2) | (v0 << 30)) ^ ((v0 >>> 13) | (v0 << 19)) ^ ((v0 >>> 22) | (v0 << 10));
      const two = (other + ((v0 & v1) ^ (v2 & (v0 ^ v1)))) | 0;
      v7 = v6;
      v6 = v5;
      v5 = v4;
      v4 = (v3 + one) | 0;
      v3 = v2;
      v2 = v1;
      v1 = v0;
      v0 = (one + two) | 0;
    }
    s0 = (s0 + v0) | 0;
    s1 = (s1 + v1) | 0;
    s2 = (s2 + v2) | 0;
    s3 = (s3 + v3) | 0;
    s4 = (s4 + v4) | 0;
    s5 = (s5 + v5) | 0;
    s6 = (s6 + v6) | 0;
    s7 = (s7 + v7) | 0;
  }
  sums.set([s0, s1, s2, s3, s4, s5, s6, s7]);
}

function schedule(w: Int32Array, b: Uint8Array, at: number): void {
  for (let i = 0, j = at; i < 16; i++, j += 4) {
    w[i] = ((b[j] as number) << 24) | ((b[j + 1] as number) << 16) | ((b[j + 2] as number) << 8) | (b[j + 3] as number);
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const early = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const late = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (early + late + (w[i - 7] as number) + (w[i - 16] as number)) | 0;
  }
}

/** Above this, holding a file costs more than hashing it in pieces. */
export const mostNative = 32 << 20;

/** What hashes a file of that size with the browser's own SHA-256, where there is one:
 * it is fast also where scripts are interpreted, but takes everything at once. */
export function native(size: number): { update(b: Uint8Array): void; digest(): Promise<Uint8Array> } | undefined {
  const subtle = crypto.subtle as SubtleCrypto | undefined; // missing outside secure contexts
  if (!subtle || size > mostNative) return undefined;
  const all = new Uint8Array(size);
  let at = 0;
  return {
    update: (b) => void all.set(b, (at += b.length) - b.length),
    digest: async () => new Uint8Array(await subtle.digest("SHA-256", all.subarray(0, at))),
  };
}
