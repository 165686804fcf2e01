// Forms, sent without leaving the page. They work without scripts too; with them the
// reader keeps the place, and the token travels in a header.

import { call, json, Refusal, withToken } from './net.js';
import { show } from './notices.js';

const mineWait = 1000; // milliseconds to wait for the answer of /mine; the search goes on without us
const sendWait = 30_000; // milliseconds to wait for the answer to another form

// startForms takes over the forms of the page. changed is called after each of them.
export function startForms(changed) {
  // The page asks for the token by a dialog, once, instead of in each form.
  document.documentElement.classList.add('with-scripts');
  document.addEventListener('click', ({ target }) => {
    const field = target.closest?.('button, input')?.form?.elements.namedItem('token');
    if (field && target.closest('form')?.id !== 'token-form') field.required = false;
  }, true);
  document.addEventListener('submit', (event) => {
    const form = event.target;
    const path = new URL(form.action, location.href).pathname;
    if (event.defaultPrevented || !path.startsWith('/forms/') || form.id === 'compose') return;
    event.preventDefault();
    submit(form, path, event.submitter).catch((err) => show(err.message, { error: true })).finally(changed);
  });
}

async function submit(form, path, button) {
  // A disabled button loses the focus, so that a second click is refused by this mark.
  if (form.getAttribute('aria-busy') === 'true') return;
  form.setAttribute('aria-busy', 'true');
  try {
    if (path === '/forms/mine') await mine();
    else if (path === '/forms/miner') await setMiner(new FormData(form, button).get('mode'));
    else await send(form, path, button);
  } finally {
    form.removeAttribute('aria-busy');
  }
}

// mine asks the node to mine what is pending. An answer takes as long as the search, and
// a browser opens only six connections to a host, so we leave after a moment. The
// events tell how it goes on.
async function mine() {
  try {
    const { message } = await json('/mine', { method: 'POST', guarded: true, wait: mineWait });
    show(message);
  } catch (err) {
    if (err.reason !== 'timeout') throw err;
    show('The node mines. You see here when it has found a block.');
  }
}

// setMiner sets when the node mines.
async function setMiner(mode) {
  const { message } = await json('/miner', {
    method: 'POST', guarded: true, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ mode }),
  });
  show(message ?? `The miner is set to ${mode}.`);
}

// send posts a form as the browser would and shows the notice or the error of the page
// that comes back.
async function send(form, path, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const response = await withToken((token) => {
    if (token) fields.set('token', token);
    return call(path, { method: 'POST', wait: sendWait, body: fields });
  }, path === '/forms/connect');
  const page = new DOMParser().parseFromString(response.text(), 'text/html');
  const said = (id) => page.getElementById(id)?.textContent.trim();
  const error = said('error');
  if (error || !response.ok) throw new Refusal(response.status, error || said('notice') || page.querySelector('main p')?.textContent.trim() || `The node answered with status ${response.status}.`);
  show(said('notice') || 'Done.');
  for (const field of form.querySelectorAll('input[type=text], input[type=url], input:not([type])')) field.value = field.defaultValue;
}
