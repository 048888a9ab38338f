package bulk

import (
	"errors"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A verdict is the kind of a call's outcome.
type verdict int

const (
	answered  verdict = iota
	refused           // the question is at fault
	suspected         // the key, the plan or the agent is at fault, or a look-up of the service has failed
	throttled         // the client has not sent it
	transient         // it may be answered later
	failed            // it would fail again
)

// A suspicion is what a refusal may be due to, if not to the question.
type suspicion int

const (
	none suspicion = iota
	badKey
	badPlan
	badAgent
)

// judge returns the verdict on a call that has returned err, what a suspected
// call is suspected of, and how long the service asks to wait. An error with
// several causes may match several types; clawhq.Retryable knows which of
// them counts.
func judge(err error) (v verdict, why suspicion, after time.Duration) {
	if err == nil {
		return answered, none, 0
	}
	after, ok := clawhq.Retryable(err)
	var (
		question *clawhq.InvalidRequestError
		key      *clawhq.AuthenticationError
		plan     *clawhq.PermissionError
		agent    *clawhq.NotFoundError
	)
	switch {
	case errors.Is(err, clawhq.ErrThrottled):
		return throttled, none, after
	case ok:
		return transient, none, after
	case errors.As(err, &question):
		return refused, none, 0
	case errors.As(err, &key):
		return suspected, badKey, 0
	case errors.As(err, &plan):
		return suspected, badPlan, 0
	case errors.As(err, &agent):
		return suspected, badAgent, 0
	}
	return failed, none, 0
}

// fromService reports whether err is a refusal of the service, and not of the
// client before it has sent anything.
func fromService(err error) bool {
	var api *clawhq.APIError
	return errors.As(err, &api) && api != nil && api.StatusCode != 0
}
