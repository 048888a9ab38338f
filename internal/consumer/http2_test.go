package consumer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Server speaks HTTP/2 frame by frame, without TLS, so that a test can choose
// the frames of a reply.
type http2Server struct {
	net.Listener
	answer func(c *http2Conn, stream uint32)

	mu       sync.Mutex
	conns    int
	requests int
	resets   int // RST_STREAM frames of the client
}

type http2Conn struct {
	*http2.Framer
	net.Conn
	number int // counted from 1
}

func newHTTP2Server(t *testing.T, answer func(c *http2Conn, stream uint32)) *http2Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http2Server{Listener: l, answer: answer}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			c := &http2Conn{http2.NewFramer(conn, conn), conn, s.conns}
			s.mu.Unlock()
			go s.serve(c)
		}
	}()
	return s
}

func (s *http2Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *http2Server) serve(c *http2Conn) {
	defer c.Conn.Close()
	if _, err := io.ReadFull(c.Conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	c.WriteSettings()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return
		}
		ended := false
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				c.WritePing(true, f.Data)
			}
		case *http2.RSTStreamFrame:
			s.mu.Lock()
			s.resets++
			s.mu.Unlock()
		case *http2.HeadersFrame:
			ended = f.StreamEnded()
		case *http2.DataFrame:
			ended = f.StreamEnded()
		}
		if ended {
			s.mu.Lock()
			s.requests++
			s.mu.Unlock()
			s.answer(c, frame.Header().StreamID)
		}
	}
}

// reply sends a JSON body, and the stream's end in a frame of its own.
func (c *http2Conn) reply(stream uint32, body string) {
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	e.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/json"})
	e.WriteField(hpack.HeaderField{Name: "content-length", Value: strconv.Itoa(len(body))})
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head.Bytes(), EndHeaders: true})
	c.WriteData(stream, false, []byte(body))
	time.Sleep(time.Millisecond) // so that the end is read separately
	c.WriteData(stream, true, nil)
}

func (s *http2Server) client(t *testing.T, opts ...clawhq.Option) *clawhq.Client {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := clawhq.NewClient(append([]clawhq.Option{
		clawhq.WithAPIKey(key), clawhq.WithSession(session), clawhq.WithBaseURL("http://" + s.Addr().String() + "/api"), clawhq.WithHTTPClient(&http.Client{Transport: transport}),
		clawhq.WithRateLimit(0), clawhq.WithRetry(clawhq.RetryPolicy{MinWait: time.Millisecond}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

const (
	chatReply = `{"response":"Hello.","agent":"support-bot","request_id":"req_1"}`
	keyReply  = `{"key":{"id":"1","full_key":"` + key + `"}}`
)

// A good call is read to the end of its stream, and not reset.
func TestHTTP2StreamsAreNotReset(t *testing.T) {
	s := newHTTP2Server(t, func(c *http2Conn, stream uint32) { c.reply(stream, chatReply) })
	client := s.client(t)
	for range 100 {
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(10 * time.Millisecond) // for frames that may still be on their way
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resets != 0 || s.requests != 100 || s.conns != 1 {
		t.Errorf("%d requests on %d connections sent %d RST_STREAM, want 100 on 1 and none", s.requests, s.conns, s.resets)
	}
}

// A request that the server has refused unprocessed is sent again, even a creation.
// One that it may have processed is not.
func TestHTTP2Refusals(t *testing.T) {
	for name, tt := range map[string]struct {
		refuse  func(c *http2Conn, stream uint32)
		creates bool // a creation is repeated
	}{
		"REFUSED_STREAM": {func(c *http2Conn, stream uint32) { c.WriteRSTStream(stream, http2.ErrCodeRefusedStream) }, true},
		"GOAWAY": {func(c *http2Conn, stream uint32) {
			c.WriteGoAway(0, http2.ErrCodeNo, nil)
		}, true},
		"GOAWAY with an error": {func(c *http2Conn, stream uint32) {
			c.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte("too_many_pings"))
		}, true},
		"GOAWAY after the stream, and closed": {func(c *http2Conn, stream uint32) {
			c.WriteGoAway(stream, http2.ErrCodeNo, nil)
			c.Conn.Close()
		}, false},
		"INTERNAL_ERROR": {func(c *http2Conn, stream uint32) { c.WriteRSTStream(stream, http2.ErrCodeInternal) }, false},
		"PROTOCOL_ERROR": {func(c *http2Conn, stream uint32) { c.WriteRSTStream(stream, http2.ErrCodeProtocol) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			refuse := true
			s := newHTTP2Server(t, func(c *http2Conn, stream uint32) {
				mu.Lock()
				first := refuse
				refuse = false
				mu.Unlock()
				if first {
					tt.refuse(c, stream)
					return
				}
				c.reply(stream, keyReply[:len(keyReply)-1]+`,"response":"Hello."}`)
			})
			client := s.client(t)
			for what, call := range map[string]func(...clawhq.CallOption) error{
				"Chat": func(o ...clawhq.CallOption) error {
					_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}, o...)
					return err
				},
				"Create": func(o ...clawhq.CallOption) error {
					_, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"}, o...)
					return err
				},
				"a POST without a body": func(o ...clawhq.CallOption) error {
					return client.Do(t.Context(), "POST", "/v1/x", nil, nil, o...)
				},
			} {
				mu.Lock()
				refuse = true
				mu.Unlock()
				before := s.count()
				var info clawhq.ResponseInfo
				err := call(clawhq.WithResponseInfo(&info))
				want := 1
				if what == "Chat" || tt.creates {
					want = 2
				}
				if (err == nil) != (want == 2) || info.Attempts != want {
					t.Errorf("%s: got %v after %d attempts, want %d", what, err, info.Attempts, want)
				}
				if n := s.count() - before; n != want {
					t.Errorf("%s: %d requests arrived, want %d", what, n, want)
				}
				if err != nil && strings.Contains(err.Error(), "GetBody") {
					t.Errorf("%s: advice to whom it does not concern: %v", what, err)
				}
			}
		})
	}
}

// If every attempt is refused, the error says with which code, and gives no advice.
func TestHTTP2RefusedForEver(t *testing.T) {
	s := newHTTP2Server(t, func(c *http2Conn, stream uint32) { c.WriteRSTStream(stream, http2.ErrCodeRefusedStream) })
	_, err := s.client(t).Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
	if err == nil || !strings.Contains(err.Error(), "REFUSED_STREAM") || strings.Contains(err.Error(), "GetBody") || s.requests != 4 {
		t.Errorf("got %v after %d requests, want REFUSED_STREAM after 4", err, s.requests)
	}
	var api *clawhq.APIError
	if errors.As(err, &api) {
		t.Errorf("there was no reply, and yet %v", api)
	}
}
