package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// options are the program's flags, checked.
type options struct {
	addr       string
	host       string // of addr
	plain      bool
	profile    clawhqtest.Profile
	rpm        int
	plan       string
	agentDelay time.Duration
	faults     []string
	logJSON    bool
}

var profiles = map[string]clawhqtest.Profile{
	"documented": clawhqtest.Documented,
	"live":       clawhqtest.Live,
}

// parseOptions reads the flags. It returns flag.ErrHelp, having written the
// usage, where help was asked for.
func parseOptions(args []string, help io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("clawhq-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is one line, written by the caller
	flags.Usage = func() {}
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8787", "`host:port` to listen on; port 0 takes a free one")
	flags.BoolVar(&o.plain, "http", false, "serve plain HTTP; on loopback addresses only")
	profile := flags.String("profile", "documented", "`name` of the behaviour: documented, or live with the service's quirks")
	flags.IntVar(&o.rpm, "rpm", wire.DefaultTier, "`tier` of the first key: 30, 60, 120 or 300 requests a minute")
	flags.StringVar(&o.plan, "plan", "pro", "`name` of the account's plan; the API is part of pro")
	flags.DurationVar(&o.agentDelay, "agent-delay", 0, "`pause` of the built-in agents before each chunk but the first, such as 200ms")
	flags.Func("fault", "`faults` that the first requests meet, separated by commas, may be repeated: "+strings.Join(faultExamples(), ", "), func(notation string) error {
		_, _, err := parseFaults(notation)
		o.faults = append(o.faults, notation)
		return err
	})
	logFormat := flags.String("log", "text", "`format` of the access log on stderr: text or json")

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(help, "Usage: clawhq-server [flags]\n\nServes the ClawHQ API with a dashboard, for development and tests. All state is in memory.\n\n")
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
	if o.plain && !loopback(o.host) {
		return o, fmt.Errorf("-http is refused on %s: plain HTTP would send keys readable over the network; use a loopback address or leave out -http", o.addr)
	}
	var known bool
	if o.profile, known = profiles[*profile]; !known {
		return o, fmt.Errorf("-profile %q: there are documented and live", *profile)
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
	if *logFormat != "text" && *logFormat != "json" {
		return o, fmt.Errorf("-log %q: there are text and json", *logFormat)
	}
	o.logJSON = *logFormat == "json"
	return o, nil
}

// loopback reports whether host can only be reached from this machine. A name
// other than localhost may come to mean any address.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
