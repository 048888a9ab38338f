package proof_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
)

// sentinelSession is a session that opens nothing, and renewedSession what it
// is renewed to.
const (
	sentinelSession = "s3ss10n-that-nobody-may-see"
	renewedSession  = "r3n3wed-by-the-service-itself"
)

// A key and a session go in everywhere; whatever comes out of the client and
// the reference server, in whatever form it is printed, is searched for them.
// Of a key its first 12 characters may be seen. The text of an answer is the
// agent's, and not searched.
func TestSecrets(t *testing.T) {
	t.Parallel()
	x := &exhibition{t: t, types: map[string]bool{}, seen: map[string]bool{}}
	x.secret(testKey[12:])
	x.secret(sentinelSession)
	x.secret(renewedSession)
	t.Run("client/text", func(t *testing.T) { exhibitClient(t, x, "text") })
	t.Run("client/JSON", func(t *testing.T) { exhibitClient(t, x, "JSON") })
	t.Run("server/text", func(t *testing.T) { exhibitServer(t, x, clawhqtest.Documented, "text") })
	t.Run("server/JSON", func(t *testing.T) { exhibitServer(t, x, clawhqtest.Live, "JSON") })
	t.Run("webhooks", func(t *testing.T) { exhibitWebhooks(t, x) })
	t.Run("trace", func(t *testing.T) { exhibitTrace(t, x) })
	t.Run("values", func(t *testing.T) { exhibitValues(t, x) })
	t.Run("panics", func(t *testing.T) { exhibitPanics(t, x) })

	// A type that is new has to be put among what is shown.
	want := map[string]bool{}
	for _, dir := range []string{"../..", "../../clawhqtest"} {
		maps.Copy(want, exportedTypes(t, dir))
	}
	for name := range want {
		if !x.types[name] {
			t.Errorf("no value of type %s was shown", name)
		}
	}
	if len(want) < 35 {
		t.Errorf("only %d exported types were found", len(want))
	}
	t.Logf("%d values of %d types searched in %d texts, %d MB", x.values, len(x.types), x.texts, x.size>>20)
	if x.redacted < 1000 {
		t.Errorf("the key was to be met, redacted, in 1000 texts at least, and was in %d", x.redacted)
	}
}

// The search finds a secret that is not hidden, in whatever form it is shown.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	x := &exhibition{}
	x.secret(sentinelSession)
	type bare struct{ v any }
	type open struct{ V any }
	for _, v := range []any{
		sentinelSession, []byte(sentinelSession), sentinelSession[:20], sentinelSession[7:], bare{sentinelSession}, &bare{[]byte(sentinelSession)},
		open{sentinelSession}, &open{[]byte("x" + sentinelSession)}, errors.New(sentinelSession), map[string]any{sentinelSession: 1},
	} {
		for how, text := range renderings(v) {
			_, unexported := strings.CutSuffix(fmt.Sprintf("%T", v), "bare")
			_, isError := v.(error)
			if how == "%T" || how == "%p" || how == "JSON" && (unexported || isError) || how == "slog JSON" && unexported {
				continue // shows nothing of the value
			}
			if x.find(how, text) == "" {
				t.Errorf("%T with %s is not found in %s", v, how, text)
			}
		}
	}
	found := false
	reach(reflect.ValueOf(&bare{&clawhq.APIError{Message: sentinelSession}}), map[uintptr]bool{}, func(s string) { found = found || x.find("", s) != "" })
	if !found {
		t.Error("the secret behind an unexported field is not reached")
	}
}

// verbs are those of package fmt, with the flags that change what they do.
var verbs = []string{
	"%v", "%+v", "%#v", "%T", "%t", "%b", "%c", "%d", "%o", "%O", "%q", "%+q", "%#q", "%x", "%X", "% x", "%# X", "%U", "%#U",
	"%e", "%f", "%g", "%s", "%p", "%w",
}

// An exhibition shows values and searches what it shows for secrets.
type exhibition struct {
	t      *testing.T
	probes map[string][]string // what is searched for, by how it is shown; always what stands under ""

	types                         map[string]bool // of what was shown
	seen                          map[string]bool
	values, texts, size, redacted int
	found                         int
}

// secret adds a secret to what must not be seen, whole or by halves, in the
// forms that print verbs and encodings give to a text.
func (x *exhibition) secret(s string) {
	if x.probes == nil {
		x.probes = map[string][]string{}
	}
	add := func(how, probe string) { x.probes[how] = append(x.probes[how], probe) }
	for _, half := range []string{s[:len(s)/2], s[len(s)/2:]} {
		add("", half)
		for _, verb := range verbs {
			if verb == "%T" || verb == "%p" { // of the value itself they show nothing
				continue
			}
			add(verb, strings.Trim(strings.TrimPrefix(fmt.Sprintf(verb, []byte(half)), "[]byte"), "[]{}\"`"))
			add(verb, strings.Trim(fmt.Sprintf(verb, half), "\"`"))
		}
		for _, how := range []string{"%v", "%w", "slog text", "slog JSON"} { // the last two print some values as %+v does
			add(how, strings.Trim(fmt.Sprint([]byte(half)), "[]"))
		}
		for offset := range 3 { // from the beginning of a group of three bytes
			text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + half))
			bits := 8 * (offset + len(half))
			for _, how := range []string{"JSON", "slog JSON", "slog text"} {
				add(how, text[(8*offset+5)/6:bits/6])
			}
		}
	}
}

// find returns the secret that is in a text, if any is.
func (x *exhibition) find(how, text string) string {
	for _, probes := range [][]string{x.probes[""], x.probes[how]} {
		for _, probe := range probes {
			if i := strings.Index(text, probe); i >= 0 {
				return fmt.Sprintf("%q in …%s…", probe, text[max(0, i-100):min(len(text), i+len(probe)+20)])
			}
		}
	}
	return ""
}

// search looks for secrets in a text.
func (x *exhibition) search(what, how, text string) {
	x.texts++
	x.size += len(text)
	if strings.Contains(text, "clw_a1b2c3d4…") {
		x.redacted++
	}
	if found := x.find(how, text); found != "" && x.found < 20 { // one leak shows in hundreds of texts
		x.found++
		x.t.Errorf("%s %s: found %s", what, how, found)
	}
}

// show prints a value, by itself and inside others, in every way there is, and
// looks for secrets in it.
func (x *exhibition) show(v any) {
	typ := reflect.TypeOf(v)
	name := typ.String()
	if again := fmt.Sprintf("%s %+v", name, v); x.seen[again] {
		return
	} else {
		x.seen[again] = true
	}
	if elem := reflect.ValueOf(v); typ.Kind() == reflect.Pointer && !elem.IsNil() {
		name = typ.Elem().String()
		if token.IsExported(typ.Elem().Name()) { // as a caller might print it
			x.show(elem.Elem().Interface())
		}
	}
	if generic := strings.Index(name, "["); generic > 0 {
		name = name[:generic]
	}
	x.types[name] = true
	x.values++
	pointer := reflect.New(typ)
	pointer.Elem().Set(reflect.ValueOf(v))
	for in, shown := range map[string]any{"": v, " behind a pointer": pointer.Interface(), " in a field": struct{ V any }{v}, " in an unexported field": struct{ v any }{v}} {
		for how, text := range renderings(shown) {
			x.search(fmt.Sprintf("%T%s", v, in), how, text)
		}
	}
	// Some packages print what no verb of fmt reaches.
	reach(reflect.ValueOf(v), map[uintptr]bool{}, func(s string) { x.search(fmt.Sprintf("%T", v), "by reflection", s) })
	if err, ok := v.(error); ok {
		x.showCauses(err)
	}
}

// showCauses shows what err wraps, but for what the transport itself said.
func (x *exhibition) showCauses(err error) {
	var causes []error
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		causes = append(causes, err.Unwrap())
	case interface{ Unwrap() []error }:
		causes = err.Unwrap()
	}
	for _, cause := range causes {
		var loud loudError
		if cause == nil || errors.As(cause, &loud) && !strings.HasPrefix(fmt.Sprintf("%T", cause), "*clawhq.") {
			continue
		}
		x.show(cause)
	}
}

// renderings is what becomes of a value in print.
func renderings(v any) map[string]string {
	texts := map[string]string{}
	for _, verb := range verbs {
		texts[verb] = fmt.Sprintf(verb, v)
	}
	if b, err := json.Marshal(v); err == nil {
		texts["JSON"] = string(b)
	}
	for _, format := range []string{"text", "JSON"} {
		var b bytes.Buffer
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			logger(format, &b).Log(context.Background(), level, "shown", "v", v, slog.Group("g", "v", v))
		}
		texts["slog "+format] = b.String()
	}
	return texts
}

// logger returns a logger of every level, in a format of package slog.
func logger(format string, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	if format == "JSON" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// reach calls visit with every text that reflection finds in v, through
// pointers and unexported fields. It leaves out what other packages made.
func reach(v reflect.Value, seen map[uintptr]bool, visit func(string)) {
	if !v.IsValid() || v.Type() == reflect.TypeFor[loudError]() {
		return
	}
	if p := v.Type().PkgPath(); strings.Contains(p, ".") && !strings.HasPrefix(p, "github.com/clawhq/clawhq-go") ||
		p != "" && !strings.Contains(p, ".") && v.Kind() == reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] {
			seen[v.Pointer()] = true
			reach(v.Elem(), seen, visit)
		}
	case reflect.Interface:
		reach(v.Elem(), seen, visit)
	case reflect.Struct:
		for i := range v.NumField() {
			reach(v.Field(i), seen, visit)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			reach(k, seen, visit)
			reach(v.MapIndex(k), seen, visit)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			visit(fmt.Sprintf("%s", v))
			return
		}
		for i := range v.Len() {
			reach(v.Index(i), seen, visit)
		}
	}
}

// exportedTypes returns the exported types of a package as reflection names
// them, but for interfaces, which have no values of their own.
func exportedTypes(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			decl, ok := decl.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				spec := spec.(*ast.TypeSpec)
				if _, ok := spec.Type.(*ast.InterfaceType); ok || !spec.Name.IsExported() {
					continue
				}
				if spec.Assign.IsValid() { // an alias
					names[types.ExprString(spec.Type)] = true
				} else {
					names[file.Name.Name+"."+spec.Name.Name] = true
				}
			}
		}
	}
	return names
}

// loudError is a transport's error that holds whatever it was given.
type loudError string

func (e loudError) Error() string { return string(e) }

// exhibitClient shows a client that is answered with its own credentials, and
// all that it returns and logs.
func exhibitClient(t *testing.T, x *exhibition, format string) {
	const echo = "you sent Bearer " + testKey + " and session=" + sentinelSession
	envelope := func(code string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":%q,"param":%[2]q,"type":%[2]q,"request_id":%[2]q}}`, code, echo)
	}
	const eventStream, html = "text/event-stream", "text/html"
	replies := []struct {
		status            int
		contentType, body string
	}{
		{400, "application/json", envelope("invalid_request")},
		{401, "application/json", envelope("invalid_api_key")},
		{403, "application/json", envelope("plan_required")},
		{404, "application/json", envelope("agent_not_found")},
		{409, "application/json", envelope("request_in_progress")},
		{429, "application/json", envelope("rate_limited")},
		{500, "application/json", envelope("internal_error")},
		{503, "application/json", envelope("agent_offline")},
		{418, "application/json", envelope(echo)},
		{400, "application/json", `{"error":"` + echo + `","code":"` + echo + `","status":400,"retry_after":"` + echo + `"}`},
		{400, "application/json", `{"error":{"code":{"` + echo + `":1},"message":["` + echo + `"]}}`},
		{502, html, "<html>" + echo},
		{502, html, strings.Repeat("x", 4<<10-40) + echo}, // cut within the excerpt
		{502, html, strings.Repeat("x", 64<<10-40) + echo},
		{500, echo, ""},
		{307, html, echo},
		{200, "application/json", echo},
		{200, "application/json", `{"response":` + echo},
		{200, "application/json", `{"response":null,"error":"` + echo + `"}`},
		{200, "application/json", `{"keys":"` + echo + `"}`},
		{200, "application/json", `{"key":{"id":1,"full_key":"` + testKey + `"}}`},
		{200, echo, echo},
		{200, eventStream, "data: " + envelope(echo) + "\n\n"},
		{200, eventStream, "data: " + echo + "\n\n"},
		{200, eventStream, "data: {\"content\":{\"" + echo + "\":1}}\n\n"},
		{200, eventStream, "data: {\"content\":\"text\"}\n\ndata: " + echo + "\n\n"},
		{200, eventStream, "data: {\"content\":\"text\"}\n\ndata: " + envelope("stream_error") + "\n\ndata: [DONE]\n\n"},
		{200, eventStream, "data: {\"content\":\"text\"}\n\n"},
		{200, "application/json", `{"response":"Hello.","agent":"support-bot","request_id":"req_1"}`},
		{200, "application/json", `{"keys":[{"id":"1","name":"n","key_prefix":"clw_a1b2c3d4","status":"active","rate_limit_per_min":60}],"keyStats":{}}`},
		{200, "application/json", `{"key":{"id":"1","name":"n","key_prefix":"clw_a1b2c3d4","rate_limit_per_min":60,"status":"active","full_key":"` + testKey + `"},"success":true}`},
	}
	n := 0
	answer := func(*http.Request) (*http.Response, error) {
		switch {
		case n == len(replies): // no reply at all
			return nil, fmt.Errorf("broken: %w", loudError(echo))
		case n > len(replies): // a reply that breaks off
			r := reply(200, "")
			r.ContentLength = -1
			r.Header.Set("Content-Type", eventStream)
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("data: {\"content\":\"text\"}\n\n"), failingReader{loudError(echo)}))
			return r, nil
		}
		r := replies[n]
		return reply(r.status, r.body, "Content-Type", r.contentType, "X-Request-Id", echo, "Retry-After", echo,
			"Location", "https://elsewhere.example/"+testKey+"?a="+sentinelSession, "Set-Cookie", "sb-x.0="+renewedSession+"; Path=/",
			"X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "59"), nil
	}
	var logs bytes.Buffer
	client := mockClient(t, nil, clawhq.WithHTTPClient(&http.Client{Transport: transport(answer)}), clawhq.WithSession("sb-x.0="+sentinelSession+"; sb-x.1=a-second-part"),
		clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1, Budget: -1}), clawhq.WithLogger(logger(format, &logs)), clawhq.WithRateLimit(0), clawhq.WithTrace(x.trace()))
	x.show(client)
	x.show(client.Keys)

	name := "n"
	for n = range len(replies) + 2 {
		for _, call := range []func(...clawhq.CallOption) (any, error){
			func(o ...clawhq.CallOption) (any, error) { return client.Chat(t.Context(), hi, o...) },
			func(o ...clawhq.CallOption) (any, error) {
				return clawhq.CollectText(client.ChatStream(t.Context(), hi, o...))
			},
			func(o ...clawhq.CallOption) (any, error) {
				return client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: name}, o...)
			},
			func(o ...clawhq.CallOption) (any, error) { return client.Keys.List(t.Context(), o...) },
			func(o ...clawhq.CallOption) (any, error) {
				return client.Keys.Update(t.Context(), testKey, clawhq.UpdateKeyRequest{Name: &name}, o...)
			},
			func(o ...clawhq.CallOption) (any, error) { return nil, client.Keys.Revoke(t.Context(), testKey, o...) },
		} {
			var info clawhq.ResponseInfo
			got, err := call(clawhq.WithResponseInfo(&info), clawhq.WithClientRequestID("cli"))
			x.show(info)
			if err != nil {
				x.show(err)
			} else if got != nil {
				x.show(got)
				if created, ok := got.(*clawhq.CreatedKey); ok && created.Secret.Reveal() != testKey {
					t.Errorf("Reveal returned %q", created.Secret.Reveal())
				}
			}
		}
	}
	for _, n = range []int{0, 11, 16, len(replies)} { // of errors it is the path alone that differs
		for _, call := range familyCalls(t.Context(), client) {
			if _, err := call(); err != nil {
				x.show(err)
			}
		}
	}
	x.search("the client's log", "", logs.String())
	if !strings.Contains(logs.String(), "clw_a1b2c3d4…") || strings.Count(logs.String(), "\n") < 100 {
		t.Errorf("the client logged %d lines", strings.Count(logs.String(), "\n"))
	}
	// What is refused before it is sent, and what is not admitted.
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("over"))
	refused := func(_ any, err error) {
		if err == nil {
			t.Error("not refused")
			return
		}
		x.show(err)
	}
	refused(client.Chat(t.Context(), clawhq.ChatRequest{Message: "m", SessionID: testKey + "!"}))
	refused(client.Chat(t.Context(), hi, clawhq.WithIdempotencyKey(testKey+"\n")))
	refused(client.Chat(t.Context(), hi, clawhq.WithClientRequestID(testKey+"\n")))
	refused(client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: strings.Repeat(testKey, 3)}))
	refused(client.Chat(ended, hi))
	refused(client.Chat(t.Context(), hi, clawhq.WithHeader("Authorization", "Bearer "+testKey)))
	refused(client.Chat(t.Context(), hi, clawhq.WithHeader(testKey+"\n", testKey)))
	for _, key := range []func(context.Context) (string, error){
		func(context.Context) (string, error) { return testKey + "x", nil },
		func(context.Context) (string, error) { return "", loudError("the vault has " + testKey) },
	} {
		refused(mockClient(t, nil, clawhq.WithAPIKeyFunc(key)).Chat(t.Context(), hi))
	}
	refused(mockClient(t, nil).Keys.List(t.Context()))
	for _, opts := range [][]clawhq.Option{
		{clawhq.WithAPIKey(testKey + "x")}, {clawhq.WithAPIKey("sk-" + testKey)}, {clawhq.WithBaseURL(testKey)},
		{clawhq.WithBaseURL("https://" + testKey + ":x/")}, {clawhq.WithBaseURL("https://" + testKey + "@host")}, {clawhq.WithBaseURL("http://" + testKey)},
		{clawhq.WithBaseURL("https://host/" + testKey + "?" + sentinelSession)}, {clawhq.WithSession(sentinelSession + "\n")}, {clawhq.WithSession("a=b; " + sentinelSession)}, {clawhq.WithUserAgent(testKey + "\n")},
	} {
		_, err := clawhq.NewClient(append([]clawhq.Option{clawhq.WithAPIKey(testKey), clawhq.WithSession(sentinelSession)}, opts...)...)
		refused(nil, err)
	}
}

// failingReader is a body that breaks off.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// exhibitServer shows a reference server that was used in every way: its
// journal, its access log, its replies and the dashboard's.
func exhibitServer(t *testing.T, x *exhibition, profile clawhqtest.Profile, format string) {
	var logs bytes.Buffer
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(profile),
		clawhqtest.WithLogger(logger(format, &logs)),
		clawhqtest.WithAgent("failing", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("", errors.New("failed with "+m.Text)) }
		}),
		clawhqtest.WithAgent("panicking", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			panic("panicked with " + m.Text)
		}))
	id, key := s.CreateKey("other", 300)
	s.SetRateLimit(s.KeyID(), 300)
	x.secret(s.APIKey()[12:])
	x.secret(key[12:])
	x.secret(s.Session())
	x.show(s)
	x.show(profile)

	d := dashboard.New(dashboard.Config{API: s.Handler(), Session: s.Session(), Profile: profile.String(), Faults: faultQueue{s}})
	secrets := []string{s.APIKey(), key, s.Session()}
	serve := func(method, path, body string, header ...string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = "127.0.0.1"
		r.TLS = &tls.ConnectionState{}
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					t.Errorf("%s %s: %v", method, path, p)
				}
			}()
			d.ServeHTTP(w, r)
		}()
		head, text := w.Header().Clone(), w.Body.String()
		head.Del("X-Client-Request-Id") // echoed to whom it came from
		x.search(method+" "+path, "", fmt.Sprint(w.Code, head, text))
	}
	for _, auth := range [][]string{
		nil,
		{"Authorization", "Bearer " + s.APIKey(), "Cookie", "session=" + s.Session() + "; other=" + key},
		{"Authorization", "Basic " + s.Session(), "Cookie", "session=" + s.APIKey()},
		{"Authorization", s.APIKey() + "x", "Cookie", s.Session()},
	} {
		for _, path := range []string{"/", "/static/main.js", d.LoginPath(), "/login?token=" + s.APIKey(), "/dashboard/endpoints", "/dashboard/faults", "/dashboard/nothing",
			"/api/v1/health", "/api/keys", "/api/nothing", "/api/v1/chat"} {
			serve("GET", path, "", auth...)
		}
		for _, secret := range secrets {
			serve("GET", "/login?token="+secret, "", auth...)
			serve("POST", "/dashboard/faults", `{"faults":"`+secret+`"}`, auth...)
			serve("DELETE", "/dashboard/faults", "", auth...)
			serve("PATCH", "/api/keys/"+id, `{"name":5}`, auth...)
			if secret == s.Session() {
				continue
			}
			// A key may turn up anywhere; a session, outside its cookie, is a word like another.
			for _, name := range []string{"X-Idempotency-Key", "X-Client-Request-Id", "Content-Type", "Origin", "User-Agent", "X-Api-Key"} {
				serve("POST", "/api/v1/chat", `{"message":"hi"}`, append(slices.Clone(auth), name, secret)...)
			}
			serve("GET", "/"+secret, "", auth...)
			serve("GET", "/api/"+secret, "", auth...)
			serve("DELETE", "/api/keys/"+secret, "", auth...)
		}
	}

	// Over the network, and what is in the books of it.
	for _, fault := range []clawhqtest.Fault{
		clawhqtest.FaultStatus(500, ""), clawhqtest.FaultRateLimit("1"), clawhqtest.FaultLegacyError(429, "RATE_LIMITED"),
		clawhqtest.FaultHTML(502), clawhqtest.FaultReset(), clawhqtest.FaultStreamError("stream_error", 1), clawhqtest.FaultStreamMalformed(1), clawhqtest.FaultStreamCut(1),
	} {
		client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}), clawhq.WithRateLimit(0), clawhq.WithUserAgent(key))
		for _, stream := range []bool{false, true} {
			s.Inject(fault)
			req := clawhq.ChatRequest{Message: "my key is " + s.APIKey(), SessionID: "a"}
			var err error
			if stream {
				_, err = clawhq.CollectText(client.ChatStream(t.Context(), req))
			} else {
				_, err = client.Chat(t.Context(), req)
			}
			if err != nil {
				x.show(err)
			}
		}
	}
	client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
	for _, agent := range []string{"failing", "panicking", s.APIKey(), "support-bot"} {
		_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "my key is " + s.APIKey(), Agent: agent}, clawhq.WithIdempotencyKey(key), clawhq.WithClientRequestID(key))
		if err != nil {
			x.show(err)
		}
		if _, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: key, Agent: agent})); err != nil {
			x.show(err)
		}
	}
	created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "new"})
	if err != nil {
		t.Fatal(err)
	}
	x.secret(created.Secret.Reveal()[12:])
	x.show(created)
	if err := client.Keys.Revoke(t.Context(), created.ID); err != nil {
		t.Fatal(err)
	}
	keys, err := client.Keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x.show(keys)
	_, err = s.Client(clawhq.WithAPIKey(created.Secret.Reveal())).Chat(t.Context(), hi)
	x.show(err)

	journal := s.Requests()
	if len(journal) < 100 {
		t.Errorf("the journal has %d entries", len(journal))
	}
	for i, r := range journal {
		x.search(fmt.Sprintf("entry %d of the journal, %s %s", i, r.Method, r.Path), "", fmt.Sprintf("%+v %q %s", r, r.Body, r.Err))
		if i%20 == 0 {
			x.show(r)
		}
	}
	s.Close() // and with it what writes to the log
	x.search("the access log", "", logs.String())
	if !strings.Contains(logs.String(), s.APIKey()[:12]) {
		t.Error("the access log does not name the key's prefix")
	}
}

// faultQueue is a server's queue of faults as the dashboard sees it.
type faultQueue struct{ s *clawhqtest.Server }

func (q faultQueue) Arm(notation string) error { return errors.New("no such fault") }
func (q faultQueue) Queued() []string          { return nil }
func (q faultQueue) Clear()                    { q.s.ClearFaults() }
func (q faultQueue) Forms() []dashboard.FaultForm {
	return []dashboard.FaultForm{{Example: "500", Meaning: "this status"}}
}

// exhibitValues shows values that no call returns: what callers make
// themselves, with a secret where one belongs.
func exhibitValues(t *testing.T, x *exhibition) {
	name, tier := "n", clawhq.RPM60
	for _, v := range []any{
		clawhq.ChatChunk{Content: "text"}, hi, clawhq.CreateKeyRequest{Name: name, RateLimit: tier}, clawhq.UpdateKeyRequest{Name: &name, RateLimit: &tier},
		clawhq.RateLimit{Limit: 60, Reset: time.Unix(1, 0)}, clawhq.LimitReply{Window: "key", StatusCode: 429}, clawhq.LimitRequest{Window: "key"}, clawhq.DefaultRetryPolicy(), clawhq.Key{ID: "1"}, clawhq.KeyStats{Today: 1}, clawhq.KeyActive,
		clawhq.CodeRateLimited, clawhq.TypeRateLimit, tier, clawhq.Secret{},
		clawhq.WithAPIKey(testKey), clawhq.WithSession(sentinelSession), clawhq.WithIdempotencyKey(testKey), clawhq.WithClientRequestID(testKey), clawhq.WithHeader("X-Key", testKey), clawhq.CodeStreamCancelled,
		clawhqtest.WithInMemory(), clawhqtest.Reply(testKey), clawhqtest.FaultReset(),
		clawhqtest.Message{Text: "hi", History: []clawhqtest.Turn{{Role: clawhqtest.RoleUser, Content: "hi"}}}, clawhqtest.Turn{Role: clawhqtest.RoleUser},
		clawhqtest.Conversation{Messages: []clawhqtest.StoredMessage{{Content: "hi"}}}, clawhqtest.StoredMessage{Content: "hi"}, clawhqtest.AuditEntry{ID: "1"},
		clawhqtest.File{Name: "a.txt"}, clawhqtest.KeyInfo{Prefix: testKey[:12]},
		clawhqtest.Key(testKey), clawhqtest.FaultReset().On(clawhqtest.Key(testKey)), clawhq.LimitRequest{},
		&clawhq.Client{}, &clawhq.KeysService{}, &clawhq.StreamError{APIError: &clawhq.APIError{}},
	} {
		x.show(v)
	}
	for _, v := range familyValues() {
		x.show(v)
	}
}

// exhibitPanics shows what the packages panic with.
func exhibitPanics(t *testing.T, x *exhibition) {
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	x.secret(s.APIKey()[12:])
	for name, f := range map[string]func(){
		"Client":          func() { s.Client(clawhq.WithAPIKey(testKey + "x")) },
		"Client's URL":    func() { s.Client(clawhq.WithBaseURL(s.APIKey())) },
		"SetRateLimit":    func() { s.SetRateLimit(s.APIKey(), 60) },
		"SetRateLimit 0":  func() { s.SetRateLimit(s.KeyID(), 0) },
		"RevokeKey":       func() { s.RevokeKey(s.APIKey()) },
		"CreateKey":       func() { s.CreateKey(strings.Repeat(s.APIKey(), 3), 60) },
		"CreateKey 0":     func() { s.CreateKey(s.APIKey(), 0) },
		"HandleAgent":     func() { s.HandleAgent("", clawhqtest.Reply(testKey)) },
		"FaultStatus":     func() { clawhqtest.FaultStatus(99, testKey) },
		"FaultLegacy":     func() { clawhqtest.FaultLegacyError(600, testKey) },
		"AddKey":          func() { s.AddKey("", testKey, 1) },
		"FaultHTML":       func() { clawhqtest.FaultHTML(0) },
		"the zero Client": func() { (&clawhq.Client{}).Chat(t.Context(), hi) },
	} {
		func() {
			defer func() {
				p := recover()
				if p == nil {
					t.Errorf("%s does not panic", name)
					return
				}
				x.show(p)
			}()
			f()
		}()
	}
}
