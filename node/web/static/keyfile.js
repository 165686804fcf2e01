// The file of a private key: PKCS #8 in PEM, encrypted under a passphrase with PBES2
// (RFC 5958, RFC 8018; PBKDF2 with HMAC-SHA-256, and AES-256 in CBC mode). It is the same
// file that lode key and openssl read and write; see docs/formats.md.

import { encrypt, decrypt } from './aes.js';
import { Pbkdf2, utf8 } from './sha256.js';

export const ITERATIONS = 600000;
const MAX_ITERATIONS = 10000000;
const MAX_FILE = 16384; // characters
const MAX_PASSPHRASE = 1024; // bytes

// WrongPassphrase is the error of a file that the passphrase does not decrypt.
export class WrongPassphrase extends Error {
  constructor() {
    super('The passphrase is wrong, or the file is damaged.');
  }
}

// The beginnings of the structures in DER. What follows each of them is the value itself.
const PRIVATE = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]; // RFC 8410
const OID = {
  ed25519: '2b6570',
  pbes2: '2a864886f70d01050d',
  pbkdf2: '2a864886f70d01050c',
  hmacSHA256: '2a864886f70d0209',
  aes256CBC: '60864801650304012a',
};

// pkcs8 returns the unencrypted PKCS #8 form of a seed of 32 bytes.
export function pkcs8(seed) {
  return Uint8Array.of(...PRIVATE, ...seed);
}

// derive computes the key of AES with WebCrypto, or in pieces of a few milliseconds, and
// reports how much is done as a number from 0 to 1.
async function derive(passphrase, salt, iterations, progress) {
  const password = utf8(passphrase);
  if (password.length === 0) throw new Error('The passphrase is empty.');
  if (password.length > MAX_PASSPHRASE) throw new Error(`The passphrase is longer than ${MAX_PASSPHRASE} bytes.`);
  const subtle = globalThis.crypto?.subtle;
  if (subtle) {
    const key = await subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
    return new Uint8Array(await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, key, 256));
  }
  const run = new Pbkdf2(password, salt, iterations);
  for (let piece = 500; ; ) {
    const start = performance.now();
    if (run.run(piece) === 0) return run.key();
    progress?.(1 - run.left / iterations);
    // The next piece takes about 10 ms, however fast the machine is.
    piece = Math.max(100, Math.min(2 * piece, Math.round((piece * 10) / Math.max(1, performance.now() - start))));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

// seal returns the encrypted file of a seed.
export async function seal(seed, passphrase, progress, iterations = ITERATIONS) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  const key = await derive(passphrase, salt, iterations, progress);
  const oid = (name) => der(0x06, bytes(OID[name]));
  const count = [];
  for (let n = iterations; n > 0; n = Math.floor(n / 256)) count.unshift(n % 256);
  if (count[0] & 0x80) count.unshift(0);
  const kdf = der(0x30, der(0x04, salt), der(0x02, count), der(0x30, oid('hmacSHA256'), der(0x05)));
  const scheme = der(0x30, der(0x30, oid('pbkdf2'), kdf), der(0x30, oid('aes256CBC'), der(0x04, iv)));
  return pem(der(0x30, der(0x30, oid('pbes2'), scheme), der(0x04, encrypt(key, iv, pkcs8(seed)))));
}

// der returns a value in DER: its tag, its length and its parts.
function der(tag, ...parts) {
  const body = parts.flatMap((part) => [...part]);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return [tag, ...length, ...body];
}

function bytes(digits) {
  return digits.match(/../g).map((d) => parseInt(d, 16));
}

function pem(body) {
  const lines = btoa(String.fromCharCode(...body)).match(/.{1,64}/g);
  return ['-----BEGIN ENCRYPTED PRIVATE KEY-----', ...lines, '-----END ENCRYPTED PRIVATE KEY-----', ''].join('\n');
}

// find returns the first private key in a PEM file: its bytes, and whether it is encrypted.
function find(file) {
  if (file.length > MAX_FILE) throw new Error('The file is too long for a key.');
  const found = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----([A-Za-z0-9+/=\s]*)-----END \1?PRIVATE KEY-----/.exec(file);
  if (!found) throw new Error('There is no private key in this file. It begins with -----BEGIN ENCRYPTED PRIVATE KEY-----.');
  let text;
  try {
    text = atob(found[2].replace(/\s/g, ''));
  } catch {
    throw new Error('The file is damaged: its text is not base64.');
  }
  return { body: Uint8Array.from(text, (c) => c.charCodeAt(0)), encrypted: found[1] !== undefined };
}

// encrypted reports whether the key in a file needs a passphrase. It throws if there is no
// key in it.
export function encrypted(file) {
  return find(file).encrypted;
}

// open returns the seed of the key in a file.
export async function open(file, passphrase, progress) {
  const { body, encrypted } = find(file);
  if (!encrypted) return seedOf(body);
  const { salt, iterations, iv, data } = parse(body);
  const plain = decrypt(await derive(passphrase, salt, iterations, progress), iv, data);
  // The padding is right by chance with one wrong passphrase out of 256.
  if (plain === null || plain[0] !== 0x30 || plain[1] !== plain.length - 2) throw new WrongPassphrase();
  return seedOf(plain);
}

// seedOf reads the PKCS #8 form of an Ed25519 key, with or without attributes and the
// public key (RFC 5958).
function seedOf(body) {
  const info = new Reader(body).into(0x30);
  info.read(0x02);
  if (info.into(0x30).oid() !== OID.ed25519) throw new Error('The key is not for Ed25519.');
  const seed = info.into(0x04).read(0x04);
  if (seed.length !== 32) throw new Error('The key is damaged: its seed has not 32 bytes.');
  return seed;
}

// parse reads the encrypted form and checks that everything in it is supported.
function parse(body) {
  const info = new Reader(body).into(0x30);
  const algorithm = info.into(0x30);
  demand(algorithm.oid() === OID.pbes2);
  const scheme = algorithm.into(0x30);
  const kdf = scheme.into(0x30);
  demand(kdf.oid() === OID.pbkdf2);
  const params = kdf.into(0x30);
  const salt = params.read(0x04);
  let iterations = 0;
  for (const byte of params.read(0x02)) iterations = iterations * 256 + byte;
  if (params.peek() === 0x02) demand(params.read(0x02).join() === '32');
  demand(params.peek() === 0x30 && params.into(0x30).oid() === OID.hmacSHA256);
  const cipher = scheme.into(0x30);
  demand(cipher.oid() === OID.aes256CBC);
  const iv = cipher.read(0x04);
  const data = info.read(0x04);
  if (iterations < 1 || iterations > MAX_ITERATIONS) throw new Error(`The file wants ${iterations} iterations of PBKDF2; at most ${MAX_ITERATIONS} are accepted.`);
  if (salt.length < 8 || salt.length > 1024 || iv.length !== 16 || data.length === 0 || data.length % 16 !== 0) throw new Error('The file is damaged.');
  return { salt, iterations, iv, data };
}

function demand(supported) {
  if (!supported) {
    throw new Error('The file is encrypted in another way. Convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256');
  }
}

// Reader reads values in DER, one after another.
class Reader {
  constructor(body) {
    this.body = body;
    this.at = 0;
  }

  peek() {
    return this.body[this.at];
  }

  // read returns the content of the next value, which must have the tag.
  read(tag) {
    const { body } = this;
    let length = body[this.at + 1];
    let start = this.at + 2;
    if (length > 0x80) {
      const count = length - 0x80;
      length = 0;
      for (let i = 0; i < count && count <= 2; i++) length = length * 256 + body[start + i];
      start += count;
    }
    const end = start + length;
    if (body[this.at] !== tag || !(end <= body.length)) throw new Error('The file is damaged: a part of the key is missing.');
    this.at = end;
    return body.slice(start, end);
  }

  into(tag) {
    return new Reader(this.read(tag));
  }

  oid() {
    return Array.from(this.read(0x06), (b) => b.toString(16).padStart(2, '0')).join('');
  }
}
