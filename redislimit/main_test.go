package redislimit_test

import (
	"os"
	"testing"

	"github.com/clawhq/clawhq-go/redislimit/internal/processes"
)

func TestMain(m *testing.M) {
	processes.Main() // of the processes that the tests start
	os.Exit(m.Run())
}
