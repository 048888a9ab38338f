package proof_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// While the bytes of an upload flow, the attempt timeout bounds silence only.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pause time.Duration // after each 100 KB
		fails bool
	}{
		"0.8 Mbit/s":   {time.Second, false},
		"stands still": {91 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
					for {
						if _, err := io.CopyN(io.Discard, r.Body, 100<<10); err != nil {
							break
						}
						select {
						case <-time.After(tt.pause):
						case <-r.Context().Done():
							return nil, r.Context().Err()
						}
					}
					return testkit.Reply(200, `{"file_id":"file_1"}`), nil
				}, testkit.OneAttempt)
				start := time.Now()
				_, err := client.Files.Upload(t.Context(), clawhq.UploadFileRequest{
					Name: "a.txt", ContentType: "text/plain", Content: strings.NewReader(strings.Repeat("x", 9<<20)),
				})
				if took := time.Since(start); tt.fails != (err != nil) || !tt.fails && took < 91*time.Second {
					t.Errorf("got %v after %v", err, took)
				}
			})
		})
	}
}
