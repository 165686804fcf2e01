// Lesson 2: a header whose nonce the reader mines.

import { byId, command, count, element, get, hashSpans, listenToCopy, mine, seconds, speaker, submit } from './learn.js';
import { askToMine, curlPost } from './learn-commands.js';
import { Refresher } from './live.js';
import { headerBytes, headerHash, isSolved, newBlock, targetOf, workOf } from './block.js';
import { hex } from './sha256.js';

// What can be chosen instead of the network's own bits: 16 to 268 million hashes.
const LEVELS = ['200fffff', '2000ffff', '1f0fffff', '1f00ffff', '1e0fffff', '1e00ffff', '1d0fffff'];

const followWait = 250; // milliseconds between two looks at the node's tip, on average at least

const FIELDS = [
  ['version', 0, 4, 'Which rules the block follows.'],
  ['previous_hash', 4, 32, 'The hash of the block before: the link of the chain.'],
  ['merkle_root', 36, 32, 'One hash for everything that is in the block.'],
  ['timestamp', 68, 4, 'Seconds since the year 1970.'],
  ['bits', 72, 4, 'How small the hash has to be.'],
  ['nonce', 76, 4, 'A number without any meaning: the only part that you change.'],
];

// timeAbove returns a time for the block above a height: now, or later if the rules ask for
// more. They ask for more than the median of the last eleven blocks, which some blocks
// within one second have already reached.
async function timeAbove(height) {
  const { headers } = await get(`/headers?from=${Math.max(0, height - 10)}&limit=11`);
  const times = headers.map((h) => h.timestamp).sort((a, b) => a - b);
  return Math.max(Math.floor(Date.now() / 1000), times[times.length >> 1] + 1);
}

export async function start(stream) {
  const status = await get('/status');
  let own = status.bits; // those of the network's next block
  let block = newBlock({ parent: status.hash, height: status.height + 1, bits: own, timestamp: await timeAbove(status.height) });
  let tries = 0; // by hand
  let stop = null; // stops the search in the worker
  let asked = 0; // when the node was last asked how fast it hashes, in milliseconds
  const token = document.querySelector('meta[name=lode-token]')?.content === 'required';

  const nonce = byId('nonce');
  const say = speaker(byId('said'), 300);

  const difficulty = byId('difficulty');
  const choices = (chosen) => {
    const options = [...new Set([own, ...LEVELS])].map((bits) => element('option', { value: bits, textContent: `1 hash in ${count(workOf(bits))}${bits === own ? ', as on this network' : ''}` }));
    difficulty.replaceChildren(...options);
    difficulty.value = chosen;
    if (difficulty.value !== chosen) difficulty.value = own;
  };
  choices(own);

  const show = () => {
    block.hash = headerHash(block);
    const solved = isSolved(block.hash, block.bits);
    const bytes = headerBytes(block);
    byId('header').replaceChildren(
      ...FIELDS.map(([name, at, size, meaning]) => element('span', { className: 'field', title: meaning, dataset: { field: name } }, hex(bytes.subarray(at, at + size)).replace(/(.{8})(?!$)/g, '$1\u200b'))),
    );
    byId('hash').replaceChildren(...hashSpans(block.hash));
    byId('target').replaceChildren(...hashSpans(targetOf(block.bits).toString(16).padStart(64, '0')));
    const result = byId('result');
    result.dataset.state = solved ? 'good' : 'bad';
    result.textContent = solved ? 'The hash is at most the target. This nonce solves the header.' : 'The hash is greater than the target. This nonce does not solve the header.';
    nonce.value = block.nonce;
    byId('send').textContent = solved && block.bits === own ? 'Send this block to the node: it will add it' : 'Send it to the node as it is';
    command(`${askToMine(location.origin, token)}\n${curlPost(location.origin, '/add_block', block)}`);
    return solved;
  };

  const numbers = (made, ms) => {
    const rate = ms > 0 ? (made / ms) * 1000 : 0;
    const expected = Number(workOf(block.bits));
    byId('tries').textContent = count(made);
    byId('expected').textContent = count(expected);
    byId('took').textContent = ms > 0 ? seconds(ms / 1000) : '–';
    // The start of a worker takes longer than a short search.
    byId('rate').textContent = rate === 0 ? '–' : ms < 200 || made < 50000 ? 'too short to tell' : `${count(rate)} a second`;
    byId('luck').value = 1 - Math.exp(-made / expected);
  };
  const nodeRate = async () => {
    asked = performance.now();
    const s = await get('/status').catch(() => null);
    if (!s) return;
    const rate = s.mining.active ? s.mining.hashes_per_second : 0;
    const who = `${s.kernel}, ${s.workers} ${s.workers === 1 ? 'worker' : 'workers'}`;
    byId('node-rate').textContent = rate ? `${count(rate)} a second (${who})` : `not searching now (${who})`;
  };

  const set = (n) => {
    block.nonce = Math.min(0xffffffff, Math.max(0, Math.floor(Number(n) || 0)));
    const solved = show();
    say(`Nonce ${block.nonce}: the hash begins with ${block.hash.slice(0, 8)}. ${solved ? 'Solved.' : 'Too great.'}`);
  };
  nonce.addEventListener('change', () => set(nonce.value));
  byId('next').addEventListener('click', () => {
    set(block.nonce + 1);
    tries++;
    numbers(tries, 0);
  });
  difficulty.addEventListener('change', () => {
    halt();
    block.bits = difficulty.value;
    tries = 0;
    numbers(0, 0);
    set(0);
  });

  const button = byId('mine');
  const halt = () => {
    stop?.();
    stop = null;
    button.textContent = 'Mine in this browser';
  };
  button.addEventListener('click', () => {
    if (stop) {
      halt();
      say('Stopped.');
      return;
    }
    say('Mining.');
    search();
  });
  const search = () => {
    button.textContent = 'Stop';
    block.nonce = 0;
    nodeRate();
    stop = mine(headerBytes(block), block.bits, (d) => {
      if (d.failed) {
        halt();
        byId('result').textContent = 'This browser could not start a worker.';
        return;
      }
      numbers(d.tries, d.ms);
      if (d.exhausted) {
        // All nonces are used up: another time gives another header.
        halt();
        block.timestamp++;
        set(0);
        say('All four billion nonces were tried without success. The time in the header is now one second later; mine again.');
        return;
      }
      if (performance.now() - asked > 2000) nodeRate();
      block.nonce = d.nonce;
      show();
      if (d.found) {
        halt();
        say(`Found after ${count(d.tries)} tries: nonce ${d.nonce}.`);
      }
    });
  };

  // follow lets the header follow the tip of the node's chain, if that is another one by now:
  // a block on an older tip would only be a side block. A search goes on with the new header.
  const follow = async () => {
    const now = await get('/status');
    if (now.hash === block.previous_hash) return;
    const timestamp = await timeAbove(now.height);
    const searched = stop !== null;
    halt();
    const chosen = difficulty.value === own ? now.bits : difficulty.value;
    own = now.bits;
    choices(chosen);
    block = newBlock({ parent: now.hash, height: now.height + 1, bits: difficulty.value, timestamp });
    tries = 0;
    show();
    say(`The chain has a new tip, block ${now.height}. The header here follows it now.`);
    if (searched) search();
  };
  // A block that comes while follow asks causes another run after it, and a run that fails is
  // repeated. So the header arrives at the latest tip, however fast the blocks come.
  const follower = new Refresher(follow, { wait: () => followWait });
  for (const kind of ['tip', 'block', 'reorg']) {
    stream.on(kind, ({ hash }) => {
      if (hash !== block.previous_hash) follower.request();
    });
  }
  follower.request(); // a block may have come before the lines above

  byId('send').addEventListener('click', async () => {
    const sent = block; // another one may come while the node looks at it
    const answer = await submit('/add_block', sent, byId('verdict'), (a) => {
      const link = element('a', { href: `/explorer/block/${sent.hash}`, textContent: `block ${sent.index}` });
      return a.body.outcome === 'best' ? ['It is now ', link, ' of the chain, and it was mined in your browser.'] : [`It is known as a ${a.body.outcome} block: `, link, '.'];
    });
    if (answer?.ok) follower.request();
  });
  listenToCopy();
  numbers(0, 0);
  show();
  await nodeRate();
}
