package lab

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxPoints bounds the number of points of a plan.
const maxPoints = 10_000

// choice is a value that a setting has at some points.
type choice struct {
	Value
	typed any // as convert returns it
}

// choicesOf returns the values of a setting: one, or those of a sweep.
func choicesOf(k *key, value any) (choices []choice, swept bool, err error) {
	if k.plan || k.kind() == "list" {
		typed, err := convert(k, value)
		return []choice{{typed: typed}}, false, err
	}
	list, swept := value.([]any)
	if text, ok := value.(string); ok && strings.Contains(text, "..") {
		list, err = spread(k, text)
		if err != nil {
			return nil, true, err
		}
		swept = true
	}
	if !swept {
		list = []any{value}
	}
	if len(list) == 0 {
		return nil, true, errors.New("the list is empty: want at least one value")
	}
	if len(list) > maxPoints {
		return nil, true, fmt.Errorf("%d values: want at most %d", len(list), maxPoints)
	}
	seen := map[string]bool{}
	for i, v := range list {
		typed, err := convert(k, v)
		if err != nil {
			return nil, swept, err
		}
		c := choice{Value{Key: k.name, Text: textOf(typed), Number: float64(i)}, typed}
		switch t := typed.(type) {
		case float64:
			c.Number = t
		case int:
			c.Number = float64(t)
		case int64:
			c.Number = float64(t)
		case time.Duration:
			c.Number = t.Seconds()
		}
		if seen[c.Text] {
			return nil, swept, fmt.Errorf("%s is in the list twice: leave it out once", c.Text)
		}
		seen[c.Text] = true
		choices = append(choices, c)
	}
	return choices, swept, nil
}

func textOf(value any) string {
	if f, ok := value.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}

func sweepHint(k *key) string {
	switch k.kind() {
	case "number", "whole number":
		return `; or a list of these, or a range such as "1..9 step 2"`
	case "time":
		return `; or a list of these, or a range such as "1s..9s step 2s"`
	case "list":
		return ""
	}
	return ", or a list of these"
}

var rangeForm = regexp.MustCompile(`\A\s*(\S+?)\s*\.\.\s*(\S+)\s+step\s+(\S+)\s*\z`)

// spread returns the values of a range such as "0.05..0.45 step 0.05", both ends
// included. It computes with decimal fractions, so that the values are the numbers that
// one would write.
func spread(k *key, text string) ([]any, error) {
	wrong := fmt.Errorf(`the range %q cannot be read: want for example "0.05..0.45 step 0.05"`, text)
	isTime := k.kind() == "time"
	if isTime {
		wrong = fmt.Errorf(`the range %q cannot be read: want for example "1s..10s step 1s"`, text)
	}
	if !isTime && k.kind() != "number" && k.kind() != "whole number" {
		return nil, fmt.Errorf("%q: a range is for numbers and times: write a list", text)
	}
	m := rangeForm.FindStringSubmatch(text)
	if m == nil {
		return nil, wrong
	}
	var parts [3]*big.Rat // from, to, step
	for i, part := range m[1:] {
		if isTime {
			t, err := time.ParseDuration(part)
			if err != nil {
				return nil, wrong
			}
			parts[i] = new(big.Rat).SetInt64(int64(t))
			continue
		}
		if len(part) > 40 || !decimal.MatchString(part) {
			return nil, wrong
		}
		parts[i], _ = new(big.Rat).SetString(part)
	}
	from, to, step := parts[0], parts[1], parts[2]
	if step.Sign() <= 0 || from.Cmp(to) > 0 {
		return nil, fmt.Errorf("the range %q has no values: want a positive step, and the smaller end first", text)
	}
	count := new(big.Rat).Quo(new(big.Rat).Sub(to, from), step)
	if count.Cmp(new(big.Rat).SetInt64(maxPoints)) >= 0 {
		return nil, fmt.Errorf("the range %q has more than %d values: take a larger step", text, maxPoints)
	}
	var list []any
	for v := new(big.Rat).Set(from); v.Cmp(to) <= 0; v.Add(v, step) {
		number, _ := v.Float64()
		switch {
		case isTime:
			list = append(list, time.Duration(v.Num().Int64()).String())
		case math.IsInf(number, 0):
			return nil, wrong
		default:
			list = append(list, number)
		}
	}
	return list, nil
}

// decimal matches a decimal number with an exponent of at most three digits.
var decimal = regexp.MustCompile(`\A[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\z`)
