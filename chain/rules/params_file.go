package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// MaxParamsSize is the length in bytes of the longest parameter file.
const MaxParamsSize = 16 << 10

// LoadParams reads a network from a JSON file; see [ParseParams].
func LoadParams(path string) (Params, error) {
	f, err := os.Open(path)
	if err != nil {
		return Params{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxParamsSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return Params{}, fmt.Errorf("%s: %w", path, err)
	}
	p, err := ParseParams(data)
	if err != nil {
		return Params{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// ParseParams reads a network from its JSON form and fills in the defaults of
// the fields left out. It refuses fields that it does not know, repeats, nulls,
// and what [Params.Validate] refuses: a typing error must not make a network of
// another id.
func ParseParams(data []byte) (Params, error) {
	if len(data) > MaxParamsSize {
		return Params{}, fmt.Errorf("network parameters are over %d bytes", MaxParamsSize)
	}
	keys := json.NewDecoder(bytes.NewReader(data))
	if err := checkKeys(keys, "network parameters"); err != nil {
		return Params{}, err
	}
	if _, err := keys.Token(); !errors.Is(err, io.EOF) {
		return Params{}, errors.New("network parameters: want one JSON object and nothing after it")
	}

	var p Params
	values := json.NewDecoder(bytes.NewReader(data))
	values.DisallowUnknownFields()
	if err := values.Decode(&p); err != nil {
		return Params{}, fmt.Errorf("network parameters: %w", err)
	}
	if err := p.Validate(); err != nil {
		return Params{}, err
	}
	return p.WithDefaults(), nil
}

// checkKeys reads one value and refuses what package json lets pass in it: a
// key that stands twice or in other letters than its field's, and null.
func checkKeys(dec *json.Decoder, where string) error {
	token, err := dec.Token()
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w", where, io.ErrUnexpectedEOF)
	case err != nil:
		return fmt.Errorf("%s: %w", where, err)
	case token == nil:
		return fmt.Errorf("%s: null: leave the field out for its default", where)
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		inner := where
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			key := token.(string) // package json lets nothing else be a key
			if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" {
				return fmt.Errorf("%s: unknown field %q", where, key)
			}
			if seen[key] {
				return fmt.Errorf("%s: field %q stands twice", where, key)
			}
			seen[key] = true
			inner += ": " + key
		}
		if err := checkKeys(dec, inner); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}
