// The commands at the end of each lesson. A test runs them with a real shell and a real
// node and compares what they print with what the page shows.

// quote returns a text as one word of a shell.
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

// hashText prints the hash of a text.
export function hashText(text) {
  return `printf %s ${quote(text)} | sha256sum`;
}

// hashGenesis prints the hash of what the node says about its first block.
export function hashGenesis(origin) {
  return `curl -s ${origin}/blocks/0 | sha256sum`;
}

// askToMine has the node mine what is pending.
export function askToMine(origin, token) {
  return `curl -s -X POST ${token ? "-H 'Authorization: Bearer TOKEN' " : ''}${origin}/mine`;
}

// curlPost sends JSON to the node.
export function curlPost(origin, path, body) {
  return `curl -s -H 'Content-Type: application/json' -d ${quote(JSON.stringify(body))} ${origin}${path}`;
}

// changeBlock fetches a block, changes its first post on the way, and hands it back.
export function changeBlock(origin, height) {
  return `curl -s ${origin}/blocks/${height} | sed 's/"content":"/&Not /' |\n  curl -s -H 'Content-Type: application/json' -d @- ${origin}/add_block`;
}

// branches prints the tips that the node knows, that of the active branch first.
export function branches(origin) {
  return `curl -s ${origin}/branches`;
}
