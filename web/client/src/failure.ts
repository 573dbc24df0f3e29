/**
 * What went wrong, as a key of the catalogs: after "client.problem.", or of the
 * table of errors that the server answers with. It repeats nothing of what was read.
 */
export class Failure extends Error {
  constructor(
    readonly key: string,
    readonly values?: Record<string, string | number>,
  ) {
    super(key);
  }
}

/** After these nobody knows whether a request has done its work. (A full "store" keeps
 * nothing of what is sent; of a deletion it may have done a part.) */
export const unclear = ["unreachable", "disk", "internal"];
