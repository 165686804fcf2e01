// The network page: the tree grows as blocks come, and a reorg is explained.

import { json } from './net.js';
import { show } from './notices.js';
import { fate, headline, look, outcome, title, why } from './reorg.js';

const mostStories = 3; // reorgs that are told in detail

// startReorgs tells of each reorg that happens while the page is open: in detail on the
// network page, and in a notice on the others.
export function startReorgs(stream, announce) {
  const place = document.getElementById('reorgs');
  const list = document.createElement('ol');
  list.id = 'reorg-stories';
  list.setAttribute('aria-label', 'Reorgs since this page was opened');
  place?.before(list);
  let tip = document.body.dataset.tip ?? '';
  let last = Promise.resolve(); // stories are found out one after the other
  for (const kind of ['tip', 'block']) stream.on(kind, ({ hash }) => { tip = hash; });
  stream.on('reorg', (event) => {
    const oldTip = tip;
    tip = event.hash;
    if (!(oldTip || event.left?.length) || !event.disconnected) return;
    last = last.then(async () => {
      const story = await look({ oldTip, event, get: json });
      announce(headline(story));
      if (place) list.prepend(tell(story));
      else show(`${headline(story)} ${outcome(story)}`);
      while (list.children.length > mostStories) list.lastChild.remove();
    }).catch((err) => console.warn(`lode: a reorg cannot be explained: ${err.message}`));
  });
}

function tell(story) {
  const item = document.createElement('li');
  item.className = 'reorg-story';
  const heading = document.createElement('h3');
  heading.textContent = headline(story);
  const reason = document.createElement('p');
  reason.textContent = why(story);
  item.append(heading, reason);
  if (story.posts.length > 0) {
    const posts = document.createElement('ul');
    for (const entry of story.posts) {
      const line = document.createElement('li');
      line.dataset.state = entry.state;
      const link = document.createElement('a');
      link.href = `/explorer/tx/${entry.id}`;
      link.textContent = title(entry);
      line.append(link, ` ${fate(entry)}`);
      posts.append(line);
    }
    if (story.more > 0) {
      const rest = document.createElement('li');
      rest.textContent = `And ${story.more} more ${story.more === 1 ? 'post' : 'posts'}.`;
      posts.append(rest);
    }
    item.append(posts);
  } else {
    const none = document.createElement('p');
    none.textContent = outcome(story);
    item.append(none);
  }
  return item;
}
