// What the page says: notices after a click, announcements for readers who do not see
// the page, and a line about the connection to the node.

const pause = 700; // milliseconds in which announcements are collected into one
const mostWords = 3; // announcements said at once
const patience = 1500; // milliseconds without events before it is said; a page that loads has a short gap
const look = 15_000; // milliseconds between two looks at a node that sends no events

// show puts a sentence into #notice, or into #error if it is about a failure, and empties
// the other one.
export function show(sentence, { error = false } = {}) {
  line(error ? 'error' : 'notice').textContent = sentence;
  line(error ? 'notice' : 'error').textContent = '';
}

// line returns the element for notices or errors, and makes it if the page has none.
function line(id) {
  const old = document.getElementById(id);
  if (old) {
    old.hidden = false;
    return old;
  }
  const made = document.createElement('p');
  made.id = id;
  made.className = id;
  made.setAttribute('role', id === 'error' ? 'alert' : 'status');
  (document.querySelector('main') ?? document.body).prepend(made);
  return made;
}

// announcer returns a function that has a screen reader say sentences, politely and
// not one for each of many events.
export function announcer() {
  const region = document.createElement('p');
  region.id = 'announcements';
  region.className = 'visually-hidden';
  region.setAttribute('role', 'status');
  region.setAttribute('aria-live', 'polite');
  document.body.append(region);
  let waiting = [];
  let timer = null;
  return (sentence) => {
    if (!waiting.includes(sentence)) waiting.push(sentence);
    timer ??= setTimeout(() => {
      region.textContent = waiting.slice(-mostWords).join(' ');
      waiting = [];
      timer = null;
    }, pause);
  };
}

// showConnection tells the reader when the page does not hear the node, and when the
// node has come back as another one. The page goes on by itself in either case. A node that
// answers but sends no events, because it has no stream left, is asked now and then for
// its tip and its pending posts; listeners of the stream hear them as events.
export function showConnection(stream, status, announce) {
  const banner = document.createElement('p');
  banner.id = 'connection';
  banner.hidden = true;
  banner.setAttribute('role', 'status');
  document.body.prepend(banner);
  const say = (text, state) => {
    if (banner.textContent !== text) banner.textContent = text;
    banner.dataset.state = state;
    banner.hidden = text === '';
  };
  let timer = null; // of the next look
  let turn = 0; // counts changes of the state; a look that began before the latest is void
  let away = false; // the node did not answer the latest look
  const ask = async (mine) => {
    const now = await status().catch(() => null);
    if (mine !== turn) return;
    away = now === null;
    if (away) {
      say('The node does not answer. The page goes on as soon as it is back.', 'lost');
    } else {
      say('The node answers, but sends this page no events: perhaps too many pages listen to it. Until it does, the page looks every 15 seconds.', 'lost');
      stream.emit({ kind: 'tip', replay: true, data: { height: now.height, hash: now.hash, chainwork: now.chainwork, connected: 0, disconnected: 0 } });
      stream.emit({ kind: 'pending', replay: true, data: { transactions: now.mempool.transactions, bytes: now.mempool.bytes } });
    }
    again(mine);
  };
  // again plans the next look. Nobody needs the news of a page that nobody sees.
  const again = (mine) => {
    timer = setTimeout(() => (document.hidden ? again(mine) : ask(mine)), look);
  };
  stream.on('state', (state) => {
    clearTimeout(timer);
    const mine = ++turn;
    document.body.dataset.connection = state;
    if (state === 'lost') {
      timer = setTimeout(() => ask(mine), patience);
    } else if (state === 'open' && banner.dataset.state === 'lost') {
      say('', 'open');
      if (away) announce('The node is back.');
      away = false;
    }
  });
  let tip = { height: Number(document.body.dataset.height ?? -1), hash: document.body.dataset.tip ?? '' };
  const { network: name, networkId: id } = document.body.dataset;
  let network = { name, id }; // as in /status
  const check = async () => {
    const now = await status();
    const before = tip;
    tip = { height: now.height, hash: now.hash };
    if (network.id && now.network.id !== network.id) {
      say(`The node at this address is now one of another network: “${now.network.name}”, no longer “${network.name}”. You see its chain.`, 'changed');
    } else if (now.height < before.height) {
      say(`The node came back with a shorter chain: its tip was block ${before.height} and is now block ${now.height}. Later blocks are gone or not here yet.`, 'changed');
    }
    network = now.network;
  };
  const quietly = (f) => () => f().catch((err) => console.warn(`lode: ${err.message}`));
  stream.on('reset', quietly(check));
  for (const kind of ['block', 'reorg']) stream.on(kind, ({ height, hash }) => { tip = { height, hash }; });
}
