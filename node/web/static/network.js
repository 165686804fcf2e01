// Reorgs that happen while a page is open.

import { show } from './notices.js';
import { headline, outcome } from './reorg.js';

// startReorgs tells of each reorg: to readers who do not see the page, and in a notice where
// the page has no list of them. The list of the network page is a live element.
export function startReorgs(stream, announce) {
  stream.on('reorg', (event) => {
    if (!event.disconnected) return;
    announce(`${headline(event)} ${outcome(event)}`);
    if (!document.getElementById('reorgs')) show(`${headline(event)} ${outcome(event)}`);
  });
}
