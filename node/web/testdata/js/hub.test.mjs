// Tests of the one stream of events that all tabs share.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../../static/events-hub.js';

// Source is an EventSource whose network is the test.
class Source extends EventTarget {
  constructor() {
    super();
    this.readyState = 0;
    this.lastEventId = '';
  }

  event(kind, data) {
    if (kind === 'block') this.lastEventId = 'run-1';
    this.dispatchEvent(Object.assign(new Event(kind), { data: JSON.stringify(data), lastEventId: this.lastEventId }));
  }

  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  lose(state) {
    this.readyState = state;
    this.dispatchEvent(new Event('error'));
  }

  close() {
    this.readyState = 2;
  }
}

function world() {
  const w = { sent: [], sources: [], timers: [], now: 0 };
  w.hub = new Hub({
    send: (message) => w.sent.push(message),
    open: () => {
      w.sources.push(new Source());
      return w.sources.at(-1);
    },
    setTimer: (f, ms) => {
      const timer = { f, ms };
      w.timers.push(timer);
      return timer;
    },
    clearTimer: (timer) => { w.timers = w.timers.filter((t) => t !== timer); },
    now: () => w.now,
    random: () => 1,
  });
  w.kinds = () => w.sent.map(({ kind, data }) => (kind === 'state' ? data : kind));
  w.fire = () => w.timers.splice(0).forEach(({ f }) => f());
  return w;
}

const tip = (height) => ({ height, hash: `hash of ${height}`, chainwork: '00', connected: 0, disconnected: 0 });

test('events are passed on, and a page that joins later gets the present state', () => {
  const w = world();
  w.hub.start();
  w.hub.start();
  assert.equal(w.sources.length, 1, 'two starts open one stream');
  const [source] = w.sources;
  source.open();
  source.event('tip', tip(4));
  source.event('pending', { transactions: 2, bytes: 100 });
  source.event('block', { ...tip(5), connected: 1 });
  assert.deepEqual(w.kinds(), ['open', 'tip', 'pending', 'block']);
  const snapshot = w.hub.snapshot();
  assert.deepEqual(snapshot.map(({ kind }) => kind), ['state', 'tip', 'pending']);
  assert.equal(snapshot[1].data.height, 5, 'the tip is that of the latest block');
  assert.equal(snapshot[1].data.connected, 0);
  assert.ok(snapshot.every(({ replay }) => replay), 'pages that have joined before may hear it, too');
  assert.ok(w.sent.every(({ replay }) => !replay), 'events are no replays');
});

test('a stream that the browser resumes needs no reset; one that is made anew does', () => {
  const w = world();
  w.hub.start();
  w.sources[0].open();
  w.sources[0].event('tip', tip(4));
  w.sources[0].event('block', tip(5));
  w.sources[0].lose(0); // EventSource.CONNECTING: the browser connects again, with Last-Event-ID
  w.sources[0].open();
  w.sources[0].event('tip', tip(6));
  assert.deepEqual(w.kinds(), ['open', 'tip', 'block', 'lost', 'open', 'tip']);
  assert.equal(w.sources.length, 1);
  w.sent = [];
  w.sources[0].lose(2); // EventSource.CLOSED: the browser has given up
  assert.equal(w.timers.length, 1);
  w.fire();
  assert.equal(w.sources.length, 2);
  w.sources[1].open();
  w.sources[1].event('tip', tip(7));
  assert.deepEqual(w.kinds(), ['lost', 'open', 'tip', 'reset']);
});

test('a stream that the browser resumes without an id has missed events', () => {
  const w = world();
  w.hub.start();
  w.sources[0].open();
  w.sources[0].event('tip', tip(4));
  w.sources[0].lose(0);
  w.sources[0].open();
  w.sources[0].event('tip', tip(1));
  assert.deepEqual(w.kinds(), ['open', 'tip', 'lost', 'open', 'tip', 'reset']);
});

test('attempts come later and later, up to a bound, and a success begins anew', () => {
  const w = world();
  w.hub.start();
  const waits = [];
  for (let i = 0; i < 9; i++) {
    w.sources.at(-1).lose(2);
    waits.push(w.timers[0].ms);
    w.fire();
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  w.sources.at(-1).open();
  w.sources.at(-1).lose(2);
  assert.equal(w.timers[0].ms, 1000);
});

test('wake replaces a stream only if it has been silent for long', () => {
  const w = world();
  w.hub.start();
  w.sources[0].open();
  w.sources[0].event('tip', tip(1));
  w.now = 59_000;
  w.hub.wake();
  assert.equal(w.sources.length, 1);
  w.now = 61_000;
  w.hub.wake();
  assert.equal(w.sources.length, 2);
  assert.equal(w.sources[0].readyState, 2, 'the old stream is closed');
  w.sources[0].event('block', tip(2)); // a late event of the closed one
  assert.ok(!w.kinds().includes('block'));
});

test('wake does not wait for the end of a back-off', () => {
  const w = world();
  w.hub.start();
  w.sources[0].lose(2);
  w.hub.wake();
  assert.equal(w.sources.length, 2);
  assert.equal(w.timers.length, 0, 'the planned attempt is cancelled');
});

test('stop closes the stream and cancels the next attempt', () => {
  const w = world();
  w.hub.start();
  w.sources[0].lose(2);
  w.hub.stop();
  assert.equal(w.timers.length, 0);
  w.hub.start();
  assert.equal(w.sources.length, 2);
  w.hub.stop();
  assert.equal(w.sources[1].readyState, 2);
});

test('what is no JSON is left out', () => {
  const w = world();
  w.hub.start();
  w.sources[0].dispatchEvent(Object.assign(new Event('block'), { data: '{', lastEventId: '' }));
  assert.deepEqual(w.sent, []);
});
