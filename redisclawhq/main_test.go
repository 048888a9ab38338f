package redisclawhq_test

import (
	"os"
	"testing"

	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
)

func TestMain(m *testing.M) {
	receive()        // does not return in a receiver that a test has started
	processes.Main() // nor this in a machine
	os.Exit(m.Run())
}
