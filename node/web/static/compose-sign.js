// Signs posts before they leave the page. It adds the choice of an account to the form
// with which posts are written.

import * as keys from './keys.js';
import { signPost } from './sign.js';

// element returns a new element with properties and children.
function element(name, properties = {}, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

// parts returns the elements that start has added to a form, or null.
function parts(form) {
  const box = form.querySelector('.signing');
  if (!box) return null;
  return { box, select: box.querySelector('select'), unlock: box.querySelector('.unlock'), passphrase: box.querySelector('input'), state: box.querySelector('[role=status]') };
}

// start adds the choice of an account to the form.
export async function start(form) {
  if (parts(form)) return;
  const required = document.body.dataset.signatures === 'required';
  const select = element('select', { id: 'sign-as' });
  const box = element(
    'div',
    { className: 'signing', hidden: true },
    element('label', { htmlFor: 'sign-as', textContent: 'Sign as' }),
    select,
    element(
      'div',
      { className: 'unlock', hidden: true },
      element('label', { htmlFor: 'sign-passphrase', textContent: 'Passphrase of this key' }),
      element('input', { id: 'sign-passphrase', type: 'password', autocomplete: 'current-password' }),
    ),
    element('p', { className: 'hint', role: 'status' }),
  );
  box.dataset.keep = '';
  form.querySelector('[type=submit], button:not([type])').before(box);

  const author = form.elements.namedItem('author');
  let accounts = [];
  const show = () => {
    const { unlock } = parts(form);
    const account = accounts.find((a) => a.publicKey === select.value);
    unlock.hidden = !account || !keys.isLocked(account);
    if (account && author && (author.value === '' || accounts.some((a) => a.name === author.value))) author.value = account.name;
  };
  const fill = async () => {
    try {
      accounts = await keys.list();
    } catch {
      accounts = []; // no database: posts cannot be signed here
    }
    const option = (value, text) => element('option', { value, textContent: text });
    const nobody = required && accounts.length > 0 ? [] : [option('', 'nobody (not signed)')];
    select.replaceChildren(...nobody, ...accounts.map((a) => option(a.publicKey, `${a.name} (${keys.short(a.publicKey)})`)));
    select.value = accounts.some((a) => a.publicKey === keys.chosen()) ? keys.chosen() : (select.options[0]?.value ?? '');
    const state = parts(form).state;
    state.replaceChildren();
    if (accounts.length === 0) {
      state.append(required ? 'This network takes only signed posts. ' : 'Your posts are not signed. ', element('a', { href: '/accounts', textContent: 'Make a key' }), ' to prove that they are yours.');
    }
    select.hidden = accounts.length === 0;
    box.querySelector('label').hidden = accounts.length === 0;
    box.hidden = false;
    show();
  };
  select.addEventListener('change', () => {
    keys.choose(select.value);
    show();
  });
  document.addEventListener('lode:accounts', fill);
  await fill();
}

// prepare returns the post as it is to be sent: signed, if an account is chosen. It throws
// an Error with a sentence for the reader if it cannot be sent.
export async function prepare(form, post) {
  const p = parts(form);
  const chosen = p?.select.value ?? '';
  if (chosen === '') {
    if (document.body.dataset.signatures === 'required') throw new Error('This network takes only signed posts: make a key on the page Accounts, and choose it.');
    return post;
  }
  const account = await keys.get(chosen);
  if (!account) throw new Error('The key was deleted meanwhile: choose another one.');
  let key = keys.keyOf(account);
  if (!key) {
    p.unlock.hidden = false;
    if (p.passphrase.value === '') {
      p.passphrase.focus();
      throw new Error(`The key of “${account.name}” is locked: type its passphrase, then post again.`);
    }
    p.state.textContent = 'Opening the key…';
    try {
      key = await keys.unlock(account, p.passphrase.value, (done) => (p.state.textContent = `Opening the key… ${Math.round(100 * done)} %`));
    } catch (e) {
      p.passphrase.select();
      throw e;
    } finally {
      p.state.textContent = '';
    }
    p.passphrase.value = '';
    p.unlock.hidden = true;
  }
  return signPost(post, { publicKey: account.publicKey, key });
}
