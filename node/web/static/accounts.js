// The page of the keys in this browser: makes them, brings them from a file, locks and
// deletes them. On the page of an account it says whether the key is in this browser.

import * as keys from './keys.js';
import { encrypted, seal } from './keyfile.js';
import { hasWebCrypto, newSeed, publicKey } from './sign.js';
import { byId, element } from './learn.js';

let made = null; // a new key that is not kept yet: { seed, name, file, publicKey }

// start begins the page.
export async function start() {
  if (document.body.dataset.page === 'account') return markAccount();
  for (const e of byId('accounts').querySelectorAll('[data-needs-script]')) e.hidden = false;
  byId('storage').textContent = await describeStorage();
  byId('make-key').addEventListener('submit', (e) => run(e, make));
  byId('import-key').addEventListener('submit', (e) => run(e, bring));
  byId('backup-keep').addEventListener('click', (e) => run(e, keep));
  byId('backup-drop').addEventListener('click', (e) => run(e, drop));
  byId('backup-save').addEventListener('click', () => say('The browser saves the file. Look where it is before you go on.'));
  document.addEventListener('lode:accounts', () => run(null, show));
  await run(null, show);
}

async function describeStorage() {
  if (await hasWebCrypto()) {
    return 'A key is kept in this browser in such a way that scripts can sign with it but nobody can read it, not even this page. Who can use this browser can sign with it. Clearing the data of the site deletes it.';
  }
  const why = globalThis.isSecureContext ? 'This browser cannot keep such keys itself' : 'This page came over http from another machine, where browsers offer no safe place for keys';
  return `${why}. So the key is kept as the encrypted backup file, and the passphrase opens it for one tab, until the tab is closed. While it is open, scripts of this site can read it. On a network where others could change pages on their way, use such a key for trying only.`;
}

// run calls an action, prevents the browser's own, and shows its error.
async function run(event, action) {
  event?.preventDefault();
  const button = event?.submitter ?? event?.currentTarget;
  // A disabled button loses the focus, so that a second click is refused by this mark.
  if (button?.getAttribute('aria-busy') === 'true') return;
  byId('accounts-error').textContent = '';
  button?.setAttribute('aria-busy', 'true');
  try {
    await action();
  } catch (e) {
    byId('accounts-error').textContent = e.message;
    byId('accounts-error').scrollIntoView?.({ block: 'nearest' });
  } finally {
    button?.removeAttribute('aria-busy');
  }
}

function say(text) {
  byId('accounts-status').textContent = text;
}

// progressIn returns a function that shows how much is done, from 0 to 1.
function progressIn(bar) {
  bar.hidden = false;
  bar.value = 0;
  return (done) => (bar.value = done);
}

async function make() {
  const passphrase = byId('make-passphrase').value;
  if (passphrase !== byId('make-again').value) {
    byId('make-again').focus();
    throw new Error('The two passphrases differ.');
  }
  const name = byId('make-name').value.trim();
  if (name === '') throw new Error('The name is empty.');
  const seed = newSeed();
  const bar = byId('make-progress');
  try {
    made = { seed, name, publicKey: await publicKey(seed), file: await seal(seed, passphrase, progressIn(bar)) };
  } finally {
    bar.hidden = true;
  }
  byId('make-key').reset();
  byId('make-key').hidden = true;
  byId('backup-file').value = made.file;
  const save = byId('backup-save');
  save.href = URL.createObjectURL(new Blob([made.file], { type: 'application/x-pem-file' }));
  save.download = `lode-key-${made.publicKey.slice(0, 8)}.pem`;
  byId('backup').hidden = false;
  byId('backup-title').focus();
}

async function keep() {
  await keys.add(made.seed, made.name, made.file);
  keys.choose(made.publicKey);
  const { name } = made;
  forgetMade();
  say(`The key of “${name}” is kept in this browser. Your posts are now signed with it.`);
}

async function drop() {
  forgetMade();
  say('The key was thrown away.');
}

function forgetMade() {
  made.seed.fill(0);
  made = null;
  URL.revokeObjectURL(byId('backup-save').href);
  byId('backup-save').href = '/accounts';
  byId('backup-file').value = '';
  byId('backup').hidden = true;
  byId('make-key').hidden = false;
  byId('make-name').focus();
}

async function bring() {
  const file = byId('import-file').files[0];
  if (!file) throw new Error('Choose a file.');
  const text = await file.slice(0, 20000).text();
  encrypted(text); // says at once if there is no key in the file
  const bar = byId('import-progress');
  let account;
  try {
    account = await keys.importFile(text, byId('import-passphrase').value, byId('import-name').value, progressIn(bar));
  } finally {
    bar.hidden = true;
  }
  keys.choose(account.publicKey);
  byId('import-key').reset();
  say(`The key of “${account.name}” is kept in this browser. Your posts are now signed with it.`);
}

// show draws the list anew. If something in it had the focus, the same button of the same
// key gets it. If the key has no such button any more, its button Rename gets the focus, and
// if the key is gone, the title of the list.
async function show() {
  const accounts = await keys.list();
  const list = byId('account-list');
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.closest('.account').dataset.key;
  const action = focused?.dataset.action ?? 'rename';
  byId('no-accounts').hidden = accounts.length > 0;
  list.replaceChildren(...accounts.map(card));
  if (!focused) return;
  const entry = [...list.children].find((item) => item.dataset.key === key);
  const again = entry?.querySelector(`[data-action="${action}"]`);
  const next = again?.checkVisibility() ? again : entry?.querySelector('[data-action=rename]');
  (next ?? byId('list-title')).focus();
}

function card(account) {
  const kept = account.key ? 'The key cannot be read.' : keys.isLocked(account) ? 'Locked: the passphrase opens it.' : 'Open in this tab.';
  const name = element('input', { value: account.name, maxLength: 100, id: `name-${account.publicKey}` });
  const item = element(
    'li',
    { className: 'card account', dataset: { key: account.publicKey } },
    element('p', {}, element('strong', { textContent: account.name }), ' ', element('a', { href: `/account/${account.publicKey}`, className: 'digits', textContent: account.publicKey })),
    element('p', { className: 'hint', textContent: `Since ${new Date(account.created).toLocaleDateString()}. ${kept}` }),
  );
  const buttons = element('div', { className: 'row' });
  const button = (name, text, action, className = 'quiet') => {
    const b = element('button', { type: 'button', textContent: text, className, dataset: { action: name } });
    b.addEventListener('click', (e) => run(e, action));
    return b;
  };
  const rename = element(
    'form',
    { className: 'rename', hidden: true },
    element('label', { htmlFor: name.id, textContent: 'Display name' }),
    name,
    element('button', { type: 'submit', textContent: 'Keep this name' }),
  );
  rename.addEventListener('submit', (e) => run(e, () => keys.rename(account, name.value)));
  // The first click asks, and the second one deletes.
  const sure = element('div', { className: 'sure', hidden: true }, element('p', { textContent: 'Without the backup file the key is gone for ever. Posts that it has signed stay.' }));
  const choice = element('div', { className: 'row' });
  sure.append(choice);
  choice.append(
    button('really', 'Delete this key', async () => {
      await keys.remove(account.publicKey);
      say(`The key of “${account.name}” was deleted from this browser.`);
    }, 'danger'),
    button('keep', 'Keep it', async () => {
      sure.hidden = true;
      buttons.querySelector('[data-action=delete]').focus();
    }),
  );
  buttons.append(
    button('rename', 'Rename', async () => {
      rename.hidden = false;
      name.select();
    }),
    ...(!account.key && !keys.isLocked(account)
      ? [button('lock', 'Lock', async () => {
          keys.forget(account.publicKey);
          await show();
        })]
      : []),
    button('delete', 'Delete…', async () => {
      sure.hidden = false;
      sure.querySelector('button').focus();
    }),
  );
  item.append(rename, buttons, sure);
  return item;
}

// markAccount says on the page of an account that its key is in this browser.
async function markAccount() {
  const found = /\/account\/([0-9a-f]{64})$/.exec(location.pathname);
  const account = found && (await keys.get(found[1]).catch(() => null));
  const title = document.querySelector('main h1');
  if (!account || !title) return;
  title.after(element('p', { className: 'notice', textContent: `The key of this account is in this browser, as “${account.name}”.` }));
}
