package server

import (
	"math"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// query returns the first value of a query parameter, decoded as in JavaScript.
func (c *call) query(name string) string { return js.QueryValue(c.r.URL.RawQuery, name) }

// pageAsked returns the limit and the offset that the call asks for, within the
// endpoint's bounds.
func (c *call) pageAsked() (limit, offset int) {
	limit = min(max(c.queryInt("limit", c.route.Page.Default), 1), c.route.Page.Most)
	return limit, max(c.queryInt("offset", 0), 0)
}

// pageOf returns the rows of the page that the call asks for. what is the plural name
// of the rows, for error messages.
func pageOf[T any](c *call, rows []T, what string) ([]T, wire.Paging, error) {
	failed := refuse(wire.CodeInternalError, "Failed to fetch "+what, "")
	if c.lookupFails(LookupList) {
		return nil, wire.Paging{}, failed
	}
	limit, offset := c.pageAsked()
	total := len(rows)
	if offset > total {
		if c.profile.quirks().pastEndFails {
			return nil, wire.Paging{}, failed
		}
		offset = total
	}
	end := offset + min(limit, total-offset)
	return rows[offset:end], wire.Paging{HasMore: end < total, Total: total}, nil
}

// queryInt returns a parameter as JavaScript's parseInt reads it: 1.9 is 1, and 30x
// is 30. If it is no number, queryInt returns otherwise.
func (c *call) queryInt(name string, otherwise int) int {
	n, ok := js.ParseInt(c.query(name))
	if !ok {
		return otherwise
	}
	return int(min(max(n, math.MinInt32), math.MaxInt32))
}
