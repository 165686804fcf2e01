// What a reorg did, told for somebody who sees one for the first time.

import { canonical } from './jcs.js';
import { idOf } from './proof.js';
import { shorten } from './text.js';

const mostBlocks = 12; // blocks of the losing branch that are looked at
const mostPosts = 20; // posts of them that are looked for

// look finds out what a reorg did. oldTip is the tip before it, event the data of the
// event reorg, and get returns the JSON at a path. It returns the blocks that were
// replaced, the newest first, and where each of their posts is now.
export async function look({ oldTip, event, get }) {
  const lost = [];
  const posts = [];
  let hash = event.left?.[0] ?? oldTip;
  let fork = event.fork_height ?? null;
  for (let i = 0; i < Math.min(event.disconnected, mostBlocks); i++) {
    const block = await get(`/blocks/${hash}`);
    lost.push({ hash, height: block.index });
    for (const post of block.transactions) posts.push({ post, from: block.index, id: idOf(canonical(post)) });
    hash = block.previous_hash;
    fork ??= event.disconnected <= mostBlocks ? block.index - event.disconnected + i : null;
  }
  const told = posts.reverse().slice(0, mostPosts);
  for (const entry of told) {
    try {
      const now = await get(`/tx/${entry.id}`);
      Object.assign(entry, now.pending ? { state: 'pending' } : { state: 'mined', height: now.height, confirmations: now.confirmations });
    } catch (err) {
      if (err.status !== 404) throw err;
      entry.state = 'gone';
    }
  }
  return { lost, fork, posts: told, more: posts.length - told.length, event };
}

// headline says in one sentence what happened.
export function headline({ event, fork }) {
  const old = event.disconnected === 1 ? 'one block was' : `${event.disconnected} blocks were`;
  const by = event.connected === 1 ? 'one block' : `${event.connected} blocks`;
  const where = fork === null ? '' : ` after block ${fork}`;
  return `A reorg: ${old} replaced by ${by} of another branch${where}.`;
}

// why explains it.
export function why({ lost, event }) {
  const heights = lost.map(({ height }) => height);
  const old = heights.length === 1 ? `Block ${heights[0]}` : `Blocks ${Math.min(...heights)} to ${Math.max(...heights)}`;
  return `Two miners had built on the same block, and both branches were valid. The other branch now has more work, so the node follows it; its tip is block ${event.height}. ${old} of the old branch ${heights.length === 1 ? 'is' : 'are'} stale: kept, but no longer part of the chain.`;
}

// fate says what happened to one post, except for its name at the beginning; see title.
export function fate({ from, state, height, confirmations }) {
  const was = `was in block ${from} of the old branch.`;
  switch (state) {
    case 'mined':
      return `${was} The new branch has it too, in block ${height}, so nothing is lost: it has ${confirmations} ${confirmations === 1 ? 'confirmation' : 'confirmations'} there.`;
    case 'pending':
      return `${was} The new branch does not have it, so it waits for a block again, and the next miner can take it up.`;
  }
  return `${was} The node no longer has it: it must be sent again.`;
}

// title names a post.
export const title = ({ post }) => `“${shorten(post.content)}” by ${shorten(post.author)}`;

// outcome says in one sentence what has become of all posts.
export function outcome({ posts, more }) {
  const waiting = posts.filter(({ state }) => state === 'pending').length;
  if (posts.length === 0) return 'There were no posts in the replaced blocks, so no post has changed its place.';
  if (waiting === 0) return more > 0 ? '' : 'All their posts are in the new branch as well.';
  return `${more > 0 ? 'At least ' : ''}${waiting === 1 ? 'one post waits' : `${waiting} posts wait`} for a block again.`.replace(/^./, (c) => c.toUpperCase());
}
