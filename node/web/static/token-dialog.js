// The dialog that asks for the node's token. Only nodes with a token need it.

// ask shows the dialog and returns the token. It throws if the reader closes the dialog.
// problem is a sentence that says why the page asks again, or ''.
export function ask(problem) {
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
        resolve(token);
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
