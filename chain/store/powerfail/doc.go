// Package powerfail tells what a power failure may leave of the files that a program
// writes. It is used by tests.
//
// [Parse] reads the system calls of a program as strace records them. A [Disk] replays
// them up to any moment and knows for each write, creation and removal whether a sync
// has made it durable by then. [Disk.Image] writes a folder as it may be after a power
// failure at that moment: what was synced is there, and of the rest any part may be
// there, in any order, with writes torn.
//
// POSIX promises no more than that: an entry of a folder is durable when the folder
// has been synced, data and length of a file when the file has been.
package powerfail
