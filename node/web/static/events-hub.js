// Hub keeps one stream of the node's events (GET /events) open and tells listeners
// what it says. It runs in the shared worker, or in a page where there is no such
// worker (see events.js).

// kinds are the events of the node, as docs/http.md lists them.
export const kinds = ['tip', 'block', 'reorg', 'side', 'reset', 'pending', 'mining'];

const firstWait = 1000; // milliseconds before the first attempt to connect again
const longestWait = 30_000; // milliseconds between two attempts, at most
const quiet = 60_000; // milliseconds without an event after which wake doubts the connection

export class Hub {
  // send gets each message, {kind, data}. Besides the kinds above there is 'state',
  // whose data is 'connecting', 'open' or 'lost'. open makes an EventSource. The
  // other options replace the clock and the randomness in tests.
  constructor({ send, open, setTimer = (f, ms) => setTimeout(f, ms), clearTimer = (t) => clearTimeout(t), now = () => Date.now(), random = Math.random }) {
    Object.assign(this, { send, open, setTimer, clearTimer, now, random });
    this.source = null; // the EventSource; null: closed, or waiting for the next attempt
    this.timer = null; // of the next attempt
    this.wait = firstWait;
    this.fresh = true; // the source has been made anew, so the browser sends no Last-Event-ID
    this.used = false; // a stream has been open before
    this.heard = 0; // when the latest event came
    this.state = 'connecting';
    this.latest = new Map(); // the latest message of the kinds tip, pending and mining
  }

  // start opens the stream, unless it is open or about to be opened.
  start() {
    if (this.source || this.timer !== null) return;
    this.connect();
  }

  // stop closes the stream. start may be called again.
  stop() {
    this.clearTimer(this.timer);
    this.timer = null;
    this.source?.close();
    this.source = null;
  }

  connect() {
    this.timer = null;
    this.fresh = true;
    this.heard = this.now();
    const source = this.open();
    this.source = source;
    for (const kind of kinds) {
      source.addEventListener(kind, (event) => {
        if (source === this.source) this.receive(kind, event.data, event.lastEventId);
      });
    }
    source.addEventListener('open', () => {
      if (source !== this.source) return;
      this.wait = firstWait;
      this.setState('open');
    });
    source.addEventListener('error', () => {
      if (source === this.source) this.fail();
    });
  }

  // fail is called when the connection is lost. The browser connects again by itself
  // after a network error, and sends Last-Event-ID then. After an answer that is no
  // stream of events, such as 503, it gives up, so we make a new source, later and
  // later each time. The random part keeps many browsers from coming back at once.
  fail() {
    this.setState('lost');
    if (this.source.readyState !== 2) return; // 2: EventSource.CLOSED
    this.stop();
    this.timer = this.setTimer(() => this.connect(), this.wait * (0.5 + this.random() / 2));
    this.wait = Math.min(2 * this.wait, longestWait);
  }

  // wake is called when somebody looks at a page again. A computer that has slept may
  // hold a connection that is dead without knowing it, and the browser hides the
  // node's heartbeats from scripts, so a stream that has long been silent is replaced.
  wake() {
    if (this.source && this.now() - this.heard < quiet) return;
    this.stop();
    this.wait = firstWait;
    this.connect();
  }

  // receive gets an event. id is the latest id that the node has sent on this source, which
  // the browser sends back as Last-Event-ID; '' if there was none.
  receive(kind, text, id) {
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      return; // not from a node of this version
    }
    this.heard = this.now();
    this.setState('open');
    if (kind === 'tip') {
      this.say('tip', data);
      // A stream begins with the event tip. If it is not the first one, and the browser
      // had no id to send, it has missed events. The node cannot know that, so the hub
      // says it.
      if (this.used && (this.fresh || !id)) this.say('reset', {});
      this.fresh = false;
      this.used = true;
      return;
    }
    this.say(kind, data);
    if (kind === 'block' || kind === 'reorg') {
      const { height, hash, chainwork } = data;
      this.latest.set('tip', { kind: 'tip', data: { height, hash, chainwork, connected: 0, disconnected: 0 } });
    }
  }

  say(kind, data) {
    const message = { kind, data };
    if (kind === 'tip' || kind === 'pending' || kind === 'mining') this.latest.set(kind, message);
    this.send(message);
  }

  setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.send({ kind: 'state', data: state });
  }

  // snapshot returns the messages that a page which joins later needs. They are marked as
  // replays, because pages that have joined before may get them, too.
  snapshot() {
    return [{ kind: 'state', data: this.state }, ...this.latest.values()].map((message) => ({ ...message, replay: true }));
  }
}
