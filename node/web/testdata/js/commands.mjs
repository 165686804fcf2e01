// Prints the commands of the lessons for the node at the address that is the argument, as
// a JSON array of { command, want }: want must be in what the command prints. They are
// made of the same values, with the same functions, as those on the pages.

import { askToMine, branches, changeBlock, curlPost, hashGenesis, hashText } from '../../static/learn-commands.js';
import { headerHash, isSolved, newBlock } from '../../static/block.js';
import { hex, sha256, utf8 } from '../../static/sha256.js';
import { newSeed, publicKey, signPost } from '../../static/sign.js';
import './webcrypto.mjs';

const origin = process.argv[2];
const get = async (path) => (await fetch(origin + path, { headers: { Accept: 'application/json' } })).json();
const out = [];

for (const text of ['hello', "it's $HOME, `ls` and \"this\" \\n", 'größer 😀', 'two\nlines', '100 %s', '-n']) {
  out.push({ command: hashText(text), want: hex(sha256(utf8(text))) });
}
out.push({ command: hashGenesis(origin), want: hex(sha256(utf8(await (await fetch(`${origin}/blocks/0`)).text()))) });

const { hash, height, bits } = await get('/status');
const tip = await get('/blocks/tip');
const block = newBlock({ parent: hash, height: height + 1, bits, timestamp: tip.timestamp + 1 });
while (isSolved(block.hash, bits)) {
  block.nonce++;
  block.hash = headerHash(block);
}
out.push({ command: curlPost(origin, '/add_block', block), want: 'high-hash: ' });
for (let i = 1; i <= height; i++) out.push({ command: changeBlock(origin, i), want: 'bad-txnmrklroot: ' });
out.push({ command: branches(origin), want: `"hash":"${hash}"` });

const seed = newSeed();
const post = await signPost({ author: 'A reader of the lesson', content: "I was here, wasn't I?" }, { publicKey: await publicKey(seed), key: seed });
out.push({ command: curlPost(origin, '/new_transaction', { ...post, content: 'I was there.' }), want: 'tx-bad-signature: ' });
out.push({ command: curlPost(origin, '/new_transaction', post), want: 'Success' });
out.push({ command: askToMine(origin, false), want: `Block #${height + 1} is mined.` });
out.push({ command: askToMine(origin, true), want: 'No transactions to mine' });
// The block that was not solved can be solved, and then the node takes it.
while (!isSolved(block.hash, bits)) {
  block.nonce++;
  block.hash = headerHash(block);
}
out.push({ command: curlPost(origin, '/add_block', block), want: 'Block added to the chain' });
console.log(JSON.stringify(out));
