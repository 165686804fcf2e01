// The feed: posts appear, wait, and are confirmed while the reader watches.

import { json } from './net.js';
import { show } from './notices.js';
import { number } from './stats.js';

const mostPosts = 200; // posts on the page; older ones leave it when newer ones come

// startFeed enlivens the list of posts with that id.
export function startFeed(id, stream, live, announce) {
  const feed = document.getElementById(id);
  if (!feed) return;
  // A reader who looks at old posts would lose them if newer ones pushed them off the
  // page. So they stay until they are too many, or until a reorg, after which only
  // the server knows where they are.
  let stale = false;
  for (const kind of ['reorg', 'reset']) stream.on(kind, () => { stale = true; });
  let extra = 0;
  let before = new Map(); // from ids to states, before an update
  live.hook(id, {
    before(old, fresh) {
      before = states(old);
      const last = [...states(fresh).keys()].at(-1);
      extra = Math.max(0, mostPosts - fresh.children.length);
      bottom = last;
    },
    keep(node) {
      if (node.nodeType !== 1 || stale || node.dataset.state !== 'mined' || extra === 0 || feed.getBoundingClientRect().top >= 0) return false;
      const end = bottom && feed.querySelector(`[data-id="${CSS.escape(bottom)}"]`);
      if (!end || !(end.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING)) return false;
      extra--;
      return true;
    },
    after() {
      stale = false;
      tell(before, states(feed), announce);
    },
  });
  let bottom = null; // id of the last post of the new version
  stream.on('block', ({ height }) => confirmations(feed, height));
}

const states = (list) => new Map([...list.querySelectorAll('[data-id]')].map((post) => [post.dataset.id, post.dataset.state]));

// tell says in a sentence what has become of the posts.
export function tell(before, after, announce) {
  let fresh = 0;
  let mined = 0;
  let back = 0;
  for (const [id, state] of after) {
    const old = before.get(id);
    if (old === undefined) fresh++;
    else if (old !== 'mined' && state === 'mined') mined++;
    else if (old === 'mined' && state !== 'mined') back++;
  }
  const posts = (n) => (n === 1 ? 'A post' : `${n} posts`);
  if (fresh) announce(`${fresh === 1 ? 'A new post' : `${fresh} new posts`}.`);
  if (mined) announce(`${posts(mined)} ${mined === 1 ? 'is' : 'are'} now in a block.`);
  if (back) announce(`${posts(back)} ${back === 1 ? 'waits' : 'wait'} for a block again.`);
}

// confirmations counts the blocks on top of each mined post without asking the node. After
// a reorg only the server knows where the posts are.
function confirmations(feed, height) {
  for (const post of feed.querySelectorAll('[data-state="mined"][data-height]')) {
    const n = height - Number(post.dataset.height) + 1;
    const place = post.querySelector('.confirmations');
    if (!place || n < 1) continue;
    const text = `${number(n)} ${n === 1 ? 'confirmation' : 'confirmations'}`;
    if (place.textContent !== text) place.textContent = text;
  }
}

// startCompose sends posts without leaving the page. What has been typed stays if the
// node refuses it. signing, if there is such a module, signs the post first.
export async function startCompose(live, signing) {
  const form = document.getElementById('compose');
  if (!form) return;
  // The post whose fate is unknown, because the node's answer got lost. A second attempt
  // sends the same text with the same key, and so adds no second post.
  let doubtful = null;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    const { author, content } = form.elements;
    const typed = JSON.stringify([author.value, content.value]);
    try {
      if (doubtful?.typed !== typed) {
        let post = { author: author.value, content: content.value };
        if (signing?.prepare) post = await signing.prepare(form, post);
        doubtful = { typed, body: JSON.stringify(post), key: randomWord() };
      }
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': doubtful.key };
      await json('/new_transaction', { method: 'POST', headers, body: doubtful.body });
      doubtful = null;
      if (JSON.stringify([author.value, content.value]) === typed) content.value = '';
      content.dispatchEvent(new Event('input', { bubbles: true }));
      show('Your post waits for a block.');
      live.happened('pending', true);
    } catch (err) {
      if (err.status !== 0) doubtful = null; // the node has decided, or the post was not sent
      show(err.message, { error: true });
    }
    form.removeAttribute('aria-busy');
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.tagName === 'TEXTAREA') form.requestSubmit();
  });
}

// randomWord returns 32 random hex digits. crypto.randomUUID needs a secure context;
// getRandomValues does not.
function randomWord() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
