// Stands in the bundle in place of the NIST curves and of scrypt, which
// age-encryption brings for recipients that nothing is ever sealed to here: a third
// of its weight, and curves that would be set up at every start. Whatever asks for
// them fails.

function refuse(): never {
  throw new Error("only hybrid recipients");
}

const curve = {
  lengths: {},
  utils: { randomSecretKey: refuse },
  getPublicKey: refuse,
  getSharedSecret: refuse,
  encapsulate: refuse,
};

export { curve as p256, curve as p384, refuse as scrypt };
