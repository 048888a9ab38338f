package clawhq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// received is an upload as the server gets it.
type received struct {
	Parts  []part
	Length int64 // Content-Length; -1 if there was none
}

type part struct{ Disposition, Type, Content string }

func receive(t *testing.T, r *http.Request) (got received) {
	t.Helper()
	got.Length = r.ContentLength
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		t.Errorf("content type %q, %v", media, err)
	}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		p, err := form.NextRawPart()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Error(err)
			return got
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Error(err)
		}
		got.Parts = append(got.Parts, part{p.Header.Get("Content-Disposition"), p.Header.Get("Content-Type"), string(content)})
	}
}

// onlyReader hides all other methods of a reader.
type onlyReader struct{ io.Reader }

// misleading has a Len method that does not return the number of unread bytes.
type misleading struct{ io.Reader }

func (misleading) Len() int { return 1 << 30 }

func TestUpload(t *testing.T) {
	t.Parallel()
	const png, pdf = "\x89PNG\r\n\x1a\nrest", "%PDF-1.7 rest"
	webp := "RIFF\x10\x00\x00\x00WEBPVP8 "
	long := strings.Repeat("0123456789", 100_000)
	file := filepath.Join(t.TempDir(), "notes.md")
	if err := os.WriteFile(file, []byte("# Notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	half := strings.NewReader("not this, but that")
	if _, err := half.Seek(10, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		req    clawhq.UploadFileRequest
		want   []part
		length bool // the request has a Content-Length
	}{
		"type by extension":  {clawhq.UploadFileRequest{Name: "a.TXT", Content: strings.NewReader("hello")}, []part{{`form-data; name="file"; filename="a.TXT"`, "text/plain", "hello"}}, true},
		"markdown":           {clawhq.UploadFileRequest{Name: "a.md", Content: strings.NewReader("hello")}, []part{{`form-data; name="file"; filename="a.md"`, "text/markdown", "hello"}}, true},
		"type by content":    {clawhq.UploadFileRequest{Name: "a", Content: strings.NewReader(png)}, []part{{`form-data; name="file"; filename="a"`, "image/png", png}}, true},
		"webp by content":    {clawhq.UploadFileRequest{Name: "a", Content: strings.NewReader(webp)}, []part{{`form-data; name="file"; filename="a"`, "image/webp", webp}}, true},
		"a text of any kind": {clawhq.UploadFileRequest{Name: "main.go", Content: strings.NewReader("package main")}, []part{{`form-data; name="file"; filename="main.go"`, "text/plain", "package main"}}, true},
		"parameters":         {clawhq.UploadFileRequest{Name: "a", ContentType: "Text/CSV; charset=utf-8; header=x y", Content: strings.NewReader("a,b")}, []part{{`form-data; name="file"; filename="a"`, "text/csv", "a,b"}}, true},
		"purpose": {clawhq.UploadFileRequest{Name: "a.pdf", Purpose: "other", Content: strings.NewReader(pdf)},
			[]part{{`form-data; name="purpose"`, "", "other"}, {`form-data; name="file"; filename="a.pdf"`, "application/pdf", pdf}}, true},
		"empty":                    {clawhq.UploadFileRequest{Name: "a", Content: strings.NewReader("")}, []part{{`form-data; name="file"; filename="a"`, "text/plain", ""}}, true},
		"a buffer":                 {clawhq.UploadFileRequest{Name: "a.txt", Content: bytes.NewBufferString(long)}, []part{{`form-data; name="file"; filename="a.txt"`, "text/plain", long}}, true},
		"a file":                   {clawhq.UploadFileRequest{Name: "notes.md", Content: opened}, []part{{`form-data; name="file"; filename="notes.md"`, "text/markdown", "# Notes"}}, true},
		"the rest of it":           {clawhq.UploadFileRequest{Name: "a.txt", Content: half}, []part{{`form-data; name="file"; filename="a.txt"`, "text/plain", "but that"}}, true},
		"of unknown length":        {clawhq.UploadFileRequest{Name: "a.txt", Content: onlyReader{strings.NewReader(long)}}, []part{{`form-data; name="file"; filename="a.txt"`, "text/plain", long}}, false},
		"of a length that is none": {clawhq.UploadFileRequest{Name: "a.txt", Content: misleading{strings.NewReader(long)}}, []part{{`form-data; name="file"; filename="a.txt"`, "text/plain", long}}, false},
		"byte by byte":             {clawhq.UploadFileRequest{Name: "a", Content: iotest.OneByteReader(strings.NewReader(pdf))}, []part{{`form-data; name="file"; filename="a"`, "application/pdf", pdf}}, false},
		"end with data":            {clawhq.UploadFileRequest{Name: "a", Content: iotest.DataErrReader(strings.NewReader(long))}, []part{{`form-data; name="file"; filename="a"`, "text/plain", long}}, false},
		"quotes":                   {clawhq.UploadFileRequest{Name: `a "b".txt`, Content: strings.NewReader("x")}, []part{{`form-data; name="file"; filename="a %22b%22.txt"`, "text/plain", "x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var got received
			var whole atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = receive(t, r)
				io.WriteString(w, fileBody)
			}))
			defer s.Close()
			last, total, size := int64(0), int64(-2), int64(len(tc.want[len(tc.want)-1].Content))
			tc.req.Progress = func(sent, of int64) {
				if sent <= last {
					t.Errorf("progress went from %d to %d", last, sent)
				}
				last, total = sent, of
				whole.Add(1)
			}
			f, err := testkit.Client(t, nil, clawhq.WithHTTPClient(s.Client()), clawhq.WithBaseURL(s.URL)).Files.Upload(t.Context(), tc.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Parts); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if (got.Length > 0) != tc.length {
				t.Errorf("announced length is %d", got.Length)
			}
			wantTotal := int64(-1)
			if tc.length {
				wantTotal = size
			}
			if last != size || size > 0 && total != wantTotal {
				t.Errorf("progress ended at %d of %d, want %d of %d", last, total, size, wantTotal)
			}
			if f.ID != "f1" || f.Status != clawhq.FileProcessing || f.Purpose != "knowledge_base" {
				t.Errorf("got %+v", f)
			}
		})
	}
}

// If the content turns out to be too large, or cannot be read, the request ends.
func TestUploadBreaksOff(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for name, tc := range map[string]struct {
		content io.Reader
		sent    bool
		check   func(error) bool
		text    string
	}{
		"too large": {onlyReader{io.LimitReader(zeros{}, 10_485_761)}, true, func(err error) bool {
			var e *clawhq.InvalidRequestError
			return errors.As(err, &e) && e.Code == clawhq.CodeFileTooLarge && e.StatusCode == 0
		}, "file has more than 10485536 bytes, the most that is allowed with this name and purpose"},
		"unreadable":            {iotest.ErrReader(broken), false, func(err error) bool { return errors.Is(err, broken) }, "clawhq: reading Content: the disk is broken"},
		"unreadable, at length": {iotest.ErrReader(fmt.Errorf("%w:\n%s", broken, testkit.Key)), false, func(err error) bool { return errors.Is(err, broken) }, "clawhq: reading Content: the disk is broken: clw_a1b2c3d4…"},
		"unreadable at the end": {io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), iotest.ErrReader(broken)), true, func(err error) bool { return errors.Is(err, broken) }, "the disk is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if _, err := io.Copy(io.Discard, r.Body); err == nil {
					t.Error("the body looked whole")
				}
			}))
			defer s.Close()
			_, err := testkit.Client(t, nil, clawhq.WithHTTPClient(s.Client()), clawhq.WithBaseURL(s.URL)).Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: tc.content})
			if !tc.check(err) {
				t.Errorf("got %v", err)
			}
			wantErrorText(t, err, tc.text)
			s.Close() // Close waits for the handler
			if n := requests.Load(); n > 1 || n == 1 && !tc.sent {
				t.Errorf("%d requests", n)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// The largest file that the client sends is one that the service takes, whether or not
// its size is known beforehand. A larger one is refused: before anything is sent if
// its size is known, and before it has been sent if not.
func TestUploadLargest(t *testing.T) {
	t.Parallel()
	const most = 10_485_536
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		for _, content := range []io.Reader{bytes.NewReader(make([]byte, most)), io.LimitReader(zeros{}, most)} {
			if f, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: content}); err != nil || f.Size != most {
				t.Errorf("%T: got %+v, %v", content, f, err)
			}
		}
		for _, content := range []io.Reader{bytes.NewReader(make([]byte, most+1)), io.LimitReader(zeros{}, most+1)} {
			var large *clawhq.InvalidRequestError
			_, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: content})
			if !errors.As(err, &large) || large.Code != clawhq.CodeFileTooLarge || large.StatusCode != 0 {
				t.Errorf("%T: got %v", content, err)
			}
		}
	})
}

// File names come out as they were sent.
func TestUploadNames(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		for _, name := range []string{`say "hi".txt`, `back\`, `a\"b`, `"`, `C:\dir\a.txt`, "dir/a.txt", "semi;colon=1.txt", "100%.txt", "it's.txt"} {
			f, err := s.Client().Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: name, ContentType: "text/plain", Content: strings.NewReader("x")})
			if err != nil || f.Name != name {
				t.Errorf("%q: got %+v, %v", name, f, err)
			}
		}
	})
}

// After Upload has returned, because the service answered early, nothing of the
// caller's is used: a Read that is under way has been waited for, unless the context
// has ended. Counters that are not atomic are enough.
func TestUploadAnsweredEarly(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 413} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, 100_000)
			w.WriteHeader(status)
			w.(http.Flusher).Flush()
			io.CopyN(io.Discard, r.Body, 1<<20) // while the client reads the reply
		}))
		client := testkit.Client(t, nil, clawhq.WithHTTPClient(s.Client()), clawhq.WithBaseURL(s.URL), clawhq.WithRateLimit(0))
		for range 5 {
			reads, calls, sent := 0, 0, 0
			_, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{
				Name: "a.txt",
				Content: readFunc(func(p []byte) (int, error) {
					runtime.Gosched()
					reads++
					if sent > 8<<20 { // the reply must come before the file is too large
						p = p[:1]
					}
					sent += len(p)
					return len(p), nil
				}),
				Progress: func(int64, int64) { calls++; runtime.Gosched() },
			})
			var api *clawhq.APIError
			if !errors.As(err, &api) || api.StatusCode != status {
				t.Errorf("got %v", err)
			}
			if reads == 0 || calls == 0 {
				t.Errorf("%d reads, %d calls of Progress", reads, calls)
			}
		}
		s.CloseClientConnections()
		s.Close()
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// A Read that is under way when the service has answered is waited for, but not past
// the end of the context. What it reads is not told to Progress.
func TestUploadWaitsForARead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ takes, most, want time.Duration }{
		"it ends":          {time.Minute, time.Hour, time.Minute},
		"the context ends": {time.Hour, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
					go io.ReadAll(r.Body)
					time.Sleep(time.Second)
					return testkit.Reply(400, `{"error":{"code":"invalid_request","message":"m"}}`), nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), tt.most)
				defer cancel()
				var reads atomic.Int32
				last := int64(0)
				start := time.Now()
				_, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Progress: func(sent, _ int64) { last = sent },
					Content: readFunc(func(p []byte) (int, error) {
						if reads.Add(1) > 1 {
							time.Sleep(tt.takes)
						}
						return min(600, len(p)), nil
					})})
				var invalid *clawhq.InvalidRequestError
				if took := time.Since(start); took != tt.want || !errors.As(err, &invalid) {
					t.Errorf("after %v: %v", took, err)
				}
				time.Sleep(2 * time.Hour)
				if n := reads.Load(); n != 2 || last > 600 {
					t.Errorf("%d reads, Progress told %d", n, last)
				}
			})
		})
	}
}

// What Content or Progress panics with, while the file is sent, is what Upload panics
// with, after one attempt.
func TestUploadPanics(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	client := testkit.Client(t, nil, clawhq.WithHTTPClient(s.Client()), clawhq.WithBaseURL(s.URL))
	long := strings.NewReader(strings.Repeat("x", 100_000))
	for name, req := range map[string]clawhq.UploadFileRequest{
		"Progress": {Name: "a.txt", Content: long, Progress: func(int64, int64) { panic("oops") }},
		"Content": {Name: "a.txt", Content: io.MultiReader(strings.NewReader(strings.Repeat("x", 5000)),
			readFunc(func([]byte) (int, error) { panic("oops") }))},
		"Content at once": {Name: "a.txt", Content: readFunc(func([]byte) (int, error) { panic("oops") })},
	} {
		var info clawhq.ResponseInfo
		func() {
			defer func() {
				if p := recover(); p != "oops" {
					t.Errorf("%s: panicked with %v", name, p)
				}
			}()
			_, err := client.Files.Upload(t.Context(), req, clawhq.WithResponseInfo(&info))
			t.Errorf("%s: returned %v", name, err)
		}()
		if info.Attempts > 1 {
			t.Errorf("%s: %d attempts", name, info.Attempts)
		}
	}
}

// A retry starts at the beginning of the file, and so does its progress. The body of
// the attempt before reads no more of the file.
func TestUploadAgain(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 1000)
	var first io.ReadCloser
	var got []string
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		if first == nil { // the attempt fails while net/http still holds its body
			first = r.Body
			if _, err := io.CopyN(io.Discard, first, 2000); err != nil {
				t.Error(err)
			}
			return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
		}
		for _, p := range receive(t, r).Parts {
			got = append(got, p.Content)
		}
		return testkit.Reply(200, fileBody), nil
	}, clawhq.WithRateLimit(0), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
	var progress []int64
	_, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: strings.NewReader(content), Progress: func(sent, total int64) {
		progress = append(progress, sent)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{content}, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	again := false
	for i, sent := range progress[1:] {
		again = again || sent < progress[i]
	}
	if !again || progress[len(progress)-1] != int64(len(content)) {
		t.Errorf("progress was %d", progress)
	}
	if b, err := io.ReadAll(first); err == nil || len(b) > 0 {
		t.Errorf("the first attempt still reads %d bytes, %v", len(b), err)
	}
}
