package clawhqtest

import (
	"github.com/clawhq/clawhq-go"
)

// Client returns a new client for the server, with the server's URL, HTTP client,
// first API key and session. Options can replace each of these. Client panics if
// an option is invalid.
func (s *Server) Client(opts ...clawhq.Option) *clawhq.Client {
	c, err := clawhq.NewClient(append([]clawhq.Option{
		clawhq.WithBaseURL(s.URL()),
		clawhq.WithHTTPClient(s.HTTPClient()),
		clawhq.WithAPIKey(s.APIKey()),
		clawhq.WithSession(s.Session()),
	}, opts...)...)
	if err != nil {
		panic("clawhqtest: Client: " + err.Error())
	}
	return c
}
