// Texts of strangers, made fit for a line of a page.

const most = 60; // characters of a text that a line shows

// shorten returns a text without line breaks and without the characters that nobody sees,
// such as those that turn the direction of what follows, and at most 60 characters of it.
export function shorten(text) {
  const letters = [...text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : letters.join('');
}
