// Reads documents from standard input, one a line, as JSON strings. Prints for each its
// canonical form as a JSON string, or null if jcs.js refuses it.

import { createInterface } from 'node:readline';
import { canonical } from '../../static/jcs.js';

for await (const line of createInterface({ input: process.stdin })) {
  let out = null;
  try {
    out = canonical(JSON.parse(JSON.parse(line)));
  } catch {
    // refused
  }
  console.log(JSON.stringify(out));
}
