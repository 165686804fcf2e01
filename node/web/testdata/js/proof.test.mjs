// Tests of the merkle proof, against values that Go code of this project and Bitcoin
// have computed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from '../../static/explorer.js';
import { climb, hash, header, idOf, meets, pair, target } from '../../static/proof.js';
import { unhex } from '../../static/sha256.js';

test('the id of the example in docs/formats.md', () => {
  const post = '{"author":"ann","content":"hello","public_key":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a","signature":"2a14f05daed29ed095e7891f86ec84d0f869905d47ae54a13d2cbac7191016540fc8f009494ed0b51e570745e6065d80315b5e2860a2409f64f8c577ae39b701","timestamp":1700000000.25}';
  assert.equal(idOf(post), '6b071b775ed2df1f461a4770c3f0f19cb05a5ca498e68aeeb8b17a7ce144d70c');
});

test("Bitcoin's genesis header", () => {
  const text = '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c';
  const head = header(text);
  assert.equal(head.hash, '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f');
  assert.equal(head.root, '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b');
  assert.equal(head.bits, '1d00ffff');
  assert.ok(meets(head));
  assert.ok(!meets({ ...head, bits: '17034219' }));
});

test("the merkle tree of Bitcoin's block 100,000", () => {
  // The four transactions and the root of the block
  // 000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506.
  const leaves = [
    '8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87',
    'fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4',
    '6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4',
    'e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d',
  ];
  const root = 'f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766';
  const [ab, cd] = [pair(leaves[0], leaves[1]), pair(leaves[2], leaves[3])];
  assert.equal(pair(ab, cd), root);
  const way = climb(leaves[2], [{ sibling: leaves[3], side: 'right' }, { sibling: ab, side: 'left' }]);
  assert.deepEqual(way, [cd, root]);
});

test('targets in compact form', () => {
  assert.equal(target('1d00ffff'), 0xffffn << 208n);
  assert.equal(target('207fffff'), 0x7fffffn << 232n);
  assert.equal(target('03123456'), 0x123456n);
  assert.equal(target('02123456'), 0x1234n);
});

// mined is a post that is alone in its block but for the coinbase. The header's bits are
// so easy that the tests can find its nonce.
function mined() {
  const transaction = { author: 'ann', content: 'hello', timestamp: 1.5 };
  const leaf = idOf('{"author":"ann","content":"hello","timestamp":1.5}');
  const sibling = '11'.repeat(32);
  const root = pair(sibling, leaf);
  const rest = `00000020${'00'.repeat(32)}${root.match(/../g).reverse().join('')}00000000ffff7f20`;
  for (let nonce = 0; ; nonce++) {
    const text = rest + nonce.toString(16).padStart(2, '0') + '000000';
    if (meets(header(text))) return { proof: { transaction, header: text, block: { hash: hash(unhex(text)) } }, siblings: [{ sibling, side: 'left' }], ends: { leaf, root } };
  }
}

test('a proof that holds is green at every step', () => {
  const { proof, siblings, ends } = mined();
  const steps = plan(proof, siblings, ends, false);
  assert.deepEqual(steps.map(({ ok }) => ok), [true, true, true]);
  assert.match(steps.at(-1).text, /^Checked/);
});

test('one other letter is red at every step', () => {
  const { proof, siblings, ends } = mined();
  assert.deepEqual(plan(proof, siblings, ends, true).map(({ ok }) => ok), [false, false, false]);
});

test('each thing that a node could forge is noticed', () => {
  const good = mined();
  const flip = (text, i) => text.slice(0, i) + (text[i] === '0' ? '1' : '0') + text.slice(i + 1);
  const forgeries = {
    'a sibling': (g) => { g.siblings = [{ ...g.siblings[0], sibling: flip(g.siblings[0].sibling, 5) }]; },
    'the side': (g) => { g.siblings = [{ ...g.siblings[0], side: 'right' }]; },
    'the root on the page': (g) => { g.ends.root = flip(g.ends.root, 3); },
    'the root in the header': (g) => { g.proof.header = flip(g.proof.header, 80); },
    'the nonce': (g) => { g.proof.header = flip(g.proof.header, 159); },
    'the hash of the block': (g) => { g.proof.block.hash = flip(g.proof.block.hash, 60); },
    'the author': (g) => { g.proof.transaction.author = 'bob'; },
    'the time': (g) => { g.proof.transaction.timestamp = 1.25; },
    'a further field': (g) => { g.proof.transaction.more = true; },
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    const g = structuredClone(good);
    forge(g);
    const steps = plan(g.proof, g.siblings, g.ends, false);
    assert.equal(steps.at(-1).ok, false, `${what} was forged, and the verdict is: ${steps.at(-1).text}`);
  }
});

test('a header without work is noticed', () => {
  const { proof, siblings, ends } = mined();
  // With the hardest bits that keep the text's length the same hash is far above the target.
  const text = proof.header.slice(0, 144) + 'ffff0003' + proof.header.slice(152);
  const forged = { ...proof, header: text, block: { hash: hash(unhex(text)) } };
  const last = plan(forged, siblings, ends, false).at(-1);
  assert.equal(last.ok, false);
  assert.match(last.text, /above its target/);
});
