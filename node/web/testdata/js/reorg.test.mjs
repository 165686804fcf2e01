// Tests of the words that explain a reorg.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idOf } from '../../static/proof.js';
import { fate, headline, look, outcome, title, why } from '../../static/reorg.js';

const post = (content) => ({ author: 'ann', content, timestamp: 1 });
const id = (content) => idOf(`{"author":"ann","content":"${content}","timestamp":1}`);

// get answers as a node does whose blocks 6 and 7 were replaced by three others.
function node({ txs }) {
  const blocks = {
    '/blocks/old7': { index: 7, previous_hash: 'old6', transactions: [post('two'), post('three')] },
    '/blocks/old6': { index: 6, previous_hash: 'five', transactions: [post('one')] },
  };
  const asked = [];
  const get = async (path) => {
    asked.push(path);
    const found = blocks[path] ?? txs[path];
    if (!found) throw Object.assign(new Error('no transaction has the id'), { status: 404 });
    return found;
  };
  return { get, asked };
}

const event = { height: 8, hash: 'new8', disconnected: 2, connected: 3 };

test('each post of the old branch is told of', async () => {
  const { get } = node({
    txs: {
      [`/tx/${id('one')}`]: { pending: false, height: 6, confirmations: 3 },
      [`/tx/${id('two')}`]: { pending: true },
    },
  });
  const story = await look({ oldTip: 'old7', event, get });
  assert.equal(headline(story), 'A reorg: 2 blocks were replaced by 3 blocks of another branch after block 5.');
  assert.match(why(story), /its tip is block 8\. Blocks 6 to 7 of the old branch are stale/);
  const fates = Object.fromEntries(story.posts.map((entry) => [entry.post.content, `${title(entry)} ${fate(entry)}`]));
  assert.match(fates.one, /^“one” by ann was in block 6 .* in block 6, so nothing is lost: it has 3 confirmations/);
  assert.match(fates.two, /^“two” by ann was in block 7 .* waits for a block again/);
  assert.match(fates.three, /must be sent again/);
  assert.equal(outcome(story), 'One post waits for a block again.');
});

test('a long reorg is looked at only so far, and says nothing false about where it began', async () => {
  const asked = [];
  const get = async (path) => {
    asked.push(path);
    const height = Number(path.slice('/blocks/old'.length));
    return { index: height, previous_hash: `old${height - 1}`, transactions: [] };
  };
  const story = await look({ oldTip: 'old500', event: { height: 501, disconnected: 400, connected: 401 }, get });
  assert.equal(asked.length, 12);
  assert.equal(headline(story), 'A reorg: 400 blocks were replaced by 401 blocks of another branch.');
});

test('many posts cost a bounded number of requests', async () => {
  const asked = [];
  const get = async (path) => {
    asked.push(path);
    if (path.startsWith('/blocks/')) return { index: 3, previous_hash: 'two', transactions: Array.from({ length: 500 }, (_, i) => post(`p${i}`)) };
    return { pending: true };
  };
  const story = await look({ oldTip: 'old3', event: { height: 4, disconnected: 1, connected: 2 }, get });
  assert.equal(asked.length, 21);
  assert.equal(story.posts.length, 20);
  assert.equal(story.more, 480);
});

test("the node's own list of the old blocks counts more than the tip that the page knew", async () => {
  const { get, asked } = node({ txs: {} });
  const story = await look({ oldTip: 'unknown', event: { ...event, left: ['old7', 'old6'], fork_height: 5 }, get });
  assert.equal(asked[0], '/blocks/old7');
  assert.match(headline(story), /after block 5/);
});

test('what has become of all posts, in one sentence', () => {
  const posts = (...states) => states.map((state) => ({ state }));
  for (const [story, want] of [
    [{ posts: [], more: 0 }, 'There were no posts in the replaced blocks, so no post has changed its place.'],
    [{ posts: posts('mined', 'mined'), more: 0 }, 'All their posts are in the new branch as well.'],
    [{ posts: posts('mined', 'pending', 'pending'), more: 0 }, '2 posts wait for a block again.'],
    [{ posts: posts('pending'), more: 7 }, 'At least one post waits for a block again.'],
    [{ posts: posts('mined'), more: 7 }, ''],
  ]) assert.equal(outcome(story), want);
});

test('long and strange texts are shortened and harmless', () => {
  const text = title({ post: { author: 'a\u202Eb', content: '😀'.repeat(500) } });
  assert.ok(text.length < 400);
  assert.ok(!text.includes('\u202E'));
  assert.ok(!/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(text), 'no half of a character');
});
