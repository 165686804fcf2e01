// Searches the nonce of a header. The page starts a worker for each search and ends it to
// stop the search.

import { Grinder, hex } from './sha256.js';
import { targetOf } from './block.js';

const BATCH = 4096; // hashes between two looks at the clock
const REPORT = 200; // milliseconds between two reports

onmessage = ({ data: { header, bits, from = 0 } }) => {
  const target = targetOf(bits);
  const top = Number(target >> 224n);
  const grinder = new Grinder(header);
  const start = performance.now();
  let told = start;
  for (let nonce = from; nonce < 2 ** 32; nonce++) {
    if (grinder.top(nonce) <= top) {
      const hash = hex(grinder.hash().reverse());
      if (BigInt('0x' + hash) <= target) {
        postMessage({ found: true, nonce, hash, tries: nonce - from + 1, ms: performance.now() - start });
        return;
      }
    }
    if (nonce % BATCH === 0) {
      const now = performance.now();
      if (now - told >= REPORT) {
        told = now;
        postMessage({ nonce, hash: hex(grinder.hash().reverse()), tries: nonce - from + 1, ms: now - start });
      }
    }
  }
  postMessage({ exhausted: true, tries: 2 ** 32 - from, ms: performance.now() - start });
};
