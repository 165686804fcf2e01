// Package block defines the blocks of a chain and the transactions in them, with
// their JSON and binary forms. Its types are:
//
//   - [Tx] is a transaction: a JSON object that is kept in one canonical form,
//     whose hash is its id. [NewTx], [Sign] and [ParseTx] make it.
//   - [Coinbase] is the first transaction of every block, in Bitcoin's
//     serialization.
//   - [Block] is a header with the coinbase and the transactions that it commits
//     to. [Parse] and [ParseJSON] read it.
//   - [MerkleProof] shows that a transaction is in a block.
//   - [Reason] is the word for a rule that a block or a transaction breaks.
//
// The package reads and writes these values and verifies signatures. Whether a
// block may follow another is a question for package rules.
package block
