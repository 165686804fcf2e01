// SHA-256 (FIPS 180-4) in plain JavaScript. WebCrypto computes the same, but only
// asynchronously, which makes it some hundred times slower for short messages, and not at
// all on pages that came over http from another machine.

const K = new Int32Array(64);
const START = new Int32Array(8);

// The constants are the first 32 bits of the fractional parts of the roots of the first
// primes: of their square roots for the start, and of their cube roots for the rounds.
(function computeConstants() {
  const fraction = (x) => ((x - Math.floor(x)) * 0x100000000) | 0;
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) prime = prime && n % d !== 0;
    if (!prime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    K[found++] = fraction(Math.cbrt(n));
  }
})();

const W = new Int32Array(64);

// compress updates a state of eight words with a block of sixteen words, which are the
// first words of W. It overwrites the rest of W.
function compress(state) {
  for (let i = 16; i < 64; i++) {
    const a = W[i - 15];
    const b = W[i - 2];
    const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
    const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
    W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3];
  let e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + K[i] + W[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = (state[0] + a) | 0;
  state[1] = (state[1] + b) | 0;
  state[2] = (state[2] + c) | 0;
  state[3] = (state[3] + d) | 0;
  state[4] = (state[4] + e) | 0;
  state[5] = (state[5] + f) | 0;
  state[6] = (state[6] + g) | 0;
  state[7] = (state[7] + h) | 0;
}

// load reads the sixteen words of a block from bytes.
function load(bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    W[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
}

function store(state) {
  const out = new Uint8Array(32);
  for (let i = 0; i < 8; i++) {
    out[4 * i] = state[i] >>> 24;
    out[4 * i + 1] = state[i] >>> 16;
    out[4 * i + 2] = state[i] >>> 8;
    out[4 * i + 3] = state[i];
  }
  return out;
}

// finish hashes the rest of a message of which whole blocks were hashed into the state
// already, up to the byte at.
function finish(state, bytes, at, total) {
  for (; bytes.length - at >= 64; at += 64) {
    load(bytes, at);
    compress(state);
  }
  const rest = bytes.length - at;
  const end = new Uint8Array(rest < 56 ? 64 : 128);
  end.set(bytes.subarray(at));
  end[rest] = 0x80;
  new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(total) * 8n);
  for (let i = 0; i < end.length; i += 64) {
    load(end, i);
    compress(state);
  }
  return store(state);
}

// sha256 returns the hash of bytes, 32 bytes.
export function sha256(bytes) {
  return finish(START.slice(), bytes, 0, bytes.length);
}

// sha256d returns SHA-256 of SHA-256 of bytes, the hash of headers and the id of posts.
export function sha256d(bytes) {
  return sha256(sha256(bytes));
}

// hmac returns HMAC-SHA-256 (RFC 2104) of a message.
export function hmac(key, message) {
  const { inner, outer } = pads(key);
  return finish(outer, finish(inner, message, 0, 64 + message.length), 0, 64 + 32);
}

// pads returns the states of SHA-256 after the padded key, from which both hashes of an
// HMAC begin.
function pads(key) {
  if (key.length > 64) key = sha256(key);
  const states = [0x36, 0x5c].map((mask) => {
    const block = new Uint8Array(64).fill(mask);
    key.forEach((byte, i) => (block[i] ^= byte));
    const state = START.slice();
    load(block, 0);
    compress(state);
    return state;
  });
  return { inner: states[0], outer: states[1] };
}

// Pbkdf2 computes the first 32 bytes of PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2) in
// pieces, so that the page stays alive in between.
export class Pbkdf2 {
  constructor(password, salt, iterations) {
    this.left = iterations - 1;
    const { inner, outer } = pads(password);
    this.inner = inner;
    this.outer = outer;
    const first = new Uint8Array(salt.length + 4);
    first.set(salt);
    first[salt.length + 3] = 1; // the number of the block
    const u = hmac(password, first);
    this.last = new Int32Array(8);
    load32(u, this.last);
    this.sum = this.last.slice();
  }

  // run does at most so many iterations and returns how many are left.
  run(iterations) {
    const { inner, outer, last, sum } = this;
    const state = new Int32Array(8);
    const n = Math.min(iterations, this.left);
    for (let i = 0; i < n; i++) {
      state.set(inner);
      loadHash(last);
      compress(state);
      last.set(outer);
      loadHash(state);
      compress(last);
      for (let j = 0; j < 8; j++) sum[j] ^= last[j];
    }
    this.left -= n;
    return this.left;
  }

  // key returns the derived key once nothing is left.
  key() {
    return store(this.sum);
  }
}

function load32(bytes, words) {
  load(new Uint8Array([...bytes, ...new Uint8Array(32)]), 0);
  words.set(W.subarray(0, 8));
}

// loadHash makes W the block that ends a message of 96 bytes whose last 32 are the hash.
function loadHash(hash) {
  for (let i = 0; i < 8; i++) W[i] = hash[i];
  W[8] = 0x80000000 | 0;
  W.fill(0, 9, 15);
  W[15] = 96 * 8;
}

// Grinder computes the hash of a header of 80 bytes for one nonce after another. The
// first 64 bytes are hashed only once, because the nonce is behind them.
export class Grinder {
  constructor(header) {
    this.start = START.slice();
    load(header, 0);
    compress(this.start);
    const rest = new Uint8Array(64);
    rest.set(header.subarray(64, 76));
    load(rest, 0);
    this.tail = W.slice(0, 3);
    this.state = new Int32Array(8);
  }

  // top hashes the header with a nonce and returns the most significant 32 bits of the
  // hash, as an unsigned number. The whole hash is in this.state until the next call.
  top(nonce) {
    const state = this.state;
    state.set(this.start);
    W[0] = this.tail[0];
    W[1] = this.tail[1];
    W[2] = this.tail[2];
    W[3] = ((nonce & 0xff) << 24) | ((nonce & 0xff00) << 8) | ((nonce >>> 8) & 0xff00) | (nonce >>> 24);
    W[4] = 0x80000000 | 0;
    W.fill(0, 5, 15);
    W[15] = 80 * 8;
    compress(state);
    for (let i = 0; i < 8; i++) W[i] = state[i];
    W[8] = 0x80000000 | 0;
    W.fill(0, 9, 15);
    W[15] = 32 * 8;
    state.set(START);
    compress(state);
    const w = state[7];
    return (((w & 0xff) << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24)) >>> 0;
  }

  // hash returns the whole hash of the last call of top.
  hash() {
    return store(this.state);
  }
}

// hex returns bytes as lower-case hex digits.
export function hex(bytes) {
  let out = '';
  for (const b of bytes) out += (b < 16 ? '0' : '') + b.toString(16);
  return out;
}

// unhex returns the bytes of hex digits. It throws an Error for anything else.
export function unhex(text) {
  if (text.length % 2 !== 0 || /[^0-9a-fA-F]/.test(text)) throw new Error('want an even number of hex digits');
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

// utf8 returns the bytes of a text.
export function utf8(text) {
  return new TextEncoder().encode(text);
}
