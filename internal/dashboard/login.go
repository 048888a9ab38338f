package dashboard

import (
	"crypto/subtle"
	"net/http"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// login gives the session to a browser that comes by the printed link.
func (d *Dashboard) login(w http.ResponseWriter, r *http.Request) {
	if !same(r.URL.Query().Get("token"), d.token) {
		writeError(w, http.StatusForbidden, "this login link is not of the running server; open the address it printed when it started")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name:     wire.SessionCookie,
		Value:    d.config.Session,
		Path:     "/",
		HttpOnly: true,
		Secure:   r.TLS != nil,
		SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signedIn lets only requests with the session pass.
func (d *Dashboard) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, cookie := range r.CookiesNamed(wire.SessionCookie) {
			if same(cookie.Value, d.config.Session) {
				next(w, r)
				return
			}
		}
		writeError(w, http.StatusUnauthorized, "not signed in")
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
