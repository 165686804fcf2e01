// Command args appends its arguments to the file that ARGS_FILE names, one to a line. It
// shows how a shell divides a command line into arguments (see .ci/wine).
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	f, err := os.OpenFile(os.Getenv("ARGS_FILE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(strings.Join(os.Args[1:], "\n") + "\n")
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "args:", err)
		os.Exit(1)
	}
}
