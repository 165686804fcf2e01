// Compares the canonical form with the documents of RFC 8785. jcs_test.go compares it with
// the node's.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { canonical } from '../../static/jcs.js';
import { hex, utf8 } from '../../static/sha256.js';

const folder = new URL('../../../../chain/block/testdata/jcs/', import.meta.url);

for (const name of readdirSync(new URL('input/', folder))) {
  test(`the document ${name} of RFC 8785`, () => {
    const out = canonical(JSON.parse(readFileSync(new URL(`input/${name}`, folder), 'utf8')));
    assert.equal(out, readFileSync(new URL(`output/${name}`, folder), 'utf8').trim());
    const bytes = readFileSync(new URL(`outhex/${name.replace('.json', '.txt')}`, folder), 'utf8').replace(/\s/g, '');
    assert.equal(hex(utf8(out)), bytes);
  });
}

test('numbers of RFC 8785, appendix B', () => {
  for (const [bits, want] of Object.entries({
    '0000000000000000': '0', '8000000000000000': '0', '0000000000000001': '5e-324', '8000000000000001': '-5e-324',
    '7fefffffffffffff': '1.7976931348623157e+308', 'ffefffffffffffff': '-1.7976931348623157e+308',
    '44b52d02c7e14af5': '9.999999999999997e+22', '44b52d02c7e14af6': '1e+23', '44b52d02c7e14af7': '1.0000000000000001e+23',
    '3eb0c6f7a0b5ed8c': '9.999999999999997e-7', '3eb0c6f7a0b5ed8d': '0.000001', '41b3de4355555553': '333333333.3333332',
  })) {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt('0x' + bits));
    assert.equal(canonical([view.getFloat64(0)]), `[${want}]`);
  }
});

test('what the node refuses, and what JSON cannot express', () => {
  let deep = 1;
  for (let i = 0; i < 32; i++) deep = [deep];
  canonical(deep);
  assert.throws(() => canonical([deep]), /deeper than 32/);
  for (const [value, why] of [
    [2 ** 53, /beyond 2\^53-1/], [-(2 ** 53), /beyond/], [1e20, /beyond/], [NaN, /NaN has no place/], [Infinity, /no place/],
    ['\ud800', /lone surrogate/], [{ '\udc00': 1 }, /lone surrogate/], [undefined, /type undefined/], [{ a: () => 1 }, /type function/], [[1n], /bigint/], [[, 1], /undefined/],
  ]) assert.throws(() => canonical(value), why);
  assert.equal(canonical([2 ** 53 - 1, 1e21, '😀']), '[9007199254740991,1e+21,"😀"]');
  assert.equal(canonical(JSON.parse('{"__proto__":1,"a":{"toJSON":2}}')), '{"__proto__":1,"a":{"toJSON":2}}');
});
