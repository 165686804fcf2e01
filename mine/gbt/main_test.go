package gbt

import (
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func isUnusable(err error) bool { return errors.Is(err, errUnusable) }
