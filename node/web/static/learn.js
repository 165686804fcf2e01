// The lessons at /learn. This file has what they share; learn-1.js to learn-5.js are the
// lessons, of which a page loads only its own.

import { curlPost } from './learn-commands.js';
import { number } from './stats.js';

const limit = 10_000; // milliseconds for a question to the node

// start begins the lesson of the page, which may listen to the events of the node.
export async function start(stream) {
  const section = document.getElementById('learn');
  const step = section?.dataset.step;
  if (!step || step === '0') return;
  for (const e of section.querySelectorAll('[data-needs-script]')) e.hidden = false;
  try {
    const lesson = await import(`./learn-${step}.js`);
    await lesson.start(stream);
  } catch (e) {
    const p = document.getElementById('lesson-error');
    p.hidden = false;
    p.textContent = `This lesson could not start: ${e.message}`;
  }
}

// byId returns the element with an id, which must be in the page.
export function byId(id) {
  const e = document.getElementById(id);
  if (!e) throw new Error(`the page has no element ${id}`);
  return e;
}

// element returns a new element with properties and children.
export function element(name, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const e = Object.assign(document.createElement(name), rest);
  if (dataset) Object.assign(e.dataset, dataset);
  e.append(...children);
  return e;
}

// ask sends a request to the node and returns the status and the JSON of the answer.
export async function ask(path, options = {}) {
  let answer;
  let text;
  try {
    answer = await fetch(path, { ...options, headers: { Accept: 'application/json', ...options.headers } });
    text = await answer.text();
  } catch {
    throw new Error('the node does not answer; is it running?');
  }
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    body = { error: text.trim() };
  }
  return { status: answer.status, ok: answer.ok, body };
}

// get returns the JSON that the node answers, or throws an Error with its sentence.
export async function get(path) {
  const { ok, body } = await ask(path, { signal: AbortSignal.timeout(limit) });
  if (!ok) throw new Error(`the node says: ${body.error}`);
  return body;
}

// submit sends JSON to the node and shows the verdict in an element. It returns the answer.
export async function submit(path, body, verdict, accepted) {
  verdict.dataset.state = 'wait';
  verdict.replaceChildren('Asking the node…');
  let answer;
  try {
    answer = await ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  } catch (e) {
    verdict.dataset.state = 'bad';
    verdict.replaceChildren(e.message);
    return null;
  }
  verdict.dataset.state = answer.ok && answer.status !== 202 ? 'good' : 'bad';
  if (answer.status === 202) {
    verdict.replaceChildren(element('strong', { textContent: 'The node did not add it: ' }), answer.body.message);
  } else if (answer.ok) {
    verdict.replaceChildren(element('strong', { textContent: 'The node accepted it. ' }), ...[accepted(answer)].flat());
  } else {
    const { reason, error = `status ${answer.status}` } = answer.body;
    verdict.replaceChildren(
      element('strong', { textContent: 'The node refused it: ' }),
      ...(reason ? [element('code', { className: 'reason', textContent: reason }), ' '] : []),
      reason && error.startsWith(`${reason}: `) ? error.slice(reason.length + 2) : error,
    );
  }
  return answer;
}

// command shows a command that can be copied.
export function command(text) {
  const code = byId('command');
  if (code.textContent !== text) code.textContent = text;
}

// postCommand shows the command that sends JSON to the node.
export function postCommand(path, body) {
  command(curlPost(location.origin, path, body));
}

// listenToCopy makes the button beside the command copy it. Pages from http://LAN have no
// clipboard of their own; there the text is selected.
export function listenToCopy() {
  const button = byId('copy');
  button.addEventListener('click', async () => {
    const code = byId('command');
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand('copy') ? 'Copied' : 'Selected: press Ctrl-C';
    }
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  });
}

// speaker returns a function that writes a sentence into a live region after a short rest, so that a screen reader is
// not interrupted by every key.
export function speaker(region, rest = 600) {
  let timer;
  return (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => (region.textContent = text), rest);
  };
}

// hashSpans returns a hash in which the zeros at its beginning are marked.
export function hashSpans(hash, size = 8) {
  const zeros = hash.length - hash.replace(/^0+/, '').length;
  const spans = [];
  for (let i = 0; i < hash.length; i += size) {
    const lead = Math.min(size, Math.max(0, zeros - i));
    const group = element('span', { className: 'group' });
    if (lead > 0) group.append(element('b', { className: 'zeros', textContent: hash.slice(i, i + lead) }));
    group.append(hash.slice(i + lead, i + size));
    spans.push(group, ' ');
  }
  return spans;
}

// count returns a number for people: 12 345 or 12.3 million.
export function count(n) {
  const x = Number(n);
  for (const [size, word] of [[1e12, 'trillion'], [1e9, 'billion'], [1e6, 'million']]) {
    if (x >= size) return `${(x / size).toPrecision(3)} ${word}`;
  }
  return number(Math.round(x));
}

// seconds returns a time for people.
export function seconds(s) {
  if (s < 1) return `${Math.max(1, Math.round(1000 * s))} ms`;
  if (s < 120) return `${s.toFixed(1)} s`;
  if (s < 7200) return `${Math.round(s / 60)} minutes`;
  return s < 172800 ? `${Math.round(s / 3600)} hours` : `${count(s / 86400)} days`;
}

// mine searches the nonce of a block in a worker. It calls report with what the worker
// says, and returns a function that stops the search.
export function mine(header, bits, report) {
  const worker = new Worker(new URL('./learn-worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => {
    if (data.found || data.exhausted) worker.terminate();
    report(data);
  };
  worker.onerror = () => report({ failed: true });
  worker.postMessage({ header, bits });
  return () => worker.terminate();
}

// mineBlock searches the nonce of a header. Its result has a promise, done, of what the
// worker found, or of null if the search was stopped with stop.
export function mineBlock(header, bits, onReport = () => {}) {
  let stop;
  const done = new Promise((resolve, reject) => {
    const end = mine(header, bits, (data) => {
      onReport(data);
      if (data.found) resolve(data);
      if (data.failed) reject(new Error('the worker that mines could not start'));
      if (data.exhausted) reject(new Error('no nonce solves this header'));
    });
    stop = () => {
      end();
      resolve(null);
    };
  });
  return { done, stop };
}

// recent returns blocks of the node's active branch, the oldest first: at most so many, the
// last of which is the tip.
export async function recent(limit) {
  const { height } = await get('/status');
  const from = Math.max(0, height - limit + 1);
  const { chain } = await get(`/chain?from=${from}&limit=${limit}`);
  return chain;
}
