// Lesson 4: three copies of a chain, one of them tampered with, and how work decides.

import { byId, command, count, element, listenToCopy, speaker, submit } from './learn.js';
import { branches } from './learn-commands.js';
import { copy, extend, firstBroken, load, mineAgain, plain, relink, workSum } from './learn-chain.js';
import { shorten } from './text.js';

const NAMES = ['Ann', 'Ben', 'Cleo'];
const MAX_BLOCKS = 12; // of a copy

export async function start() {
  const original = await load(3);
  let chains;
  let changed;
  let busy = false;
  const say = speaker(byId('said'));
  const text = byId('text');

  function reset() {
    chains = NAMES.map(() => copy(original));
    // The block before the last has a later one, and its repair takes two blocks.
    changed = original.length - 2;
    while (changed > 0 && original[changed].transactions.length === 0) changed--;
    if (original[changed].transactions.length === 0) changed = original.findIndex((b) => b.transactions.length > 0);
    text.value = chains[1][changed].transactions[0].content;
    byId('text-label').textContent = `What block ${chains[1][changed].index} of Ben’s copy says`;
    byId('verdict').replaceChildren();
    show();
  }

  // winner returns the chain that honest nodes follow: of the valid ones, the one with the
  // most work; of several, the one that they have already.
  function winner() {
    const ben = chains[1];
    const tampered = ben[ben.length - 1].hash !== chains[0][chains[0].length - 1].hash;
    if (!tampered) return 'all';
    if (firstBroken(ben) >= 0) return 'broken';
    return workSum(ben) > workSum(chains[0]) ? 'ben' : 'others';
  }

  function show() {
    const won = winner();
    byId('columns').replaceChildren(
      ...chains.map((chain, c) => {
        const broken = firstBroken(chain);
        const rows = chain.map((b, i) => {
          const bad = broken >= 0 && i >= broken;
          const other = !bad && b.hash !== chains[0][i]?.hash && c === 1;
          const state = bad ? 'bad' : other ? 'new' : 'good';
          return element(
            'li',
            { className: 'card mini', dataset: { state } },
            element('span', { className: 'height', textContent: `Block ${b.index}` }),
            element('span', { className: 'excerpt' }, element('bdi', { textContent: shorten(b.transactions[0]?.content ?? 'no posts') })),
            element('span', { className: 'digits', textContent: b.hash.slice(0, 8) + '…' }),
            element('span', { className: 'state', textContent: bad ? '✗ broken' : other ? '≠ other' : '✓ valid' }),
          );
        });
        const ahead = won === 'ben' ? c === 1 : won === 'all' || c !== 1;
        return element(
          'section',
          { className: 'column', dataset: { state: ahead ? 'good' : 'bad' } },
          element('h2', { textContent: NAMES[c] }),
          element('ol', {}, ...rows),
          element('p', { className: 'work' }, 'Work: ', element('strong', { textContent: broken >= 0 ? 'does not count' : count(workSum(chain)) }), broken >= 0 ? '' : ' hashes'),
        );
      }),
    );
    const ben = chains[1];
    const broken = firstBroken(ben);
    const result = byId('result');
    result.dataset.state = won === 'broken' || won === 'others' ? 'bad' : won === 'ben' ? 'new' : 'good';
    result.textContent = {
      all: 'All three copies are the same. Change what Ben’s copy says.',
      broken: broken >= 0 ? `Ben’s copy is broken from block ${ben[broken].index} on. Ann and Cleo check every block that they get, so they refuse his.` : '',
      others: `Ben’s copy is valid again, but it has ${workSum(ben) === workSum(chains[0]) ? 'no more work than theirs' : `less work: ${count(workSum(ben))} hashes against ${count(workSum(chains[0]))}`}. Everybody follows the valid chain with the most work, so Ann and Cleo keep theirs.`,
      ben: 'Ben’s copy has more work, so now everybody follows it, and what the others had is undone. For that he has to hash faster than all others together. The deeper a block lies, the more he has to catch up: therefore people wait for some blocks on top of theirs.',
    }[won];
    byId('ben').textContent = broken >= 0 ? `Ben mines block ${ben[broken].index} again` : 'Ben mines a further block';
    byId('ben').disabled = busy || won === 'all' || ben.length >= MAX_BLOCKS;
    byId('others').disabled = busy || won === 'ben' || chains[0].length >= MAX_BLOCKS;
    byId('send').disabled = won === 'all';
    command(branches(location.origin));
  }

  function announce() {
    say(byId('result').textContent);
  }

  // work runs something that takes time, with the buttons disabled. The one that had the
  // focus gets it back, or that which puts everything back if the first stays disabled.
  async function work(run) {
    if (busy) return;
    const focused = document.activeElement;
    busy = true;
    byId('verdict').replaceChildren();
    show();
    try {
      await run();
    } catch (e) {
      byId('result').textContent = e.message;
    }
    busy = false;
    show();
    announce();
    (focused?.disabled ? byId('reset') : focused)?.focus();
  }

  text.addEventListener('input', () => {
    chains[1][changed].transactions[0].content = text.value;
    relink(chains[1], changed);
    byId('verdict').replaceChildren();
    const same = chains[1][changed].transactions[0].content === original[changed].transactions[0].content;
    if (same && chains[1].length === original.length) chains[1] = copy(original);
    show();
    announce();
  });
  byId('ben').addEventListener('click', () =>
    work(async () => {
      const ben = chains[1];
      const broken = firstBroken(ben);
      if (broken < 0) {
        ben.push(await extend(ben[ben.length - 1], 'I was right all along.', 'Ben'));
      } else if (await mineAgain(ben[broken], (d) => (byId('ben').textContent = `Mining: ${count(d.tries)} hashes`)).done) {
        relink(ben, broken);
      }
    }),
  );
  byId('others').addEventListener('click', () =>
    work(async () => {
      const last = chains[0][chains[0].length - 1];
      const next = await extend(last, 'The next page of the book.', 'Cleo');
      const same = winner() === 'all';
      chains.forEach((chain, c) => {
        if (c !== 1 || same) chain.push(...copy([next]));
      });
    }),
  );
  byId('reset').addEventListener('click', () => {
    reset();
    announce();
    text.focus();
  });
  byId('send').addEventListener('click', () => {
    const b = chains[1].find((block, i) => block.hash !== original[i]?.hash);
    return submit('/add_block', plain(b), byId('verdict'), (a) =>
      a.body.outcome === 'side' ? 'The block is valid, but the branch has less work than the chain. The node keeps it on the side, and nobody follows it.' : a.body.message,
    );
  });
  listenToCopy();
  reset();
}
