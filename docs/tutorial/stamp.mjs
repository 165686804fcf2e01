// Proves that a file existed, as main.go does: node stamp.mjs URL FILE
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const [url, file] = process.argv.slice(2);
const sha256 = (data) => createHash('sha256').update(data).digest();
const twice = (data) => sha256(sha256(data));
const hash = (bytes) => Buffer.from(bytes).reverse().toString('hex'); // as hashes are printed
const bytes = (hash) => Buffer.from(hash, 'hex').reverse();

async function call(path, body) {
  const headers = { Accept: 'application/json' };
  if (body) Object.assign(headers, { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() });
  const answer = await fetch(url + path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { reason: value.reason });
  return value;
}

// The names of the events, from a stream of lines. In a page, EventSource does this.
async function* events() {
  const stream = await fetch(`${url}/events`);
  let text = '';
  for await (const piece of stream.body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + piece).split('\n');
    text = lines.pop();
    for (const line of lines) if (line.startsWith('event: ')) yield line.slice(7);
  }
}

function verify(id, { transaction, proof, header }) {
  const text = JSON.stringify(transaction, Object.keys(transaction).sort()); // RFC 8785, as no value is an object
  if (hash(twice(text)) !== id) throw new Error('this is another transaction');
  const root = proof.siblings.reduce((node, sibling, level) =>
    twice(Buffer.concat((proof.index >> level) & 1 ? [bytes(sibling), node] : [node, bytes(sibling)])), bytes(id));
  const head = Buffer.from(header, 'hex'), bits = head.readUInt32LE(72);
  if (!root.equals(head.subarray(36, 68))) throw new Error('the block does not contain the transaction');
  const target = BigInt(bits & 0x7fffff) << BigInt(8 * ((bits >>> 24) - 3));
  if (BigInt(`0x${hash(twice(head))}`) > target) throw new Error('the block proves no work');
}

const digest = sha256(await readFile(file)).toString('hex');
const { id } = await call('/new_transaction', { author: 'stamp', content: `sha256 ${digest}` });
for await (const event of events()) {
  if (!['tip', 'block', 'reorg'].includes(event)) continue;
  if ((await call(`/tx/${id}`)).pending) continue;
  const proof = await call(`/tx/${id}/proof`);
  verify(id, proof);
  console.log(`${digest} is in block ${proof.block.height} of ${new Date(1000 * proof.block.timestamp).toISOString()}`);
  break; // this ends the stream, and with it the program
}
