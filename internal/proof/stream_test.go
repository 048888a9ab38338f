package proof_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// TestStreamFaults breaks a stream in all ways in which a server can.
func TestStreamFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault clawhqtest.Fault
		code  clawhq.ErrorCode
		is    error
		took  time.Duration
	}{
		"error":     {clawhqtest.FaultStreamError("stream_error", 2), "stream_error", nil, 0},
		"timeout":   {clawhqtest.FaultStreamError("model_timeout", 2), "model_timeout", nil, 0},
		"cut":       {clawhqtest.FaultStreamCut(2), "stream_truncated", io.ErrUnexpectedEOF, 0},
		"stall":     {clawhqtest.FaultStreamStall(2), "stream_idle", nil, 7 * time.Second},
		"malformed": {clawhqtest.FaultStreamMalformed(2), "stream_malformed", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(tt.fault)
				start := time.Now()
				chunks := 0
				var err error
				for _, err = range s.Client(testkit.OneAttempt, clawhq.WithStreamIdleTimeout(7*time.Second)).ChatStream(t.Context(), testkit.Hi) {
					if err == nil {
						chunks++
					}
				}
				var e *clawhq.StreamError
				if !errors.As(err, &e) || e.Code != tt.code || e.RequestID == "" || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); chunks != 2 || took != tt.took {
					t.Errorf("got %d chunks in %v, want 2 in %v", chunks, took, tt.took)
				}
			})
		})
	}
	t.Run("server closes", func(t *testing.T) {
		t.Parallel()
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			s.HandleAgent("talker", testkit.Talker(make(chan error, 1)))
			time.AfterFunc(1500*time.Millisecond, s.Close)
			text, err := clawhq.CollectText(s.Client(testkit.OneAttempt).ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "talker"}))
			var e *clawhq.StreamError
			if text != "0 1 " || !errors.As(err, &e) {
				t.Errorf("got %q, %v", text, err)
			}
		})
	})
}

// A stream is retried only before its first chunk has been handed out.
func TestStreamRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		fault    clawhqtest.Fault
		attempts int
		ok       bool
	}{
		"status":                    {clawhqtest.FaultStatus(503, "agent_offline"), 2, true},
		"reset":                     {clawhqtest.FaultReset(), 2, true},
		"error before a chunk":      {clawhqtest.FaultStreamError("stream_error", 0), 2, true},
		"agent error before":        {clawhqtest.FaultStreamError("model_error", 0), 2, true},
		"cut before a chunk":        {clawhqtest.FaultStreamCut(0), 2, true},
		"stall before a chunk":      {clawhqtest.FaultStreamStall(0), 2, true},
		"error after a chunk":       {clawhqtest.FaultStreamError("stream_error", 1), 1, false},
		"cut after a chunk":         {clawhqtest.FaultStreamCut(1), 1, false},
		"stall after a chunk":       {clawhqtest.FaultStreamStall(1), 1, false},
		"malformed before a chunk":  {clawhqtest.FaultStreamMalformed(0), 1, false},
		"not for a second time yet": {clawhqtest.FaultStatus(400, "invalid_request"), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.Inject(tt.fault)
				var info clawhq.ResponseInfo
				text, err := clawhq.CollectText(s.Client().ChatStream(t.Context(), testkit.Hi, clawhq.WithResponseInfo(&info)))
				if (err == nil) != tt.ok || info.Attempts != tt.attempts || tt.ok && text == "" {
					t.Errorf("got %q, %v after %d attempts", text, err, info.Attempts)
				}
			})
		})
	}
}

// The caller gets each chunk as soon as it arrives. The idle timeout does not end the
// stream of a slow agent that still sends something, or of a slow caller.
func TestStreamTiming(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(clawhq.WithStreamIdleTimeout(5*time.Second), clawhq.WithAttemptTimeout(time.Second))
		start := time.Now()
		var at []time.Duration
		for _, err := range client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "slow"}) {
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
			if len(at) == 2 {
				time.Sleep(8 * time.Second) // the third chunk arrives before the caller asks for it
			}
		}
		want := []time.Duration{0, 4 * time.Second, 12 * time.Second, 12 * time.Second}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}, clawhqtest.WithAgent("slow", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			start := time.Now()
			for i := range 4 {
				time.Sleep(time.Until(start.Add(time.Duration(i) * 4 * time.Second)))
				if !yield("x", nil) {
					return
				}
			}
		}
	}))
}

// However a loop over a stream ends, the agent stops at once, and no goroutine is left
// behind, which would fail the bubble.
func TestStreamExits(t *testing.T) {
	talk := clawhq.ChatRequest{Message: "hi", Agent: "talker"}
	for name, leave := range map[string]func(t *testing.T, client *clawhq.Client){
		"break": func(t *testing.T, client *clawhq.Client) {
			for _, err := range client.ChatStream(t.Context(), talk) {
				if err != nil {
					t.Error(err)
				}
				break
			}
		},
		"break later": func(t *testing.T, client *clawhq.Client) {
			n := 0
			for range client.ChatStream(t.Context(), talk) {
				if n++; n == 5 {
					break
				}
			}
		},
		"return": func(t *testing.T, client *clawhq.Client) {
			func() {
				for range client.ChatStream(t.Context(), talk) {
					return
				}
			}()
		},
		"panic": func(t *testing.T, client *clawhq.Client) {
			defer func() {
				if r := recover(); r != "enough" {
					t.Errorf("recovered %v", r)
				}
			}()
			for range client.ChatStream(t.Context(), talk) {
				panic("enough")
			}
		},
		"Goexit": func(t *testing.T, client *clawhq.Client) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range client.ChatStream(t.Context(), talk) {
					runtime.Goexit()
				}
			}()
			<-done
		},
		"cancel": func(t *testing.T, client *clawhq.Client) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			time.AfterFunc(2500*time.Millisecond, func() { cancel(errors.New("user left")) })
			start := time.Now()
			text, err := clawhq.CollectText(client.ChatStream(ctx, talk))
			var e *clawhq.StreamError
			if text != "0 1 2 " || !errors.Is(err, context.Canceled) || !errors.As(err, &e) || !strings.Contains(err.Error(), "user left") {
				t.Errorf("got %q, %v", text, err)
			}
			if took := time.Since(start); took != 2500*time.Millisecond {
				t.Errorf("took %v", took)
			}
		},
		"deadline": func(t *testing.T, client *clawhq.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			text, err := clawhq.CollectText(client.ChatStream(ctx, talk))
			if text != "0 1 " || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %q, %v", text, err)
			}
		},
		"pulled": func(t *testing.T, client *clawhq.Client) {
			next, stop := iter.Pull2(client.ChatStream(t.Context(), talk))
			if chunk, err, ok := next(); chunk.Content != "0 " || err != nil || !ok {
				t.Errorf("got %v, %v, %v", chunk, err, ok)
			}
			stop()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := make(chan error, 1)
			synctest.Test(t, func(t *testing.T) {
				left = make(chan error, 1)
				s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("talker", testkit.Talker(left)))
				var told []string
				leave(t, s.Client(clawhq.WithTrace(&clawhq.Trace{
					CallStart: func(ctx context.Context, _ clawhq.TraceCallStart) context.Context {
						told = append(told, "call")
						return ctx
					},
					AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context {
						told = append(told, "attempt")
						return ctx
					},
					StreamEnd:  func(context.Context, clawhq.TraceStreamEnd) { told = append(told, "stream ends") },
					AttemptEnd: func(context.Context, clawhq.TraceAttemptEnd) { told = append(told, "attempt ends") },
					CallEnd:    func(context.Context, clawhq.TraceCallEnd) { told = append(told, "call ends") },
				})))
				if diff := cmp.Diff([]string{"call", "attempt", "stream ends", "attempt ends", "call ends"}, told); diff != "" {
					t.Errorf("a Trace is told (-want +got):\n%s", diff)
				}
				at := time.Now()
				if err := <-left; !errors.Is(err, context.Canceled) {
					t.Errorf("the agent's context says %v", err)
				}
				if late := time.Since(at); late > time.Millisecond {
					t.Errorf("the agent was told %v later", late)
				}
			})
		})
	}
}
