package raw

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

// Files writes the same searches to a file of CSV and to one of JSON.
type Files struct {
	open    []*os.File
	buffers []*bufio.Writer
	formats []format
}

type format interface {
	Write([]Search) error
	Close() error
}

// Create creates the files. An empty name stands for none, and both may be empty.
func Create(csv, json string) (*Files, error) {
	f := &Files{}
	if csv != "" && csv == json {
		return nil, fmt.Errorf("%s: the CSV and the JSON cannot be the same file", csv)
	}
	for _, name := range []string{csv, json} {
		if name == "" {
			continue
		}
		file, err := os.Create(name)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		buffer := bufio.NewWriter(file)
		f.open = append(f.open, file)
		f.buffers = append(f.buffers, buffer)
		if name == csv {
			f.formats = append(f.formats, NewCSV(buffer))
		} else {
			f.formats = append(f.formats, NewJSON(buffer))
		}
	}
	return f, nil
}

// Write adds searches to the files.
func (f *Files) Write(all []Search) error {
	var errs []error
	for _, w := range f.formats {
		errs = append(errs, w.Write(all))
	}
	return errors.Join(errs...)
}

// Close completes the files and closes them.
func (f *Files) Close() error {
	var errs []error
	for i, file := range f.open {
		errs = append(errs, f.formats[i].Close(), f.buffers[i].Flush(), file.Close())
	}
	return errors.Join(errs...)
}
