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

export function rememberToken(token) {
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
  asking ??= import('./token-dialog.js').then(({ ask }) => ask(problem)).then(rememberToken).finally(() => { asking = null; });
  return asking;
}
