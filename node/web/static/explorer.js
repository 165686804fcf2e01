// The page of a post: its merkle proof, computed in the browser from the text of the
// post up to the header. Nothing is taken from the node but the numbers to check.

import { canonical } from './jcs.js';
import { json } from './net.js';
import { climb, header, idOf, meets } from './proof.js';

const pause = 250; // milliseconds between two steps, so that the eye can follow

// startTx checks the proof on the page, and keeps the page true when the post comes into a
// block or leaves one.
export async function startTx(live) {
  const post = document.querySelector('.post.single');
  let here = '';
  live.hook('tx-status', {
    after: (status) => { post.dataset.state = status.dataset.state; },
    gone: (status) => {
      status.dataset.state = post.dataset.state = 'gone';
      const chip = document.createElement('span');
      chip.className = 'chip stale';
      chip.textContent = 'gone';
      const line = document.createElement('p');
      line.append(chip, ' The node no longer has this post: it is in no block of the active branch and waits for none. Who wants it in a block has to send it again.');
      status.replaceChildren(line);
    },
  });
  live.hook('tx-proof', {
    // The proof that the browser has checked stays as long as the post is in the same block.
    before: (old, fresh) => {
      here = old.dataset.block;
      if (here === fresh.dataset.block) fresh.replaceChildren(...[...old.childNodes].map((node) => node.cloneNode(true)));
      else old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    },
    after: (place) => {
      if (place.dataset.block !== here) startProof().catch((err) => console.error(err));
    },
    gone: (place) => {
      place.dataset.block = '';
      place.replaceChildren();
    },
  });
  await startProof();
}

// startProof checks the proof on the page, and again when the reader changes a letter.
async function startProof() {
  const list = document.getElementById('proof');
  if (!list) return;
  const { leaf, root } = list.dataset;
  const rows = [...list.querySelectorAll('[data-sibling]')];
  const verdict = document.getElementById('proof-verdict') ?? made('p', 'proof-verdict', list);
  verdict.setAttribute('role', 'status');
  let proof;
  try {
    proof = await json(`/tx/${leaf}/proof`);
  } catch (err) {
    verdict.textContent = `The proof cannot be checked: ${err.message}`;
    return;
  }
  const label = document.createElement('label');
  label.className = 'proof-change';
  const box = document.createElement('input');
  box.type = 'checkbox';
  label.append(box, ' Change one letter of the post before checking');
  verdict.after(label);
  const first = document.createElement('p');
  list.before(first);
  const details = list.closest('details');
  if (details) details.open = true;

  let round = 0; // a newer check ends an older one
  const check = async () => {
    const mine = ++round;
    const steps = plan(proof, rows.map((row) => row.dataset), { leaf, root }, box.checked);
    const places = [first, ...rows];
    for (const place of places) mark(place, 'wait', '');
    const boxes = drawing(list);
    for (const drawn of boxes.values()) delete drawn.dataset.ok;
    show(verdict, 'wait', 'Your browser computes …');
    for (const [i, step] of steps.entries()) {
      if (!matchMedia('(prefers-reduced-motion: reduce)').matches) await new Promise((done) => setTimeout(done, pause));
      if (mine !== round) return;
      if (i < places.length) mark(places[i], step.ok, step.text);
      else show(verdict, step.ok, step.text);
      const drawn = boxes.get(step.node);
      if (drawn) drawn.dataset.ok = String(step.ok);
    }
  };
  box.addEventListener('change', check);
  await check();
}

// plan computes the whole check: one step for the text, one for each sibling, and the
// verdict. Each is {ok, text, node}, where node is the hash of the true proof that the step
// is about. With change, a letter of the post is another one.
export function plan(proof, siblings, { leaf, root }, change) {
  const post = { ...proof.transaction };
  if (change) post.content = otherLetter(post.content);
  const id = idOf(canonical(post));
  const right = climb(leaf, siblings);
  const got = climb(id, siblings);
  const head = header(proof.header);
  const steps = [{
    node: leaf,
    ok: id === leaf,
    text: id === leaf ? `The hash of the post's text is its id: ${id}` : `The hash of this text is ${id}, not the id of the post`,
  }];
  got.forEach((node, i) => {
    steps.push({ node: right[i], ok: node === right[i] && id === leaf, text: `${i === got.length - 1 ? 'root' : `level ${i + 1}`}: ${node}` });
  });
  steps.push(verdict(got.at(-1) ?? id, id, { leaf, root, head, block: proof.block.hash }));
  return steps;
}

function verdict(top, id, { leaf, root, head, block }) {
  if (id !== leaf && top !== head.root) return { ok: false, text: `Refused: the text leads to the root ${top}, but the block's header commits to ${head.root}. With one other letter the post is not the one in this block.` };
  if (top !== head.root || root !== head.root) return { ok: false, text: `Refused: the siblings lead to ${top}, but the block's header commits to ${head.root}.` };
  if (head.hash !== block) return { ok: false, text: `Refused: the header's hash is ${head.hash}, not ${block}.` };
  if (!meets(head)) return { ok: false, text: `Refused: the header's hash ${head.hash} is above its target, so no work was done for it.` };
  return { ok: true, text: `Checked in your browser: this post is in block ${block}, whose header commits to the root ${head.root} and whose hash meets the target.` };
}

// otherLetter changes the first letter of a text.
function otherLetter(text) {
  const [first = ''] = text;
  return (first === 'X' ? 'Y' : 'X') + text.slice(first.length);
}

// drawing returns the boxes of the server's drawing of the proof by their hashes.
function drawing(list) {
  const boxes = new Map();
  for (const box of list.closest('section')?.querySelectorAll('svg.proof g') ?? []) boxes.set(box.querySelector('title')?.textContent, box);
  return boxes;
}

function mark(place, ok, text) {
  place.classList.add('proof-step');
  place.dataset.ok = String(ok);
  let out = place.querySelector('.proof-computed');
  if (!out) {
    out = document.createElement('output');
    out.className = 'proof-computed';
    place.append(out);
  }
  out.textContent = text && `${ok === true ? '✓' : '✗'} ${text}`;
}

function show(place, ok, text) {
  place.dataset.ok = String(ok);
  place.textContent = ok === 'wait' ? text : `${ok ? '✓' : '✗'} ${text}`;
}

function made(tag, id, after) {
  const element = document.createElement(tag);
  element.id = id;
  after.after(element);
  return element;
}
