// Package proof has long tests of client and reference server together. They use
// only the public surface, and most of them run in virtual time:
//
//	go test ./internal/proof
//	go test -v -run TestFigures ./internal/proof # prints the figures of docs/rate-limits.md
//
// The package has no other code.
package proof
