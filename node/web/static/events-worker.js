// The shared worker of all tabs of one browser. It holds the only stream of events:
// a browser opens at most six connections to a host, and with a stream for each tab
// the seventh click would wait for ever.

import { Hub } from './events-hub.js';

const silence = 150_000; // milliseconds after which a page that says nothing is forgotten; a tab in the background speaks once a minute
const lastGoodbye = 2000; // milliseconds for which the stream outlives the last page, which may be on its way to the next
const mostPorts = 256; // pages that are told; beyond that, the one that has been silent for longest is forgotten

const ports = new Map(); // from each page's port to the time when the page last spoke
let closing = null; // timer that closes the stream

const hub = new Hub({
  open: () => new EventSource('/events'),
  send: (message) => {
    for (const port of ports.keys()) port.postMessage(message);
  },
});

function join(port) {
  clearTimeout(closing);
  if (ports.size >= mostPorts) leave([...ports].reduce((a, b) => (a[1] <= b[1] ? a : b))[0]);
  ports.set(port, Date.now());
  for (const message of hub.snapshot()) port.postMessage(message);
  hub.start();
}

function leave(port) {
  ports.delete(port);
  clearTimeout(closing);
  if (ports.size === 0) closing = setTimeout(() => hub.stop(), lastGoodbye);
}

// A page says hello when it begins or comes back, alive at intervals, wake when it
// becomes visible, and bye when it ends. It gets alive back, so that it knows that the
// worker lives.
function hear(port, word) {
  if (word === 'bye') {
    leave(port);
    return;
  }
  if (word === 'hello' || !ports.has(port)) join(port);
  ports.set(port, Date.now());
  if (word === 'wake') hub.wake();
  if (word === 'alive') port.postMessage({ kind: 'alive' });
}

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => hear(port, data);
};

setInterval(() => {
  for (const [port, spoke] of ports) {
    if (Date.now() - spoke > silence) leave(port);
  }
}, silence / 3);
