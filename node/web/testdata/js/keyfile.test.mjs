// Tests of the key file, of AES, and of signatures, with and without WebCrypto.

import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createPrivateKey, randomBytes, verify, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import './webcrypto.mjs';
import { decrypt, encrypt } from '../../static/aes.js';
import { encrypted, open, pkcs8, seal, WrongPassphrase } from '../../static/keyfile.js';
import { hex, unhex, utf8 } from '../../static/sha256.js';

const read = (name) => readFileSync(new URL(`../../../../internal/keyfile/testdata/${name}`, import.meta.url), 'utf8');
const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'; // RFC 8032, 7.1, test 1
const PUBLIC = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

// without hides WebCrypto's subtle, as on a page that came over http from another machine.
async function without(run) {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
  Object.defineProperty(globalThis, 'crypto', { configurable: true, value: { getRandomValues: (a) => webcrypto.getRandomValues(a) } });
  try {
    return await run();
  } finally {
    Object.defineProperty(globalThis, 'crypto', own);
  }
}

test('AES-256-CBC', () => {
  // SP 800-38A, F.2.5 and F.2.6, the first block of each.
  const key = unhex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
  const iv = unhex('000102030405060708090a0b0c0d0e0f');
  const plain = unhex('6bc1bee22e409f96e93d7e117393172a');
  assert.equal(hex(encrypt(key, iv, plain)).slice(0, 32), 'f58c4c04d6e5f1ba779eabfb5f7bfbd6');
  for (let n = 0; n < 100; n++) {
    const [k, v, text] = [randomBytes(32), randomBytes(16), randomBytes(n)];
    const cipher = createCipheriv('aes-256-cbc', k, v);
    const want = Buffer.concat([cipher.update(text), cipher.final()]);
    assert.equal(hex(encrypt(k, v, text)), want.toString('hex'));
    assert.equal(hex(decrypt(k, v, new Uint8Array(want))), text.toString('hex'));
    const wrong = new Uint8Array(randomBytes(32));
    let reference = null;
    try {
      const d = createDecipheriv('aes-256-cbc', wrong, v);
      reference = Buffer.concat([d.update(want), d.final()]).toString('hex');
    } catch {
      // the padding is wrong
    }
    const got = decrypt(wrong, v, new Uint8Array(want));
    assert.equal(got && hex(got), reference);
  }
});

for (const [how, run] of [['with WebCrypto', (f) => f()], ['without WebCrypto', without]]) {
  test(`files of openssl, ${how}`, () =>
    run(async () => {
      for (const [name, passphrase] of [['openssl.pem', 'correct horse'], ['openssl-utf8.pem', 'pässwörd'], ['openssl-600000.pem', 'correct horse'], ['after-text.pem', 'correct horse'], ['plain.pem', '']]) {
        assert.equal(encrypted(read(name)), passphrase !== '');
        assert.equal(hex(await open(read(name), passphrase)), SEED, name);
      }
      for (let i = 0; i < 300; i++) await assert.rejects(open(read('openssl.pem').replace('\r', ''), `wrong ${i}`), WrongPassphrase);
    }));

  test(`what is refused, ${how}`, () =>
    run(async () => {
      for (const [name, why] of Object.entries({
        'rsa.pem': /not for Ed25519/, 'public.pem': /no private key/, 'sha1.pem': /another way/, 'aes128.pem': /another way/, 'scrypt.pem': /another way/, 'pbes1.pem': /another way/,
        '20-million.pem': /20000000 iterations/, 'cut-off.pem': /damaged/, 'seven-of-salt.pem': /damaged/, 'half-a-block.pem': /damaged/, 'key-of-16.pem': /another way/, 'short-vector.pem': /damaged/,
      })) {
        await assert.rejects(open(read(`refused/${name}`), 'correct horse'), why, name);
      }
      await assert.rejects(seal(unhex(SEED), ''), /empty/);
      await assert.rejects(seal(unhex(SEED), 'x'.repeat(1025)), /longer than 1024/);
    }));

  test(`a file that the page makes, ${how}`, () =>
    run(async () => {
      const told = [];
      const file = await seal(unhex(SEED), 'pässwörd', (done) => told.push(done), 10000);
      assert.equal(hex(await open(file, 'pässwörd')), SEED);
      // Node reads it with OpenSSL.
      const key = createPrivateKey({ key: file, format: 'pem', passphrase: 'pässwörd' });
      assert.equal(key.export({ type: 'pkcs8', format: 'der' }).toString('hex'), hex(pkcs8(unhex(SEED))));
      assert.ok(told.every((d, i) => d > (told[i - 1] ?? 0) && d < 1));
      for (const byte of [0x7f, 0x80, 0xffff, 0x10000]) assert.equal(hex(await open(await seal(unhex(SEED), 'x', undefined, byte), 'x')), SEED);
    }));

  test(`signatures, ${how}`, () =>
    run(async () => {
      // A fresh copy of the module asks again whether there is WebCrypto.
      const sign = await import(`../../static/sign.js?${how.replaceAll(' ', '-')}`);
      assert.equal(await sign.hasWebCrypto(), how === 'with WebCrypto');
      assert.equal(await sign.publicKey(unhex(SEED)), PUBLIC);
      // The example of docs/formats.md, which TestExample of chain/block signs, too.
      const post = { author: 'ann', content: 'hello', timestamp: 1700000000.25 };
      const signed = await sign.signPost(post, { publicKey: PUBLIC, key: unhex(SEED) });
      assert.equal(signed.signature, '2a14f05daed29ed095e7891f86ec84d0f869905d47ae54a13d2cbac7191016540fc8f009494ed0b51e570745e6065d80315b5e2860a2409f64f8c577ae39b701');
      assert.equal(sign.idOf(signed), '6b071b775ed2df1f461a4770c3f0f19cb05a5ca498e68aeeb8b17a7ce144d70c');
      assert.ok(await sign.verifyPost(signed));
      for (const wrong of [{ ...signed, content: 'hellO' }, { ...signed, timestamp: 1 }, { ...signed, signature: signed.signature.replace('2', '3') }, { ...signed, signature: 'zz' }, { ...signed, public_key: 'd7' }]) {
        assert.equal(await sign.verifyPost(wrong), false);
      }
      const now = await sign.signPost({ author: 'ann', content: 'now' }, { publicKey: PUBLIC, key: unhex(SEED) }, 1700000000123);
      assert.equal(now.timestamp, 1700000000.123);
      const key = createPrivateKey({ key: Buffer.from(pkcs8(unhex(SEED))), format: 'der', type: 'pkcs8' });
      assert.ok(verify(null, sign.message(now), key.asymmetricKeyType && (await import('node:crypto')).createPublicKey(key), unhex(now.signature)));
      // Every valid signature of Wycheproof is valid in the browser, too. Of the invalid ones
      // a browser may accept some; what counts is the node's verdict.
      const vectors = JSON.parse(readFileSync(new URL('../../../../chain/block/testdata/ed25519/wycheproof_ed25519_test.json', import.meta.url), 'utf8'));
      const seen = { valid: 0, invalid: 0 };
      for (const group of vectors.testGroups) {
        for (const { msg, sig, result, tcId } of group.tests) {
          seen[result]++;
          const fits = await sign.verifyBytes(group.publicKey.pk, unhex(msg), sig);
          if (result === 'valid') assert.ok(fits, `vector ${tcId}`);
        }
      }
      assert.deepEqual(seen, { valid: 88, invalid: 63 });
      if (how === 'with WebCrypto') {
        const locked = await sign.lock(unhex(SEED));
        assert.equal(locked.extractable, false);
        assert.equal(hex(await sign.signBytes(locked, utf8('x'))), hex(await sign.signBytes(unhex(SEED), utf8('x'))));
      }
    }));
}
