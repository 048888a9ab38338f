package clawhq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestUploadRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	const types = "application/pdf, text/plain, text/markdown, text/csv, application/json, image/png, image/jpeg, image/gif, image/webp"
	x := func() io.Reader { return strings.NewReader("x") }
	for what, tc := range map[string]struct {
		req  clawhq.UploadFileRequest
		code clawhq.ErrorCode
		want string
	}{
		"nothing":   {clawhq.UploadFileRequest{Name: "a.txt"}, clawhq.CodeMissingParameter, "file is required: Content is nil"},
		"no name":   {clawhq.UploadFileRequest{Content: x()}, clawhq.CodeMissingParameter, "file has no name"},
		"not ASCII": {clawhq.UploadFileRequest{Name: "résumé.txt", Content: x()}, clawhq.CodeInvalidParameter, `file name "résumé.txt" is not printable ASCII`},
		"too large": {clawhq.UploadFileRequest{Name: "a.txt", Content: bytes.NewReader(make([]byte, 10_485_761))}, clawhq.CodeFileTooLarge,
			"file has 10485761 bytes, at most 10485536 are allowed with this name and purpose"},
		"large buffer": {clawhq.UploadFileRequest{Name: "a.txt", Content: bytes.NewBuffer(make([]byte, 10_485_761))}, clawhq.CodeFileTooLarge,
			"file has 10485761 bytes, at most 10485536 are allowed with this name and purpose"},
		"not supported": {clawhq.UploadFileRequest{Name: "a.txt", ContentType: "text/html", Content: x()}, clawhq.CodeUnsupportedFileType,
			`file "a.txt" is of type "text/html"; it must be of one of ` + types},
		"no media type": {clawhq.UploadFileRequest{Name: "a.txt", ContentType: "text", Content: x()}, clawhq.CodeUnsupportedFileType,
			`file "a.txt" is of type "text"; it must be of one of ` + types},
		"of no known type": {clawhq.UploadFileRequest{Name: "a.zip", Content: strings.NewReader("PK\x03\x04")}, clawhq.CodeUnsupportedFileType,
			`file "a.zip" is of type "application/zip"; it must be of one of ` + types},
		"other content": {clawhq.UploadFileRequest{Name: "a.png", Content: x()}, clawhq.CodeUnsupportedFileType, `file "a.png" does not begin like a file of type image/png`},
		"declared, other content": {clawhq.UploadFileRequest{Name: "a.txt", ContentType: "application/pdf", Content: x()}, clawhq.CodeUnsupportedFileType,
			`file "a.txt" does not begin like a file of type application/pdf`},
	} {
		mock := httpmock.NewMockTransport()
		_, err := testkit.Client(t, mock).Files.Upload(t.Context(), tc.req)
		wantRefusal(t, what, err, refusal{tc.code, "file", "/v1/files", tc.want})
		if n := mock.GetTotalCallCount(); n != 0 {
			t.Errorf("%s: %d requests were sent", what, n)
		}
	}
}

// Files are uploaded, listed, read and deleted. The newest is listed first.
func TestFiles(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, _ *clawhqtest.Server, client *clawhq.Client) {
		ctx := t.Context()
		for i := range 5 {
			if _, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: fmt.Sprintf("%d.txt", i), Content: strings.NewReader("longer text")}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second) // the server needs this time to index the file
		}
		files := collect(t, client.Files.All(ctx, clawhq.ListOptions{Limit: 2}))
		if len(files) != 5 || files[0].Name != "4.txt" || files[0].Status != clawhq.FileProcessed || files[0].Size != 11 {
			t.Errorf("got %+v", files)
		}
		if file, err := client.Files.Get(ctx, files[0].ID); err != nil || file.Chunks != 1 {
			t.Errorf("got %+v, %v", file, err)
		}
		for _, file := range files {
			if err := client.Files.Delete(ctx, file.ID); err != nil {
				t.Error(err)
			}
		}
		var missing *clawhq.NotFoundError
		if err := client.Files.Delete(ctx, files[0].ID); !errors.As(err, &missing) {
			t.Errorf("deleted again: %v", err)
		}
		if files := collect(t, client.Files.All(ctx, clawhq.ListOptions{})); len(files) != 0 {
			t.Errorf("left are %+v", files)
		}
	}, clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
}

func TestFileRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"GET", "/v1/files?limit=5&offset=10", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Files.List(ctx, secondPage); return err }},
		{"GET", "/v1/files/f1", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Files.Get(ctx, "f1"); return err }},
		{"DELETE", "/v1/files/f1", "", func(ctx context.Context, c *clawhq.Client) error { return c.Files.Delete(ctx, "f1") }},
	})
}

// A pipe has a Seek method that fails.
func TestUploadPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		defer w.Close()
		io.WriteString(w, "hello")
	}()
	client, got := catch(t, fileBody)
	if _, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: r}); err != nil || !strings.Contains(got.Body, "\r\n\r\nhello\r\n--") {
		t.Errorf("sent %q, %v", got.Body, err)
	}
}

// A Content that blocks does not delay the end of the context, whether or not
// anything has been sent.
func TestUploadBlocks(t *testing.T) {
	for name, before := range map[string]int{"at once": 0, "in the middle": 5000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
				content, w := io.Pipe()
				go w.Write(make([]byte, before))
				time.AfterFunc(time.Hour, func() { w.Close() })
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				_, err := s.Client().Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Content: content})
				if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
					t.Errorf("after %v: %v", took, err)
				}
				w.Close()
			})
		})
	}
}

// A Trace gets the events of a call that fails because of its Content.
func TestUploadUnreadableIsTold(t *testing.T) {
	t.Parallel()
	ended := 0
	client := testkit.Client(t, httpmock.NewMockTransport(), clawhq.WithTrace(&clawhq.Trace{CallEnd: func(context.Context, clawhq.TraceCallEnd) { ended++ }}))
	info := clawhq.ResponseInfo{StatusCode: 200}
	_, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{Name: "a.txt", Content: iotest.ErrReader(io.ErrClosedPipe)},
		clawhq.WithResponseInfo(&info), clawhq.WithClientRequestID("cli"))
	wantErrorText(t, err, "clawhq: reading Content: io: read/write on closed pipe")
	if diff := cmp.Diff(clawhq.ResponseInfo{ClientRequestID: "cli"}, info); diff != "" || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v, info (-want +got):\n%s", err, diff)
	}
	if ended != 1 {
		t.Errorf("a Trace was told of %d ends", ended)
	}
}

const fileBody = `{"file_id":"f1","filename":"a.txt","size":5,"mime_type":"text/plain","purpose":"knowledge_base","status":"processing","created_at":"2026-11-24T17:22:28.890Z"}`

// After Upload has returned, it no longer reads Content.
func TestUploadEnds(t *testing.T) {
	t.Parallel()
	content := strings.NewReader(strings.Repeat("x", 100_000))
	var body io.Reader
	ctx, cancel := context.WithCancel(t.Context())
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		body = r.Body
		cancel()
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	})
	_, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Content: content})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	left := content.Len()
	if _, err := io.ReadAll(body); err == nil || content.Len() != left {
		t.Errorf("still read: %d bytes left, and then %d; %v", left, content.Len(), err)
	}
}
