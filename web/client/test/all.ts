// The tests as one script: node runs it (run.mjs), and so can a page. Each answers
// with a report.

import { bench } from "./bench";
import { doubt } from "./doubt";
import { evidence } from "./evidence";
import { digests } from "./pieces";
import { interop } from "./interop";
import { port } from "./port";
import { properties } from "./properties";
import { site } from "./site";
import { slices } from "./slices";
import { vectors } from "./vectors";

Object.assign(globalThis, { saksiTests: { vectors, evidence, properties, slices, digests, site, port, doubt, interop, bench } });
