// Package gbt implements a source of work for a miner that has a Bitcoin node: Bitcoin
// Core, btcd, bcoin and others that answer getblocktemplate.
//
// A [Source] asks the node for templates (BIP 22, BIP 23, BIP 9 and BIP 145), builds
// the coinbase itself, waits for changes with a long poll, and hands solved blocks in
// with submitblock. It also mines signets whose challenge needs no signature (BIP 325).
//
// The source keeps one request to the node open at all times and touches the node's
// chain, wallet and mempool in no other way. It trusts the node: what it receives is
// checked for form and size, so that a fault is reported and not mined, but whether the
// transactions are valid is for the node to know.
package gbt
