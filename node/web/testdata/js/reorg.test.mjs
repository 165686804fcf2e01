// Tests of the words that tell of a reorg.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReorgs } from '../../static/network.js';
import { headline, outcome } from '../../static/reorg.js';

const event = { height: 8, hash: 'new8', disconnected: 2, connected: 3, fork: 'five', fork_height: 5, left: ['old7', 'old6'], returned: ['one'], returned_total: 1 };

test('what happened, in one sentence', () => {
  for (const [change, want] of [
    [{}, 'A reorg: 2 blocks were replaced by 3 blocks of another branch after block 5.'],
    [{ disconnected: 1, connected: 1 }, 'A reorg: one block was replaced by one block of another branch after block 5.'],
    [{ connected: 0 }, 'A reorg: the node has left 2 blocks and goes on from block 5.'], // the new ones are held back
  ]) assert.equal(headline({ ...event, ...change }), want);
});

test('what has become of the posts, in one sentence', () => {
  for (const [waiting, want] of [
    [0, 'All their posts are in the new branch as well, or there were none.'],
    [1, 'One post waits for a block again.'],
    [500, '500 posts wait for a block again.'],
  ]) assert.equal(outcome({ ...event, returned_total: waiting }), want);
});

test('a page tells of a reorg without asking the node', (t) => {
  const lines = {};
  const line = (id) => (lines[id] ??= { textContent: '' });
  let list = null; // the network page has one
  t.mock.method(globalThis, 'fetch', () => assert.fail('the page asks the node'));
  globalThis.document = { getElementById: (id) => (id === 'reorgs' ? list : line(id)) };
  t.after(() => delete globalThis.document);
  const said = [];
  let happen;
  startReorgs({ on: (kind, f) => { assert.equal(kind, 'reorg'); happen = f; } }, (sentence) => said.push(sentence));
  const want = `${headline(event)} ${outcome(event)}`;
  happen(event);
  assert.deepEqual(said, [want]);
  assert.equal(lines.notice.textContent, want);
  lines.notice.textContent = '';
  list = {};
  happen(event);
  assert.equal(said.length, 2);
  assert.equal(lines.notice.textContent, '', 'the list of the network page tells it');
});
