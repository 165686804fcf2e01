// The canonical form of JSON (RFC 8785), in which posts are hashed and signed. The node
// refuses what this file refuses; see "Canonical form" in docs/formats.md.

const MAX_DEPTH = 32;

// canonical returns the canonical form of a value that JSON can express. It throws an
// Error with a sentence for other values, and for those that the node would refuse.
export function canonical(value) {
  return write(value, 1);
}

function write(value, depth) {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return number(value);
  if (typeof value === 'string') return string(value);
  if (typeof value !== 'object') throw new Error(`a value of type ${typeof value} has no place in JSON`);
  if (depth > MAX_DEPTH) throw new Error(`objects and arrays are nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return '[' + Array.from(value, (v) => write(v, depth + 1)).join(',') + ']';
  // sort compares UTF-16 code units, as the RFC demands.
  const keys = Object.keys(value).sort();
  return '{' + keys.map((key) => string(key) + ':' + write(value[key], depth + 1)).join(',') + '}';
}

// number writes a number as ECMAScript does, which is what the RFC demands.
function number(value) {
  if (!Number.isFinite(value)) throw new Error(`${value} has no place in JSON`);
  if (Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e21) {
    throw new Error(`the integer ${value} is beyond 2^53-1: send it as a string`);
  }
  return JSON.stringify(value);
}

function string(value) {
  if (/\p{Surrogate}/u.test(value)) throw new Error('a text contains half a character (a lone surrogate)');
  return JSON.stringify(value);
}
