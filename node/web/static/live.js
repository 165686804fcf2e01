// Live elements: parts of the page that are fetched again after an event of the node.
// The server draws them, as it draws the whole page, so there is one template for both.

import { morph } from './morph.js';
import { call } from './net.js';

const interval = 500; // milliseconds between two fetches of an element, on average at least
const burst = 4; // fetches of an element that may follow each other more closely
const closest = 150; // milliseconds between them
const hiddenInterval = 2000; // the same while nobody sees the page
const poll = 5000; // milliseconds between two looks at what has no events, such as the peers
const freshFor = 2500; // milliseconds for which a new part of the page is marked as such
const mostFresh = 4 << 20; // characters of a fragment, at most; a longer one is not shown

// Refresher runs a task after events, and never twice at the same time. A few runs may
// follow each other closely, so that a single event is answered at once. Many events
// cause one run for each interval. A task that fails runs again, later and later.
export class Refresher {
  constructor(task, { wait = () => interval, now = () => Date.now(), setTimer = (f, ms) => setTimeout(f, ms) } = {}) {
    Object.assign(this, { task, wait, now, setTimer });
    this.ran = now(); // when the latest run began
    this.credit = burst; // runs that may come before their time; one is earned in each interval
    this.busy = false; // a run is under way
    this.due = false; // something has happened since it began
    this.timer = false; // a run is planned
    this.failures = 0; // one after the other
  }

  request() {
    this.due = true;
    if (this.busy || this.timer) return;
    const left = this.left();
    if (left <= 0) {
      this.run();
      return;
    }
    this.timer = true;
    this.setTimer(() => {
      this.timer = false;
      this.run();
    }, left);
  }

  // left returns the milliseconds until the next run may begin.
  left() {
    const passed = this.now() - this.ran;
    const wait = this.wait();
    const credit = Math.min(burst, this.credit + passed / wait);
    if (this.failures > 0) return wait * 2 ** Math.min(this.failures, 5) - passed;
    if (credit >= 1) return this.credit === burst ? 0 : closest - passed;
    return Math.max((1 - credit) * wait, closest - passed);
  }

  async run() {
    this.busy = true;
    this.due = false;
    this.credit = Math.min(burst, this.credit + (this.now() - this.ran) / this.wait()) - 1;
    this.ran = this.now();
    try {
      await this.task();
      this.failures = 0;
    } catch (err) {
      this.failures++;
      this.due ||= this.failures <= 6;
      console.warn(`lode: an update failed: ${err.message}`);
    }
    this.busy = false;
    if (this.due) this.request();
  }
}

// defaults says after which events elements are fetched that do not say it themselves
// by data-refresh.
const defaults = {
  feed: 'block pending', blocks: 'block', 'block-status': 'block', 'tx-status': 'block pending', peers: 'peers block',
  tree: 'block', reorgs: 'block', account: 'block pending', posts: 'block pending', miner: 'mining',
  'plot-times': 'block', 'plot-difficulty': 'block',
};

export class Live {
  // announce says a sentence to readers who do not see the page.
  constructor(stream, { announce = () => {} } = {}) {
    this.stream = stream;
    this.announce = announce;
    this.tip = document.body.dataset.tip ?? ''; // hash of the tip that the page shows
    const pending = document.querySelector('[data-live="pending"]')?.textContent.replace(/\D/g, '');
    this.pending = pending ? Number(pending) : -1; // posts that wait, as last heard, or as the page was drawn; -1: unknown
    this.hooks = new Map(); // by id of an element; see hook
    this.elements = new Map(); // from ids to {refresher, kinds}
  }

  // hook sets what happens when an element is updated: keep and added as in morph,
  // before(old, fresh), after(element), and gone(element), which is called if the node no
  // longer has what the page is about.
  hook(id, hooks) {
    this.hooks.set(id, hooks);
  }

  start() {
    const ids = new Set([...document.querySelectorAll('[data-refresh][id]')].map((e) => e.id));
    for (const id of Object.keys(defaults)) {
      if (document.getElementById(id)) ids.add(id);
    }
    for (const id of ids) {
      const kinds = document.getElementById(id).dataset.refresh ?? defaults[id];
      const refresher = new Refresher(() => this.refresh(id), { wait: () => (document.hidden ? hiddenInterval : interval) });
      this.elements.set(id, { refresher, kinds: new Set(kinds.split(/\s+/)) });
    }
    const block = ({ hash }) => {
      if (hash) this.tip = hash;
      this.happened('block');
    };
    this.stream.on('tip', (tip) => {
      if (tip.hash !== this.tip) block(tip);
    });
    for (const kind of ['block', 'reorg']) this.stream.on(kind, block);
    this.stream.on('side', () => this.happened('block'));
    this.stream.on('reset', () => this.everything());
    // The first event may say what the page shows already, and so may a replay, which says
    // again what was the case before. Each other one says that something has changed, even if
    // the numbers are the same: a post may have taken the place of another.
    let told = false;
    let size = -1; // bytes of the posts that wait; -1: unknown
    this.stream.on('pending', ({ transactions, bytes }, replay) => {
      const same = transactions === this.pending && (size < 0 || bytes === size);
      if (!same || (told && !replay)) this.happened('pending');
      told = true;
      this.pending = transactions;
      size = bytes;
    });
    let mining = null;
    this.stream.on('mining', ({ active, mode, height }) => {
      const text = JSON.stringify([active, mode, height]);
      if (text !== mining) this.happened('mining');
      mining = text;
    });
    setInterval(() => {
      if (!document.hidden) this.happened('peers');
    }, poll);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.happened('peers');
    });
  }

  // happened fetches the elements that an event of that kind changes.
  happened(kind) {
    for (const { refresher, kinds } of this.elements.values()) {
      if (kinds.has(kind)) refresher.request();
    }
  }

  // everything fetches all live elements.
  everything() {
    for (const { refresher } of this.elements.values()) refresher.request();
  }

  async refresh(id) {
    const old = document.getElementById(id);
    if (!old) return;
    const response = await call(location.pathname + location.search, { headers: { 'X-Lode-Fragment': id } });
    if (response.status === 400) this.elements.delete(id); // the server draws this only with the whole page
    if (response.status === 404) this.hooks.get(id)?.gone?.(old);
    if (response.status === 400 || response.status === 404) return;
    if (!response.ok) throw new Error(`the fragment ${id} was answered with status ${response.status}`);
    const text = response.text();
    if (text.length > mostFresh) throw new Error(`the fragment ${id} is too long`);
    const fresh = new DOMParser().parseFromString(text, 'text/html').getElementById(id);
    if (!fresh) throw new Error(`the answer for the fragment ${id} lacks it`);
    this.show(old, fresh);
  }

  // show changes an element and keeps in place what the reader looks at.
  show(old, fresh) {
    const hooks = this.hooks.get(old.id) ?? {};
    hooks.before?.(old, fresh);
    const anchor = anchorIn(old);
    const top = anchor?.getBoundingClientRect().top;
    morph(old, fresh, {
      keep: hooks.keep,
      added: (node) => {
        markNew(node);
        hooks.added?.(node);
      },
    });
    if (anchor?.isConnected) {
      const moved = anchor.getBoundingClientRect().top - top;
      if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: 'instant' });
    }
    hooks.after?.(old);
  }
}

function markNew(node) {
  node.classList.add('is-new');
  setTimeout(() => node.classList.remove('is-new'), freshFor);
}

// anchorIn returns the first child of an element that the reader sees, if the reader
// has scrolled down into the element; null at its beginning, where new children are
// welcome.
function anchorIn(element) {
  if (element.getBoundingClientRect().top >= 0) return null;
  for (const child of element.children) {
    if (child.getBoundingClientRect().bottom > 0) return child;
  }
  return null;
}
