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

// Load reads a network from a JSON file; see [Parse].
func Load(path string) (Params, error) {
	f, err := os.Open(path)
	if err != nil {
		return Params{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxParamsSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return Params{}, fmt.Errorf("%s: %w", path, err)
	}
	p, err := Parse(data)
	if err != nil {
		return Params{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Parse reads a network from its JSON form and fills in the defaults of the
// fields that the form leaves out. It refuses unknown fields, repeated fields,
// nulls and whatever [New] refuses, because a typing error must not silently
// make another network with another id.
func Parse(data []byte) (Params, error) {
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

	var c Config
	values := json.NewDecoder(bytes.NewReader(data))
	values.DisallowUnknownFields()
	if err := values.Decode(&c); err != nil {
		return Params{}, fmt.Errorf("network parameters: %w", err)
	}
	return New(c)
}

// checkKeys reads one JSON value and refuses in it what encoding/json would
// accept: a repeated key, a key whose letters differ from the field's in case,
// and null.
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
