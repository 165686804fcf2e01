// Lesson 3: the reader changes the text of a block, and every later block breaks.

import { byId, command, count, element, hashSpans, listenToCopy, postCommand, speaker, submit } from './learn.js';
import { changeBlock } from './learn-commands.js';
import { copy, firstBroken, load, mineAgain, plain, relink, workSum } from './learn-chain.js';
import { shorten } from './text.js';

export async function start() {
  const original = await load(4);
  let blocks = copy(original);
  let changed = -1; // the index of the block that the reader changed first
  let search = null;
  let spent = 0;
  const say = speaker(byId('said'));
  const list = byId('chain');
  const cards = blocks.map((b, i) => card(b, i));
  list.replaceChildren(...cards.map((c) => c.item));

  function card(b, i) {
    const post = b.transactions[0];
    const text = element('textarea', { id: `text-${i}`, rows: 2, maxLength: 2000, value: post?.content ?? '', dir: 'auto', spellcheck: false });
    const fields = Object.fromEntries(['previous_hash', 'merkle_root', 'nonce', 'hash'].map((f) => [f, element('dd', { className: 'digits' })]));
    const state = element('p', { className: 'verdict' });
    const button = element('button', { type: 'button', textContent: 'Mine this block again' });
    const item = element(
      'li',
      { className: 'card block' },
      element('h2', {}, `Block ${b.index}`, ...(b.practice ? [' ', element('small', { textContent: 'only in this page' })] : [])),
      ...(post ? [element('label', { htmlFor: text.id }, element('bdi', { textContent: shorten(post.author) }), ` says${b.transactions.length > 1 ? ` (and ${b.transactions.length - 1} more)` : ''}`), text] : [element('p', { className: 'hint', textContent: 'This block has no posts.' })]),
      ...(post?.signature ? [element('p', { className: 'hint', textContent: 'This post is signed. A changed text also needs a new signature, which only the owner of the key can make.' })] : []),
      element('dl', {}, ...[['previous_hash', 'hash of the block before'], ['merkle_root', 'hash of all posts'], ['nonce', 'nonce'], ['hash', 'hash of this block']].flatMap(([f, label]) => [element('dt', { textContent: label }), fields[f]])),
      state,
      button,
    );
    text.addEventListener('input', () => {
      halt();
      byId('verdict').replaceChildren();
      blocks[i].transactions[0].content = text.value;
      changed = changed < 0 ? i : Math.min(changed, i);
      relink(blocks, i);
      show();
      announce();
    });
    button.addEventListener('click', () => mineCard(i));
    return { item, text, fields, state, button };
  }

  async function mineCard(i) {
    if (search) {
      halt();
      show();
      return;
    }
    const c = cards[i];
    const before = spent;
    search = mineAgain(blocks[i], (d) => {
      spent = before + d.tries;
      c.state.textContent = `Mining: ${count(d.tries)} hashes tried…`;
    });
    c.button.textContent = 'Stop';
    let found = false;
    try {
      found = await search.done;
    } catch (e) {
      byId('summary').textContent = e.message;
    }
    search = null;
    if (found) {
      relink(blocks, i);
      byId('verdict').replaceChildren();
    }
    // The button of a block that is good again is hidden. The focus goes on with the work,
    // unless the reader is busy elsewhere by now.
    const waits = [document.body, c.button].includes(document.activeElement);
    show();
    announce();
    const next = firstBroken(blocks);
    if (found && waits) (next > i ? cards[next].button : byId('reset')).focus();
  }

  function halt() {
    search?.stop();
    search = null;
  }

  function show() {
    const broken = firstBroken(blocks);
    blocks.forEach((b, i) => {
      const { item, fields, state, button } = cards[i];
      const bad = broken >= 0 && i >= broken;
      item.dataset.state = bad ? 'bad' : b.hash !== original[i].hash ? 'new' : 'good';
      fields.previous_hash.replaceChildren(...hashSpans(b.previous_hash));
      fields.merkle_root.replaceChildren(...hashSpans(b.merkle_root));
      fields.nonce.textContent = b.nonce;
      fields.hash.replaceChildren(...hashSpans(b.hash));
      if (i === broken && i === changed) state.textContent = '✗ Broken: the text gives another hash, and this hash does not meet the target.';
      else if (i === broken) state.textContent = '✗ Broken: the hash of the block before has changed, so this one has changed, too.';
      else if (bad) state.textContent = '✗ Broken: it builds on a broken block.';
      else if (b.hash !== original[i].hash) state.textContent = '✓ Valid again, but with another hash than before.';
      else state.textContent = b.practice ? '✓ Valid.' : '✓ Valid: this is the block that everybody has.';
      button.hidden = i !== broken;
      button.textContent = 'Mine this block again';
    });
    byId('summary').textContent = summary(broken);
    byId('reset').hidden = changed < 0;
    const send = byId('send');
    send.hidden = changed < 0;
    if (changed >= 0) send.textContent = `Send your block ${blocks[changed].index} to the node`;
    if (changed < 0) {
      delete byId('verdict').dataset.state;
      byId('verdict').textContent = 'Change a text first.';
    }
    const real = blocks.findIndex((b, i) => !b.practice && b.transactions.length > 0 && (changed < 0 || i === changed));
    if (real >= 0) command(changeBlock(location.origin, blocks[real].index));
    else postCommand('/add_block', plain(blocks[changed < 0 ? blocks.length - 1 : changed]));
  }

  function summary(broken) {
    if (changed < 0) return 'All blocks are valid. Change a text.';
    if (broken < 0) return `All blocks are valid again. It took ${count(spent)} hashes. But everybody else has other blocks: the next lesson shows whose count.`;
    const red = blocks.slice(broken);
    return `${red.length === 1 ? 'One block is' : `${red.length} blocks are`} broken. To repair ${red.length === 1 ? 'it' : 'them'} takes about ${count(workSum(red))} hashes: as much work as went into ${red.length === 1 ? 'it' : 'them'}.`;
  }

  function announce() {
    say(byId('summary').textContent);
  }

  byId('reset').addEventListener('click', () => {
    halt();
    blocks = copy(original);
    changed = -1;
    spent = 0;
    cards.forEach((c, i) => (c.text.value = blocks[i].transactions[0]?.content ?? ''));
    show();
    announce();
    cards.find((c) => c.text.isConnected)?.text.focus();
  });
  byId('send').addEventListener('click', () =>
    submit('/add_block', plain(blocks[changed]), byId('verdict'), (a) =>
      a.body.outcome === 'side'
        ? 'You have mined it, so it is a valid block. But the chain has more work than your branch, so the node keeps it on the side, and nobody follows it.'
        : a.body.message,
    ),
  );
  listenToCopy();
  show();
}
