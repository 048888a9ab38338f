package redisclawhq_test

import (
	"os"
	"testing"

	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
)

func TestMain(m *testing.M) {
	processes.Main() // does not return in a process that a test has started
	os.Exit(m.Run())
}
