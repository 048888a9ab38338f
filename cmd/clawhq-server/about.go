package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/control"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// about is what one must know to use the server. It is printed, and written to
// -ready-file.
type about struct {
	BaseURL      string        `json:"base_url"`
	APIKey       string        `json:"api_key"`
	Keys         []control.Key `json:"keys"` // including that with APIKey
	Session      string        `json:"session"`
	Dashboard    string        `json:"dashboard,omitempty"`
	Certificate  string        `json:"certificate,omitempty"` // path of its file
	ControlURL   string        `json:"control_url"`
	ControlToken string        `json:"control_token"`
}

// about returns what does not depend on the address. The first key is the first one
// of -config, if there is one.
func (o options) about(api *clawhqtest.Server, controls *control.Control) *about {
	generated := control.Key{ID: api.KeyID(), Name: "default", Key: api.APIKey(), RPM: o.rpm}
	configured, more := controls.Keys()[:o.configuredKeys], controls.Keys()[o.configuredKeys:]
	keys := append(append(append([]control.Key{}, configured...), generated), more...)
	a := &about{APIKey: keys[0].Key, Keys: keys, Session: api.Session(), ControlToken: controls.Token()}
	if o.certificateFile != "" {
		a.Certificate = o.certificateFile
		if path, err := filepath.Abs(o.certificateFile); err == nil {
			a.Certificate = path
		}
	}
	return a
}

// reachedAt fills in the URLs. The URL of the control API has the name by which this
// machine calls the server or, if other machines may call the API, the name by which
// they do.
func (a *about) reachedAt(listening string, o options, loginPath string) {
	scheme := "https://"
	if o.plain {
		scheme = "http://"
	}
	local := scheme + reachable(listening, o.host)
	origin := local
	if len(o.hosts) > 0 {
		origin = scheme + reachable(listening, o.hosts[0])
	}
	if o.controlFromAny {
		local = origin
	}
	a.BaseURL, a.Dashboard, a.ControlURL = origin+wire.BasePath, origin+loginPath, local+control.Path
}

// secrets returns the API keys.
func (a *about) secrets() (secrets []string) {
	for _, k := range a.Keys {
		secrets = append(secrets, k.Key)
	}
	return secrets
}

// json returns the line that -json prints.
func (a *about) json() []byte {
	line, err := json.Marshal(a)
	if err != nil {
		panic(err) // cannot happen: it has strings and numbers only
	}
	return append(line, '\n')
}

// print prints a line of JSON, or the greeting.
func (a *about) print(w io.Writer, asJSON bool) error {
	line := a.json()
	if !asJSON {
		var greeting bytes.Buffer
		a.greet(&greeting)
		line = greeting.Bytes()
	}
	_, err := w.Write(line)
	return err
}

// greet writes the greeting, which tells how to use the server.
func (a *about) greet(w io.Writer) {
	fmt.Fprintf(w, "Base URL   %s\n", a.BaseURL)
	fmt.Fprintf(w, "API key    %s\n", a.APIKey)
	for _, k := range a.Keys {
		if k.Key != a.APIKey {
			fmt.Fprintf(w, "  another  %s (%s)\n", k.Key, k.Name)
		}
	}
	fmt.Fprintf(w, "Session    %s\n", a.Session)
	fmt.Fprintf(w, "Dashboard  %s\n", a.Dashboard)
	fmt.Fprintf(w, "Control    %s\n", a.ControlURL)
	fmt.Fprintf(w, "Token      %s\n\n", a.ControlToken)
	curl := "curl"
	switch {
	case a.Certificate != "":
		curl = "curl --cacert " + quote(a.Certificate)
		fmt.Fprintf(w, "The certificate was made at start. What makes clients trust it:\n\n"+
			"  curl    --cacert %[1]s\n"+
			"  Go      SSL_CERT_FILE=%[1]s go run …   (macOS and Windows: a root in tls.Config)\n"+
			"  Python  REQUESTS_CA_BUNDLE=%[1]s python3 …   (httpx and urllib: SSL_CERT_FILE)\n"+
			"  Node    NODE_EXTRA_CA_CERTS=%[1]s node …\n\n", quote(a.Certificate))
	case strings.HasPrefix(a.BaseURL, "https:"):
		curl = "curl -k"
		fmt.Fprintf(w, "The certificate was made at start: browsers warn about it, -k makes curl accept it, and -cert-out\nwrites it to a file for curl, Go, Python and Node to trust.\n\n")
	}
	fmt.Fprintf(w, "%s %s \\\n  -H 'Content-Type: %s' \\\n  -H 'Authorization: Bearer %s' \\\n  -d '{\"message\": \"What are your business hours?\"}'\n\n",
		curl, a.BaseURL+wire.Chat.Path, wire.ContentTypeJSON, a.APIKey)
	fmt.Fprintf(w, "Ctrl-C ends it.\n")
}

// quote quotes a path for a shell if necessary.
func quote(path string) string {
	if strings.IndexFunc(path, func(r rune) bool {
		return !(r == '/' || r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
