// The chains with which lessons 3 and 4 play: the node's last blocks, and where the node
// has too few of them, practice blocks that exist only in the page.

import { recent, mineBlock } from './learn.js';
import { headerBytes, headerHash, isSolved, newBlock, rootOf, workOf } from './block.js';

// PRACTICE is the difficulty of practice blocks if the network's would take too long: 256
// hashes. LONG is from which work on this is so; a browser takes some seconds for it.
export const PRACTICE = '2000ffff';
const LONG = 1n << 22n;

const TEXTS = ['Ann lends Ben her bicycle.', 'Ben owes Cleo five apples.', 'Cleo pays Ann for the tickets.', 'Ann gives Ben the key of the garden.', 'Ben buys Cleo a book.'];

// easyBits returns the network's bits, or those of practice blocks.
export function easyBits(bits) {
  return workOf(bits) > LONG ? PRACTICE : bits;
}

// extend returns a practice block, mined, that follows a block.
export async function extend(parent, content, author = 'Ann') {
  const timestamp = parent.timestamp + 1;
  const post = { author, content, timestamp };
  const block = newBlock({ parent: parent.hash, height: parent.index + 1, bits: easyBits(parent.bits), timestamp, transactions: [post] });
  await mineAgain(block).done;
  block.practice = true;
  return block;
}

// mineAgain searches the nonce of a block and writes it into the block. It returns the
// search: done is a promise of whether a nonce was found, and stop ends it.
export function mineAgain(block, onReport) {
  const { done, stop } = mineBlock(headerBytes(block), block.bits, onReport);
  return {
    stop,
    done: done.then((found) => {
      if (found) {
        block.nonce = found.nonce;
        block.hash = headerHash(block);
      }
      return Boolean(found);
    }),
  };
}

// load returns the node's last blocks with practice blocks after them, so that there are
// at least so many, of which the first is not counted if it is genesis.
export async function load(least) {
  const blocks = (await recent(least)).map((b) => ({ ...b, practice: false }));
  const own = blocks.filter((b) => b.transactions.length > 0).length;
  let missing = Math.max(0, Math.min(least, least - own));
  if (workOf(blocks[blocks.length - 1].bits) > LONG) missing = Math.max(missing, 2);
  for (let i = 0; i < missing; i++) blocks.push(await extend(blocks[blocks.length - 1], TEXTS[i % TEXTS.length]));
  return blocks.slice(-Math.max(least, missing + 1));
}

// copy returns a chain that can be changed without changing the original.
export function copy(blocks) {
  return blocks.map((b) => ({ ...b, transactions: b.transactions.map((t) => ({ ...t })) }));
}

// relink writes new merkle roots, links and hashes into the blocks from an index on, as
// somebody would who has changed the block there.
export function relink(blocks, from) {
  for (let i = from; i < blocks.length; i++) {
    const b = blocks[i];
    if (i > 0) b.previous_hash = blocks[i - 1].hash;
    if (i === from) b.merkle_root = rootOf(b);
    b.hash = headerHash(b);
  }
}

// firstBroken returns the index of the first block whose hash is above its target, or -1.
export function firstBroken(blocks) {
  return blocks.findIndex((b) => b.index > 0 && !isSolved(b.hash, b.bits));
}

// workSum returns how many hashes the blocks take on average, as a BigInt.
export function workSum(blocks) {
  return blocks.reduce((sum, b) => sum + workOf(b.bits), 0n);
}

// plain returns a block as the node reads it.
export function plain(block) {
  const { practice: _, ...rest } = block;
  return rest;
}
