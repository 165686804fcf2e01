// The accounts of this browser, in its database (IndexedDB). An account is
//
//   { publicKey, name, created, key }   with a key of WebCrypto that signs and that no
//                                       script can read, or
//   { publicKey, name, created, file }  with the encrypted key file, where there is no
//                                       WebCrypto. It is unlocked with the passphrase; the
//                                       key is then in sessionStorage until the tab is
//                                       closed, or until the user locks it again.

import { open as openFile, seal } from './keyfile.js';
import { hasWebCrypto, lock as toWebCrypto, publicKey } from './sign.js';
import { hex, unhex } from './sha256.js';

const STORE = 'accounts';
const MAX_NAME = 100; // characters
const CHOICE = 'lode-account';

function request(r) {
  return new Promise((resolve, reject) => {
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(new Error(`The browser's database refused: ${r.error?.message ?? 'no reason given'}`));
  });
}

// withStore opens the database, runs one request on it, and closes it again, so that no
// tab keeps another one from deleting it.
async function withStore(mode, run) {
  if (!globalThis.indexedDB) throw new Error('This browser has no database to keep keys in. Private windows often have none.');
  const opening = indexedDB.open('lode-accounts', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'publicKey' });
  const db = await request(opening);
  try {
    const transaction = db.transaction(STORE, mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(new Error(`The browser did not keep the key: ${transaction.error?.message ?? 'no reason given'}`));
    });
    done.catch(() => {}); // the request fails first
    const result = await request(run(transaction.objectStore(STORE)));
    await done;
    return result;
  } finally {
    db.close();
  }
}

function changed() {
  globalThis.document?.dispatchEvent(new CustomEvent('lode:accounts'));
}

// list returns the accounts of this browser, the oldest first.
export async function list() {
  const all = await withStore('readonly', (s) => s.getAll());
  return all.sort((a, b) => a.created - b.created);
}

// get returns the account with a public key, or undefined.
export function get(publicKey) {
  return withStore('readonly', (s) => s.get(publicKey));
}

// add keeps a key under a name. The file is its encrypted file; it is kept only where
// WebCrypto cannot keep the key.
export async function add(seed, name, file) {
  const account = { publicKey: await publicKey(seed), name: checkName(name), created: Date.now() };
  const known = await get(account.publicKey);
  if (known) throw new Error(`This browser has the key already, as “${known.name}”.`);
  if (await hasWebCrypto()) {
    account.key = await toWebCrypto(seed);
  } else {
    account.file = file;
    remember(account.publicKey, seed);
  }
  await withStore('readwrite', (s) => s.add(account));
  try {
    await navigator.storage?.persist?.(); // the browser then does not remove it when space is short
  } catch {
    // It may be removed; the page says that the backup file is the only safe copy.
  }
  changed();
  return account;
}

// importFile opens a key file and keeps the key under a name.
export async function importFile(text, passphrase, name, progress) {
  const seed = await openFile(text, passphrase, progress);
  try {
    if (await hasWebCrypto()) return await add(seed, name);
    if (passphrase === '') throw new Error('Here the browser can keep a key only as an encrypted file. Choose a passphrase for it.');
    // A file that was not encrypted must not be kept as it is.
    return await add(seed, name, await seal(seed, passphrase, progress));
  } finally {
    seed.fill(0);
  }
}

// rename gives an account another display name.
export async function rename(account, name) {
  await withStore('readwrite', (s) => s.put({ ...account, name: checkName(name) }));
  changed();
}

// remove deletes an account from this browser. What it has said stays on the chain.
export async function remove(publicKey) {
  await withStore('readwrite', (s) => s.delete(publicKey));
  forget(publicKey);
  if (chosen() === publicKey) choose('');
  changed();
}

function checkName(name) {
  const trimmed = name.trim();
  if (trimmed === '') throw new Error('The name is empty.');
  if ([...trimmed].length > MAX_NAME) throw new Error(`The name is longer than ${MAX_NAME} characters.`);
  return trimmed;
}

// keyOf returns what an account signs with, or null if it is locked.
export function keyOf(account) {
  if (account.key) return account.key;
  const seed = sessionStorage.getItem('lode-seed-' + account.publicKey);
  return seed ? unhex(seed) : null;
}

// isLocked reports whether an account needs its passphrase before it can sign.
export function isLocked(account) {
  return keyOf(account) === null;
}

// unlock opens the file of a locked account for this tab and returns the key.
export async function unlock(account, passphrase, progress) {
  const seed = await openFile(account.file, passphrase, progress);
  remember(account.publicKey, seed);
  return seed;
}

function remember(publicKey, seed) {
  sessionStorage.setItem('lode-seed-' + publicKey, hex(seed));
}

// forget locks an account again.
export function forget(publicKey) {
  sessionStorage.removeItem('lode-seed-' + publicKey);
}

// chosen returns the public key of the account with which this browser signed last, or ''.
export function chosen() {
  return localStorage.getItem(CHOICE) ?? '';
}

// choose sets the account with which posts are signed. '' means none.
export function choose(publicKey) {
  localStorage.setItem(CHOICE, publicKey);
}

// short returns a public key in a form for lists.
export function short(publicKey) {
  return publicKey.slice(0, 8) + '…' + publicKey.slice(-4);
}
