// Requests to the node. Each has a time limit, because a request that hangs would
// keep one of the browser's six connections.

import { askToken, forgetToken, rememberedToken, tokenNeeded } from './token.js';

const limit = 10_000; // milliseconds for a request and its answer

// Refusal is what a request throws if the node says no.
export class Refusal extends Error {
  constructor(status, sentence, reason = '') {
    super(sentence);
    this.status = status;
    this.reason = reason; // the word for programs, see docs/http.md; or timeout, or unreachable
  }
}

// withToken makes a request with the node's token, or with '' if it needs none. The
// reader is asked for it if the page does not know it, and again if it is wrong.
export async function withToken(request, guarded = true) {
  if (guarded && tokenNeeded() && !rememberedToken()) await askToken('');
  for (;;) {
    const token = guarded ? rememberedToken() ?? '' : '';
    const response = await request(token);
    if (response.status !== 401 || !guarded) return response;
    // Several requests may have been refused, and one of them has asked already.
    if (token === (rememberedToken() ?? '')) {
      forgetToken();
      await askToken(token && 'The node did not accept this token.');
    }
  }
}

// call sends a request and returns the whole answer, whatever its status. guarded
// requests carry the node's token. wait is in milliseconds; after it, call throws a
// Refusal with the reason 'timeout'.
export function call(path, { guarded = false, wait = limit, ...options } = {}) {
  return withToken((token) => {
    const headers = new Headers(options.headers);
    if (token) headers.set('Authorization', `Bearer ${token}`);
    return attempt(path, { ...options, headers }, wait);
  }, guarded);
}

async function attempt(path, options, wait) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), wait);
  try {
    const response = await fetch(path, { ...options, signal: timeout.signal });
    const body = await response.text(); // within the same limit
    return { ok: response.ok, status: response.status, text: () => body, json: () => JSON.parse(body) };
  } catch {
    if (timeout.signal.aborted) throw new Refusal(0, 'The node does not answer in time. Try again in a moment.', 'timeout');
    throw new Refusal(0, 'The node cannot be reached.', 'unreachable');
  } finally {
    clearTimeout(timer);
  }
}

// json returns the JSON of a good answer, and throws a Refusal with the node's sentence
// for another one.
export async function json(path, options = {}) {
  const headers = new Headers(options.headers);
  headers.set('Accept', 'application/json');
  const response = await call(path, { ...options, headers });
  let value;
  try {
    value = response.json();
  } catch {
    throw new Refusal(response.status, `The node answered with status ${response.status}.`);
  }
  if (!response.ok) throw new Refusal(response.status, value.error ?? `The node answered with status ${response.status}.`, value.reason);
  return value;
}
