// Sharing a secret so that any k shares give it back: crypto/shamir. GF(2^8) with
// x^8 + x^4 + x^3 + x^2 + 1; a share is the polynomials' values at its number.

/** The shares of a secret with the numbers xs, distinct and 1 to 255, in their order. */
export function split(secret: Uint8Array, k: number, xs: number[]): Uint8Array[] {
  const numbered = xs.every((x) => Number.isInteger(x) && x >= 1 && x <= 255) && new Set(xs).size === xs.length;
  if (!numbered || k < 1 || k > xs.length || secret.length === 0) throw new RangeError("no such sharing");
  // That of the highest power first: getRandomValues gives up to 64 KiB at once, and these are small.
  const coefficients = Array.from({ length: k - 1 }, () => crypto.getRandomValues(new Uint8Array(secret.length)));
  return xs.map((x) => evaluate(secret, coefficients, x));
}

export function evaluate(secret: Uint8Array, coefficients: Uint8Array[], x: number): Uint8Array {
  return secret.map((s, i) => s ^ coefficients.reduce((y, c) => mul(y ^ (c[i] ?? 0), x), 0));
}

/** What the shares are shares of, if they are enough and right. */
export function combine(shares: { x: number; y: Uint8Array }[]): Uint8Array {
  const size = shares[0]?.y.length ?? 0;
  const xs = shares.map((s) => s.x);
  const even = shares.every((s) => s.x > 0 && s.y.length === size);
  if (!even || size === 0 || new Set(xs).size !== xs.length) throw new RangeError("no such shares");
  const secret = new Uint8Array(size);
  shares.forEach((s, i) => {
    const w = weight(xs, i);
    for (let j = 0; j < size; j++) secret[j] = (secret[j] ?? 0) ^ mul(w, s.y[j] ?? 0);
  });
  return secret;
}

/** What the i-th share is multiplied with: Lagrange's polynomial at 0. */
function weight(xs: number[], i: number): number {
  const own = xs[i] ?? 0;
  const others = xs.filter((_, j) => j !== i);
  return others.reduce((w, x) => mul(w, mul(x, inverse(x ^ own))), 1);
}

/** Multiplies bit by bit: nothing branches on a bit, and nothing is looked up. */
export function mul(a: number, b: number): number {
  let product = 0;
  for (let i = 0; i < 8; i++) {
    product ^= a & -(b & 1);
    a = ((a << 1) ^ (0x11d & -(a >> 7))) & 255;
    b >>= 1;
  }
  return product;
}

/** 1/a, which is a^254. That of 0 is 0. */
export function inverse(a: number): number {
  let power = a;
  let product = 1;
  for (let i = 0; i < 7; i++) {
    power = mul(power, power);
    product = mul(product, power);
  }
  return product;
}
