// The events of the node, as a page hears them. All tabs of a browser share one
// connection, in one of these ways:
//
//   - a shared worker holds it (events-worker.js);
//   - without shared workers, one of the tabs holds it, or each has its own
//     (events-alone.js).

const answer = 4000; // milliseconds for the worker's first answer
const alive = 20_000; // milliseconds between two signs of life of a page
const dead = 70_000; // milliseconds without a sign of life from the worker, after which a page asks for another one
const name = 'lode-events'; // of the worker

// Stream calls functions with events: on(kind, f). A message {kind, data, replay} is an event
// of the node, or with replay: true says again how things are, whether or not they changed.
export class Stream {
  constructor() {
    this.listeners = new Map();
    this.way = ''; // worker, lock or own: how this page hears the events
  }

  // on calls f with the data of each event of that kind from now on, and with whether it is
  // a replay.
  on(kind, f) {
    if (!this.listeners.has(kind)) this.listeners.set(kind, []);
    this.listeners.get(kind).push(f);
    return this;
  }

  emit({ kind, data, replay = false }) {
    for (const f of this.listeners.get(kind) ?? []) {
      try {
        f(data, replay);
      } catch (err) {
        console.error(err); // one listener must not silence the others
      }
    }
  }
}

// connect begins to call the listeners of a stream. Register them before.
export function connect(stream) {
  const alone = () => import('./events-alone.js').then(({ connectAlone }) => connectAlone(stream));
  if (globalThis.SharedWorker) byWorker(stream, alone);
  else alone();
}

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
