// Tests of the line about the connection to the node.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stream } from '../../static/events.js';
import { showConnection } from '../../static/notices.js';

// clock replaces setTimeout by a clock that goes on when the test says so. The one of
// node:test needs Node.js 20.4.
function clock(t) {
  const own = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  t.after(() => Object.assign(globalThis, own));
  let now = 0;
  let timers = [];
  globalThis.setTimeout = (run, ms) => {
    const timer = { run, at: now + ms };
    timers.push(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => { timers = timers.filter((t) => t !== timer); };
  return function tick(ms) {
    const end = now + ms;
    for (;;) {
      const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      globalThis.clearTimeout(next);
      now = next.at;
      next.run();
    }
    now = end;
  };
}

// page is a page whose clock is the test's. answer is what the node says about itself; null:
// it does not answer.
function page(t) {
  const tick = clock(t);
  const banner = { dataset: {}, setAttribute() {}, textContent: '' };
  globalThis.document = { hidden: false, createElement: () => banner, body: { dataset: {}, prepend() {} } };
  t.after(() => delete globalThis.document);
  const p = { banner, stream: new Stream(), answer: null, asked: 0, heard: [], said: [], tick };
  for (const kind of ['tip', 'pending']) p.stream.on(kind, (data, replay) => p.heard.push([kind, data.height ?? data.transactions, replay]));
  const status = async () => {
    p.asked++;
    if (p.answer === null) throw new Error('unreachable');
    return p.answer;
  };
  showConnection(p.stream, status, (sentence) => p.said.push(sentence));
  p.pass = async (ms) => {
    tick(ms);
    for (let i = 0; i < 10; i++) await null;
  };
  p.state = (state) => p.stream.emit({ kind: 'state', data: state });
  return p;
}

const answer = (height, transactions) => ({ height, hash: `hash of ${height}`, chainwork: '00', mempool: { transactions, bytes: 1 } });

test('a node without a free stream is asked now and then, and is not called silent', async (t) => {
  const p = page(t);
  p.answer = answer(4, 2);
  p.state('lost');
  await p.pass(1499);
  assert.equal(p.asked, 0, 'a short gap is not worth a word');
  await p.pass(1);
  assert.match(p.banner.textContent, /answers, but sends this page no events/);
  assert.deepEqual(p.heard, [['tip', 4, true], ['pending', 2, true]]);
  p.answer = answer(5, 0);
  await p.pass(15_000);
  assert.deepEqual(p.heard.slice(2), [['tip', 5, true], ['pending', 0, true]]);
  document.hidden = true;
  await p.pass(60_000);
  assert.equal(p.asked, 2, 'a hidden page does not ask');
  document.hidden = false;
  await p.pass(15_000);
  assert.equal(p.asked, 3);
  p.state('open');
  assert.equal(p.banner.hidden, true);
  assert.deepEqual(p.said, [], 'the node was not away');
  await p.pass(60_000);
  assert.equal(p.asked, 3, 'with a stream nobody asks');
});

test('a node that does not answer, and comes back', async (t) => {
  const p = page(t);
  p.state('lost');
  await p.pass(1500);
  assert.match(p.banner.textContent, /does not answer/);
  assert.deepEqual(p.heard, []);
  p.state('open');
  assert.equal(p.banner.textContent, '');
  assert.deepEqual(p.said, ['The node is back.']);
});

test('a look that ends after the stream has come back says nothing', async (t) => {
  const p = page(t);
  p.state('lost');
  p.tick(1500);
  p.state('open');
  await p.pass(60_000);
  assert.equal(p.banner.textContent, '');
  assert.equal(p.asked, 1);
});
