// A merkle proof, checked step by step: from the text of a post to the header of its
// block. docs/http.md describes /tx/{id}/proof.

import { hex, sha256d, unhex, utf8 } from './sha256.js';

const backwards = (bytes) => Uint8Array.from(bytes).reverse();

// hash returns SHA-256d of bytes in the text form of hashes, whose bytes are reversed.
export const hash = (bytes) => hex(backwards(sha256d(bytes)));

// idOf returns the id of a post from its canonical JSON.
export const idOf = (canonical) => hash(utf8(canonical));

// pair returns the hash of two nodes of the tree.
export function pair(left, right) {
  const bytes = new Uint8Array(64);
  bytes.set(backwards(unhex(left)), 0);
  bytes.set(backwards(unhex(right)), 32);
  return hash(bytes);
}

// climb returns the nodes on the way from a leaf to the root, without the leaf. siblings
// are {sibling, side}, where side says on which side the sibling is.
export function climb(leaf, siblings) {
  let node = leaf;
  return siblings.map(({ sibling, side }) => {
    node = side === 'left' ? pair(sibling, node) : pair(node, sibling);
    return node;
  });
}

// target returns the target that bits mean, as a number.
export function target(bits) {
  const compact = parseInt(bits, 16);
  const size = compact >>> 24;
  const digits = BigInt(compact & 0x7fffff);
  return size <= 3 ? digits >> BigInt(8 * (3 - size)) : digits << BigInt(8 * (size - 3));
}

// header takes a header of 160 hex digits apart.
export function header(text) {
  const bytes = unhex(text);
  const numbers = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    hash: hash(bytes),
    root: hex(backwards(bytes.subarray(36, 68))),
    bits: numbers.getUint32(72, true).toString(16).padStart(8, '0'),
  };
}

// meets reports whether the hash of a header is at most the target of its bits.
export const meets = ({ hash: h, bits }) => BigInt(`0x${h}`) <= target(bits);
