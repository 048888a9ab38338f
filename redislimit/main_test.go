package redislimit_test

import (
	"context"
	"os"
	"testing"

	"github.com/clawhq/clawhq-go/redislimit/internal/processes"
	"github.com/redis/go-redis/v9"
)

// silent drops what go-redis has to say of connections that the tests break.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	processes.Main() // of the processes that the tests start
	redis.SetLogger(silent{})
	os.Exit(m.Run())
}
