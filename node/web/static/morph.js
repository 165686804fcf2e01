// morph changes an element into a new version of itself and keeps every node that is
// the same. So the reader's focus, selection, scroll place, half-typed text and opened
// details survive an update.

// morph turns old into fresh, an element of the same name. keep(node) may say of a node
// which the new version lacks that it stays. added(node) is called for each keyed
// element that is new in its list.
export function morph(old, fresh, { keep = () => false, added = () => {} } = {}) {
  const active = document.activeElement;
  change(old, fresh, { keep, added });
  // A node that moves in the document loses the focus.
  if (active && active !== document.activeElement && active.isConnected) active.focus({ preventScroll: true });
}

function change(old, fresh, options) {
  if (old.isEqualNode(fresh) || old.hasAttribute('data-keep')) return;
  changeAttributes(old, fresh);
  if (typed(old)) return;
  changeChildren(old, fresh, options);
}

// typed reports whether what the element shows is the reader's.
function typed(element) {
  return ['INPUT', 'TEXTAREA', 'SELECT'].includes(element.tagName) || element.isContentEditable;
}

// theirs reports whether an attribute belongs to the reader or to a script, so that the
// server's version does not change it.
function theirs(element, name) {
  return (name === 'open' && /^(DETAILS|DIALOG)$/.test(element.tagName)) || name.startsWith('data-js-') || (typed(element) && /^(value|checked)$/.test(name));
}

function changeAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !theirs(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !theirs(old, name)) old.setAttribute(name, value);
  }
}

// keyOf returns the key by which an element is found again among its siblings, or ''.
function keyOf(node) {
  if (node.nodeType !== 1) return '';
  const key = node.dataset?.id || node.dataset?.hash || node.id;
  return key ? `${node.nodeName} ${key}` : '';
}

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && !keyOf(a) && !keyOf(b);

// changeChildren goes through the children of both versions side by side. place is the
// old child that has not been matched yet.
function changeChildren(old, fresh, options) {
  const byKey = new Map();
  for (const child of old.childNodes) {
    if (keyOf(child)) byKey.set(keyOf(child), child);
  }
  const wanted = new Set([...fresh.childNodes].map(keyOf));
  let place = old.firstChild;
  const drop = () => {
    const next = place.nextSibling;
    if (!options.keep(place)) place.remove();
    place = next;
  };
  for (const child of [...fresh.childNodes]) {
    while (place && keyOf(place) && !wanted.has(keyOf(place))) drop();
    const key = keyOf(child);
    const match = key ? byKey.get(key) : place && alike(place, child) ? place : null;
    if (!match) {
      const made = document.importNode(child, true);
      old.insertBefore(made, place);
      if (key) options.added(made);
      continue;
    }
    if (key) {
      // What stands between is mostly the space that the server writes between two
      // elements. Without it the match need not move.
      while (place && place !== match && !keyOf(place)) drop();
    }
    if (match === place) place = place.nextSibling;
    else old.insertBefore(match, place);
    if (match.nodeType === 1) change(match, child, options);
    else if (match.nodeValue !== child.nodeValue) match.nodeValue = child.nodeValue;
    byKey.delete(key);
  }
  while (place) drop();
}
