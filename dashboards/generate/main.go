// Command generate writes the dashboards into a folder, as JSON files for Grafana.
// go generate ./dashboards runs it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lodepow/lode/dashboards"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one argument, the folder to write to, got %q", args)
	}
	for _, d := range dashboards.All() {
		g, err := d.Grafana()
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(args[0], d.UID+".json"), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}
