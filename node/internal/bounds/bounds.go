// Package bounds checks the limits in configurations.
package bounds

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// The values of a rate, in events a second. A rate within them neither overflows as a
// number of events nor as the time between two of them.
const (
	minRate = 1e-3
	maxRate = 1e9
)

// Check returns an error if a field of a struct has a value that makes no sense for a
// limit: a number or a time that is negative, or a rate (a float64) that is negative,
// not a number, or out of all proportion. Zero stands for the default and is right
// everywhere. Fields of other types are not looked at. A field in mayBeNegative, for
// which a negative number means "none", may have any value. name is that of the
// struct, for the error.
func Check(name string, limits any, mayBeNegative ...string) error {
	v := reflect.ValueOf(limits)
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if slices.Contains(mayBeNegative, field) {
			continue
		}
		switch value := v.Field(i).Interface().(type) {
		case int:
			if value < 0 {
				return fmt.Errorf("%s.%s is %d: want a number greater than 0, or 0 for the default", name, field, value)
			}
		case time.Duration:
			if value < 0 {
				return fmt.Errorf("%s.%s is %s: want a time longer than 0, or 0 for the default", name, field, value)
			}
		case float64:
			if value != 0 && !IsRate(value) {
				return fmt.Errorf("%s.%s is %v: want a rate between %v and %.0f a second, or 0 for the default", name, field, value, minRate, maxRate)
			}
		}
	}
	return nil
}

// IsRate reports whether a number can be a rate.
func IsRate(r float64) bool { return !math.IsNaN(r) && r >= minRate && r <= maxRate }
