//go:build purego || noasm

package sha256d

const assembly = false
