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
  return { kinds, hear: (kind, data) => stream.emit({ kind, data }) };
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
