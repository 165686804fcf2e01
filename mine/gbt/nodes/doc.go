// Package nodes tests package gbt with real Bitcoin nodes. It is a module of its own, so
// that the nodes and what they import are no dependencies of Lode.
package nodes
