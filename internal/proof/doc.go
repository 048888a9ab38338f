// Package proof holds the long tests of the whole: client and reference
// server together, through the public surface only, most of them in virtual
// time. It has no code of its own.
package proof
