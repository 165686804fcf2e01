// Ed25519 (RFC 8032) in the browser: with WebCrypto where the browser has it, and
// otherwise with @noble/ed25519, which is loaded only then. WebCrypto is missing on pages
// that came over http from another machine than the reader's own.

import { canonical } from './jcs.js';
import { hex, unhex, utf8, sha256d } from './sha256.js';
import { pkcs8 } from './keyfile.js';

let native; // a promise of whether WebCrypto can be used; undefined before the first question

// hasWebCrypto reports whether this page has WebCrypto with Ed25519.
export function hasWebCrypto() {
  native ??= (async () => {
    const subtle = globalThis.crypto?.subtle;
    if (!subtle) return false;
    try {
      await subtle.importKey('pkcs8', pkcs8(new Uint8Array(32)), 'Ed25519', false, ['sign']);
      return true;
    } catch {
      return false; // an older browser
    }
  })();
  return native;
}

let noble; // a promise of the vendored library

function loadNoble() {
  noble ??= (async () => {
    const [ed, { sha512 }] = await Promise.all([import('./vendor/noble/ed25519.js'), import('./vendor/noble/hashes/sha2.js')]);
    ed.hashes.sha512 = sha512;
    return ed;
  })();
  return noble;
}

// newSeed returns a new private key, 32 random bytes.
export function newSeed() {
  return crypto.getRandomValues(new Uint8Array(32));
}

// publicKey returns the public key of a seed in hex.
export async function publicKey(seed) {
  if (await hasWebCrypto()) {
    const key = await crypto.subtle.importKey('pkcs8', pkcs8(seed), 'Ed25519', true, ['sign']);
    const { x } = await crypto.subtle.exportKey('jwk', key);
    return hex(Uint8Array.from(atob(x.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0)));
  }
  return hex((await loadNoble()).getPublicKey(seed));
}

// lock returns a key of WebCrypto that signs with the seed and cannot be read any more.
export function lock(seed) {
  return crypto.subtle.importKey('pkcs8', pkcs8(seed), 'Ed25519', false, ['sign']);
}

// signBytes signs a message with a seed or with a key of WebCrypto.
export async function signBytes(key, message) {
  if (key instanceof Uint8Array) {
    if (!(await hasWebCrypto())) return (await loadNoble()).sign(message, key);
    key = await lock(key);
  }
  return new Uint8Array(await crypto.subtle.sign('Ed25519', key, message));
}

// verifyBytes reports whether a signature fits. The browser is laxer than the node with
// keys and signatures that are made to deceive, so only the node's verdict counts.
export async function verifyBytes(publicKeyHex, message, signatureHex) {
  try {
    const key = unhex(publicKeyHex);
    const signature = unhex(signatureHex);
    if (await hasWebCrypto()) {
      const imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']);
      return await crypto.subtle.verify('Ed25519', imported, signature, message);
    }
    return (await loadNoble()).verify(signature, message, key, { zip215: false });
  } catch {
    return false; // not even the form of a key or a signature
  }
}

// message returns the bytes of a post that its signature covers: the canonical form
// without the field signature.
export function message(post) {
  const rest = { ...post };
  delete rest.signature;
  return utf8(canonical(rest));
}

// signPost returns the post with public_key, timestamp and signature. A post that has a
// timestamp keeps it. The time now is in milliseconds.
export async function signPost(post, { publicKey, key }, now = Date.now()) {
  const signed = { timestamp: now / 1000, ...post, public_key: publicKey };
  delete signed.signature;
  signed.signature = hex(await signBytes(key, message(signed)));
  return signed;
}

// verifyPost reports whether the signature of a post fits, in the browser's opinion.
export function verifyPost(post) {
  return verifyBytes(String(post.public_key), message(post), String(post.signature));
}

// idOf returns the id of a post, as the node writes it.
export function idOf(post) {
  return hex(sha256d(utf8(canonical(post))).reverse());
}
