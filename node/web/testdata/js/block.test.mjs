// Compares headers, merkle roots and targets with real blocks.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { coinbase, headerBytes, headerHash, isSolved, merkleRoot, newBlock, targetOf, workOf } from '../../static/block.js';
import { hex, unhex } from '../../static/sha256.js';

const root = new URL('../../../../', import.meta.url);

test('merkle roots of real blocks', () => {
  const shown = (internal) => hex(unhex(internal).reverse());
  for (const name of ['real_blocks_merkle', 'real_blocks_many_txs']) {
    for (const b of JSON.parse(readFileSync(new URL(`chain/block/testdata/merkle/${name}.json`, root), 'utf8'))) {
      assert.equal(merkleRoot(b.txids_internal.map(shown)), shown(b.merkle_root_internal), `block ${b.height}`);
    }
  }
});

test('the genesis block of the tutorial, as docs/formats.md shows it', () => {
  const b = JSON.parse(/```json\n(\{\n {2}"index": 0,[\s\S]*?)```/.exec(readFileSync(new URL('docs/formats.md', root), 'utf8'))[1]);
  assert.equal(headerHash(b), b.hash);
  assert.ok(isSolved(b.hash, b.bits));
  assert.equal(coinbase(0, 'tutorial'), b.coinbase);
  assert.equal(headerBytes(b).length, 80);
  const again = newBlock({ parent: b.previous_hash, height: 0, bits: b.bits, timestamp: b.timestamp, tag: 'tutorial' });
  assert.equal(again.merkle_root, b.merkle_root);
  again.nonce = b.nonce;
  assert.equal(headerHash(again), b.hash);
});

test('targets and work', () => {
  assert.equal(targetOf('1d00ffff').toString(16), 'ffff' + '0'.repeat(52));
  assert.equal(workOf('1d00ffff'), 0x100010001n);
  assert.equal(workOf('207fffff'), 2n);
  for (const none of ['00000000', '01800000', '1d80ffff', 'ff00ffff', '23000100']) assert.equal(targetOf(none), 0n, none);
  assert.equal(targetOf('03123456'), 0x123456n);
  assert.equal(targetOf('02123456'), 0x1234n);
  assert.equal(isSolved('0'.repeat(63) + '1', '03000001'), true);
  assert.equal(isSolved('0'.repeat(63) + '2', '03000001'), false);
});

test('the height in the coinbase, as in BIP 34', () => {
  const script = (h) => coinbase(h, '').slice(84, -34).slice(0, 12);
  for (const [height, want] of [[1, '51'], [16, '60'], [17, '0111'], [127, '017f'], [128, '028000'], [255, '02ff00'], [256, '020001'], [32767, '02ff7f'], [32768, '03008000'], [0x7fffffff, '04ffffff7f']]) {
    assert.ok(script(height).startsWith(want + '08'.slice(0, Math.max(0, 12 - want.length))), `${height}: ${script(height)}`);
  }
});
