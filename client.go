package clawhq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/shaping"
	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	// Version is the version of this package, as sent in User-Agent.
	Version = "0.1.0"

	// DefaultBaseURL is the base URL of the service (product page, "Code
	// Examples"). The paths of the API, /v1/chat and the like, are appended
	// to it.
	DefaultBaseURL = "https://app.clawhq.tech" + wire.BasePath

	// EnvAPIKey is the environment variable that NewClient reads without
	// WithAPIKey.
	EnvAPIKey = "CLAWHQ_API_KEY"

	// EnvBaseURL is the environment variable that NewClient reads without
	// WithBaseURL.
	EnvBaseURL = "CLAWHQ_BASE_URL"
)

// Client talks to the ClawHQ API. It is made by NewClient, immutable, and safe
// for any number of goroutines; a program needs one for each API key, since
// the goroutines that share a Client also share its rate shaping and its retry
// budget. It needs no closing.
//
// Nothing printed from a Client holds its key or its session.
type Client struct {
	Agents        *AgentsService        // deployed agents
	Models        *ModelsService        // what agents can run on
	Conversations *ConversationsService // of the dashboard's chat
	Threads       *ThreadsService       // conversations kept by the service
	Batches       *BatchesService       // many questions at once
	Files         *FilesService         // the knowledge base
	AuditLog      *AuditLogService      // what was done to the account

	// Keys manages the account's API keys. It needs WithSession.
	Keys *KeysService

	// Webhooks manages the account's webhooks. It needs WithSession.
	Webhooks *WebhooksService

	core *core
}

// core is what the services of a Client share.
type core struct {
	base       *url.URL
	chatURL    *url.URL
	logger     *slog.Logger
	traces     []*Trace // nil for none
	userAgent  []string
	secrets    hidden[*secrets]
	http       hidden[*http.Client] // its transport may hold what was sent
	retry      RetryPolicy
	budget     *retryBudget
	limiter    Limiter      // the caller's own; nil without one
	shaping    *shaping.Set // nil if there is none
	unshaped   bool         // shaping is for WithMaxRate alone
	rateLimit  lastRateLimit
	attemptMax time.Duration
	idleMax    time.Duration
	contentMax time.Duration
}

// secrets are a client's credentials.
type secrets struct {
	bearer  []string // the Authorization header; nil without a key
	key     func(context.Context) (string, error)
	session *session // nil without one
}

// forever stands for no bound: long past any program, and far from where a
// Duration overflows.
const forever = 100 * 365 * 24 * time.Hour

// NewClient returns a Client for the API key of WithAPIKey or WithAPIKeyFunc
// or, without these, of the environment variable CLAWHQ_API_KEY. The base URL
// is that of WithBaseURL, or of CLAWHQ_BASE_URL, or DefaultBaseURL.
//
// It fails, before anything is sent, if there is neither a key nor a session,
// if the key is not clw_ and 32 letters or digits (product page, "Key
// Format"), if the base URL is not one, or is http:// for a host other than loopback without WithInsecureHTTP
// (product page, "Authentication"), or if an option's value is out of range.
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
		return nil, errors.New("user agent product holds characters that a header may not")
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
		userAgent:  []string{userAgent(cfg.product)},
		secrets:    hide(secrets),
		retry:      retry,
		budget:     newRetryBudget(retry.Budget),
		limiter:    cfg.limiter,
		shaping:    cfg.shaping(retry.MaxRetryAfter),
		unshaped:   !cfg.shaped,
		attemptMax: cmp.Or(cfg.attemptTimeout, forever),
		idleMax:    cmp.Or(cfg.idleTimeout, forever),
		contentMax: cmp.Or(cfg.contentTimeout, forever),
	}
	client := &http.Client{}
	if cfg.httpClient != nil {
		*client = *cfg.httpClient
		// The client's Timeout would end a stream in the middle. It bounds
		// attempts instead.
		if client.Timeout > 0 {
			c.attemptMax = min(c.attemptMax, client.Timeout)
		}
		client.Timeout = 0
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	c.http = hide(client)
	return c, nil
}

func (cfg *config) secrets() (*secrets, error) {
	s := &secrets{key: cfg.apiKeyFunc}
	if s.key == nil && cfg.apiKey == "" && cfg.session == "" {
		return nil, errors.New("no API key: use WithAPIKey or set " + EnvAPIKey)
	}
	if s.key == nil && cfg.apiKey != "" {
		if err := checkKey(cfg.apiKey); err != nil {
			return nil, err
		}
		s.bearer = []string{"Bearer " + cfg.apiKey}
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

func parseBaseURL(raw string, insecureHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The text of a url.Error repeats the URL, which may be a key that
		// went to the wrong option.
		var uerr *url.Error
		if errors.As(err, &uerr) {
			err = uerr.Err
		}
		return nil, fmt.Errorf("malformed base URL: %w", redactedError(err, wire.Redact))
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.Opaque != "":
		return nil, fmt.Errorf("base URL %q is not of the form https://host/path", wire.Redact(u.Redacted()))
	case u.User != nil:
		return nil, errors.New("base URL holds a user name: the API key is the only credential")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("base URL holds a query or a fragment")
	case u.Scheme == "http" && !insecureHTTP && !loopback(u.Hostname()):
		return nil, fmt.Errorf("base URL http://%s would send the key in the clear: use https or WithInsecureHTTP", wire.Redact(u.Host))
	}
	if u.Path == "" {
		u.Path = "/" // without one, JoinPath makes a relative URL
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func userAgent(product string) string {
	ua := "clawhq-go/" + Version + " (" + runtime.Version() + "; " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	if product != "" {
		ua += " " + product
	}
	return ua
}

// headerSafe reports whether s can be the value of a header (RFC 9110 §5.5):
// no control characters, and nothing outside ASCII.
func headerSafe(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// redact takes the credentials out of a text that came from elsewhere.
func (c *core) redact(s string) string {
	s = wire.Redact(s)
	if session := c.secrets.get().session; session != nil {
		s = session.redact(s)
	}
	return s
}
