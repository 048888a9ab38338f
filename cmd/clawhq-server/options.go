package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/control"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// options are the program's flags, after they were checked.
type options struct {
	addr       string
	host       string // of addr
	plain      bool
	profile    clawhqtest.Profile
	rpm        int
	plan       string
	agentDelay time.Duration
	log        string // logText, logJSON or logOff

	hosts          []string // further names or addresses by which the server may be called
	cors           []string // origins whose pages may call the API
	strictWebhooks bool
	start          control.Document // of -config, -key and -fault
	flagged        control.Document // only of -key and -fault
	configuredKeys int              // number of keys of -config
	configFile     string
	configText     []byte

	json                       bool
	readyFile, certificateFile string

	sandboxIdle    time.Duration
	controlToken   string // set by the user; may be empty
	controlFromAny bool   // other machines may call the control API

	// With one of these, the program does nothing else.
	version bool
	health  string // a URL
}

// Formats of the access log.
const (
	logText = "text"
	logJSON = "json"
	logOff  = "off"
)

// The values of -control-from, and the environment variable of the control token.
const (
	controlFromLoopback  = "loopback"
	controlFromAny       = "any"
	controlTokenVariable = "CLAWHQ_CONTROL_TOKEN"
)

// logger returns the server's logger.
func (o options) logger(w io.Writer) *slog.Logger {
	switch o.log {
	case logOff:
		return slog.New(slog.DiscardHandler)
	case logJSON:
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

var profiles = map[string]clawhqtest.Profile{
	"documented": clawhqtest.Documented,
	"live":       clawhqtest.Live,
}

// parseOptions parses the flags. If help is asked for, it writes the usage and
// returns flag.ErrHelp.
func parseOptions(args []string, help io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("clawhq-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller writes the error, in one line
	flags.Usage = func() {}
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8787", "`host:port` to listen on; port 0 means a free port")
	flags.BoolVar(&o.plain, "http", false, "use plain HTTP instead of TLS, on loopback addresses only")
	profile := flags.String("profile", "documented", "`name` of the profile: documented follows the documentation, live the live service with its quirks")
	flags.IntVar(&o.rpm, "rpm", wire.DefaultTier, "rate `tier` of the first key: 30, 60, 120 or 300 calls per minute")
	flags.StringVar(&o.plan, "plan", "pro", "`name` of the account's plan; pro, ultra and enterprise include the API")
	flags.DurationVar(&o.agentDelay, "agent-delay", 0, "`pause` of the built-in agents before each chunk except the first, for example 200ms")
	var faults []control.Fault
	flags.Func("fault", "`faults` for the first requests, separated by commas; may be repeated; one of "+strings.Join(control.FaultExamples(), ", "), func(notation string) error {
		more, err := control.ParseFaults(notation)
		faults = append(faults, more...)
		return err
	})
	var keys []control.Key
	flags.Func("key", "`name:tier` of an additional API key with a random value (-config can set the value); may be repeated", func(text string) error {
		key, err := parseKey(text)
		keys = append(keys, key)
		return err
	})
	configFile := flags.String("config", "", "JSON `file` with keys, agents, models, files, records and faults: see docs/server.md")
	flags.Func("host", "host `name` or address, for example of a container, for the certificate and the base URL; may be repeated", func(host string) error {
		if host == "" || strings.ContainsAny(host, ":/ ") && net.ParseIP(host) == nil {
			return errors.New("it must be a host without a port")
		}
		o.hosts = append(o.hosts, host)
		return nil
	})
	flags.Func("cors", "`origin` whose pages may call the API from a browser, for example http://localhost:5173; may be repeated", func(origin string) error {
		o.cors = append(o.cors, origin)
		return checkOrigin(origin)
	})
	flags.BoolVar(&o.strictWebhooks, "strict-webhooks", false, "refuse webhooks to loopback addresses, as the service does")
	flags.BoolVar(&o.json, "json", false, "print addresses and keys as one line of JSON")
	flags.StringVar(&o.readyFile, "ready-file", "", "write the JSON of -json to this `file` when the server is ready, replacing only one that this program wrote, and remove the file at the end")
	flags.StringVar(&o.certificateFile, "cert-out", "", "write the certificate to this `file`, for clients that must trust it")
	flags.StringVar(&o.log, "log", logText, "`format` of the access log on stderr: text, json, or off for none")
	flags.DurationVar(&o.sandboxIdle, "sandbox-idle", 10*time.Minute, "`time` after which a sandbox without a request ends")
	controlFrom := flags.String("control-from", controlFromLoopback, "`machines` that may call the control API: loopback, or any, for which "+controlTokenVariable+" must be set")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	flags.StringVar(&o.health, "health", "", "get this `URL`, for example https://127.0.0.1:8787/ready, and exit with status 0 if its reply has status 200, else 1")

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(help, "Usage: clawhq-server [flags]\n\nServes the ClawHQ API with a dashboard, for development and tests. All data are in memory.\n\n")
		flags.SetOutput(help)
		flags.PrintDefaults()
	}
	if err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.host, _, err = net.SplitHostPort(o.addr)
	if err != nil {
		return o, fmt.Errorf("-addr %q: not of the form host:port", o.addr)
	}
	if o.plain && !wire.Loopback(o.host) {
		return o, fmt.Errorf("-http is refused on %s: plain HTTP would send keys readable over the network; use a loopback address or leave out -http", o.addr)
	}
	var known bool
	if o.profile, known = profiles[*profile]; !known {
		return o, fmt.Errorf("-profile %q: it must be documented or live", *profile)
	}
	if !wire.ValidTier(o.rpm) {
		return o, fmt.Errorf("-rpm %d: the tiers are %d, %d, %d and %d", o.rpm, wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300)
	}
	if o.plan == "" {
		return o, errors.New("-plan is empty")
	}
	if o.agentDelay < 0 {
		return o, fmt.Errorf("-agent-delay %v is negative", o.agentDelay)
	}
	if !slices.Contains([]string{logText, logJSON, logOff}, o.log) {
		return o, fmt.Errorf("-log %q: it must be %s, %s or %s", o.log, logText, logJSON, logOff)
	}
	if o.sandboxIdle <= 0 {
		return o, fmt.Errorf("-sandbox-idle %v: it must be above zero", o.sandboxIdle)
	}
	if !slices.Contains([]string{controlFromLoopback, controlFromAny}, *controlFrom) {
		return o, fmt.Errorf("-control-from %q: it must be %s or %s", *controlFrom, controlFromLoopback, controlFromAny)
	}
	o.controlFromAny = *controlFrom == controlFromAny
	o.controlToken = os.Getenv(controlTokenVariable)
	switch {
	case o.controlFromAny && o.controlToken == "":
		return o, fmt.Errorf("-control-from any: the environment variable %s must have the control token", controlTokenVariable)
	case strings.ContainsFunc(o.controlToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		return o, fmt.Errorf("%s: it must be printable ASCII without spaces", controlTokenVariable)
	}
	if o.plain && o.certificateFile != "" {
		return o, errors.New("-cert-out has no certificate to write with -http")
	}
	if *configFile != "" {
		o.configFile = *configFile
		if o.configText, err = readConfig(*configFile); err == nil {
			o.start, err = control.ParseDocument(o.configText)
		}
		if err != nil {
			return o, o.configError(err)
		}
	}
	o.flagged = control.Document{Keys: keys, Faults: faults}
	o.configuredKeys = len(o.start.Keys)
	o.start.Keys = append(o.start.Keys, keys...)
	o.start.Faults = append(o.start.Faults, faults...)
	return o, nil
}

// readConfig reads the file of -config.
func readConfig(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err) // configError adds the name
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, control.MaxDocumentBytes+1))
	return text, errors.Unwrap(err)
}

// configError returns err with the file of -config and, if it is known, the line.
func (o options) configError(err error) error {
	if line := control.Line(o.configText, err); line > 0 {
		return fmt.Errorf("-config %s: line %d: %w", o.configFile, line, err)
	}
	return fmt.Errorf("-config %s: %w", o.configFile, err)
}

func parseKey(text string) (key control.Key, err error) {
	name, tier, _ := strings.Cut(text, ":")
	rpm, err := strconv.Atoi(tier)
	if err != nil || name == "" || !wire.ValidTier(rpm) {
		return key, fmt.Errorf("it must be a name and a tier of %d, %d, %d or %d, for example ci:120", wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300)
	}
	return control.Key{Name: name, RPM: rpm}, nil
}
