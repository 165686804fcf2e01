// The script of every page. The server draws the pages, and they work without this
// script; it keeps them up to date while they are open.

import { Stream, connect } from './events.js';
import { Live } from './live.js';
import { json } from './net.js';
import { announcer, showConnection } from './notices.js';
import { startForms } from './forms.js';
import { number } from './stats.js';

// own starts what only the page of a kind has. Only that page loads the module.
const own = {
  async feed({ stream, live, announce }) {
    const { startCompose, startFeed } = await import('./feed.js');
    startFeed('feed', stream, live, announce);
    const { startReorgs } = await import('./network.js');
    startReorgs(stream, announce);
    const form = document.getElementById('compose');
    if (!form) return;
    const signing = await optional('./compose-sign.js');
    await startCompose(live, signing);
    await signing?.start?.(form);
  },
  async mining({ stream, live }) {
    const { startMining } = await import('./mining.js');
    await startMining(stream, live);
  },
  async network({ stream, announce }) {
    const { startReorgs } = await import('./network.js');
    startReorgs(stream, announce);
  },
  async tx({ live }) {
    const { startTx } = await import('./explorer.js');
    await startTx(live);
  },
  learn: ({ stream }) => begin('./learn.js', stream),
  accounts: () => begin('./accounts.js'),
  async account({ stream, live, announce }) {
    const { startFeed } = await import('./feed.js');
    startFeed('account', stream, live, announce);
    await begin('./accounts.js');
  },
  async author({ stream, live, announce }) {
    const { startFeed } = await import('./feed.js');
    startFeed('posts', stream, live, announce);
  },
};

async function begin(module, stream) {
  const { start } = await import(module);
  await start?.(stream);
}

// optional loads a module whose absence must not stop the page.
async function optional(module) {
  try {
    return await import(module);
  } catch (err) {
    console.warn(`lode: ${module} cannot be loaded: ${err.message}`);
    return null;
  }
}

// startNumbers keeps [data-live=height] and pending up to date, wherever they are.
function startNumbers(stream) {
  const set = (name, n) => {
    for (const place of document.querySelectorAll(`[data-live="${name}"]`)) {
      const text = number(n);
      if (place.textContent !== text) place.textContent = text;
    }
  };
  for (const kind of ['tip', 'block', 'reorg']) stream.on(kind, ({ height }) => set('height', height));
  stream.on('pending', ({ transactions }) => set('pending', transactions));
}

// Two mechanisms that hold the scroll place would move the page twice; live.js does it in
// every browser.
document.documentElement.style.overflowAnchor = 'none';

const stream = new Stream();
const announce = announcer();
const live = new Live(stream, { announce });
showConnection(stream, () => json('/status'), announce);
startNumbers(stream);
startForms(() => live.everything());
const ready = own[document.body.dataset.page]?.({ stream, live, announce });
live.start();
connect(stream);
document.body.dataset.jsReady = 'base';
Promise.resolve(ready)
  .then(() => { document.body.dataset.jsReady = 'page'; })
  .catch((err) => console.error(err));
