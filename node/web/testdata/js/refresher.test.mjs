// Tests of how often the parts of a page are fetched.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refresher } from '../../static/live.js';

// world is a clock that moves only when the test says so, and a task whose runs the
// test ends.
function world() {
  const w = { now: 0, timers: [], runs: [] };
  w.refresher = new Refresher(() => new Promise((resolve, reject) => { w.runs.push({ at: w.now, resolve, reject }); }), {
    wait: () => 1000,
    now: () => w.now,
    setTimer: (f, ms) => w.timers.push({ f, at: w.now + ms }),
  });
  w.advance = async (ms) => {
    const end = w.now + ms;
    for (;;) {
      w.timers.sort((a, b) => a.at - b.at);
      if (!w.timers.length || w.timers[0].at > end) break;
      const { f, at } = w.timers.shift();
      w.now = at;
      f();
      await settle();
    }
    w.now = end;
  };
  w.end = async (how = 'resolve') => {
    w.runs.at(-1)[how](new Error('no'));
    await settle();
  };
  w.gaps = () => w.runs.slice(1).map((run, i) => run.at - w.runs[i].at);
  return w;
}

const settle = () => new Promise((done) => setImmediate(done));
const moment = 5; // milliseconds for which a run waits for other events

test('the first event is answered at once, a flood costs one run for each interval and a few more', async () => {
  const w = world();
  w.refresher.request();
  await w.advance(moment);
  assert.equal(w.runs.length, 1);
  await w.end();
  for (let i = 0; i < 1000; i++) {
    w.refresher.request();
    await w.advance(10);
    if (w.runs.length > 1) await w.end();
  }
  await w.advance(5000);
  await w.end();
  assert.ok(w.runs.length >= 10 && w.runs.length <= 15, `${w.runs.length} runs in 10 seconds`);
  const gaps = w.gaps();
  assert.ok(Math.min(...gaps) >= 150, `runs began ${Math.min(...gaps)} ms after one another`);
  assert.ok(Math.min(...gaps.slice(4, -1)) >= 900, `later, runs began ${Math.min(...gaps.slice(4, -1))} ms after one another`);
  assert.equal(w.timers.length, 0, 'nothing is planned after the last event has been answered');
});

test('a few events shortly after one another are each answered soon', async () => {
  const w = world();
  for (let i = 0; i < 4; i++) {
    w.refresher.request();
    await w.advance(150);
    assert.equal(w.runs.length, i + 1);
    await w.end();
  }
  w.refresher.request();
  await w.advance(150);
  assert.equal(w.runs.length, 4, 'the fifth waits');
  await w.advance(850);
  assert.equal(w.runs.length, 5);
  await w.end();
  await w.advance(10_000);
  w.refresher.request();
  await w.advance(moment);
  assert.equal(w.runs.length, 6, 'after a pause it does not wait');
});

test('events of the same moment cause one run', async () => {
  const w = world();
  w.refresher.request(true);
  await w.advance(moment - 1);
  w.refresher.request();
  assert.equal(w.runs.length, 0);
  await w.advance(moment);
  assert.equal(w.runs.length, 1);
  await w.end();
  await w.advance(5000);
  assert.equal(w.runs.length, 1);
});

test('an event that must not wait does not, after however many others', async () => {
  const w = world();
  for (let i = 0; i < 300; i++) { // three seconds of them
    w.refresher.request();
    await w.advance(10);
    if (w.runs.length > 0) await w.end();
  }
  await w.end();
  w.refresher.request();
  w.refresher.request(true);
  const before = w.runs.length;
  await w.advance(150);
  assert.equal(w.runs.length, before + 1, 'it is answered, although a later run was planned');
  await w.end();
  await w.advance(5000);
  assert.equal(w.runs.length, before + 1, 'the run that was planned for later does not come any more');
});

test('a flood of events that must not wait costs a run for each 150 ms, and what comes afterwards waits as usual', async () => {
  const w = world();
  for (let i = 0; i < 1000; i++) {
    w.refresher.request(true);
    await w.advance(10);
    if (w.runs.length > 0) await w.end();
  }
  await w.advance(150);
  await w.end();
  assert.ok(w.runs.length >= 60 && w.runs.length <= 69, `${w.runs.length} runs in 10 seconds`);
  assert.ok(Math.min(...w.gaps()) >= 150, `runs began ${Math.min(...w.gaps())} ms after one another`);
  const before = w.runs.length;
  w.refresher.request();
  await w.advance(1000);
  assert.equal(w.runs.length, before + 1);
});

test('runs do not overlap, and what happens during one causes another', async () => {
  const w = world();
  w.refresher.request();
  await w.advance(3000);
  w.refresher.request();
  w.refresher.request(true);
  await w.advance(moment);
  assert.equal(w.runs.length, 1, 'the first run has not ended');
  await w.end();
  await w.advance(moment);
  assert.equal(w.runs.length, 2);
  await w.end();
  await w.advance(5000);
  assert.equal(w.runs.length, 2);
});

test('a failure is tried again, later and later, and not for ever', async () => {
  const w = world();
  const warn = console.warn;
  console.warn = () => {};
  try {
    w.refresher.request();
    await w.advance(moment);
    for (let i = 0; i < 40; i++) {
      const before = w.runs.length;
      await w.end('reject');
      await w.advance(60_000);
      if (w.runs.length === before) break;
    }
  } finally {
    console.warn = warn;
  }
  const gaps = w.gaps();
  assert.equal(w.runs.length, 7);
  assert.ok(gaps.every((gap, i) => i === 0 || gap >= gaps[i - 1]), `gaps ${gaps}`);
  w.refresher.request();
  await w.advance(moment);
  assert.equal(w.runs.length, 8, 'a later event is answered');
  await w.end();
  assert.equal(w.refresher.failures, 0);
});
