package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
)

// A Report is what the program found.
type Report struct {
	Service     string       `json:"service"`
	Profile     string       `json:"profile"`
	Calls       int          `json:"calls"`
	Operations  int          `json:"operations"` // that were called
	Differences []Difference `json:"differences"`
	NotTried    []Gap        `json:"not_tried"`
	LeftOut     []Gap        `json:"left_out"` // not asked for
}

// A Difference is a way in which the service is not as the document has it. A new member
// or header is one too: it breaks nobody, but the document does not tell all any more.
type Difference struct {
	Operation string `json:"operation"`
	Call      string `json:"call,omitempty"` // which of the calls of the operation
	Status    int    `json:"status"`
	spec.Problem
	Times int `json:"times"`
}

// A Gap is an operation that was not called, and why.
type Gap struct {
	Operation string `json:"operation"`
	Reason    string `json:"reason"`
}

var index = regexp.MustCompile(`/\d+(/|$)`)

// add adds a difference; one that many elements of a list or calls have counts once.
func (r *Report) add(d Difference) {
	d.At = index.ReplaceAllString(d.At, "/*$1")
	for i, known := range r.Differences {
		if known.Operation == d.Operation && known.Status == d.Status && known.Problem == d.Problem {
			r.Differences[i].Times++
			return
		}
	}
	d.Times = 1
	r.Differences = append(r.Differences, d)
}

func (r *Report) status() int {
	switch {
	case len(r.Differences) > 0:
		return differs
	case len(r.NotTried) > 0:
		return notTried
	}
	return same
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.Operation, b.Operation), a.Status-b.Status, strings.Compare(a.At, b.At))
	})
}

func (r *Report) writeJSON(w io.Writer) {
	r.sort()
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	e.Encode(r)
}

func (r *Report) writeTable(w io.Writer) {
	r.sort()
	table := func(head string, rows int, row func(i int) string) {
		if rows == 0 {
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, head)
		for i := range rows {
			fmt.Fprintln(t, row(i))
		}
		t.Flush()
		fmt.Fprintln(w)
	}
	table("DIFFERENCE\tOPERATION\tSTATUS\tAT\tDOCUMENT\tSERVICE\tTIMES", len(r.Differences), func(i int) string {
		d := r.Differences[i]
		call := d.Operation
		if d.Call != "" {
			call += " (" + d.Call + ")"
		}
		return fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s\t%d", d.Kind, call, d.Status, d.At, d.Want, d.Got, d.Times)
	})
	gaps := func(head string, list []Gap) {
		table(head, len(list), func(i int) string { return list[i].Operation + "\t" + list[i].Reason })
	}
	gaps("NOT TRIED\tWHY", r.NotTried)
	gaps("LEFT OUT\tWHY", r.LeftOut)
	fmt.Fprintf(w, "%s, profile %s: %d calls of %d operations, %d differences, %d not tried\n",
		r.Service, r.Profile, r.Calls, r.Operations, len(r.Differences), len(r.NotTried))
}
