package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
)

// An answer is what the server answered in a test of one of its packages: see
// testdata/recorder.go.
type answer struct {
	API     string
	Profile string
	Fault   string
	Long    bool
	sent    string // by the service, what the document calls it; not recorded in a test
	spec.Exchange
}

// The places of the server where its answers are recorded: what is there, and what
// replaces it.
var recordedAt = []struct{ file, from, to string }{
	{"internal/server/server.go", `	c := s.begin(w, r)
	defer c.end()
	c.answer(c.serve())
`, `	a, r := recordAnswer("openapi.json", s.cfg.Profile.String(), w, r)
	c := s.begin(answerWriter{a}, r)
	defer c.end() // Close waits for it, and so for what is written before
	defer func() {
		if !c.fromDashboard() { // which is told more than the document has
			a.write(c.entry.Fault)
		}
	}()
	c.answer(c.serve())
	a.Cut = false
`},
	{"internal/control/control.go", `func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
`, `func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, r := recordAnswer("openapi-control.json", "", w, r)
	defer a.write("")
	c.serveRecorded(answerWriter{a}, r)
	a.Cut = false
}

func (c *Control) serveRecorded(w http.ResponseWriter, r *http.Request) {
`},
}

// The packages whose tests are run. Those that are left out take a minute and ask
// nothing that others do not.
var testArgs = []string{"test", "-count=1", "-skip=^(TestMemory|TestLasts|TestRelease|TestHealth|TestDockerfile)$",
	"./internal/server", "./internal/control", "./clawhqtest", "./cmd/clawhq-server"}

// answers runs the tests of the server, which is built with -overlay so that it records
// what it answers.
var answers = sync.OnceValues(func() ([]answer, error) {
	dir, err := os.MkdirTemp("", "answers")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	root, err := filepath.Abs("../../..")
	if err != nil {
		return nil, err
	}
	overlay, err := writeOverlay(root, dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "answers.jsonl")
	test := exec.Command("go", testArgs...)
	test.Dir = root
	test.Env = append(os.Environ(), "CLAWHQ_RECORD_ANSWERS="+file, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	// A test that fails is not the business of this one, which wants to see answers: if
	// too few come, TestMutants finds less.
	if out, err := test.CombinedOutput(); err != nil && !bytes.Contains(out, []byte("--- FAIL")) {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(testArgs, " "), err, out)
	}
	return readAnswers(file)
})

// writeOverlay writes what go build reads in place of the server's files.
func writeOverlay(root, dir string) (string, error) {
	recorder, err := os.ReadFile("testdata/recorder.go")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	add := func(file, text string) error {
		replace[filepath.Join(root, file)] = filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		return os.WriteFile(replace[filepath.Join(root, file)], []byte(text), 0o600)
	}
	for _, at := range recordedAt {
		source, err := os.ReadFile(filepath.Join(root, at.file))
		if err != nil {
			return "", err
		}
		if strings.Count(string(source), at.from) != 1 {
			return "", fmt.Errorf("%s has changed: recordedAt does not find its place", at.file)
		}
		pkg := filepath.Base(filepath.Dir(at.file))
		if err := add(at.file, strings.Replace(string(source), at.from, at.to, 1)); err != nil {
			return "", err
		}
		if err := add(filepath.Dir(at.file)+"/recorded_answers.go", strings.Replace(string(recorder), "package recorder", "package "+pkg, 1)); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

func readAnswers(file string) (all []answer, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return all, nil
		}
		var a answer
		if err == nil {
			err = json.Unmarshal(line, &a)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, a)
	}
}

// A wrongness is what the answers to a fault have wrong on purpose.
type wrongness struct {
	what    string
	kinds   []spec.Kind
	at      string // where the problems begin
	anyKind bool
}

// played are the faults whose answers are wrong on purpose.
var played = map[string]wrongness{
	"FaultStatus":            {what: "a status or a code that the operation does not have", kinds: []spec.Kind{spec.KindStatus, spec.KindValue, spec.KindMissing}, at: "reply"},
	"FaultStatus, dashboard": {what: "an error as those of /v1 are", at: "reply", anyKind: true},
	"FaultRateLimit":         {what: "a Retry-After that is none", at: "reply header Retry-After", anyKind: true},
	"FaultHTML":              {what: "a page, as of a proxy", kinds: []spec.Kind{spec.KindMediaType, spec.KindMissing}, at: "reply"},
	"FaultLegacyError":       {what: "an error as the reference pages have it", kinds: []spec.Kind{spec.KindNew, spec.KindMissing, spec.KindType}, at: "reply"},
	"FaultStreamMalformed":   {what: "an event or a body that is not JSON", kinds: []spec.Kind{spec.KindSyntax}, at: "reply"},
	"FaultStreamSplit":       {what: "an event that is not JSON", kinds: []spec.Kind{spec.KindSyntax}, at: "reply"},
	"FaultStreamUnended":     {what: "a stream that ends without [DONE]", kinds: []spec.Kind{spec.KindSyntax}, at: "reply"},
	"FaultStreamError":       {what: "a code that there is not", kinds: []spec.Kind{spec.KindValue}, at: "reply/error/code"},
	"FaultGatewayNotJSON":    {what: "a stream that ends without [DONE]", kinds: []spec.Kind{spec.KindSyntax}, at: "reply"},
}

// excuses reports whether the problems are what the fault has wrong.
func (w wrongness) excuses(problems []spec.Problem) bool {
	return w.what != "" && !slices.ContainsFunc(problems, func(p spec.Problem) bool {
		return !strings.HasPrefix(p.At, w.at) || !w.anyKind && !slices.Contains(w.kinds, p.Kind)
	})
}

// Every answer that the server gives in its own tests is valid: in profile documented
// as the document has it, in profile live by an x-live at the most.
func TestAnswers(t *testing.T) {
	t.Parallel()
	all, err := answers()
	if err != nil {
		t.Fatal(err)
	}
	counts, wrong := map[string]int{}, map[string]int{}
	for _, a := range all {
		what, problems := judge(documents()[a.API], a)
		counts[what]++
		for _, p := range problems {
			wrong[fmt.Sprintf("%s %s %s: %v", a.Profile, label(a), fault(a), p)]++
		}
	}
	for _, what := range slices.Sorted(maps.Keys(wrong)) {
		t.Errorf("%s (%d times)", what, wrong[what])
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[what], what)
	}
}

// lenient is what the documented server takes beside what the document promises.
var lenient = map[string]string{
	"query limit: type, want integer, got number":                        "is rounded",
	"query limit: value, want at least 1, got -1":                        "is brought into its range",
	"query offset: type, want integer, got string":                       "counts as 0",
	"query offset: value, want at least 0, got -5":                       "counts as 0",
	"request/retry_max_attempts: type, want null or integer, got number": "is rounded",
	"request/retry_max_attempts: value, want at most 10, got 99":         "is brought into its range",
	"request/rate_limit_per_min: type, want integer, got null":           "counts as missing",
	"request/agent: type, want string, got null":                         "counts as missing",
	"request: syntax, want a form":                                       "the file is whole, what follows is not read",
}

func isLenient(p spec.Problem) bool {
	p.Schema = ""
	return lenient[p.String()] != ""
}

// judge says what an answer is, and what is wrong with it.
func judge(document *spec.Document, a answer) (what string, problems []spec.Problem) {
	name := strings.TrimSpace(a.API + " " + a.Profile)
	var how spec.How
	switch {
	case a.Profile == "live":
		problems, how = document.CheckReply(a.Exchange)
	default:
		problems = slices.DeleteFunc(document.Documented().Check(a.Exchange), isLenient)
		if how = spec.Documented; len(problems) > 0 {
			how = spec.Invalid
		}
	}
	switch {
	case a.Status == 0:
		return "the connection was closed before an answer: " + fault(a), nil
	case document.Outside(a.Exchange) && a.Status < 300 && a.Method != "OPTIONS":
		return name + ": no operation", problems
	case document.Outside(a.Exchange):
		return name + ": no operation, " + strconv.Itoa(a.Status), nil
	case how == spec.Invalid && played[fault(a)].excuses(problems):
		return name + ": wrong on purpose: " + fault(a) + ": " + played[fault(a)].what, nil
	case how == spec.Invalid:
		return name + ": not valid", problems
	case !document.Names(a.Exchange) && a.Fault == "":
		return name + ": not valid", []spec.Problem{{Kind: spec.KindStatus, At: "status", Got: strconv.Itoa(a.Status)}}
	}
	return name + ": " + how.String(), nil
}

// fault returns the name of the fault that was played.
func fault(a answer) string {
	name, _, _ := strings.Cut(a.Fault, "(")
	if name == "FaultStatus" && !strings.Contains(a.URL, "/v1/") {
		name += ", dashboard"
	}
	return name
}

// label names the operation and status of an answer.
func label(a answer) string {
	path, _, _ := strings.Cut(a.URL, "?")
	if op, _ := documents()[a.API].Documented().Find(a.Method, path); op != nil {
		path = op.Path
	}
	return fmt.Sprintf("%s %s %d", a.Method, path, a.Status)
}
