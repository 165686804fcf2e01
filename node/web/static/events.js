// The events of the node, as a page hears them. All tabs of a browser share one
// connection, in one of these ways:
//
//   - a shared worker holds it (events-worker.js);
//   - without shared workers, the tab that holds a lock passes the events on to the
//     others, if the browser allows both (it does so only on https and on localhost);
//   - otherwise each visible tab has its own stream, which closes when it is hidden.

import { Hub } from './events-hub.js';

const answer = 4000; // milliseconds for the worker's first answer
const alive = 20_000; // milliseconds between two signs of life of a page
const dead = 70_000; // milliseconds without a sign of life from the worker, after which a page asks for another one
const name = 'lode-events'; // of the worker, the lock and the channel

// Stream calls functions with events: on(kind, f).
export class Stream {
  constructor() {
    this.listeners = new Map();
    this.way = ''; // worker, lock or own: how this page hears the events
  }

  // on calls f with the data of each event of that kind from now on.
  on(kind, f) {
    if (!this.listeners.has(kind)) this.listeners.set(kind, []);
    this.listeners.get(kind).push(f);
    return this;
  }

  emit({ kind, data }) {
    for (const f of this.listeners.get(kind) ?? []) {
      try {
        f(data);
      } catch (err) {
        console.error(err); // one listener must not silence the others
      }
    }
  }
}

// connect begins to call the listeners of a stream. Register them before.
export function connect(stream) {
  const next = () => (navigator.locks && globalThis.BroadcastChannel ? byLock(stream) : own(stream));
  if (globalThis.SharedWorker) byWorker(stream, next);
  else next();
}

const newHub = (send) => new Hub({ send, open: () => new EventSource('/events') });

// byWorker lets the shared worker tell the stream. It calls otherwise if there is no
// answer from the worker, as in a browser that forbids workers.
function byWorker(stream, otherwise) {
  let worker;
  try {
    worker = new SharedWorker(new URL('./events-worker.js', import.meta.url), { type: 'module', name });
  } catch {
    otherwise();
    return;
  }
  const { port } = worker;
  const ended = new AbortController();
  const { signal } = ended;
  const say = (word) => port.postMessage(word);
  let answered = false;
  let spoke = Date.now(); // when the worker last said something

  const end = () => {
    if (signal.aborted) return;
    ended.abort();
    clearTimeout(patience);
    clearInterval(pulse);
    say('bye');
    port.onmessage = null;
  };
  const giveUp = () => {
    if (answered || signal.aborted) return;
    end();
    otherwise();
  };
  const patience = setTimeout(giveUp, answer);
  const pulse = setInterval(() => {
    if (!document.hidden && Date.now() - spoke > dead) {
      end();
      stream.emit({ kind: 'reset', data: {} });
      byWorker(stream, otherwise);
      return;
    }
    say('alive');
  }, alive);

  worker.onerror = giveUp;
  port.onmessage = ({ data }) => {
    if (!answered) stream.way = 'worker';
    answered = true;
    spoke = Date.now();
    if (data.kind !== 'alive') stream.emit(data);
  };
  // A page may be kept by the browser after the reader has left, and shown again later.
  addEventListener('pagehide', () => say('bye'), { signal });
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return;
    spoke = Date.now();
    say('hello');
    stream.emit({ kind: 'reset', data: {} });
  }, { signal });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    spoke = Date.now(); // the timers of a hidden page run rarely, so the worker was not asked
    say('wake');
  }, { signal });
  say('hello');
}

// byLock makes this page wait for the lock. The page that has it opens the stream and
// passes each event on to the other pages.
function byLock(stream) {
  stream.way = 'lock';
  const channel = new BroadcastChannel(name);
  let hub = null; // of the page that has the lock
  channel.onmessage = ({ data }) => {
    if (data.kind === 'hello') {
      for (const message of hub?.snapshot() ?? []) channel.postMessage(message);
      return;
    }
    if (data.kind === 'wake') {
      hub?.wake();
      return;
    }
    stream.emit(data);
  };
  channel.postMessage({ kind: 'hello' });
  navigator.locks.request(name, () => new Promise(() => {
    hub = newHub((message) => {
      channel.postMessage(message);
      stream.emit(message);
    });
    hub.used = true; // the page that had the lock before may have heard events that nobody passed on
    hub.start();
  }));
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    if (hub) hub.wake();
    else channel.postMessage({ kind: 'wake' });
  });
}

// own gives this page a stream while it is visible.
function own(stream) {
  stream.way = 'own';
  const hub = newHub((message) => stream.emit(message));
  const turn = () => (document.hidden ? hub.stop() : hub.start());
  document.addEventListener('visibilitychange', turn);
  addEventListener('pagehide', () => hub.stop());
  addEventListener('pageshow', turn);
  turn();
}
