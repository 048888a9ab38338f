package recorder

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
)

// An answered request, as package evidence reads it.
type answeredRequest struct {
	API     string // which document
	Profile string
	Fault   string // that was played

	Method string
	URL    string
	Header http.Header
	Body   []byte
	Long   bool // whether Body or Reply has only the beginning

	Status      int // 0 if there was no answer
	ReplyHeader http.Header
	Reply       []byte
	Cut         bool // whether the handler ended before the reply did

	w http.ResponseWriter
}

// maxRecordedBody is how much is kept of a body.
const maxRecordedBody = 256 << 10

// recordAnswer returns what to handle a request with so that it is recorded.
func recordAnswer(api, profile string, w http.ResponseWriter, r *http.Request) (*answeredRequest, *http.Request) {
	a := &answeredRequest{API: api, Profile: profile, Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header.Clone(), Cut: true, w: w}
	r = r.WithContext(r.Context())
	if r.Body != nil {
		r.Body = recordedBody{r.Body, a}
	}
	return a, r
}

type recordedBody struct {
	io.ReadCloser
	a *answeredRequest
}

func (b recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.a.Body = b.a.keep(b.a.Body, p[:n])
	return n, err
}

func (a *answeredRequest) keep(body, p []byte) []byte {
	if len(body)+len(p) > maxRecordedBody {
		a.Long = true
		return body
	}
	return append(body, p...)
}

func (a *answeredRequest) Unwrap() http.ResponseWriter { return a.w }

// header is Header's of the ResponseWriter; the field of that name is the request's.
type answerWriter struct{ *answeredRequest }

func (a answerWriter) Header() http.Header { return a.w.Header() }

func (a answerWriter) WriteHeader(status int) {
	if a.Status == 0 {
		a.Status, a.ReplyHeader = status, a.w.Header().Clone()
	}
	a.w.WriteHeader(status)
}

func (a answerWriter) Write(p []byte) (int, error) {
	if a.Status == 0 {
		a.Status, a.ReplyHeader = http.StatusOK, a.w.Header().Clone()
	}
	a.Reply = a.keep(a.Reply, p)
	return a.w.Write(p)
}

// write appends the request to the file, in one piece, so that processes can share it.
func (a *answeredRequest) write(fault string) {
	a.Fault = fault
	line, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	f, err := os.OpenFile(os.Getenv("CLAWHQ_RECORD_ANSWERS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.Write(append(bytes.TrimSpace(line), '\n')); err != nil {
		panic(err)
	}
}
