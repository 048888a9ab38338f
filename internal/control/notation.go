package control

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// faultForms lists the forms of the fault notation. The usage of the flag -fault and
// the playground show it.
var faultForms = []dashboard.FaultForm{
	{Example: "429:7", Meaning: "rate limited, with this Retry-After"},
	{Example: "500", Meaning: "this status, with its usual error code"},
	{Example: "503:agent_offline", Meaning: "this status with this error code"},
	{Example: "legacy:429:RATE_LIMITED", Meaning: "the same in the older, flat error body"},
	{Example: "html:502", Meaning: "an HTML page, as proxies send"},
	{Example: "reset", Meaning: "the connection closed without a reply"},
	{Example: "delay:2s", Meaning: "the reply held back"},
	{Example: "error:stream_error:2", Meaning: "a stream with this error after two chunks"},
	{Example: "cut:2", Meaning: "a stream cut off after two chunks"},
	{Example: "stall:2", Meaning: "a stream that falls silent after two chunks"},
	{Example: "malformed:2", Meaning: "a stream with an event that is not JSON after two chunks"},
	{Example: "split:2", Meaning: "a stream that loses its third chunk, except for the beginning of its line"},
	{Example: "unended:2", Meaning: "a stream that ends without [DONE] after two chunks"},
	{Example: "lookup:key", Meaning: "a lookup of the service that fails, as if there were no such key; also plan, agent, server, thread, list"},
	{Example: "gateway:down", Meaning: "the gateway in front of the agents out of reach"},
	{Example: "gateway:not-json", Meaning: "the gateway in front of the agents answering with something else than JSON"},
}

// ParseFaults parses faults in the notation, separated by commas.
func ParseFaults(notation string) (faults []Fault, err error) {
	for text := range strings.SplitSeq(notation, ",") {
		text = strings.TrimSpace(text)
		if _, err := parseFault(text); err != nil {
			return nil, fmt.Errorf("fault %q: %w", text, err)
		}
		faults = append(faults, Fault{Fault: text})
	}
	return faults, nil
}

func parseFault(text string) (fault clawhqtest.Fault, err error) {
	kind, argument, given := strings.Cut(text, ":")
	chunks := func(make func(int) clawhqtest.Fault) (clawhqtest.Fault, error) {
		n, err := parseChunks(argument)
		if err != nil {
			return fault, fmt.Errorf("%w, as in %s:2", err, kind)
		}
		return make(n), nil
	}
	switch kind {
	case "reset":
		if given {
			return fault, fmt.Errorf("takes no argument")
		}
		return clawhqtest.FaultReset(), nil
	case "delay":
		d, err := time.ParseDuration(argument)
		if err != nil || d <= 0 {
			return fault, fmt.Errorf("needs a duration above zero, as in delay:2s")
		}
		return clawhqtest.FaultDelay(d), nil
	case "cut":
		return chunks(clawhqtest.FaultStreamCut)
	case "stall":
		return chunks(clawhqtest.FaultStreamStall)
	case "malformed":
		return chunks(clawhqtest.FaultStreamMalformed)
	case "split":
		return chunks(clawhqtest.FaultStreamSplit)
	case "unended":
		return chunks(clawhqtest.FaultStreamUnended)
	case "lookup":
		if what := clawhqtest.Lookup(argument); slices.Contains(lookups, what) {
			return clawhqtest.FaultLookup(what), nil
		}
		return fault, fmt.Errorf("needs one of %v, as in lookup:key", lookups)
	case "gateway":
		switch argument {
		case "down":
			return clawhqtest.FaultGatewayDown(), nil
		case "not-json":
			return clawhqtest.FaultGatewayNotJSON(), nil
		}
		return fault, fmt.Errorf("needs down or not-json, as in gateway:down")
	case "error":
		code, after, _ := strings.Cut(argument, ":")
		n, err := parseChunks(after)
		if err != nil || !isWord(code) {
			return fault, fmt.Errorf("needs a code and a number of chunks, as in error:%s:2", wire.CodeStreamError)
		}
		return clawhqtest.FaultStreamError(code, n), nil
	case "html":
		status, err := parseStatus(argument)
		if err != nil {
			return fault, fmt.Errorf("%w, as in html:502", err)
		}
		return clawhqtest.FaultHTML(status), nil
	case "legacy":
		number, code, _ := strings.Cut(argument, ":")
		status, err := parseStatus(number)
		if err != nil || !isWord(code) {
			return fault, fmt.Errorf("needs a status and a code, as in legacy:429:RATE_LIMITED")
		}
		return clawhqtest.FaultLegacyError(status, code), nil
	}
	status, err := parseStatus(kind)
	switch {
	case err != nil:
		return fault, fmt.Errorf("unknown: the forms are %s", strings.Join(FaultExamples(), ", "))
	case status == http.StatusTooManyRequests && given:
		if !isHeaderValue(argument) {
			return fault, fmt.Errorf("%q cannot be a Retry-After", argument)
		}
		return clawhqtest.FaultRateLimit(argument), nil
	case !given:
		return clawhqtest.FaultStatus(status, ""), nil
	case !isWord(argument):
		return fault, fmt.Errorf("%q cannot be an error code", argument)
	}
	return clawhqtest.FaultStatus(status, argument), nil
}

var lookups = []clawhqtest.Lookup{
	clawhqtest.LookupKey, clawhqtest.LookupPlan, clawhqtest.LookupAgent, clawhqtest.LookupServer, clawhqtest.LookupThread, clawhqtest.LookupList,
}

func parseStatus(text string) (int, error) {
	status, err := strconv.Atoi(text)
	if err != nil || status < 400 || status > 599 {
		return 0, fmt.Errorf("needs a status from 400 to 599")
	}
	return status, nil
}

func parseChunks(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("needs a number of chunks")
	}
	return n, nil
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_')
	}) < 0
}

func isHeaderValue(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// FaultExamples returns one example of each form of the notation.
func FaultExamples() []string {
	examples := make([]string, len(faultForms))
	for i, form := range faultForms {
		examples[i] = form.Example
	}
	return examples
}
