package control

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaultFormsParse(t *testing.T) {
	t.Parallel()
	faults, err := ParseFaults(strings.Join(FaultExamples(), " , "))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range faults {
		texts = append(texts, f.Fault)
	}
	if diff := cmp.Diff(FaultExamples(), texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadFaults(t *testing.T) {
	t.Parallel()
	for notation, want := range map[string]string{
		"":                       `fault "": unknown: the forms are `,
		"nonsense":               `fault "nonsense": unknown: the forms are `,
		"200":                    `fault "200": unknown: the forms are `,
		"600":                    `fault "600": unknown: the forms are `,
		"500,":                   `fault "": unknown: the forms are `,
		"500:no code":            `fault "500:no code": "no code" cannot be an error code`,
		"500:":                   `fault "500:": "" cannot be an error code`,
		"429:":                   `fault "429:": "" cannot be a Retry-After`,
		"429:7\r\nX-Injected: 1": `cannot be a Retry-After`,
		"cut":                    `fault "cut": needs a number of chunks, as in cut:2`,
		"cut:-1":                 `fault "cut:-1": needs a number of chunks, as in cut:2`,
		"stall:x":                `fault "stall:x": needs a number of chunks, as in stall:2`,
		"malformed:":             `fault "malformed:": needs a number of chunks, as in malformed:2`,
		"error:stream_error":     `needs a code and a number of chunks, as in error:stream_error:2`,
		"error::2":               `needs a code and a number of chunks, as in error:stream_error:2`,
		"html":                   `fault "html": needs a status from 400 to 599, as in html:502`,
		"html:200":               `needs a status from 400 to 599, as in html:502`,
		"legacy:429":             `needs a status and a code, as in legacy:429:RATE_LIMITED`,
		"split":                  `needs a number of chunks, as in split:2`,
		"unended:-1":             `needs a number of chunks, as in unended:2`,
		"lookup:moon":            `needs one of [key plan agent server thread list], as in lookup:key`,
		"gateway":                `needs down or not-json, as in gateway:down`,
		"reset:1":                `fault "reset:1": takes no argument`,
		"delay:0s":               `needs a duration above zero, as in delay:2s`,
		"delay:soon":             `needs a duration above zero, as in delay:2s`,
	} {
		if _, err := ParseFaults(notation); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseFaults(%q): %v, want %q", notation, err, want)
		}
	}
}
