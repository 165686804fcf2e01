// Compares SHA-256, HMAC, PBKDF2 and the search of nonces with Node's own, which is OpenSSL's.

import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Grinder, hex, hmac, Pbkdf2, sha256, sha256d, unhex, utf8 } from '../../static/sha256.js';

const of = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('messages of every length up to 300 bytes, and long ones', () => {
  for (const n of [...Array(301).keys(), 1000, 65536, 1000003]) {
    const bytes = randomBytes(n);
    assert.equal(hex(sha256(bytes)), of(bytes), `${n} bytes`);
  }
  assert.equal(hex(sha256d(utf8('hello'))), of(createHash('sha256').update('hello').digest()));
  // FIPS 180-4, appendix B.1.
  assert.equal(hex(sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('HMAC with keys of every length up to 130 bytes', () => {
  for (let n = 0; n <= 130; n++) {
    const key = randomBytes(n);
    const message = randomBytes(n * 3);
    assert.equal(hex(hmac(key, message)), createHmac('sha256', key).update(message).digest('hex'), `${n} bytes`);
  }
});

test('PBKDF2 in pieces', () => {
  for (const iterations of [1, 2, 3, 1000, 4321]) {
    for (const piece of [1, 7, 5000]) {
      const password = randomBytes(iterations % 90);
      const salt = randomBytes(16);
      const run = new Pbkdf2(password, salt, iterations);
      let before = iterations;
      while (run.left > 0) {
        assert.ok(run.run(piece) < before);
        before = run.left;
      }
      assert.equal(hex(run.key()), pbkdf2Sync(password, salt, iterations, 32, 'sha256').toString('hex'));
    }
  }
});

test('the nonces of 200 real headers are found', () => {
  const rows = readFileSync(new URL('../../../../pow/testdata/small_nonce_headers.csv', import.meta.url), 'utf8').trim().split('\n').slice(1);
  assert.equal(rows.length, 200);
  for (const row of rows) {
    const header = unhex(row.split(',')[3]);
    const nonce = new DataView(header.buffer).getUint32(76, true);
    const grinder = new Grinder(header);
    grinder.top(nonce + 1);
    const top = grinder.top(nonce);
    const hash = sha256d(header);
    assert.equal(hex(grinder.hash()), hex(hash));
    assert.equal(top, new DataView(hash.buffer).getUint32(28, true));
    assert.equal(top, 0, 'all of these hashes begin with at least 32 zero bits');
  }
});

test('hex digits', () => {
  assert.equal(hex(unhex('00ff10Ab')), '00ff10ab');
  for (const wrong of ['0', '0g', ' 00', '0x00']) assert.throws(() => unhex(wrong), /hex digits/);
});
