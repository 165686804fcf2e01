import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Stream } from '../../static/events.js';

// A page with one list, drawn while a number of posts waited.
async function page(pending) {
  const list = { id: 'feed', dataset: { refresh: 'block pending' } };
  globalThis.setInterval = () => 0;
  globalThis.document = {
    hidden: false,
    body: { dataset: { tip: 'aa' } },
    addEventListener() {},
    querySelector: () => ({ textContent: String(pending) }),
    querySelectorAll: () => [list],
    getElementById: (id) => (id === list.id ? list : null),
  };
  const { Live } = await import('../../static/live.js');
  const stream = new Stream();
  const live = new Live(stream);
  const kinds = [];
  live.happened = (kind) => kinds.push(kind);
  live.start();
  return { kinds, hear: (kind, data, replay) => stream.emit({ kind, data, replay }) };
}

test('the first event repeats what the page shows', async () => {
  const { kinds, hear } = await page(1);
  hear('tip', { hash: 'aa' });
  hear('pending', { transactions: 1, bytes: 100 });
  assert.deepEqual(kinds, []);
});

test('the first event says something new', async () => {
  const { kinds, hear } = await page(1);
  hear('pending', { transactions: 2, bytes: 200 });
  assert.deepEqual(kinds, ['pending']);
});

// The node looks at what waits twice a second. If a post was mined in between and another one
// of the same size has come, the numbers are the same as before.
test('a post takes the place of another one of the same size', async () => {
  const { kinds, hear } = await page(1);
  hear('pending', { transactions: 1, bytes: 100 });
  hear('block', { hash: 'bb', height: 1 });
  hear('pending', { transactions: 1, bytes: 100 });
  assert.deepEqual(kinds, ['block', 'pending']);
});

// A page without a stream asks for the numbers again and again, and a tab that joins has them
// told to all tabs.
for (const [name, then, want] of [
  ['nothing has changed', { transactions: 1, bytes: 100 }, []],
  ['a post came', { transactions: 2, bytes: 200 }, ['pending']],
  ['a post was mined', { transactions: 0, bytes: 0 }, ['pending']],
  ['another post waits', { transactions: 1, bytes: 101 }, ['pending']],
]) {
  test(`a replay: ${name}`, async () => {
    const { kinds, hear } = await page(1);
    const before = { transactions: 1, bytes: 100 };
    hear('pending', before, true);
    hear('pending', before, true);
    assert.deepEqual(kinds, []);
    hear('pending', then, true);
    assert.deepEqual(kinds, want);
    hear('pending', then, true);
    assert.deepEqual(kinds, want, 'the numbers are known by now');
  });
}

test('an event after a replay says that something has changed', async () => {
  const { kinds, hear } = await page(1);
  hear('pending', { transactions: 1, bytes: 100 }, true);
  hear('pending', { transactions: 1, bytes: 100 });
  hear('pending', { transactions: 1, bytes: 100 }, true);
  assert.deepEqual(kinds, ['pending']);
});
