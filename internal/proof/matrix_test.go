package proof_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// A faultCase is a fault and the outcome of each kind of call that meets it.
type faultCase struct {
	fault         clawhqtest.Fault
	unary, stream outcome
}

// An outcome is an error's type and code, and whether the call is retried. A nil
// type is a failure without a reply; the zero outcome is success.
type outcome struct {
	err       error
	code      clawhq.ErrorCode
	failed    bool
	retryable bool
	free      bool // the first retry does not count as one
}

func fails(err error, code clawhq.ErrorCode, retryable bool) outcome {
	return outcome{err: err, code: code, failed: true, retryable: retryable}
}

// asksEarly is the outcome of a 429 of the live service.
var asksEarly = outcome{err: &clawhq.RateLimitError{}, code: clawhq.CodeRateLimited, failed: true, retryable: true, free: true}

// faultCases returns every fault, at every place in a stream that makes a
// difference.
func faultCases() []faultCase {
	both := func(f clawhqtest.Fault, o outcome) faultCase { return faultCase{f, o, o} }
	cases := []faultCase{
		both(clawhqtest.FaultRateLimit("7"), fails(&clawhq.RateLimitError{}, clawhq.CodeRateLimited, true)),
		both(clawhqtest.FaultRateLimit(""), fails(&clawhq.RateLimitError{}, clawhq.CodeRateLimited, true)),
		both(clawhqtest.FaultRateLimit("1793675129406"), asksEarly),
		both(clawhqtest.FaultLegacyError(429, "RATE_LIMITED"), fails(&clawhq.RateLimitError{}, clawhq.CodeRateLimited, true)),
		both(clawhqtest.FaultLegacyError(502, "AGENT_ERROR"), fails(&clawhq.AgentError{}, clawhq.CodeModelError, true)),
		both(clawhqtest.FaultLegacyError(401, "INVALID_KEY"), fails(&clawhq.AuthenticationError{}, clawhq.CodeInvalidAPIKey, false)),
		both(clawhqtest.FaultHTML(502), fails(&clawhq.ServerError{}, "", true)),
		both(clawhqtest.FaultHTML(403), fails(&clawhq.PermissionError{}, "", false)),
		both(clawhqtest.FaultReset(), fails(nil, "", true)),
		both(clawhqtest.FaultDelay(time.Second), outcome{}),
		both(clawhqtest.FaultDelay(time.Hour), fails(nil, "", true)),
		both(clawhqtest.FaultLookup(clawhqtest.LookupKey), fails(&clawhq.AuthenticationError{}, clawhq.CodeInvalidAPIKey, false)),
		both(clawhqtest.FaultLookup(clawhqtest.LookupPlan), fails(&clawhq.PermissionError{}, clawhq.CodePlanRequired, false)),
		both(clawhqtest.FaultLookup(clawhqtest.LookupAgent), fails(&clawhq.NotFoundError{}, clawhq.CodeAgentNotFound, false)),
		both(clawhqtest.FaultLookup(clawhqtest.LookupServer), fails(&clawhq.AgentError{}, clawhq.CodeAgentOffline, true)),
		both(clawhqtest.FaultGatewayDown(), fails(&clawhq.ServerError{}, clawhq.CodeInternalError, true)),
		{clawhqtest.FaultGatewayNotJSON(),
			fails(&clawhq.ServerError{}, clawhq.CodeInternalError, true), fails(&clawhq.StreamError{}, clawhq.CodeStreamTruncated, true)},
	}
	for code, err := range map[clawhq.ErrorCode]error{
		clawhq.CodeInvalidRequest: &clawhq.InvalidRequestError{}, clawhq.CodeInvalidAPIKey: &clawhq.AuthenticationError{},
		clawhq.CodeRevokedAPIKey: &clawhq.AuthenticationError{}, clawhq.CodePlanRequired: &clawhq.PermissionError{},
		clawhq.CodeAgentNotFound: &clawhq.NotFoundError{}, clawhq.CodeRequestInProgress: &clawhq.ConflictError{},
		clawhq.CodeRateLimited: &clawhq.RateLimitError{}, clawhq.CodeInternalError: &clawhq.ServerError{},
		clawhq.CodeModelError: &clawhq.AgentError{}, clawhq.CodeAgentOffline: &clawhq.AgentError{}, clawhq.CodeModelTimeout: &clawhq.AgentError{},
	} {
		// The status of each code by the product page. Statuses from 500 on are
		// retried, and so are 429 and a conflict with a first attempt that still
		// runs.
		status := map[clawhq.ErrorCode]int{
			clawhq.CodeInvalidAPIKey: 401, clawhq.CodeRevokedAPIKey: 401, clawhq.CodePlanRequired: 403, clawhq.CodeAgentNotFound: 404,
			clawhq.CodeRequestInProgress: 409, clawhq.CodeRateLimited: 429, clawhq.CodeInternalError: 500, clawhq.CodeModelError: 502,
			clawhq.CodeAgentOffline: 503, clawhq.CodeModelTimeout: 504, clawhq.CodeInvalidRequest: 400,
		}[code]
		o := fails(err, code, status >= 500 || status == 409 || status == 429)
		o.free = status == 409
		cases = append(cases, both(clawhqtest.FaultStatus(status, code), o))
	}
	for _, after := range []int{0, 2} {
		early := after == 0 // the caller has not got a chunk yet
		cases = append(cases,
			faultCase{clawhqtest.FaultStreamError("stream_error", after),
				fails(&clawhq.AgentError{}, clawhq.CodeModelError, true), fails(&clawhq.StreamError{}, clawhq.CodeStreamError, early)},
			faultCase{clawhqtest.FaultStreamError("model_timeout", after),
				fails(&clawhq.AgentError{}, clawhq.CodeModelTimeout, true), fails(&clawhq.StreamError{}, clawhq.CodeModelTimeout, early)},
			faultCase{clawhqtest.FaultStreamCut(after),
				fails(nil, "", true), fails(&clawhq.StreamError{}, clawhq.CodeStreamTruncated, early)},
			faultCase{clawhqtest.FaultStreamStall(after),
				fails(nil, "", true), fails(&clawhq.StreamError{}, clawhq.CodeStreamIdle, early)},
			faultCase{clawhqtest.FaultStreamMalformed(after),
				fails(&clawhq.ServerError{}, "", false), fails(&clawhq.StreamError{}, clawhq.CodeStreamMalformed, false)},
			faultCase{clawhqtest.FaultStreamSplit(after),
				fails(&clawhq.ServerError{}, "", false), fails(&clawhq.StreamError{}, clawhq.CodeStreamMalformed, false)},
			faultCase{clawhqtest.FaultStreamUnended(after),
				fails(&clawhq.ServerError{}, "", false), fails(&clawhq.StreamError{}, clawhq.CodeStreamTruncated, early)},
		)
	}
	return cases
}

// TestMatrix meets every fault in a whole answer and in a stream, with retries and
// without, in the documented and in the live profile.
func TestMatrix(t *testing.T) {
	t.Parallel()
	const row = "%-10s %-6s %-13s %-44s %-22s %-20s %s"
	t.Logf(row, "profile", "call", "fault is", "fault", "type", "code", "attempts made")
	covered := map[string]bool{}
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		for _, tt := range faultCases() {
			name, _, _ := strings.Cut(tt.fault.String(), "(")
			covered[name] = true
			for _, kind := range []string{"unary", "stream"} {
				for _, how := range []struct {
					name             string
					attempts, faults int // most attempts, and faults in a row
				}{{"not retried", 1, 1}, {"met once", 4, 1}, {"there to stay", 4, 4}} {
					want, wantMade := tt.unary, 1
					if kind == "stream" {
						want = tt.stream
					}
					if want.retryable {
						most := how.attempts
						if want.free && most > 1 {
							most++
						}
						wantMade = min(how.faults+1, most)
						if how.faults < most {
							want = outcome{}
						}
					}
					got, made, err := meet(t, tt.fault, how.faults, profile, kind == "stream", how.attempts)
					t.Logf(row, profile, kind, how.name, tt.fault, typeName(got), got.code, fmt.Sprint(made))
					if made != wantMade || got.code != want.code || typeName(got) != typeName(want) {
						t.Errorf("want %s %s after %d: %v", typeName(want), want.code, wantMade, err)
					}
				}
			}
		}
	}
	for _, name := range faultConstructors(t) {
		if !covered[name] {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// faultConstructors returns the names of the functions that return a Fault.
func faultConstructors(t *testing.T) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../clawhqtest/fault.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fault") {
			names = append(names, f.Name.Name)
		}
	}
	if len(names) == 0 {
		t.Error("no constructor of faults was found")
	}
	return names
}

func typeName(o outcome) string {
	switch {
	case !o.failed:
		return "ok"
	case o.err == nil:
		return "no reply"
	default:
		return strings.TrimPrefix(reflect.TypeOf(o.err).String(), "*clawhq.")
	}
}

// meet makes a call that meets the fault the given number of times in a row.
func meet(t *testing.T, fault clawhqtest.Fault, faults int, profile clawhqtest.Profile, stream bool, attempts int) (o outcome, made int, err error) {
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(slices.Repeat([]clawhqtest.Fault{fault}, faults)...)
		client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: attempts}))
		var info clawhq.ResponseInfo
		if stream {
			_, err = clawhq.CollectText(client.ChatStream(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info)))
		} else {
			_, err = client.Chat(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info))
		}
		made = info.Attempts
		if len(s.Requests()) != made {
			t.Errorf("the server saw %d requests, the call counted %d", len(s.Requests()), made)
		}
		s.ClearFaults() // faults that no retry has met
	}, clawhqtest.WithProfile(profile))
	if err == nil {
		return outcome{}, made, nil
	}
	o.failed = true
	var api *clawhq.APIError
	if errors.As(err, &api) {
		o.code = api.Code
		o.err = specific(err)
		if o.err == nil {
			t.Errorf("%v is of no specific type", err)
		}
	}
	return o, made, err
}

// specific returns the specific type in err.
func specific(err error) error {
	for _, target := range []any{
		new(*clawhq.AuthenticationError), new(*clawhq.PermissionError), new(*clawhq.InvalidRequestError), new(*clawhq.NotFoundError),
		new(*clawhq.ConflictError), new(*clawhq.RateLimitError), new(*clawhq.AgentError), new(*clawhq.ServerError), new(*clawhq.StreamError),
	} {
		if errors.As(err, target) {
			return reflect.ValueOf(target).Elem().Interface().(error)
		}
	}
	return nil
}
