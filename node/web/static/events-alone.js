// The events of the node in a browser without shared workers. There are two ways:
//
//   - the tab that holds a lock passes the events on to the others, if the browser allows
//     that (it does so only on https and on localhost);
//   - otherwise each visible tab has its own stream, which closes when it is hidden.

import { Hub } from './events-hub.js';

const name = 'lode-events'; // of the lock and the channel

// connectAlone begins to call the listeners of a stream.
export function connectAlone(stream) {
  if (navigator.locks && globalThis.BroadcastChannel) byLock(stream);
  else own(stream);
}

const newHub = (send) => new Hub({ send, open: () => new EventSource('/events') });

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
