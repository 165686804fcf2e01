// Lesson 5: a signature is made, changed, and refused.

import { byId, element, listenToCopy, postCommand, speaker, submit } from './learn.js';
import { message, newSeed, publicKey, signPost, verifyPost } from './sign.js';

export async function start() {
  const text = byId('text');
  const signature = byId('signature');
  const say = speaker(byId('said'));
  let seed;
  let post = null; // what was signed, with the changes that the reader has made since
  let original = null; // what was signed
  let turn = 0; // counts the checks, so that a slow one does not overwrite a later one

  async function makeKey() {
    seed = newSeed();
    byId('key').textContent = await publicKey(seed);
    post = null;
    await show();
  }

  async function sign() {
    if (text.value === '') text.value = 'I was here.';
    post = await signPost({ author: 'A reader of the lesson', content: text.value }, { publicKey: byId('key').textContent, key: seed });
    original = { ...post };
    signature.value = post.signature;
    byId('verdict').replaceChildren();
    await show();
  }

  async function show() {
    const now = ++turn;
    byId('signed').hidden = post === null;
    if (post === null) return;
    let fits = false;
    let bytes;
    try {
      bytes = message(post);
      fits = await verifyPost(post);
    } catch (e) {
      bytes = new TextEncoder().encode(e.message);
    }
    if (now !== turn) return;
    byId('message').textContent = new TextDecoder().decode(bytes);
    const touched = post.content !== original.content || post.signature !== original.signature;
    const result = byId('result');
    result.dataset.state = fits ? 'good' : 'bad';
    result.textContent = fits
      ? 'This browser says: the signature fits the text and the key.'
      : `This browser says: the signature does not fit. ${post.signature !== original.signature ? 'The signature was changed.' : 'The text was changed after it was signed.'}`;
    byId('send').textContent = touched ? 'Send the changed post to the node' : 'Send it to the node: it will take it as a post';
    byId('undo').hidden = !touched;
    postCommand('/new_transaction', post);
    say(result.textContent);
  }

  text.addEventListener('input', () => {
    if (!post) return;
    post.content = text.value;
    byId('verdict').replaceChildren();
    show();
  });
  signature.addEventListener('input', () => {
    post.signature = signature.value.trim();
    byId('verdict').replaceChildren();
    show();
  });
  byId('sign').addEventListener('click', sign);
  byId('new-key').addEventListener('click', makeKey);
  byId('flip').addEventListener('click', () => {
    const at = Math.floor(Math.random() * post.signature.length);
    const digit = '0123456789abcdef'[(parseInt(post.signature[at], 16) + 1) % 16] ?? '0';
    post.signature = signature.value = post.signature.slice(0, at) + digit + post.signature.slice(at + 1);
    byId('verdict').replaceChildren();
    show();
  });
  byId('undo').addEventListener('click', () => {
    post = { ...original };
    text.value = post.content;
    signature.value = post.signature;
    byId('verdict').replaceChildren();
    show();
    byId('flip').focus();
  });
  byId('send').addEventListener('click', () =>
    submit('/new_transaction', post, byId('verdict'), (a) => ['It waits for a block: ', element('a', { href: `/explorer/tx/${a.body.id}`, textContent: 'see the post' }), '.']),
  );
  listenToCopy();
  await makeKey();
}
