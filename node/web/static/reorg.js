// What a reorg did, in words. The event of the node has all that is told: docs/http.md
// lists it. The network page tells more, and the server writes that.

// headline says in one sentence what happened.
export function headline({ disconnected, connected, fork_height: fork }) {
  const blocks = (n) => (n === 1 ? 'one block' : `${n} blocks`);
  if (!connected) return `A reorg: the node has left ${blocks(disconnected)} and goes on from block ${fork}.`;
  return `A reorg: ${blocks(disconnected)} ${disconnected === 1 ? 'was' : 'were'} replaced by ${blocks(connected)} of another branch after block ${fork}.`;
}

// outcome says in one sentence what has become of the posts in the old blocks.
export function outcome({ returned_total: waiting }) {
  if (waiting === 0) return 'All their posts are in the new branch as well, or there were none.';
  return waiting === 1 ? 'One post waits for a block again.' : `${waiting} posts wait for a block again.`;
}
