// Package crypto has no code of its own. Below it stand the formats of the
// drop, one package each: receipt (the twelve words and all that follows from
// them), hybrid (age files to post-quantum recipients), sign (signed notes),
// roster and reviewer (who may read), item (what a reporter sends), parcel (how
// it is handed in, and what is asked for), reply (what a reviewer answers), batch
// and outbox (what travels between server and desk), canary (by which a lost key
// is noticed), share and shamir (an item under a quorum), paper and frames (what
// passes over paper and QR codes), pass (who may carry it over Tor) and week (the
// only clock).
//
// docs/protocol.md describes every format to the byte. testdata/vectors.json
// has an example of each, and of what must be refused: it binds this code and
// any other that speaks the same formats.
package crypto
