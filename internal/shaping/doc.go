// Package shaping keeps a client's attempts inside the server's sliding
// windows. It knows nothing of HTTP.
package shaping
