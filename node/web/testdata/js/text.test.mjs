// Tests of how texts of strangers are shown in a line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shorten } from '../../static/text.js';

test('a text becomes a short line that does not change what is around it', () => {
  for (const [text, want] of [
    ['', ''], ['hello', 'hello'], ['two\r\nlines\tand', 'two lines and'],
    ['a\u202Eb\u2066c\u0000d', 'a b c d'],
    ['x'.repeat(60), 'x'.repeat(60)], ['x'.repeat(61), `${'x'.repeat(59)}…`],
    ['😀'.repeat(61), `${'😀'.repeat(59)}…`], // not half of a character
  ]) assert.equal(shorten(text), want);
});
