// Package stratum is the wire of Stratum V1, the protocol between miners and pools:
// lines of JSON over a connection. Both sides use it; package mine/stratum/client is
// the miner's side, and package mine/stratum/server the pool's.
//
// A [Reader] reads lines of bounded length, [Parse] turns a line into a [Message],
// and [Message.Line] turns a message into a line. Each method of the protocol has a
// type: [Subscribe], [Notify], [Submit] and so on. Its Parse function reads the
// parameters of a message, and its method Message writes them.
//
//	line, err := reader.ReadLine()
//	m, err := stratum.Parse(line)
//	switch m.Method {
//	case stratum.MethodNotify:
//		n, err := stratum.ParseNotify(m)
//
// The package accepts what implementations in the field send, as long as its meaning
// is clear: numbers in quotes, hex digits in either case, missing parameters at the
// end. What it sends has exactly one form, which is that of the published examples:
// eight lower-case hex digits for the version, the bits and the time, the hash of
// the parent in reversed words, and null as the result of whatever is refused.
//
// The package does no I/O but for the reader, starts no goroutine and looks at no
// clock. Deadlines are for the owner of the connection to set.
package stratum
