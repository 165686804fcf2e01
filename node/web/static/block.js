// Blocks as docs/formats.md describes them, computed in the page. A block is the object
// that GET /blocks/{id} answers with. Hashes are hex digits, most significant first.

import { canonical } from './jcs.js';
import { hex, unhex, utf8, sha256d } from './sha256.js';

// reversed returns the bytes of a hash in the order of headers.
function reversed(hash) {
  return unhex(hash).reverse();
}

function shown(bytes) {
  return hex(bytes.slice().reverse());
}

// headerBytes returns the 80 bytes of a block's header.
export function headerBytes(b) {
  const out = new Uint8Array(80);
  const view = new DataView(out.buffer);
  view.setInt32(0, b.version, true);
  out.set(reversed(b.previous_hash), 4);
  out.set(reversed(b.merkle_root), 36);
  view.setUint32(68, b.timestamp, true);
  view.setUint32(72, parseInt(b.bits, 16), true);
  view.setUint32(76, b.nonce, true);
  return out;
}

// headerHash returns the hash of a block's header.
export function headerHash(b) {
  return shown(sha256d(headerBytes(b)));
}

// idOf returns the id of a transaction: SHA-256 of SHA-256 of its canonical form.
export function idOf(tx) {
  return shown(sha256d(utf8(canonical(tx))));
}

// merkleRoot returns Bitcoin's merkle root over the ids of a block.
export function merkleRoot(ids) {
  let level = ids.map(reversed);
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(sha256d(Uint8Array.of(...level[i], ...(level[i + 1] ?? level[i]))));
    }
    level = above;
  }
  return shown(level[0]);
}

// rootOf returns the merkle root of what is in a block, whatever its header says.
export function rootOf(b) {
  return merkleRoot([shown(sha256d(unhex(b.coinbase))), ...b.transactions.map(idOf)]);
}

// targetOf returns the target of compact bits as a BigInt, or 0n if they mean none.
export function targetOf(bits) {
  const n = parseInt(bits, 16);
  const size = n >>> 24;
  if (n & 0x800000) return 0n;
  const digits = BigInt(n & 0x7fffff);
  const target = size <= 3 ? digits >> BigInt(8 * (3 - size)) : digits << BigInt(8 * (size - 3));
  return target < 1n << 256n ? target : 0n;
}

// workOf returns how many hashes a block with these bits takes on average, as a BigInt.
export function workOf(bits) {
  const target = targetOf(bits);
  return target === 0n ? 0n : (1n << 256n) / (target + 1n);
}

// isSolved reports whether a hash meets the bits.
export function isSolved(hash, bits) {
  return BigInt('0x' + hash) <= targetOf(bits);
}

// coinbase returns the coinbase of a block in hex.
export function coinbase(height, tag, extranonce = 0n) {
  let push;
  if (height === 0) push = [0];
  else if (height <= 16) push = [0x50 + height];
  else {
    push = [];
    for (let n = height; n > 0; n = Math.floor(n / 256)) push.push(n % 256);
    if (push[push.length - 1] & 0x80) push.push(0); // the top bit would be a sign
    push.unshift(push.length);
  }
  const extra = new Uint8Array(8);
  new DataView(extra.buffer).setBigUint64(0, extranonce);
  const name = utf8(tag);
  const script = [...push, 8, ...extra, name.length, ...name];
  return '0200000001' + '00'.repeat(32) + 'ffffffff' + hex([script.length, ...script]) + 'ffffffff01' + '00'.repeat(8) + '016a' + '00000000';
}

// newBlock returns a block that follows its parent and is not solved yet.
export function newBlock({ parent, height, bits, timestamp, transactions = [], tag = 'learn', extranonce }) {
  const b = {
    index: height,
    hash: '',
    version: 0x20000000,
    previous_hash: parent,
    merkle_root: '',
    timestamp,
    bits,
    nonce: 0,
    coinbase: coinbase(height, tag, extranonce),
    transactions,
  };
  b.merkle_root = rootOf(b);
  b.hash = headerHash(b);
  return b;
}
