package lab

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/lodepow/lode/pow"
)

// convert returns a value of TOML in the type of the field that a key sets.
func convert(k *key, value any) (any, error) {
	field := k.field(newDraft(), 0)
	converted, err := convertTo(field, value)
	if err != nil {
		if k.plan {
			return nil, fmt.Errorf("%s is not what the key needs: want %w", show(value), err)
		}
		return nil, fmt.Errorf("%s is not what the key needs: want %w%s", show(value), err, sweepHint(k))
	}
	if v := reflect.ValueOf(converted); k.positive && (v.IsZero() || v.CanInt() && v.Int() < 0 || v.CanFloat() && v.Float() < 0) {
		text := "want more than 0"
		if k.fallback != "" {
			text += ", or leave the key out for " + k.fallback
		}
		return nil, errors.New(text)
	}
	return converted, nil
}

// convertTo returns a value as what field points to. The error says what is wanted.
func convertTo(field, value any) (any, error) {
	switch field.(type) {
	case *float64:
		return toNumber(value)
	case *int:
		n, err := toWhole(value)
		if err == nil && (n > math.MaxInt || n < math.MinInt) {
			err = fmt.Errorf("a number that this machine can hold, at most %d", math.MaxInt)
		}
		return int(n), err
	case *int64:
		return toWhole(value)
	case *uint64:
		n, err := toWhole(value)
		if err == nil && n < 0 {
			err = errors.New("0 or a positive number")
		}
		return uint64(n), err
	case *bool:
		if b, ok := value.(bool); ok {
			return b, nil
		}
		return nil, errors.New("true or false, without quotation marks")
	case *time.Duration:
		return toTime(value)
	case *pow.Bits:
		if s, ok := value.(string); ok {
			if b, err := pow.ParseBits(s); err == nil {
				return b, nil
			}
		}
		return nil, errors.New(`eight hexadecimal digits in quotation marks, such as "1e0fffff"`)
	case *[]float64:
		return toList(value, toNumber)
	case *[][]float64:
		return toList(value, func(v any) ([]float64, error) { return toList(v, toNumber) })
	case *[]string:
		return toList(value, toText)
	case *[][]string:
		return toList(value, func(v any) ([]string, error) { return toList(v, toText) })
	case *[][]time.Duration:
		return toList(value, func(v any) ([]time.Duration, error) { return toList(v, toTime) })
	case *[][2]int:
		return toList(value, toPair)
	}
	return toText(value)
}

func toNumber(value any) (float64, error) {
	switch v := value.(type) {
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case int64:
		return float64(v), nil
	}
	return 0, errors.New("a number, such as 0.25")
}

// toWhole also accepts whole numbers in the form of a float, such as 1e6.
func toWhole(value any) (int64, error) {
	switch v := value.(type) {
	case int64:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	}
	return 0, errors.New("a whole number, such as 100")
}

func toTime(value any) (time.Duration, error) {
	if s, ok := value.(string); ok {
		if t, err := time.ParseDuration(s); err == nil {
			return t, nil
		}
	}
	return 0, errors.New(`a time with its unit in quotation marks, such as "150ms", "10s" or "1h30m"`)
}

func toText(value any) (string, error) {
	if s, ok := value.(string); ok {
		return s, nil
	}
	return "", errors.New("a text in quotation marks")
}

func toPair(value any) (pair [2]int, err error) {
	list, ok := value.([]any)
	if !ok || len(list) != 2 {
		return pair, errors.New("two whole numbers in brackets, such as [0, 1]")
	}
	for i, member := range list {
		n, err := toWhole(member)
		if err != nil || n < 0 || n > math.MaxInt32 {
			return pair, errors.New("two whole numbers in brackets, such as [0, 1]")
		}
		pair[i] = int(n)
	}
	return pair, nil
}

// toList converts each member of a list.
func toList[T any](value any, one func(any) (T, error)) ([]T, error) {
	list, ok := value.([]any)
	if !ok {
		_, err := one(nil)
		return nil, fmt.Errorf("a list in brackets, each member %w", err)
	}
	out := make([]T, len(list))
	for i, member := range list {
		var err error
		if out[i], err = one(member); err != nil {
			return nil, fmt.Errorf("for each member %w; member %d is %s", err, i+1, show(member))
		}
	}
	return out, nil
}

// assign sets a field to a value of the type that convert returns.
func assign(field, value any) {
	f := reflect.ValueOf(field).Elem()
	f.Set(reflect.ValueOf(value).Convert(f.Type()))
}

// show returns a value for an error, cut if it is long.
func show(value any) string {
	text := fmt.Sprint(value)
	if s, ok := value.(string); ok {
		text = fmt.Sprintf("%q", s)
	}
	if letters := []rune(text); len(letters) > 60 {
		text = string(letters[:60]) + "..."
	}
	return text
}
