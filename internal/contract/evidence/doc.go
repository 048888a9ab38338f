// Package evidence has the tests that hold the documents of the API, docs/openapi.json
// and docs/openapi-control.json, against what is known of it: the routes of the server,
// the exchanges that were recorded with the live service, and all that the server
// answers in the tests of its own packages.
package evidence
