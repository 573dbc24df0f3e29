// The tests as one script: node runs it (run.mjs), and so can a page. Each answers
// with a report.

import { evidence } from "./evidence";
import { interop } from "./interop";
import { properties } from "./properties";
import { slices } from "./slices";
import { vectors } from "./vectors";

Object.assign(globalThis, { saksiTests: { vectors, evidence, properties, slices, interop } });
