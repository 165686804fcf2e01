// The node's token. A node that was started with one asks for it before it mines or
// connects with other nodes. The page asks the reader once and keeps it for the tab.

const place = 'lode-token'; // in sessionStorage

let held = null; // the token, where sessionStorage is forbidden
let asking = null; // the promise of the open dialog; several requests share it

export function tokenNeeded() {
  return document.querySelector('meta[name="lode-token"]')?.content === 'required';
}

export function rememberedToken() {
  try {
    return sessionStorage.getItem(place) ?? held;
  } catch {
    return held;
  }
}

export function forgetToken() {
  held = null;
  try {
    sessionStorage.removeItem(place);
  } catch {
    // there is no storage, so there is nothing in it
  }
}

function remember(token) {
  held = token;
  try {
    sessionStorage.setItem(place, token);
  } catch {
    // held keeps it until the page is left
  }
}

// askToken shows a dialog and returns when there is a token. It throws if the reader
// closes the dialog. problem is a sentence that says why the page asks again, or ''.
export function askToken(problem) {
  asking ??= ask(problem).finally(() => { asking = null; });
  return asking;
}

function ask(problem) {
  const dialog = document.createElement('dialog');
  dialog.className = 'token';
  dialog.setAttribute('aria-labelledby', 'token-title');
  const title = add(dialog, 'h2', 'This node needs its token');
  title.id = 'token-title';
  const form = add(dialog, 'form');
  form.method = 'dialog';
  form.id = 'token-form';
  add(form, 'p', 'It is the word with which the node was started (--token). This tab keeps it until you close it.');
  if (problem) Object.assign(add(form, 'p', problem), { className: 'notice error' }).setAttribute('role', 'alert');
  const label = add(form, 'label', 'Token');
  const input = add(label, 'input');
  Object.assign(input, { type: 'password', name: 'token', required: true, autocomplete: 'off', autofocus: true });
  const row = add(form, 'p');
  row.className = 'actions';
  Object.assign(add(row, 'button', 'Use it'), { value: 'use' });
  Object.assign(add(row, 'button', 'Cancel'), { type: 'button', className: 'quiet' }).addEventListener('click', () => dialog.close(''));
  document.body.append(dialog);
  return new Promise((resolve, reject) => {
    dialog.addEventListener('close', () => {
      const token = input.value.trim();
      dialog.remove();
      if (dialog.returnValue === 'use' && token) {
        remember(token);
        resolve();
      } else {
        reject(new Error('Nothing was changed: the node does this only for those who know its token.'));
      }
    });
    dialog.showModal();
  });
}

function add(parent, tag, text = '') {
  const element = document.createElement(tag);
  if (text) element.append(text);
  parent.append(element);
  return element;
}
