package server

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// pageAsked returns the page that the call asks for, within what there is.
func (c *call) pageAsked() (limit, offset int) {
	query := c.r.URL.Query()
	limit = min(max(jsInt(query, "limit", c.route.Page.Default), 1), c.route.Page.Most)
	return limit, max(jsInt(query, "offset", 0), 0)
}

// pageOf returns the rows of the page that the call asks for, and where it
// lies. What is their plural name.
func pageOf[T any](c *call, rows []T, what string) ([]T, wire.Paging, error) {
	limit, offset := c.pageAsked()
	total := len(rows)
	if offset > total {
		if err := c.profile.pastEnd(what); err != nil {
			return nil, wire.Paging{}, err
		}
		offset = total
	}
	end := offset + min(limit, total-offset)
	return rows[offset:end], wire.Paging{HasMore: end < total, Total: total}, nil
}

// jsInt returns a parameter as JavaScript's parseInt reads it, and otherwise
// where that is no number: 1.9 is 1, and 30x is 30.
func jsInt(query url.Values, name string, otherwise int) int {
	n, ok := parseInt(query.Get(name))
	if !ok {
		return otherwise
	}
	return n
}

// parseInt is JavaScript's, as far as an int goes.
func parseInt(text string) (n int, ok bool) {
	text = strings.TrimSpace(text)
	digits := 0
	for digits < len(text) && ('0' <= text[digits] && text[digits] <= '9' || digits == 0 && strings.ContainsRune("+-", rune(text[0]))) {
		digits++
	}
	wide, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil && wide == 0 {
		return 0, false
	}
	return int(min(max(wide, math.MinInt32), math.MaxInt32)), true
}
