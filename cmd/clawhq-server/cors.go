package main

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// checkOrigin returns an error for an origin that no browser sends (RFC 6454 §7).
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin || u.Host != strings.ToLower(u.Host) {
		return errors.New("it must be a scheme, a host and optionally a port, for example http://localhost:5173")
	}
	return nil
}

// Headers of the Fetch standard (§3.2).
const (
	headerAllowOrigin   = "Access-Control-Allow-Origin"
	headerAllowMethods  = "Access-Control-Allow-Methods"
	headerAllowHeaders  = "Access-Control-Allow-Headers"
	headerExposeHeaders = "Access-Control-Expose-Headers"
	headerMaxAge        = "Access-Control-Max-Age"
	headerAskedMethod   = "Access-Control-Request-Method"
)

// allowOrigins lets web pages of certain origins call the endpoints of /v1, which
// require an API key, and read the headers of their replies. All other requests go to
// next: endpoints that accept cookies stay closed to these pages.
func allowOrigins(origins []string, api, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if !slices.Contains(origins, origin) || !strings.HasPrefix(r.URL.Path, wire.BasePath+"/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set(headerAllowOrigin, origin)
		h.Add("Vary", "Origin")
		if r.Method == http.MethodOptions && r.Header.Get(headerAskedMethod) != "" {
			h.Set(headerAllowMethods, "GET, POST, DELETE")
			h.Set(headerAllowHeaders, strings.Join([]string{"Authorization", "Content-Type", wire.HeaderIdempotencyKey, wire.HeaderClientRequestID}, ", "))
			h.Set(headerMaxAge, "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set(headerExposeHeaders, strings.Join([]string{
			wire.HeaderRequestID, wire.HeaderClientRequestID, wire.HeaderIdempotencyReplay, wire.HeaderRetryAfter,
			wire.HeaderRateLimitLimit, wire.HeaderRateLimitRemaining, wire.HeaderRateLimitReset,
		}, ", "))
		api.ServeHTTP(w, r)
	})
}
