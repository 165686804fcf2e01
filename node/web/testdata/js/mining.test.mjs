// Tests of the cells of the mining page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fields } from '../../static/mining.js';
import { tell } from '../../static/feed.js';

const status = { kernel: 'avx2', workers: 2, difficulty: 0.00024414, mining: { mode: 'on-demand' } };

test('a search under way', () => {
  const cells = fields(status, { active: true, height: 7, seconds: 20, hashes: 2_000_000, expected_hashes: 1_000_000, hashes_per_second: 100_000 });
  assert.equal(cells.state, 'Searching');
  assert.equal(cells.height, '7');
  assert.equal(cells.mode, 'on-demand');
  assert.equal(cells.hashes, '2.00 M');
  assert.equal(cells.odds, '86.5 %'); // 1 - e^-2
  assert.equal(cells.rate, '100 kH/s');
  assert.equal(cells.elapsed, '20 s');
  assert.equal(cells['expected-seconds'], '10 s');
  assert.equal(cells['band-low'], '253 ms');
  assert.equal(cells['band-high'], '36.9 s');
});

test('no search', () => {
  const cells = fields(status, { active: false });
  assert.equal(cells.state, 'Not searching');
  for (const name of ['hashes', 'odds', 'rate', 'elapsed']) assert.equal(cells[name], '–', name);
  assert.equal(cells['band-high'], undefined, 'what the server says of the next search stays');
});

test('a search that has just begun has no rate yet', () => {
  const cells = fields(status, { active: true, height: 1, expected_hashes: 5 });
  assert.equal(cells['expected-seconds'], '–');
  assert.equal(cells.odds, '0.0 %');
});

test('announcements count what has become of the posts', () => {
  const said = [];
  const say = (text) => said.push(text);
  tell(new Map([['a', 'pending'], ['b', 'mined']]), new Map([['c', 'pending'], ['a', 'mined'], ['b', 'pending']]), say);
  assert.deepEqual(said, ['A new post.', 'A post is now in a block.', 'A post waits for a block again.']);
  said.length = 0;
  tell(new Map([['a', 'mined']]), new Map([['a', 'mined']]), say);
  assert.deepEqual(said, []);
});
