package server

import (
	"io"
	"net/http"

	"github.com/clawhq/clawhq-go/internal/openapi"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// asksForDocument reports whether a request is for the OpenAPI document of the API.
func (s *Server) asksForDocument(r *http.Request) bool {
	return r.URL.Path == openapi.Path && (r.Method == http.MethodGet || r.Method == http.MethodHead) && s.secure(r)
}

// serveDocument sends it. That is no call of the API: it needs no key, is not in the
// journal and gets no faults.
func serveDocument(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", wire.ContentTypeJSON)
	io.Copy(w, openapi.API().For(r, overTLS(r), wire.BasePath)) // fails only when the client is gone
}
