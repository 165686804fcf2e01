// Lesson 1: the hash of what the reader types, bit by bit.

import { byId, command, count, element, hashSpans, listenToCopy, speaker } from './learn.js';
import { hashGenesis, hashText } from './learn-commands.js';
import { hex, sha256, utf8 } from './sha256.js';

export async function start() {
  const text = byId('text');
  const grid = byId('bits');
  const cells = Array.from({ length: 256 }, () => element('span'));
  grid.append(...cells);
  const say = speaker(byId('said'));
  let before = null;
  let genesis = null; // the text of the node's first block, once it was asked for

  const show = () => {
    const hash = sha256(utf8(text.value));
    const digits = hex(hash);
    byId('hash').replaceChildren(...hashSpans(digits));
    let changed = 0;
    cells.forEach((cell, i) => {
      const bit = (hash[i >> 3] >> (7 - (i & 7))) & 1;
      const was = before ? (before[i >> 3] >> (7 - (i & 7))) & 1 : bit;
      cell.className = (bit ? 'on' : 'off') + (bit !== was ? ' flipped' : '');
      changed += bit !== was ? 1 : 0;
    });
    const zeros = digits.match(/^0*/)[0].length;
    const about = changed ? `${changed} of the 256 bits changed. ` : '';
    const luck = zeros ? ` It begins with ${zeros} ${zeros === 1 ? 'zero' : 'zeros'}: ${zeros === 1 ? 'one text in 16' : `one text in ${count(16 ** zeros)}`} has such a hash.` : '';
    byId('flips').textContent = about || 'Change one letter and watch.';
    byId('zeros').textContent = zeros ? luck.trim() : 'This hash does not begin with a zero. About one text in 16 has a hash that does: add a number to your text and change it until you find one.';
    say(`${about}The hash begins with ${digits.slice(0, 8)}.${luck}`);
    before = hash;
    const ofBlock = hashGenesis(location.origin);
    command(text.value === genesis ? ofBlock : `${hashText(text.value)}\n${ofBlock}`);
  };
  text.addEventListener('input', show);
  byId('use-block').addEventListener('click', async () => {
    const answer = await fetch('/blocks/0').catch(() => null);
    if (!answer?.ok) {
      byId('flips').textContent = 'The node does not answer. Is it running?';
      return;
    }
    genesis = await answer.text();
    text.value = genesis;
    // A text field may change the ends of lines. The command hashes what the node sends.
    if (text.value !== genesis) genesis = null;
    show();
  });
  listenToCopy();
  show();
}
