package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/clawhq/clawhq-go"
	"github.com/google/uuid"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
	goopenai "github.com/sashabaranov/go-openai"
)

const (
	key      = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
	question = "Explain how webhooks work"
)

// A subject is measured: it asks the question and returns the answer, or how
// many bytes of text a stream of it had.
type subject struct {
	name   string
	chat   func(context.Context) (string, error)
	stream func(context.Context) (int, error) // nil if it does not differ from another's
}

// subjects returns all of them, the two floors first, for a service at url.
func subjects(url string, client *http.Client) []subject {
	return []subject{
		floor(url, client),
		bare(url, client),
		ours("clawhq-go", url, client, clawhq.WithRateLimit(1<<30)),
		ours("without shaping", url, client, clawhq.WithRateLimit(0)),
		goOpenAI(url, client), openAI(url, client), anthropicSDK(url, client),
	}
}

func newClient(url string, client *http.Client, opts ...clawhq.Option) *clawhq.Client {
	c, err := clawhq.NewClient(append([]clawhq.Option{clawhq.WithAPIKey(key), clawhq.WithBaseURL(url), clawhq.WithHTTPClient(client)}, opts...)...)
	if err != nil {
		panic(err)
	}
	return c
}

func ours(name, url string, client *http.Client, opts ...clawhq.Option) subject {
	c := newClient(url, client, opts...)
	req := clawhq.ChatRequest{Message: question, Agent: "support-bot"}
	return subject{
		name,
		func(ctx context.Context) (string, error) {
			resp, err := c.Chat(ctx, req)
			if err != nil {
				return "", err
			}
			return resp.Response, nil
		},
		func(ctx context.Context) (n int, err error) {
			for chunk, err := range c.ChatStream(ctx, req) {
				if err != nil {
					return n, err
				}
				n += len(chunk.Content)
			}
			return n, nil
		},
	}
}

// floor is what one writes by hand with net/http and encoding/json to do the
// same once: the same headers, a time limit, bounds, the status, the rate
// limit's headers; no retries, no shaping, no typed errors.
func floor(url string, client *http.Client) subject {
	type chatRequest struct {
		Message string `json:"message"`
		Agent   string `json:"agent,omitempty"`
		Stream  bool   `json:"stream,omitempty"`
	}
	do := func(ctx context.Context, stream bool, accept string) (*http.Response, error) {
		body, err := json.Marshal(chatRequest{question, "support-bot", stream})
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		id := uuid.NewString()
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", accept)
		req.Header.Set("User-Agent", "by-hand/1")
		req.Header.Set("X-Client-Request-Id", id)
		req.Header.Set("X-Idempotency-Key", id)
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return nil, errors.New(resp.Status)
		}
		for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
			if _, err := strconv.ParseInt(resp.Header.Get(name), 10, 64); err != nil {
				resp.Body.Close()
				return nil, err
			}
		}
		return resp, nil
	}
	return subject{
		"by hand",
		func(ctx context.Context) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
			defer cancel()
			resp, err := do(ctx, false, "application/json")
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
			if err != nil {
				return "", err
			}
			var reply struct {
				Response  string `json:"response"`
				Agent     string `json:"agent"`
				RequestID string `json:"request_id"`
			}
			err = json.Unmarshal(body, &reply)
			return reply.Response, err
		},
		func(ctx context.Context) (n int, err error) {
			resp, err := do(ctx, true, "text/event-stream")
			if err != nil {
				return 0, err
			}
			defer resp.Body.Close()
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
				if !ok {
					continue
				}
				if string(data) == "[DONE]" {
					return n, nil
				}
				var chunk struct {
					Content string `json:"content"`
				}
				if err := json.Unmarshal(data, &chunk); err != nil {
					return n, err
				}
				n += len(chunk.Content)
			}
			return n, errors.Join(lines.Err(), io.ErrUnexpectedEOF)
		},
	}
}

// bare is a floor that sends no more than the service asks for and reads no
// more than the answer: without ids, time limit and bounds.
func bare(url string, client *http.Client) subject {
	type chatRequest struct {
		Message string `json:"message"`
		Agent   string `json:"agent"`
	}
	return subject{name: "bare", chat: func(ctx context.Context) (string, error) {
		body, err := json.Marshal(chatRequest{question, "support-bot"})
		if err != nil {
			return "", err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat", bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return "", errors.New(resp.Status)
		}
		var reply struct {
			Response string `json:"response"`
		}
		err = json.NewDecoder(resp.Body).Decode(&reply)
		return reply.Response, err
	}}
}

func goOpenAI(url string, client *http.Client) subject {
	config := goopenai.DefaultConfig(key)
	config.BaseURL, config.HTTPClient = url, client
	c := goopenai.NewClientWithConfig(config)
	req := goopenai.ChatCompletionRequest{Model: "m", Messages: []goopenai.ChatCompletionMessage{{Role: goopenai.ChatMessageRoleUser, Content: question}}}
	return subject{
		"go-openai",
		func(ctx context.Context) (string, error) {
			resp, err := c.CreateChatCompletion(ctx, req)
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content, nil
		},
		func(ctx context.Context) (n int, err error) {
			s, err := c.CreateChatCompletionStream(ctx, req)
			if err != nil {
				return 0, err
			}
			defer s.Close()
			for {
				chunk, err := s.Recv()
				if err == io.EOF {
					return n, nil
				}
				if err != nil {
					return n, err
				}
				n += len(chunk.Choices[0].Delta.Content)
			}
		},
	}
}

func openAI(url string, client *http.Client) subject {
	c := openai.NewClient(openaioption.WithAPIKey(key), openaioption.WithBaseURL(url), openaioption.WithHTTPClient(client))
	params := openai.ChatCompletionNewParams{Model: "m", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)}}
	return subject{
		"openai-go",
		func(ctx context.Context) (string, error) {
			resp, err := c.Chat.Completions.New(ctx, params)
			if err != nil {
				return "", err
			}
			return resp.Choices[0].Message.Content, nil
		},
		func(ctx context.Context) (n int, err error) {
			s := c.Chat.Completions.NewStreaming(ctx, params)
			defer s.Close()
			for s.Next() {
				n += len(s.Current().Choices[0].Delta.Content)
			}
			return n, s.Err()
		},
	}
}

func anthropicSDK(url string, client *http.Client) subject {
	c := anthropic.NewClient(anthropicoption.WithAPIKey(key), anthropicoption.WithBaseURL(url), anthropicoption.WithHTTPClient(client))
	params := anthropic.MessageNewParams{Model: "m", MaxTokens: 1024, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))}}
	return subject{
		"anthropic-sdk-go",
		func(ctx context.Context) (string, error) {
			resp, err := c.Messages.New(ctx, params)
			if err != nil {
				return "", err
			}
			return resp.Content[0].Text, nil
		},
		func(ctx context.Context) (n int, err error) {
			s := c.Messages.NewStreaming(ctx, params)
			defer s.Close()
			for s.Next() {
				if delta, ok := s.Current().AsAny().(anthropic.ContentBlockDeltaEvent); ok {
					n += len(delta.Delta.Text)
				}
			}
			return n, s.Err()
		},
	}
}

// must runs a measured function, which may not fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("measured a failure: %v", err))
	}
	return v
}
