package clawhq

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"unicode"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	// Version is the version of this package. It is sent in the User-Agent
	// header.
	Version = "0.2.0"

	// DefaultBaseURL is the base URL of the service (product page, "Code
	// Examples"). The paths of the API, /v1/chat and the like, are appended
	// to it.
	DefaultBaseURL = "https://app.clawhq.tech" + wire.BasePath

	// EnvAPIKey is the environment variable that NewClient takes the API key
	// from if neither WithAPIKey nor WithAPIKeyFunc is given.
	EnvAPIKey = "CLAWHQ_API_KEY"

	// EnvBaseURL is the environment variable that NewClient takes the base URL
	// from if WithBaseURL is not given.
	EnvBaseURL = "CLAWHQ_BASE_URL"
)

// A Client calls the ClawHQ API. Create it with NewClient. It is immutable and
// safe for concurrent use by multiple goroutines, and it does not need to be
// closed. Use one Client per API key: all calls made through a Client share
// its rate shaping and its retry budget.
//
// A printed Client shows neither its API key nor its session.
type Client struct {
	Agents        *AgentsService        // deployed agents
	Models        *ModelsService        // the models that agents can run on
	Conversations *ConversationsService // conversations of the dashboard's chat
	Threads       *ThreadsService       // conversations that the service stores for API callers
	Batches       *BatchesService       // up to 50 messages in one call
	Files         *FilesService         // the knowledge base
	AuditLog      *AuditLogService      // what was done to the account

	// Keys manages the account's API keys. It needs WithSession.
	Keys *KeysService

	// Webhooks manages the account's webhooks. It needs WithSession.
	Webhooks *WebhooksService

	core *core
}

// NewClient returns a Client. The API key comes from WithAPIKey or
// WithAPIKeyFunc or, if neither is given, from the environment variable
// CLAWHQ_API_KEY. The base URL comes from WithBaseURL, else from the
// environment variable CLAWHQ_BASE_URL, else it is DefaultBaseURL.
//
// NewClient sends nothing. It returns an error if
//   - there is neither a key nor a session,
//   - the key is not clw_ followed by 32 letters or digits (product page, "Key
//     Format"),
//   - the base URL is malformed, or uses http:// with a host other than
//     loopback and WithInsecureHTTP is not given (product page,
//     "Authentication"), or
//   - the value of an option is out of range.
func NewClient(opts ...Option) (*Client, error) {
	cfg := config{
		apiKey:         os.Getenv(EnvAPIKey),
		baseURL:        os.Getenv(EnvBaseURL),
		retry:          DefaultRetryPolicy(),
		attemptTimeout: DefaultAttemptTimeout,
		idleTimeout:    DefaultStreamIdleTimeout,
		shaped:         true,
	}
	if cfg.baseURL == "" {
		cfg.baseURL = DefaultBaseURL
	}
	for _, opt := range opts {
		if opt != nil {
			opt(&cfg)
		}
	}
	core, err := cfg.core()
	if err != nil {
		return nil, fmt.Errorf("clawhq: %w", err)
	}
	return &Client{
		Agents:        &AgentsService{core},
		Models:        &ModelsService{core},
		Conversations: &ConversationsService{core},
		Threads:       &ThreadsService{core},
		Batches:       &BatchesService{core},
		Files:         &FilesService{core},
		AuditLog:      &AuditLogService{core},
		Keys:          &KeysService{core},
		Webhooks:      &WebhooksService{core},
		core:          core,
	}, nil
}

// core checks the configuration and makes what a Client is made of.
func (cfg *config) core() (*core, error) {
	secrets, err := cfg.secrets()
	if err != nil {
		return nil, err
	}
	base, err := parseBaseURL(cfg.baseURL, cfg.insecureHTTP)
	if err != nil {
		return nil, err
	}
	if cfg.attemptTimeout < 0 {
		return nil, fmt.Errorf("attempt timeout %v is negative", cfg.attemptTimeout)
	}
	if cfg.idleTimeout < 0 {
		return nil, fmt.Errorf("stream idle timeout %v is negative", cfg.idleTimeout)
	}
	if cfg.rateLimit < 0 {
		return nil, fmt.Errorf("rate limit %d is negative", cfg.rateLimit)
	}
	if cfg.maxRate < 0 {
		return nil, fmt.Errorf("max rate %d is negative", cfg.maxRate)
	}
	if cfg.contentTimeout < 0 {
		return nil, fmt.Errorf("stream content timeout %v is negative", cfg.contentTimeout)
	}
	if !headerSafe(cfg.product) {
		return nil, errors.New("user agent product is not printable ASCII")
	}
	retry, err := cfg.retry.withDefaults()
	if err != nil {
		return nil, err
	}

	c := &core{
		base:       base,
		chatURL:    base.JoinPath(wire.Chat.Path),
		logger:     cfg.logger,
		traces:     cfg.traces,
		userAgent:  userAgent(cfg.product),
		secrets:    hide(secrets),
		retry:      retry,
		budget:     newRetryBudget(retry.Budget),
		limiter:    cfg.limiter,
		shaping:    cfg.shaping(retry.MaxRetryAfter),
		unshaped:   !cfg.shaped,
		attemptMax: cmp.Or(cfg.attemptTimeout, forever),
		clientMax:  forever,
		idleMax:    cmp.Or(cfg.idleTimeout, forever),
		contentMax: cmp.Or(cfg.contentTimeout, forever),
	}
	client := &http.Client{}
	if cfg.httpClient != nil {
		*client = *cfg.httpClient
		// The caller's Timeout would end a stream in the middle, so it bounds
		// attempts instead.
		if client.Timeout > 0 {
			c.clientMax = client.Timeout
		}
		client.Timeout = 0
	}
	c.http, c.transports = hide(client), hide(&transports{given: client.Transport})
	return c, nil
}

func (cfg *config) secrets() (*secrets, error) {
	s := &secrets{ask: cfg.apiKeyFunc}
	if s.ask == nil && cfg.apiKey == "" && cfg.session == "" {
		return nil, errors.New("no API key: use WithAPIKey or set " + EnvAPIKey)
	}
	if s.ask == nil && cfg.apiKey != "" {
		if err := checkKey(cfg.apiKey); err != nil {
			return nil, err
		}
		s.authorization = bearer(cfg.apiKey)
	}
	if cfg.session != "" {
		var err error
		if s.session, err = newSession(cfg.session); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func checkKey(key string) error {
	if wire.ValidKey(key) {
		return nil
	}
	return fmt.Errorf("malformed API key of %d characters: a key is %s and %d letters or digits",
		len(key), wire.KeyStart, wire.KeyLen-len(wire.KeyStart))
}

// String names the client without its credentials.
func (c *Client) String() string {
	if c == nil || c.core == nil {
		return "clawhq.Client(zero)"
	}
	return "clawhq.Client(" + wire.Redact(c.core.base.String()) + ")"
}

// GoString is String, so that %#v prints no more than %v does.
func (c *Client) GoString() string { return c.String() }

// parseBaseURL reads a base URL as people paste it. It removes blanks around it,
// and corrects a URL that can only mean the base URL of the service.
func parseBaseURL(raw string, insecureHTTP bool) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		// The text of a url.Error repeats the URL, which may be a key that was
		// given to the wrong option.
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		return nil, fmt.Errorf("base URL is not of the form https://host/path: %w", redactedError(err, wire.Redact))
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.Opaque != "":
		return nil, fmt.Errorf("base URL %q is not of the form https://host/path", wire.Redact(u.Redacted()))
	case u.User != nil:
		return nil, errors.New("base URL has a user name: the API key is the only credential")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("base URL has a query or a fragment")
	case u.Scheme == "http" && !insecureHTTP && !wire.Loopback(u.Hostname()):
		return nil, fmt.Errorf("base URL http://%s would send the key in the clear: use https or WithInsecureHTTP", wire.Redact(u.Host))
	}
	if strings.ContainsFunc(u.Path, unicode.IsSpace) {
		return nil, fmt.Errorf("base URL %q has a blank in its path", wire.Redact(u.Redacted()))
	}
	u = u.JoinPath() // without "." and ".." and repeated slashes
	path := strings.TrimSuffix(u.Path, "/")
	if strings.HasSuffix(path, wire.BasePath+"/v1") { // /v1 is the beginning of the endpoints' paths
		path = strings.TrimSuffix(path, "/v1")
		u.Path, u.RawPath = path, ""
	}
	if service, _ := url.Parse(DefaultBaseURL); strings.EqualFold(u.Hostname(), service.Hostname()) {
		switch path {
		case service.Path:
		case "", "/v1":
			u.Path, u.RawPath = service.Path, ""
		default:
			return nil, fmt.Errorf("base URL %q is not that of the service, which is %s", wire.Redact(u.Redacted()), DefaultBaseURL)
		}
	}
	return u, nil
}

func userAgent(product string) string {
	ua := "clawhq-go/" + Version + " (" + runtime.Version() + "; " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	if product != "" {
		ua += " " + product
	}
	return ua
}
