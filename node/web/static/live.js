// Live elements: parts of the page that are fetched again after an event of the node.
// The server draws them, as it draws the whole page, so there is one template for both.

import { morph } from './morph.js';
import { call } from './net.js';

const interval = 500; // milliseconds between two fetches of a part of the page, on average at least
const burst = 4; // fetches of it that may follow each other more closely
const closest = 150; // milliseconds between them, and between two fetches because of blocks
const gather = 5; // milliseconds for which a fetch waits for other events of the same moment
const hiddenInterval = 2000; // the same as interval, while nobody sees the page
const poll = 5000; // milliseconds between two looks at what has no events, such as the peers
const freshFor = 2500; // milliseconds for which a new part of the page is marked as such
const mostFresh = 4 << 20; // characters of an answer, at most; a longer one is not shown

// Refresher runs a task after events, and never twice at the same time. A few runs may
// follow each other closely, so that a single event is answered at once. Many events
// cause one run for each interval. Events that must not wait are answered as closely as runs
// may follow each other. A task that fails runs again, later and later.
export class Refresher {
  constructor(task, { wait = () => interval, now = () => performance.now(), setTimer = (f, ms) => setTimeout(f, ms) } = {}) {
    Object.assign(this, { task, wait, now, setTimer });
    this.ran = now(); // when the latest run began
    this.credit = burst; // runs that may come before their time; one is earned in each interval
    this.busy = false; // a run is under way
    this.due = false; // something has happened since it began
    this.urgent = false; // it must not wait
    this.planned = Infinity; // when the next run is to begin; Infinity: no run is planned
    this.failures = 0; // one after the other
  }

  // request asks for a run. urgent says that it must not wait for the interval.
  request(urgent = false) {
    this.due = true;
    this.urgent ||= urgent;
    if (this.busy) return;
    const left = Math.max(gather, this.left());
    const at = this.now() + left;
    if (at >= this.planned) return;
    this.planned = at;
    this.setTimer(() => {
      if (this.planned === at) this.run(); // otherwise a later request has planned an earlier run
    }, left);
  }

  // left returns the milliseconds until the next run may begin.
  left() {
    const passed = this.now() - this.ran;
    const wait = this.wait();
    if (this.failures > 0) return wait * 2 ** Math.min(this.failures, 5) - passed;
    if (this.credit === burst) return 0; // it has not run at all
    const credit = this.credit + passed / wait;
    return this.urgent || credit >= 1 ? closest - passed : Math.max((1 - credit) * wait, closest - passed);
  }

  async run() {
    this.busy = true;
    this.due = false;
    this.urgent = false;
    this.planned = Infinity;
    this.credit = Math.max(0, Math.min(burst, this.credit + (this.now() - this.ran) / this.wait()) - 1);
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
    this.groups = new Map(); // of elements that the same events change, by these events: {ids, kinds, refresher}
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
      this.join(id, document.getElementById(id).dataset.refresh ?? defaults[id]);
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

  // join adds an element to the group of those that the same kinds of events change.
  join(id, text) {
    const kinds = text.split(/\s+/).sort();
    const name = kinds.join(' ');
    let group = this.groups.get(name);
    if (!group) {
      const ids = [];
      const refresher = new Refresher(() => this.refresh(name, ids), { wait: () => (document.hidden ? hiddenInterval : interval) });
      group = { ids, kinds: new Set(kinds), refresher };
      this.groups.set(name, group);
    }
    group.ids.push(id);
  }

  // happened fetches the elements that an event of that kind changes. Somebody waits for
  // blocks, and for what the reader does. So they are urgent: they do not wait for what many
  // posts have used up.
  happened(kind, urgent = kind === 'block') {
    for (const { refresher, kinds } of this.groups.values()) {
      if (kinds.has(kind)) refresher.request(urgent && !document.hidden);
    }
  }

  // everything fetches all live elements.
  everything() {
    for (const { refresher } of this.groups.values()) refresher.request(!document.hidden);
  }

  // refresh fetches the elements of a group, in one request.
  async refresh(name, ids) {
    const olds = ids.map((id) => document.getElementById(id)).filter(Boolean);
    if (olds.length === 0) return;
    const wanted = olds.map(({ id }) => id).join(' ');
    const response = await call(location.pathname + location.search, { headers: { 'X-Lode-Fragment': wanted } });
    if (response.status === 400) this.groups.delete(name); // the server draws this only with the whole page
    if (response.status === 404) {
      for (const old of olds) this.hooks.get(old.id)?.gone?.(old);
    }
    if (response.status === 400 || response.status === 404) return;
    if (!response.ok) throw new Error(`the request for ${wanted} was answered with status ${response.status}`);
    const text = response.text();
    if (text.length > mostFresh) throw new Error(`the answer for ${wanted} is too long`);
    const page = new DOMParser().parseFromString(text, 'text/html');
    for (const old of olds) {
      const fresh = page.getElementById(old.id);
      if (!fresh) throw new Error(`the answer for ${wanted} lacks ${old.id}`);
      this.show(old, fresh);
    }
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
