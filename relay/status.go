package relay

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Status returns the HTTP status (RFC 9110 §15) with which an app should answer
// its browser after a call has failed with err. To the browser the app is a
// server, so that a failure of the app's own call is mostly a 5xx status.
//
//	200  err is nil
//	400  clawhq.InvalidRequestError
//	404  clawhq.NotFoundError
//	409  clawhq.ConflictError
//	503  clawhq.RateLimitError and clawhq.ErrThrottled, since the app has made
//	     too many calls, not the browser; agent_offline; context.Canceled
//	504  model_timeout, stream_idle, context.DeadlineExceeded
//	502  any other error, such as an API key that the service refuses
func Status(err error) int {
	var (
		invalid  *clawhq.InvalidRequestError
		missing  *clawhq.NotFoundError
		conflict *clawhq.ConflictError
		limited  *clawhq.RateLimitError
		api      *clawhq.APIError
		code     clawhq.ErrorCode
	)
	if errors.As(err, &api) && api != nil {
		code = api.Code
	}
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &invalid):
		return http.StatusBadRequest
	case errors.As(err, &missing):
		return http.StatusNotFound
	case errors.As(err, &conflict):
		return http.StatusConflict
	case errors.As(err, &limited), errors.Is(err, clawhq.ErrThrottled), code == clawhq.CodeAgentOffline:
		return http.StatusServiceUnavailable
	case code == clawhq.CodeModelTimeout, code == clawhq.CodeStreamIdle, errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadGateway
	}
}

// messages are the general messages for the browser, by status.
var messages = map[int]string{
	http.StatusBadRequest:         "The request was not accepted.",
	http.StatusNotFound:           "There is no such agent.",
	http.StatusConflict:           "This is being answered already.",
	http.StatusBadGateway:         "The answer could not be made. Please try again.",
	http.StatusServiceUnavailable: "There is no answer at the moment. Please try again later.",
	http.StatusGatewayTimeout:     "The answer took too long. Please try again.",
}

// A refusal is the JSON that a browser gets for an error.
type refusal struct {
	Error failure `json:"error"`
}

type failure struct {
	Status     int    `json:"status"`
	Message    string `json:"message"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
}

// refusal returns the JSON that the browser gets for err.
func (o Options) refusal(err error) refusal {
	status, message := Status(err), ""
	if o.Explain != nil {
		asked := 0
		if asked, message = o.Explain(err); 400 <= asked && asked < 600 {
			status = asked
		}
	}
	return refusal{failure{
		Status:     status,
		Message:    wire.Redact(cmp.Or(message, messages[status], http.StatusText(status))),
		RetryAfter: retryAfter(err),
	}}
}

// maxRetryAfter is the longest Retry-After that is sent to the browser.
const maxRetryAfter = time.Hour

// retryAfter returns in how many seconds the browser may ask again; 0 if that is
// not known or longer than maxRetryAfter, or if it would get the same error.
func retryAfter(err error) int {
	after, ok := clawhq.Retryable(err)
	if !ok || after > maxRetryAfter {
		return 0
	}
	return int(math.Ceil(after.Seconds()))
}
